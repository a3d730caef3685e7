//! Trains expression networks and writes them as Fervor bundles.

pub mod layers;
