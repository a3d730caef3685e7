//! Arguments of what makes bundles of networks from elsewhere.

use std::path::PathBuf;

use clap::Args;

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
