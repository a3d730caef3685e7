//! The command line: argument structs, and no logic. What turns a word into a value stands in [`parse`].

mod data;
mod parse;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use data::{Crop, Import};

/// Reads facial expressions: finds faces in pictures and says which expression each shows.
///
/// An expression is how a face looks; it does not tell what a person feels.
#[derive(Debug, Parser)]
#[command(
    name = "fervor",
    version,
    max_term_width = 110,
    after_help = "Exit codes: 0 done; 1 done, but the answer is no (some pictures failed, an audit with errors, a score under --fail-under, an interrupted training); 2 an error, or every picture failed; 130 interrupted, what was done is kept."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find faces in pictures and name their expressions
    Predict(Predict),
    /// Train a network on a data set; the product is a bundle
    #[cfg(feature = "train")]
    Train(Train),
    /// Train a network on a data set; not in this build, and says how to get it
    #[cfg(not(feature = "train"))]
    Train(NotBuilt),
    /// Find what is wrong in a data set: files, copies, leaks, labels; exits with 1 where something is
    Audit(Audit),
    /// Draw train, validation and test so that no picture and no near-duplicate stands in two of them
    Split(Split),
    /// Cut the faces out of photographs: a data set of crops, with a manifest that says where each came from
    Crop(Crop),
    /// Make a bundle of an ONNX network from elsewhere, and prove it
    Import(Import),
    /// Score a bundle on a data set, with intervals and a leak-free figure beside
    Evaluate(Evaluate),
    /// Say which of two models is better on the same pictures, by how much, where, and on which pictures they differ
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
    Calibrate(Calibrate),
    /// Show a bundle's card, size and cost
    Inspect(Inspect),
    /// List the built-in bundles
    Models(Models),
    /// Show which parts of a face an answer rests on
    Explain(Explain),
    /// Measure how far such maps can be trusted: deletion and insertion against random and centred orders
    ExplainScore(ExplainScore),
    /// Answer over HTTP: a page for people, an API for programs
    #[cfg(feature = "serve")]
    Serve(Serve),
    /// Write the service's page as a folder for any web server: everything is computed in the browser
    #[cfg(feature = "serve")]
    Page(Page),
    /// Measure the detector and the classifier on this machine
    Bench(Bench),
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

#[cfg(feature = "train")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Text,
    Json,
    Csv,
}

/// What says which answer is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Judge {
    Votes,
    Labels,
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
    /// A built-in model's name or the path of a bundle
    #[arg(long, default_value = fervor::builtin::DEFAULT, env = "FERVOR_MODEL")]
    pub model: String,
    #[arg(long, value_enum, default_value_t = Faces::Auto)]
    pub faces: Faces,
    /// Look for faces at every picture's full size: finds small ones in large pictures, and takes longer
    #[arg(long)]
    pub detail: bool,
    /// Look into the folders inside folders, too
    #[arg(long, short)]
    pub recursive: bool,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
}

