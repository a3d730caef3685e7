//! Arguments of jobs.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fervor_table::job::Shard;

use super::{Analysis, parse};

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BatchFormat {
    /// Parquet: what DuckDB, Polars, pandas and Spark read as one table
    Parquet,
    /// One JSON object a picture and line, as `predict` writes it
    Jsonl,
    /// A row a face, as `predict` writes it
    Csv,
}

#[derive(Debug, Args)]
pub struct Batch {
    /// Pictures, folders with all that is in them, patterns, .tar archives (WebDataset), .parquet files with pictures or paths
    #[arg(required_unless_present = "list")]
    pub input: Vec<OsString>,
    /// A file that names pictures, one a line, or with - standard input, as for predict
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// The folder of the job: parts of rows, and what the job knows of itself. The same command goes on with what was begun
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    #[arg(long, value_enum, default_value_t = BatchFormat::Parquet)]
    pub format: BatchFormat,
    /// Of Parquet files: the column with the pictures [default: image, bytes, path and the like]
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// Pictures of a part: what is lost of a job that is killed is less than a part a shard
    #[arg(long, value_name = "PICTURES", default_value = "10000", value_parser = parse::pictures)]
    pub part: usize,
    /// Do one share of the parts, for example 3/16: sixteen machines with one folder between them need nothing else
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    #[command(flatten)]
    pub analysis: Analysis,
    /// The least score of a face, 0 to 1
    #[arg(long, value_name = "SCORE", default_value_t = fervor::DetectorOptions::default().threshold, value_parser = parse::score, allow_negative_numbers = true)]
    pub threshold: f32,
    /// Leave out faces whose box has a side shorter than this
    #[arg(long, value_name = "PIXELS", default_value_t = 0, hide_default_value = true, allow_negative_numbers = true)]
    pub minimum_face: u32,
}
