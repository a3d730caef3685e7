//! `fervor recipes`: the recipes inside the program.

use fervor::Result;
use fervor_train::recipe::builtin;

use crate::cli::Recipes;
use crate::talk;
use crate::verdict::Verdict;

/// Runs the command.
///
/// # Errors
/// No recipe has the name.
pub fn run(args: &Recipes) -> Result<Verdict> {
    match &args.name {
        Some(name) => talk::answer(builtin::find(name)?.trim_end())?,
        None => {
            let width = builtin::names().map(str::len).max().unwrap_or(0);
            for (name, about) in builtin::list() {
                talk::answer(format_args!("{name:<width$}  {about}"))?;
            }
            talk::note("print one: fervor recipes NAME; train by one: fervor train NAME --data PATH");
        }
    }
    Ok(Verdict::Yes)
}