#[derive(Debug, Args)]
pub struct Predict {
    #[command(flatten)]
    pub pictures: Pictures,
    /// The least score of a face, 0 to 1: lower finds more small faces, and more things that are none
    #[arg(long, value_name = "SCORE", default_value_t = fervor::DetectorOptions::default().threshold, value_parser = parse::score)]
    pub threshold: f32,
    /// Leave out faces whose box has a side shorter than this
    #[arg(long, value_name = "PIXELS", default_value_t = 0, hide_default_value = true)]
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

/// What was said to a command that this program was built without.
#[cfg(not(feature = "train"))]
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

#[derive(Debug, Args)]
pub struct Audit {
    /// A folder with a folder a class, fer2013.csv[.xz|.gz], or a manifest
    pub data: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write a page with pictures and charts, and audit.json, into this folder
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Write a mended data set into this new folder: manifest.json, changes.csv, quarantine.csv; the data are not touched
    #[arg(long, value_name = "OUT")]
    pub fix: Option<PathBuf>,
    /// With --fix: copy the pictures into a clean tree, too
    #[arg(long, requires = "fix")]
    pub copy: bool,
    /// With --fix: carry out these decisions (an edited changes.csv) instead of looking for new ones
    #[arg(long, value_name = "CSV", requires = "fix", conflicts_with_all = ["report", "format"])]
    pub decisions: Option<PathBuf>,
    /// How alike near-duplicates are, in percent; 0 does not look for them
    #[arg(long, value_name = "N", default_value_t = 100.0 * fervor_lab::audit::SIMILARITY, value_parser = parse::percent)]
    pub near: f32,
    /// Look for pictures without a face or with several: a few milliseconds a picture
    #[arg(long)]
    pub faces: bool,
    /// Rank the labels that are probably wrong: a few milliseconds a picture
    #[arg(long)]
    pub suspects: bool,
    /// The model for --suspects, which it implies, and whose input the report shows: a built-in model's name or the path of a bundle
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Accept only jpeg, jpg, bmp and png
    #[arg(long)]
    pub strict_formats: bool,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
}

#[derive(Debug, Args)]
pub struct Split {
    /// A folder with a folder a class, fer2013.csv[.xz|.gz], or a manifest
    pub data: PathBuf,
    /// Parts for train, validation and test; without the third, the data's own test part stays
    #[arg(long, value_name = "PARTS", default_value = "80:10:10")]
    pub ratios: String,
    /// Divide all but the test part into so many folds: one manifest for each, with that fold as validation
    #[arg(long, value_name = "K")]
    pub folds: Option<u32>,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The manifest; of folds, FILE-1.json, FILE-2.json, ...
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// How alike near-duplicates are, in percent; 0 keeps only exact duplicates together
    #[arg(long, value_name = "N", default_value_t = 100.0 * fervor_lab::audit::SIMILARITY, value_parser = parse::percent)]
    pub near: f32,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
}

#[derive(Debug, Args)]
pub struct Evaluate {
    /// A built-in model's name or the path of a bundle
    pub model: String,
    /// A folder with a folder a class, fer2013.csv[.xz|.gz], or a manifest
    pub data: PathBuf,
    /// FER+ votes: how near the answers are to them, what people said of the mistakes
    #[arg(long, value_name = "CSV")]
    pub votes: Option<PathBuf>,
    /// With votes: what is right is what most voters say (pictures with a majority only), or what the data says
    #[arg(long, value_enum, default_value_t = Judge::Votes, requires = "votes")]
    pub judge: Judge,
    /// Of a network with several heads: the one that shall answer alone (labels, votes); card: all, as the card says
    #[arg(long, default_value = "card")]
    pub head: String,
    /// train, validation (PublicTest) or test (PrivateTest) [default: test, else validation, else everything]
    #[arg(long)]
    pub split: Option<String>,
    /// Which part of each picture is taken [default: all of it, or the face that a manifest names]
    #[arg(long, value_enum)]
    pub faces: Option<Faces>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write report.json, report.md, index.html and pictures into this folder
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Exit with 1 when the accuracy is below this share, for example 0.65
    #[arg(long, value_name = "SHARE", value_parser = parse::share)]
    pub fail_under: Option<f64>,
    /// What becomes of classes that the model lacks: 'contempt=neutral,fear=-' (- leaves a class out)
    #[arg(long, value_name = "RULES", default_value = "")]
    pub map: String,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
    /// The model chooses among these of its classes only, as happy,sad: probabilities are scaled to them, other pictures left out
    #[arg(long, value_name = "CLASSES", value_delimiter = ',', conflicts_with = "robustness")]
    pub classes: Vec<String>,
    /// Every score of each group, too, and the largest gap: class, flags, split, folder, or a column of the data
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub slices: Vec<String>,
    /// Write each picture's truth, answer, probabilities, flags and groups into this CSV file
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
    /// Score worse pictures, too: eleven corruptions at five strengths of at most this many pictures, evenly over the split
    #[arg(long, value_name = "PICTURES", value_parser = parse::pictures, num_args = 0..=1, default_missing_value = "1000")]
    pub robustness: Option<usize>,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// The first model: a built-in name, a bundle, a run's folder; or what `fervor evaluate` said of one: --predictions FILE, --report DIR
    pub a: String,
    /// The second model, as the first
    pub b: String,
    /// A folder with a folder a class, fer2013.csv[.xz|.gz], or a manifest; of two tables of predictions, for their pictures only
    pub data: Option<PathBuf>,
    /// train, validation (PublicTest) or test (PrivateTest) [default: test, else validation, else everything]
    #[arg(long)]
    pub split: Option<String>,
    /// Which part of each picture is taken [default: all of it, or the face that a manifest names]
    #[arg(long, value_enum)]
    pub faces: Option<Faces>,
    /// Who wins in which group, too: flags, split, folder, or a column of the data
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub slices: Vec<String>,
    #[arg(long, value_enum, default_value_t = DocumentFormat::Text)]
    pub format: DocumentFormat,
    /// Write comparison.json, comparison.md, a chart, and the pictures on which they differ as sheet and table into this folder
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// What becomes of classes that a model lacks: 'contempt=neutral,fear=-' (- leaves a class out)
    #[arg(long, value_name = "RULES", default_value = "")]
    pub map: String,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, env = "FERVOR_THREADS")]
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

