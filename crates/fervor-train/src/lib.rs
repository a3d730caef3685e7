//! Trains expression networks and writes them as Fervor bundles.
//!
//! A [`Recipe`] says everything that decides what comes out; [`train`] runs it on a data set and leaves a folder whose
//! only product is a bundle: an ONNX file with its card, proven by another runtime than the one that trained it.

#![deny(missing_docs)]

mod augment;
mod device;
mod distill;
mod events;
mod examples;
mod export;
mod find_rate;
mod first_batch;
pub mod folds;
mod import;
mod kernels;
pub mod layers;
mod loader;
mod log;
mod mix;
pub mod network;
mod optimizer;
mod product;
pub mod recipe;
mod run;
pub mod runs;
mod schedule;
mod seeds;
mod step;
mod summary;
mod trainer;
mod transfer;

pub use device::Backend;
pub use find_rate::{RateOptions, RatePoint, RateTest, find_rate};
pub use log::EpochLog;
pub use recipe::Recipe;
pub use run::RunFolder;
pub use summary::{Summary, summary};
pub use trainer::{End, Outcome, Progress, TrainOptions, train};
