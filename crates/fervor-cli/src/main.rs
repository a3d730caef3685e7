//! The `fervor` program: a table of contents of what it does.

mod answers;
mod audit;
#[cfg(feature = "batch")]
mod batch;
mod bench;
mod calibrate;
mod cli;
mod compare;
mod crop;
mod data;
mod environment;
mod evaluate;
mod explain;
mod groups;
#[cfg(feature = "general")]
mod import;
mod inputs;
mod inspect;
mod interrupt;
mod manual;
mod output;
#[cfg(feature = "serve")]
mod page;
mod predict;
#[cfg(feature = "train")]
mod recipes;
mod remedy;
#[cfg(feature = "train")]
mod runs;
#[cfg(feature = "serve")]
mod serve;
mod setup;
mod split;
mod talk;
#[cfg(feature = "train")]
mod train;
mod verdict;
mod video;
mod watch;

use std::process::ExitCode;

use cli::Command;
use verdict::Verdict;

fn main() -> ExitCode {
    match run(environment::parse().command) {
        Ok(verdict) => verdict.into(),
        Err(error) => {
            talk::error(&error);
            Verdict::Failed.into()
        }
    }
}

fn run(command: Command) -> fervor::Result<Verdict> {
    match command {
        Command::Predict(args) => predict::run(&args),
        #[cfg(feature = "batch")]
        Command::Batch(args) => batch::run(&args),
        Command::Video(args) => video::run(&args),
        Command::Watch(args) => watch::run(&args),
        #[cfg(feature = "train")]
        Command::Train(args) => train::run(&args),
        #[cfg(not(feature = "train"))]
        Command::Train(_) | Command::Runs(_) | Command::Recipes(_) => {
            Err(fervor::Error::input("this program was built without training")
                .because(fervor::Reason::Unsupported)
                .with_remedy(fervor::Remedy::BuildWith { feature: "train".into() }))
        }
        Command::Audit(args) => audit::run(&args),
        Command::Split(args) => split::run(&args),
        Command::Crop(args) => crop::run(&args),
        #[cfg(feature = "general")]
        Command::Import(args) => import::run(&args),
        #[cfg(not(feature = "general"))]
        Command::Import(_) => Err(fervor::Error::input("this program was built without the engine for networks from elsewhere")
            .because(fervor::Reason::Unsupported)
            .with_remedy(fervor::Remedy::BuildWith { feature: "general".into() })),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Compare(args) => compare::run(&args),
        #[cfg(feature = "train")]
        Command::Runs(args) => runs::run(&args),
        #[cfg(feature = "train")]
        Command::Recipes(args) => recipes::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Models(args) => inspect::models(&args),
        Command::Explain(args) => explain::run(&args),
        Command::ExplainScore(args) => explain::score(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args),
        #[cfg(feature = "serve")]
        Command::Page(args) => page::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
    }
}
