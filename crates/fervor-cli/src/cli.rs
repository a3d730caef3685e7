//! The command line: argument structs, and no logic. What turns a word into a value stands in [`parse`].

#[cfg(feature = "batch")]
mod batch;
#[cfg(feature = "lab")]
mod data;
#[cfg(feature = "general")]
mod import;
#[cfg(feature = "lab")]
mod judge;
mod parse;
#[cfg(feature = "serve")]
mod serve;
mod train;
mod video;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[cfg(feature = "batch")]
pub use batch::{Batch, BatchFormat};
#[cfg(feature = "lab")]
pub use data::{Audit, Crop, Split};
#[cfg(feature = "general")]
pub use import::Import;
#[cfg(feature = "lab")]
pub use judge::{Calibrate, Compare, Evaluate, ExplainScore, Judge};
#[cfg(feature = "serve")]
pub use serve::{LogFormat, Page, Serve};
#[cfg(not(all(feature = "train", feature = "lab", feature = "general")))]
pub use train::NotBuilt;
#[cfg(feature = "train")]
pub use train::{Recipes, Runs, TableFormat, Train};
pub use video::{Video, VideoFormat, VideoLayout};
pub use watch::Watch;

/// Reads facial expressions: finds faces in pictures and says which expression each shows.
///
/// An expression is how a face looks; it does not tell what a person feels.
#[derive(Debug, Parser)]
#[command(
    name = "fervor",
    version,
    max_term_width = 110,
    after_help = "Exit codes: 0 done; 1 done, but the answer is no (some pictures failed, an audit with errors, a score under --fail-under); 2 an error, or every picture failed; 130 interrupted, what was done is kept."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find faces in pictures and name their expressions
    Predict(Predict),
    /// Find faces and name their expressions in any number of pictures: tables that appear part by part, and a job that goes on
    /// after whatever stopped it
    #[cfg(feature = "batch")]
    Batch(Batch),
    /// Follow faces through films: tables, episodes, charts and a page that plays them
    Video(Video),
    /// Look at a camera, a stream or a pipe, live: a JSON line a frame, old frames dropped rather than answered late
    Watch(Watch),
    /// Train a network on a data set; the product is a bundle
    #[cfg(feature = "train")]
    Train(Train),
    /// Train a network on a data set; not in this build, and says how to get it
    #[cfg(not(feature = "train"))]
    Train(NotBuilt),
    /// Find what is wrong in a data set: files, copies, leaks, labels; exits with 1 where something is
    #[cfg(feature = "lab")]
    Audit(Audit),
    /// Draw train, validation and test so that no picture and no near-duplicate stands in two of them
    #[cfg(feature = "lab")]
    Split(Split),
    /// Cut the faces out of photographs: a data set of crops, with a manifest that says where each came from
    #[cfg(feature = "lab")]
    Crop(Crop),
    /// Make a bundle of an ONNX network from elsewhere, and prove it
    #[cfg(feature = "general")]
    Import(Import),
    /// Score a bundle on a data set, with intervals and a leak-free figure beside
    #[cfg(feature = "lab")]
    Evaluate(Evaluate),
    /// Say which of two models is better on the same pictures, by how much, where, and on which pictures they differ
    #[cfg(feature = "lab")]
    Compare(Compare),
    /// List the runs of trainings with their scores, and what their recipes differ in
    #[cfg(feature = "train")]
    Runs(Runs),
    /// List the runs of trainings with their scores; not in this build, and says how to get it
    #[cfg(not(feature = "train"))]
    Runs(NotBuilt),
    /// List the recipes inside the program, or print one
    #[cfg(feature = "train")]
    Recipes(Recipes),
    /// List the recipes of trainings; not in this build, and says how to get it
    #[cfg(not(feature = "train"))]
    Recipes(NotBuilt),
    /// Fit a bundle's temperature, what quality flags do to it, and its conformal sets
    #[cfg(feature = "lab")]
    Calibrate(Calibrate),
    /// Show a bundle's card, size and cost
    Inspect(Inspect),
    /// List the built-in bundles
    Models(Models),
    /// Show which parts of a face an answer rests on
    #[cfg(feature = "lab")]
    Explain(Explain),
    /// Measure how far such maps can be trusted: deletion and insertion against random and centred orders
    #[cfg(feature = "lab")]
    ExplainScore(ExplainScore),
    /// Answer over HTTP: a page for people, an API for programs
    #[cfg(feature = "serve")]
    Serve(Serve),
    /// Write the service's page as a folder for any web server: everything is computed in the browser
    #[cfg(feature = "serve")]
    Page(Page),
    /// Measure the detector and the classifier on this machine
    Bench(Bench),
    /// Print what a shell needs to complete the program's commands and options
    Completions(Completions),
    /// Print the manual page, or write those of all commands into a folder
    Man(Man),
    /// Find what is wrong in a data set; not in this build, and says how to get it
    #[cfg(not(feature = "lab"))]
    Audit(NotBuilt),
    /// Draw train, validation and test; not in this build, and says how to get it
    #[cfg(not(feature = "lab"))]
    Split(NotBuilt),
    /// Cut the faces out of photographs; not in this build, and says how to get it
    #[cfg(not(feature = "lab"))]
    Crop(NotBuilt),
    /// Score a bundle on a data set; not in this build, and says how to get it
    #[cfg(not(feature = "lab"))]
    Evaluate(NotBuilt),
    /// Say which of two models is better; not in this build, and says how to get it
    #[cfg(not(feature = "lab"))]
    Compare(NotBuilt),
    /// Fit a bundle's temperature and conformal sets; not in this build, and says how to get it
    #[cfg(not(feature = "lab"))]
    Calibrate(NotBuilt),
    /// Show which parts of a face an answer rests on; not in this build, and says how to get it
    #[cfg(not(feature = "lab"))]
    Explain(NotBuilt),
    /// Measure how far such maps can be trusted; not in this build, and says how to get it
    #[cfg(not(feature = "lab"))]
    ExplainScore(NotBuilt),
    /// Make a bundle of an ONNX network from elsewhere; not in this build, and says how to get it
    #[cfg(not(feature = "general"))]
    Import(NotBuilt),
}

