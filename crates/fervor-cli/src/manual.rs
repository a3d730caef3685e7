//! `fervor completions` and `fervor man`: the command line described for shells and for `man`.

use std::fs;

use clap::{Command, CommandFactory};
use clap_mangen::Man as Page;
use fervor::files::write_whole;
use fervor::{Error, Result};

use crate::cli::{Cli, Completions, Man};
use crate::talk;
use crate::verdict::Verdict;

/// Prints what a shell reads to complete commands and options.
///
/// # Errors
/// Standard output cannot be written.
pub fn completions(args: &Completions) -> Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fervor", &mut script);
    talk::answer(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Verdict::Yes)
}

/// Prints the manual page of the program, or writes it and one for each command.
///
/// # Errors
/// The folder or standard output cannot be written.
pub fn pages(args: &Man) -> Result<Verdict> {
    // Names of commands within pages are those that one types.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.output else {
        talk::answer(page(&command)?.trim_end())?;
        return Ok(Verdict::Yes);
    };
    let unwritable = |e| Error::output("the manual pages cannot be written").with_source(e).context(folder.display());
    fs::create_dir_all(folder).map_err(unwritable)?;
    let mut written = 1;
    write_whole(&folder.join("fervor.1"), page(&command)?.as_bytes()).map_err(unwritable)?;
    for sub in command.get_subcommands() {
        let name = format!("fervor-{}", sub.get_name());
        let file = folder.join(format!("{name}.1"));
        let page = page(&sub.clone().version(env!("CARGO_PKG_VERSION")))?;
        write_whole(&file, page.as_bytes()).map_err(unwritable)?;
        written += 1;
    }
    talk::note(format_args!("{written} pages written: man {}", folder.join("fervor.1").display()));
    Ok(Verdict::Yes)
}

/// A command's page, without a date: the same program writes the same page.
fn page(command: &Command) -> Result<String> {
    let mut page = Vec::new();
    Page::new(command.clone()).render(&mut page).map_err(|e| Error::output("the manual page cannot be made").with_source(e))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
