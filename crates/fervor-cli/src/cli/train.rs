//! Arguments of trainings and what comes of them.

#[cfg(feature = "train")]
use std::path::PathBuf;

use clap::Args;
#[cfg(feature = "train")]
use clap::ValueEnum;

#[cfg(feature = "train")]
use super::{Faces, parse};

/// What was said to a command that this program was built without.
#[cfg(not(all(feature = "train", feature = "lab", feature = "general")))]
#[derive(Debug, Args)]
pub struct NotBuilt {
    #[arg(hide = true, num_args = 0.., allow_hyphen_values = true, trailing_var_arg = true)]
    _said: Vec<String>,
}

#[cfg(feature = "train")]
#[derive(Debug, Args)]
pub struct Train {
    /// The recipe: one inside the program, such as fervor-48 (see `fervor recipes`), or a TOML file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub recipe: Option<String>,
    /// A folder with a folder a class, fer2013.csv[.xz|.gz], or a manifest
    #[arg(long, value_name = "PATH", required_unless_present = "resume")]
    pub data: Option<PathBuf>,
    /// FER+ votes for the rows of fer2013.csv
    #[arg(long, value_name = "CSV")]
    pub votes: Option<PathBuf>,
    /// Change a key of the recipe, for example --set epochs=5 --set optimizer.learning_rate=0.01
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Start from the weights of a built-in model, of a bundle, or of a run's folder, as recipes/finetune.toml does
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    pub from: Option<String>,
    /// Cross-validation: train K times, each time with another K-th of the pictures to score; near-duplicates stay together
    #[arg(long, value_name = "K", conflicts_with = "resume", value_parser = clap::value_parser!(u32).range(2..=100))]
    pub folds: Option<u32>,
    /// A run for each value, of several keys for each combination, and a table at the end: --sweep optimizer.learning_rate=0.01,0.03,0.1
    #[arg(long, value_name = "KEY=V1,V2,...", conflicts_with_all = ["resume", "folds"])]
    pub sweep: Vec<String>,
    /// Train a few hundred steps at a rising learning rate, and suggest one: a plot and a table, no run
    #[arg(long, conflicts_with_all = ["resume", "folds", "sweep"])]
    pub find_rate: bool,
    /// Which part of each picture is taken [default: all of it, or the face that a manifest names]
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub faces: Option<Faces>,
    /// Where run folders are made
    #[arg(long, default_value = "runs")]
    pub out: PathBuf,
    /// Go on with an interrupted run: its folder
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    #[arg(long, default_value = "cpu", value_parser = ["cpu", "wgpu", "cuda"])]
    pub device: String,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
}

#[cfg(feature = "train")]
#[derive(Debug, Args)]
pub struct Runs {
    /// The folder that holds the runs' folders
    #[arg(default_value = "runs")]
    pub folder: PathBuf,
    /// The column to sort by: name, date, network, epochs, accuracy, macro_f1, loss, hours, data, or a key of the recipe
    #[arg(long, default_value = "accuracy")]
    pub sort: String,
    #[arg(long, value_enum, default_value_t = TableFormat::Text)]
    pub format: TableFormat,
}

#[cfg(feature = "train")]
#[derive(Debug, Args)]
pub struct Recipes {
    /// The recipe to print; without it, a list of all
    pub name: Option<String>,
}

#[cfg(feature = "train")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Text,
    Json,
    Csv,
}