#[derive(Debug, Args)]
pub struct Calibrate {
    /// A built-in model's name or the path of a bundle
    pub model: String,
    /// A folder with a folder a class, fer2013.csv[.xz|.gz], or a manifest: pictures that the model was not trained on
    pub data: PathBuf,
    /// Fit to FER+ votes instead of the labels
    #[arg(long, value_name = "CSV")]
    pub votes: Option<PathBuf>,
    /// train, validation (PublicTest), test (PrivateTest) or all [default: validation, else all]
    #[arg(long)]
    pub split: Option<String>,
    /// Which part of each picture is taken [default: all of it, or the face that a manifest names]
    #[arg(long, value_enum)]
    pub faces: Option<Faces>,
    /// Where the bundle with the new card is written; without it, figures only
    #[arg(long, short, value_name = "ONNX")]
    pub output: Option<PathBuf>,
    /// Write it even where it does not help
    #[arg(long, requires = "output")]
    pub anyway: bool,
    /// Also add to each class's logit what makes it answered as often as it is right: this changes answers
    #[arg(long)]
    pub class_bias: bool,
    /// Of a network with two heads, also fit how they become one answer: so that the mean recall of the classes is high. This changes
    /// answers
    #[arg(long, conflicts_with = "class_bias")]
    pub blend: bool,
    /// Frame the faces of photographs with this share of the box's side more around it, 0 to 1: this changes answers to photographs,
    /// not to crops
    #[arg(long, value_name = "SHARE", value_parser = parse::share)]
    pub margin: Option<f64>,
    /// Store the weights as 16-bit floats: half the file; the figures are of the rounded network
    #[arg(long)]
    pub half: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// What becomes of classes that the model lacks: 'contempt=neutral,fear=-' (- leaves a class out)
    #[arg(long, value_name = "RULES", default_value = "")]
    pub map: String,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
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

#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    pub pictures: Pictures,
    /// Where the sheets are written, one a face
    #[arg(long, short, value_name = "DIR", default_value = "explained")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct ExplainScore {
    /// A built-in model's name or the path of a bundle
    pub model: String,
    /// A folder with a folder a class, fer2013.csv[.xz|.gz], or a manifest
    pub data: PathBuf,
    /// train, validation (PublicTest) or test (PrivateTest) [default: test, else validation, else everything]
    #[arg(long)]
    pub split: Option<String>,
    /// Which part of each picture is taken [default: all of it, or the face that a manifest names]
    #[arg(long, value_enum)]
    pub faces: Option<Faces>,
    /// Pictures that are looked at, evenly over the split
    #[arg(long, value_parser = parse::pictures, default_value = "200")]
    pub limit: usize,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
}

