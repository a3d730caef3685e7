//! The service as its clients meet it: without a socket where that suffices, over one where it matters.

mod browser;
mod connections;
mod guards;
mod limits;
mod models;
mod overload;
mod predict;
mod protocol;
mod socket;
mod video;
mod world;
