//! Fervor as a service: an HTTP API for programs and a page for people.
//!
//! - [`App`] holds what all requests share: the [`engine`](App::new) with its worker threads, limits, counters.
//! - [`app`] gives the routes, without a socket, as tests use them.
//! - [`serve`] gives them a socket and ends gracefully.
//! - [`folder()`] is the page without a service: files for any web server, everything computed in the browser by a
//!   [`Package`]; [`single()`] is the same in one file.
//!
//! Nothing that a client sends is kept: pictures live in memory until they are answered, and neither they nor their names
//! are written or logged. No path and no address that a client names is ever opened.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod answer;
mod body;
mod compat;
mod connections;
mod deepface;
mod engine;
mod error;
mod few;
mod folder;
mod guard;
mod health;
mod metrics;
mod middleware;
mod oip;
mod openapi;
mod origin;
mod package;
mod page;
mod pairs;
mod predict;
mod routes;
mod server;
mod settings;
mod single;
mod socket;
mod state;
mod tensor;
mod video;

pub use error::ApiError;
pub use folder::folder;
pub use guard::Key;
pub use package::Package;
pub use routes::app;
pub use server::serve;
pub use settings::{Settings, VideoSettings};
pub use single::single;
pub use state::App;