#[derive(Debug, Args)]
pub struct Bench {
    /// A built-in model's name or the path of a bundle
    #[arg(long, default_value = fervor::builtin::DEFAULT, env = "FERVOR_MODEL")]
    pub model: String,
    /// A photograph for the detector; without one, a drawn picture of 1920 x 1080
    #[arg(long)]
    pub picture: Option<PathBuf>,
    /// Processor threads
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, default_value = "1")]
    pub threads: usize,
    /// Rounds of each measurement; the median is given
    #[arg(long, default_value_t = 30)]
    pub rounds: usize,
}

#[cfg(feature = "serve")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[cfg(feature = "serve")]
#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on; 0.0.0.0 for all
    #[arg(long, default_value = "127.0.0.1", env = "FERVOR_HOST")]
    pub host: String,
    /// 0 takes a free one
    #[arg(long, default_value_t = 8080, env = "FERVOR_PORT")]
    pub port: u16,
    /// A built-in model's name or the path of a bundle; several times for a choice of models, of which the first answers unasked
    #[arg(long, default_value = fervor::builtin::DEFAULT, env = "FERVOR_MODEL")]
    pub model: Vec<String>,
    #[arg(long, value_enum, default_value_t = Faces::Auto, env = "FERVOR_FACES")]
    pub faces: Faces,
    /// The largest picture; a request with several may hold eight times as much
    #[arg(long, value_name = "SIZE", default_value = "10MiB", value_parser = parse::size, env = "FERVOR_MAX_UPLOAD")]
    pub max_upload: usize,
    /// Pictures waiting or worked on at once; beyond that the answer is 503
    #[arg(long, value_name = "N", default_value = "128", value_parser = parse::queue, env = "FERVOR_QUEUE")]
    pub queue: usize,
    /// Workers [default: a core each]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
    /// Time for an answer once its request is there; a body may take longer as long as it comes on
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse::time, env = "FERVOR_TIMEOUT")]
    pub timeout: std::time::Duration,
    /// Clients must send the key that is this file's first line
    #[arg(long, value_name = "FILE", env = "FERVOR_API_KEY_FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Another origin whose pages may use the service, such as https://example.org; * for all
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', value_parser = parse::origin, env = "FERVOR_ALLOW_ORIGIN")]
    pub allow_origin: Vec<String>,
    /// A public name that the service goes by, such as faces.example.org; * for any. Addresses, localhost and names of inner
    /// networks need not be given, and none with a key
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = parse::host_name, env = "FERVOR_HOST_NAME")]
    pub host_name: Vec<String>,
    /// Connections at once; fewer where the system lets the program open fewer files
    #[arg(long, value_name = "N", default_value = "2048", value_parser = parse::queue, env = "FERVOR_MAX_CONNECTIONS")]
    pub max_connections: usize,
    /// Requests of one client address, such as 5/s; behind a proxy all clients have its address
    #[arg(long, value_name = "N/s", value_parser = parse::rate, env = "FERVOR_RATE")]
    pub rate: Option<f64>,
    /// [default: text on a terminal, else json; FERVOR_LOG=warn and the like set how much]
    #[arg(long, value_enum, env = "FERVOR_LOG_FORMAT")]
    /// Offer on the page to compute in the browser: the folder of the npm package, as `cargo xtask web` writes it [default: the
    /// package inside this program, where there is one]
    #[arg(long, value_name = "DIR", env = "FERVOR_PACKAGE")]
    pub package: Option<PathBuf>,
    pub log: Option<LogFormat>,
}

#[cfg(feature = "serve")]
#[derive(Debug, Args)]
pub struct Page {
    /// The folder to write; it must not be there yet
    pub out: PathBuf,
    /// A built-in model's name or the path of a bundle; several times for a choice of models, of which the first is loaded unasked
    #[arg(long, default_values = ["fervor-nano", "fervor-48"])]
    pub model: Vec<String>,
    /// The folder of the npm package, as `cargo xtask web` writes it [default: the package inside this program, where there is one]
    #[arg(long, value_name = "DIR", env = "FERVOR_PACKAGE")]
    pub package: Option<PathBuf>,
}
