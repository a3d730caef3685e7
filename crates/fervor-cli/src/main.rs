//! The `fervor` program: a table of contents of what it does.

mod audit;
mod bench;
mod calibrate;
mod cli;
mod data;
mod evaluate;
mod explain;
mod inputs;
mod inspect;
mod predict;
#[cfg(feature = "serve")]
mod serve;
mod setup;
mod split;
mod talk;
#[cfg(feature = "train")]
mod train;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// How a command ended when it did end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Exit code 0.
    Yes,
    /// Exit code 1: done, and the answer is no.
    No,
    /// Exit code 2: every part of the work failed, and each failure is already told.
    Failed,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::from(1),
        Ok(Verdict::Failed) => ExitCode::from(2),
        Err(error) => {
            talk::error(&error);
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> fervor::Result<Verdict> {
    match command {
        Command::Predict(args) => predict::run(&args),
        #[cfg(feature = "train")]
        Command::Train(args) => train::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Split(args) => split::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Models(args) => inspect::models(&args),
        Command::Explain(args) => explain::run(&args),
        Command::ExplainScore(args) => explain::score(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args),
        Command::Bench(args) => bench::run(&args),
    }
}
