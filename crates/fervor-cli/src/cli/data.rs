//! Arguments of the commands that make data sets and bundles out of what people have.

use std::path::PathBuf;

use clap::Args;

use super::{Faces, Format, parse};

#[derive(Debug, Args)]
pub struct Crop {
    /// A folder with a folder a class, a table of paths and labels, or a manifest
    pub data: PathBuf,
    /// The new folder: pictures in a folder a class, below train/, validation/ and test/ where the data has them, and manifest.json
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t = Faces::Auto)]
    pub faces: Faces,
    /// Frames the faces as this model does: a built-in model's name or the path of a bundle
    #[arg(long, default_value = fervor::builtin::DEFAULT, env = "FERVOR_MODEL")]
    pub model: String,
    /// More of the surroundings than the model takes, as a share of the face's side
    #[arg(long, value_name = "SHARE", value_parser = parse::margin)]
    pub margin: Option<f32>,
    /// Processor threads [default: all]
    #[arg(long, value_parser = parse::threads, env = "FERVOR_THREADS")]
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
    /// Look for pictures without a face or with several, and judge labels by the faces: a few milliseconds a picture; alone it means
    /// auto. [default: pictures are taken whole, and not looked at for this]
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "auto")]
    pub faces: Option<Faces>,
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
