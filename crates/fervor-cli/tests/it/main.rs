//! The program as its users meet it: commands, exit codes, what is said where.

mod audit;
#[cfg(feature = "batch")]
mod batch;
mod bench;
mod calibrate;
mod compare;
mod data;
mod evaluate;
mod explain;
mod inspect;
mod predict;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "train")]
mod train;
mod video;
mod watch;
mod world;
