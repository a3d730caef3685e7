//! `cargo xtask`: makes what is published. A table of contents; each command is a file.

mod web;
mod workspace;

use std::error::Error;
use std::process::ExitCode;

/// What goes wrong here is told to whoever typed the command.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: cargo xtask COMMAND

  web [--quick]     the npm package, in target/npm/fervor-web; --quick leaves out the builds for other browsers than this year's
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
        _ => Err(USAGE.into()),
    }
}
