//! Answers about faces as a table: rows of Arrow, and Parquet files of them.
//!
//! One schema, [`fervor.rows/1`](ROWS_SCHEMA), in every door that speaks of tables: a row a face, a row for a picture without a
//! face, a row with an `error` for a picture that could not be read. So each picture has at least one row, and counts match.
//!
//! ```
//! use fervor::{Analyzer, Picture};
//! use fervor_table::{PartWriter, Rows};
//!
//! let analyzer = Analyzer::builtin()?;
//! let crop = Picture::from_gray(48, 48, &[[90, 160]; 24 * 48].concat())?.encode_png()?;
//! let sources = [("a.png", &crop[..]), ("b.png", b"not a picture")];
//! let answers = analyzer.answer_all(&sources, |(_, bytes)| Picture::decode(bytes, &Default::default()));
//!
//! let mut rows = Rows::new(analyzer.bundle());
//! for ((name, _), answer) in sources.iter().zip(answers) {
//!     rows.push(name, None, answer.as_ref());
//! }
//! let batch = rows.finish()?;
//! assert_eq!((batch.num_rows(), batch.column_by_name("error").unwrap().null_count()), (2, 1));
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let mut part = PartWriter::create(&folder.path().join("part-0.parquet"), &batch.schema())?;
//! part.write(&batch)?;
//! assert_eq!(part.finish()?.rows, 2);
//! # Ok::<(), fervor::Error>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod frames;
pub mod job;
mod packed;
mod part;
mod pictures;
mod rows;

pub use frames::{FRAMES_SCHEMA, frames, frames_schema, write_frames};
pub use packed::ParquetFile;
pub use part::{Part, PartOptions, PartWriter};
pub use pictures::{Cell, PICTURE_COLUMNS, PictureColumn};
pub use rows::{MODEL_KEY, ROWS_SCHEMA, Rows, SCHEMA_KEY, SHA256_KEY, schema};

/// The version of Arrow that this crate's types come from.
pub use arrow_array;
pub use arrow_schema;
