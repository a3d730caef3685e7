//! `fervor runs`: what trainings came to, side by side.

use fervor::Result;
use fervor_train::runs::Runs;

use crate::cli::{self, TableFormat};
use crate::talk;
use crate::verdict::Verdict;

/// Runs the command.
///
/// # Errors
/// No such folder, no run in it, or no such column.
pub fn run(args: &cli::Runs) -> Result<Verdict> {
    let mut runs = Runs::read(&args.folder)?;
    for (name, problem) in &runs.problems {
        talk::warn(talk::at(name, problem));
    }
    runs.sort_by(&args.sort)?;
    match args.format {
        TableFormat::Text => talk::answer(runs.text().trim_end())?,
        TableFormat::Json => talk::answer(runs.json())?,
        TableFormat::Csv => talk::answer(runs.csv().trim_end())?,
    }
    Ok(Verdict::Yes)
}
