//! Trains expression networks and writes them as Fervor bundles.

mod kernels;
pub mod layers;
