//! Jobs on pictures that are drawn here.

mod job;
mod sources;
mod world;