#[derive(Debug, Args)]
pub struct Completions {
    /// As in: fervor completions bash > ~/.local/share/bash-completion/completions/fervor
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// Write fervor.1, fervor-predict.1 and so on into this folder instead, for example ~/.local/share/man/man1
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// Which faces are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Faces {
    /// A small picture that is all face is taken whole; in others faces are detected
    Auto,
    /// Always detect
    Detect,
    /// Every picture is one face: for crops
    Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PredictFormat {
    /// Lines for people
    Text,
    /// One JSON object for one picture, an array for several
    Json,
    /// One JSON object a line, written as it comes
    Jsonl,
    /// A table with a row a face
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    Text,
    Json,
    Markdown,
}

/// What answers, and how faces are found.
#[derive(Debug, Args)]
pub struct Analysis {
    /// A built-in model's name or the path of a bundle
    #[arg(long, default_value = fervor::builtin::DEFAULT, env = "FERVOR_MODEL")]
    pub model: String,
    /// What of a picture, or of a film's frame, is a face
    #[arg(long, value_enum, default_value_t = Faces::Auto)]
    pub faces: Faces,
    /// Look for faces at full size: finds small ones in large pictures, and takes longer
    #[arg(long)]
    pub detail: bool,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
}

/// Which pictures are looked at, and how.
#[derive(Debug, Args)]
pub struct Pictures {
    /// Pictures, folders, patterns such as 'photos/*.jpg', or - for standard input
    #[arg(required_unless_present = "list")]
    pub input: Vec<std::ffi::OsString>,
    /// A file that names pictures, one a line, or with - standard input: find photos -name '*.jpg' -print0 | fervor predict --list -
    ///
    /// Paths are relative to the working directory. They are parted by line breaks or by NUL; of a table with a head, or of JSON
    /// lines, they are the column `path`.
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    #[command(flatten)]
    pub analysis: Analysis,
    /// Look into the folders inside folders, too
    #[arg(long, short)]
    pub recursive: bool,
}

#[derive(Debug, Args)]
pub struct Predict {
    #[command(flatten)]
    pub pictures: Pictures,
    /// The least score of a face, 0 to 1: lower finds more small faces, and more things that are none
    #[arg(long, value_name = "SCORE", default_value_t = fervor::DetectorOptions::default().threshold, value_parser = parse::score, allow_negative_numbers = true)]
    pub threshold: f32,
    /// Leave out faces whose box has a side shorter than this
    #[arg(long, value_name = "PIXELS", default_value_t = 0, hide_default_value = true, allow_negative_numbers = true)]
    pub minimum_face: u32,
    #[arg(long, value_enum, default_value_t = PredictFormat::Text)]
    pub format: PredictFormat,
    /// Write the answer to a file instead of standard output; after Ctrl-C, what is done stands in NAME.partial.ENDING
    #[arg(long, short)]
    pub output: Option<PathBuf>,
    /// Write the pictures with boxes, labels and bars into this folder; the numbers at boxes are those of the rows
    #[arg(long, value_name = "DIR")]
    pub annotate: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// A built-in model's name or the path of a bundle
    #[arg(default_value = fervor::builtin::DEFAULT)]
    pub model: String,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Models {
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[cfg(feature = "lab")]
#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    pub pictures: Pictures,
    /// Where the sheets are written, one a face
    #[arg(long, short, value_name = "DIR", default_value = "explained")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct Bench {
    /// A built-in model's name or the path of a bundle
    #[arg(long, default_value = fervor::builtin::DEFAULT, env = "FERVOR_MODEL")]
    pub model: String,
    /// A photograph for the detector; without one, a drawn picture of 1920 x 1080
    #[arg(long)]
    pub picture: Option<PathBuf>,
    /// Pictures of a job, files, folders or patterns: what one of them costs on average from the file to the answer. Each is looked at
    /// once, since a processor is quicker with what it has just done
    #[arg(long, value_name = "INPUT", num_args = 1.., conflicts_with_all = ["picture", "rounds"])]
    pub pictures: Vec<OsString>,
    /// Processor threads
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, default_value = "1")]
    pub threads: usize,
    /// Rounds of each measurement; the median is given
    #[arg(long, default_value = "30", value_parser = parse::rounds)]
    pub rounds: usize,
}
