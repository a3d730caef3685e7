//! One binary for all integration tests: one link step.

mod animations;
mod clips;
#[cfg(feature = "decoders")]
mod crafted;
mod elsewhere;
mod mutated;
mod real;
mod seen;
