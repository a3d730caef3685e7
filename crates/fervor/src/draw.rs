//! Pictures to look at: annotated faces, contact sheets, and their encoding.

mod encode;

pub use encode::{jpeg, png};
