//! Tests of the library as its callers see it. One binary: one link step.

mod audit;
mod bundle;
mod dataset;
mod faces;
mod metrics;
mod pictures;
mod preprocess;
mod report;
mod world;
