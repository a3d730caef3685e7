//! `cargo xtask`: makes what is published. A table of contents; each command is a file.

mod archive;
mod bill;
mod dist;
mod fixed;
mod page;
mod web;
mod workspace;

use std::error::Error;
use std::process::ExitCode;

/// What goes wrong here is told to whoever typed the command.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: cargo xtask COMMAND

  web [--quick]      the npm package in target/npm/fervor-web; --quick leaves out the build for older browsers
  page OUT           the page that needs no server, as a folder: web, and `fervor page`
  static [TARGET]    the program without any library beside it, for x86_64 and aarch64 or one of them
  bill PACKAGE       what a program is made of, as CycloneDX, on standard output
  dist [--twice]     all that is published, in target/dist; --twice makes it again elsewhere and compares the bytes
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["web"] => web::package(web::FLAVOURS),
        ["web", "--quick"] => web::package(&web::FLAVOURS[..1]),
        ["page", out] => page::write(out),
        ["static"] => fixed::Processor::ALL.iter().try_for_each(|processor| fixed::build(*processor).map(drop)),
        ["static", name] => fixed::build(fixed::Processor::called(name)?).map(drop),
        ["bill", package] => bill::of(package, "").map(|bill| print!("{bill}")),
        ["dist"] => dist::run(false),
        ["dist", "--twice"] => dist::run(true),
        _ => Err(USAGE.into()),
    }
}
