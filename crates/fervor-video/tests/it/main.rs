//! One binary for all integration tests: one link step.

mod animations;
mod clips;
mod elsewhere;
mod mutated;
mod real;
mod seen;
