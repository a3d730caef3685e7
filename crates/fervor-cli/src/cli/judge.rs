//! Arguments of what scores models and fits them to data.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DocumentFormat, Faces, Format, parse};

/// What says which answer is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Judge {
    Votes,
    Labels,
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
    /// train, validation (PublicTest), test (PrivateTest) or all [default: test, else validation, else everything]
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
    /// Write each picture's truth, answer, probabilities, flags and groups into this file: CSV, or Parquet where its name ends so
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
    /// train, validation (PublicTest), test (PrivateTest) or all [default: test, else validation, else everything]
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
    /// Of a network with two heads, also fit how they become one answer: the weight of each and a bias for each class, such that rare
    /// classes count nearly as much as frequent ones. This changes answers
    #[arg(long, conflicts_with = "class_bias")]
    pub blend: bool,
    /// Frame the faces of photographs with this share of the box's side more around it, 0 to 1: this changes answers to photographs,
    /// not to crops
    #[arg(long, value_name = "SHARE", value_parser = parse::share)]
    pub margin: Option<f64>,
    /// Frame the faces of photographs upright by their landmarks, the eyes this far apart and this far down, as shares of the
    /// frame's side: this changes answers to photographs, not to crops
    #[arg(long, value_name = "DISTANCE,HEIGHT", value_parser = parse::eyes, conflicts_with = "margin")]
    pub eyes: Option<(f32, f32)>,
    /// Store the weights as 16-bit floats: half the file; the figures are of the rounded network
    #[arg(long)]
    pub half: bool,
    /// Store the weights as whole numbers of 8 bits: a quarter of the file; the figures are of the rounded network
    #[arg(long, conflicts_with = "half")]
    pub quarter: bool,
    /// Compute in 8 bits: the steps are fitted to some of the pictures, and the figures are of the network that counts in them
    #[arg(long)]
    pub eight_bits: bool,
    /// What the card shall say of the model, for whoever gets it
    #[arg(long, value_name = "TEXT", requires = "output")]
    pub description: Option<String>,
    /// Under which licence the card shall give it, as MIT OR Apache-2.0
    #[arg(long, value_name = "TEXT", alias = "license", requires = "output")]
    pub licence: Option<String>,
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
pub struct ExplainScore {
    /// A built-in model's name or the path of a bundle
    pub model: String,
    /// A folder with a folder a class, fer2013.csv[.xz|.gz], or a manifest
    pub data: PathBuf,
    /// train, validation (PublicTest), test (PrivateTest) or all [default: test, else validation, else everything]
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
