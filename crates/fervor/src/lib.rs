//! Fervor reads facial expressions from pictures.

pub mod emotion;
pub mod error;
pub mod face;
pub mod picture;
pub mod preprocess;
pub mod runtime;

pub use emotion::{Emotion, LabelMap, LabelSet};
pub use error::{Error, ErrorKind, Result};
pub use face::{BoundingBox, Face, FindFaces, WholePicture};
pub use picture::{ContentHash, Limits, Picture};
pub use preprocess::{Chip, Preprocess};
