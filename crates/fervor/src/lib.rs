//! Fervor reads facial expressions from pictures.

#![forbid(unsafe_code)]

pub mod analyzer;
pub mod audit;
pub mod builtin;
pub mod bundle;
pub mod calibrate;
pub mod chart;
pub mod dataset;
pub mod draw;
pub mod emotion;
pub mod error;
pub mod evaluate;
pub mod explain;
pub mod face;
pub mod files;
pub mod metrics;
pub mod onnx;
pub mod picture;
pub mod prediction;
pub mod preprocess;
pub mod quality;
mod random;
pub mod report;
pub mod robustness;
pub mod runtime;
pub mod track;

pub use analyzer::Analyzer;
pub use bundle::{Bundle, Card};
pub use emotion::{Emotion, LabelMap, LabelSet};
pub use error::{Error, ErrorKind, Result};
pub use face::{AutoFaces, BoundingBox, DetectorOptions, Face, FindFaces, WholePicture, YuNet};
pub use picture::{ContentHash, Limits, Picture};
pub use prediction::{PicturePrediction, Prediction, Probabilities};
pub use preprocess::{Chip, Preprocess};
