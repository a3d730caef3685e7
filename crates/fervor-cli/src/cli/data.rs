//! Arguments of the commands that make data sets and bundles out of what people have.

use std::path::PathBuf;

use clap::Args;

use super::{Faces, parse};

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
pub struct Import {
    /// The network: one input of one picture or of a batch, one output with a number a class
    pub network: PathBuf,
    /// What the file does not say: classes, size, color, layout, scale, output; docs/import.md describes it
    #[arg(long, value_name = "TOML")]
    pub card: PathBuf,
    /// Where the bundle is written
    #[arg(long, short, value_name = "ONNX")]
    pub output: PathBuf,
}
