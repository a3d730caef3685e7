//! One binary for all integration tests: one link step.

mod clips;
mod elsewhere;
mod mutated;
mod real;
mod seen;
