//! Tests of the laboratory as its callers see it. One binary: one link step.

mod audit;
mod bench;
mod dataset;
mod metrics;
mod report;
mod world;
