//! The laboratory of Fervor: data sets, their audit, metrics, evaluation, comparison, calibration, robustness, explanation, reports.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod audit;
pub mod calibrate;
pub mod compare;
pub mod crops;
pub mod dataset;
pub mod evaluate;
pub mod explain;
mod lines;
pub mod metrics;
mod names;
mod random;
pub mod report;
pub mod robustness;
mod sets;
mod slips;
pub mod sweep;
mod words;
