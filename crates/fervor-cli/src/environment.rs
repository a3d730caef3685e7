//! What the environment sets: `FERVOR_PORT` and the like, each for the argument beside which the help names it.
//!
//! Others write into the environment, too: Kubernetes tells every pod of a Service called `fervor` that `FERVOR_PORT` is
//! `tcp://10.96.12.7:80`. What cannot be meant for this program is passed over with a word; what is empty is not set.

use std::env;
use std::ffi::OsStr;

use clap::builder::Resettable;
use clap::{Arg, CommandFactory, FromArgMatches};

use crate::cli::Cli;
use crate::talk;

/// The variables whose values are addresses.
const ADDRESSES: [&str; 1] = ["FERVOR_ALLOW_ORIGIN"];

/// The command line, with what the environment sets; ends the program where it cannot be read, or only asks for help.
pub fn parse() -> Cli {
    let mut command = Cli::command();
    let called = env::args_os().skip(1).find_map(|word| Some(command.find_subcommand(word)?.get_name().to_owned()));
    if let Some(called) = called {
        command = command.mut_subcommand(called, |command| command.mut_args(without_foreign));
    }
    Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|e| e.exit())
}

/// What a variable is set to, if it is.
#[cfg(feature = "serve")]
pub fn value(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The argument without its variable where that is set to nothing, or by somebody else.
fn without_foreign(arg: Arg) -> Arg {
    let Some((name, value)) = arg.get_env().and_then(|name| Some((name.to_owned(), env::var_os(name)?))) else { return arg };
    let foreign = is_foreign(&name, &value);
    if foreign {
        let (name, value) = (name.display(), value.display());
        talk::warn(format_args!(
            "{name}={value} is passed over: it is an address, as Kubernetes sets it for a Service called fervor"
        ));
    }
    if foreign || value.is_empty() { arg.env(Resettable::<clap::builder::OsStr>::Reset) } else { arg }
}

fn is_foreign(name: &OsStr, value: &OsStr) -> bool {
    !ADDRESSES.iter().any(|address| name == *address) && value.to_string_lossy().contains("://")
}
