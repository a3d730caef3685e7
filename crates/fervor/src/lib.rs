//! Fervor reads facial expressions from pictures.

#![forbid(unsafe_code)]

pub mod analyzer;
pub mod builtin;
pub mod bundle;
pub mod emotion;
pub mod error;
pub mod face;
pub mod files;
pub mod hash;
pub mod onnx;
pub mod picture;
pub mod prediction;
pub mod preprocess;
pub mod quality;
pub mod runtime;
pub mod track;

pub use analyzer::Analyzer;
pub use bundle::{Bundle, Card};
pub use emotion::{Emotion, LabelMap, LabelSet};
pub use error::{Error, ErrorKind, Reason, Remedy, Result};
pub use face::{AutoFaces, BoundingBox, DetectorOptions, Face, FindFaces, WholePicture, YuNet};
pub use picture::{ContentHash, Limits, Picture};
pub use prediction::{PicturePrediction, Prediction, Probabilities};
pub use preprocess::{Chip, Preprocess};
