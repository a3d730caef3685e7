//! Fervor as a service: an HTTP API for programs and a page for people.
//!
//! - [`App`] holds what all requests share: the [`engine`](App::new) with its worker threads, limits, counters.
//! - [`app`] gives the routes, without a socket, as tests use them.
//! - [`serve`] gives them a socket and ends gracefully.
//!
//! Nothing that a client sends is kept: pictures live in memory until they are answered, and neither they nor their names
//! are written or logged. No path and no address that a client names is ever opened.

#![forbid(unsafe_code)]

mod answer;
mod app;
mod body;
mod compat;
mod engine;
mod error;
mod guard;
mod health;
mod metrics;
mod oip;
mod openapi;
mod page;
mod predict;
mod server;
mod settings;
mod socket;
mod tensor;

pub use app::{App, app};
pub use error::ApiError;
pub use guard::Key;
pub use server::serve;
pub use settings::Settings;
