//! Jobs: any number of pictures become a folder of parts, on one machine or on many, and go on after whatever stopped them.
//!
//! What is to be done is planned first: the inputs are cut into [`Piece`]s, each of which becomes one part. The folder holds
//!
//! | name | what it is |
//! |---|---|
//! | `part-000017-1f2e3d4c.parquet` | the rows of a piece; it appears whole, and its name tells of its inputs |
//! | `_job.json` | what was asked for, with a digest of the list that names inputs; another job in the same folder is refused |
//! | `_plan.jsonl` | the pieces, one a line |
//! | `_manifest.jsonl` | a line for each part that is done; a shard has its own, `_manifest-3-of-16.jsonl` |
//! | `_SUCCESS` | all parts are there |
//!
//! Readers of tables pass over names that begin with `_` or `.`. A part counts as done when a manifest names it and the file has
//! the length that stands there; everything else is done again, so that a job that was killed at any moment comes to the same rows.

mod archive;
mod far;
mod folder;
mod list;
mod plan;
mod sources;
mod work;

pub use far::Far;
pub use folder::{Job, Shard, Spec, TellList, is_job};
pub use list::ListDigest;
pub use plan::{Content, Listed, NoInput, Piece, Planner};
pub use work::{Counts, PartFormat, RowText, Work, is_address};
