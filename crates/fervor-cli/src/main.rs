//! The `fervor` program: a table of contents of what it does.

#![forbid(unsafe_code)]
// What only those commands use that a smaller program lacks.
#![cfg_attr(not(feature = "lab"), allow(dead_code))]

mod answers;
#[cfg(feature = "lab")]
mod audit;
#[cfg(feature = "batch")]
mod batch;
mod bench;
#[cfg(feature = "lab")]
mod calibrate;
mod cli;
#[cfg(feature = "lab")]
mod compare;
#[cfg(feature = "lab")]
mod crop;
#[cfg(feature = "lab")]
mod data;
mod environment;
#[cfg(feature = "lab")]
mod evaluate;
#[cfg(feature = "lab")]
mod explain;
#[cfg(feature = "lab")]
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
#[cfg(feature = "lab")]
mod split;
mod talk;
#[cfg(feature = "train")]
mod train;
mod verdict;
mod video;
mod watch;

use std::num::NonZero;
use std::process::ExitCode;

use cli::Command;
use verdict::Verdict;

/// Bytes of photographs that are gone, kept for those that come: some for every core, whose photographs are as large one after the other.
const KEPT_PER_CORE: usize = 48 << 20;
const MOST_KEPT: usize = 256 << 20;

fn main() -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    fervor::Picture::keep_memory(MOST_KEPT.min(cores * KEPT_PER_CORE));
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
        Command::Train(_) | Command::Runs(_) | Command::Recipes(_) => Err(without("training", "train")),
        #[cfg(feature = "lab")]
        Command::Audit(args) => audit::run(&args),
        #[cfg(feature = "lab")]
        Command::Split(args) => split::run(&args),
        #[cfg(feature = "lab")]
        Command::Crop(args) => crop::run(&args),
        #[cfg(feature = "general")]
        Command::Import(args) => import::run(&args),
        #[cfg(not(feature = "general"))]
        Command::Import(_) => Err(without("the engine for networks from elsewhere", "general")),
        #[cfg(feature = "lab")]
        Command::Evaluate(args) => evaluate::run(&args),
        #[cfg(feature = "lab")]
        Command::Compare(args) => compare::run(&args),
        #[cfg(feature = "train")]
        Command::Runs(args) => runs::run(&args),
        #[cfg(feature = "train")]
        Command::Recipes(args) => recipes::run(&args),
        #[cfg(feature = "lab")]
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Models(args) => inspect::models(&args),
        #[cfg(feature = "lab")]
        Command::Explain(args) => explain::run(&args),
        #[cfg(feature = "lab")]
        Command::ExplainScore(args) => explain::score(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args),
        #[cfg(feature = "serve")]
        Command::Page(args) => page::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
        #[cfg(not(feature = "lab"))]
        Command::Audit(_)
        | Command::Split(_)
        | Command::Crop(_)
        | Command::Evaluate(_)
        | Command::Compare(_)
        | Command::Calibrate(_)
        | Command::Explain(_)
        | Command::ExplainScore(_) => Err(without("data sets and scores", "lab")),
    }
}

/// What is said to a command that needs more than this program was built with.
#[cfg(not(all(feature = "train", feature = "lab", feature = "general")))]
fn without(what: &str, feature: &'static str) -> fervor::Error {
    fervor::Error::input(format!("this program was built without {what}"))
        .because(fervor::Reason::Unsupported)
        .with_remedy(fervor::Remedy::BuildWith { feature: feature.into() })
}
