//! Tests of the library as its callers see it. One binary: one link step.

mod bundle;
mod faces;
mod pictures;
mod preprocess;
mod world;
