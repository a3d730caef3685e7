//! What an operator may set: limits, who may come, how much at once.

use std::sync::Arc;
use std::time::Duration;

use fervor::Limits;

use crate::package::Package;

/// How the service treats its clients. None of it changes an answer.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of one picture.
    pub max_upload: usize,
    /// Pictures inside the engine, waiting or worked on; beyond that the answer is 503.
    pub queue: usize,
    /// Workers.
    pub threads: usize,
    /// Time for an answer once a request is there whole, and for a body to come on.
    pub timeout: Duration,
    /// Clients must show this key; without one everybody may come.
    pub api_key: Option<String>,
    /// Other origins whose pages may use the service, such as `https://example.org`; `*` for all.
    pub allow_origins: Vec<String>,
    /// Names that the service goes by, such as `faces.example.org`; `*` for any. Addresses, `localhost` and names of inner networks
    /// need not be given, and behind a key none.
    pub host_names: Vec<String>,
    /// Connections at once. Fewer where the process may not open so many files.
    pub max_connections: usize,
    /// Requests a second of one client address; without it as many as come.
    pub rate: Option<f64>,
    /// What a video may cost; without it none is taken.
    pub video: Option<VideoSettings>,
    /// With it, the page offers to compute in the browser.
    pub package: Option<Arc<Package>>,
}

/// What videos may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VideoSettings {
    /// Bytes of one video.
    pub bytes: usize,
    /// Seconds of its own clock.
    pub seconds: f64,
    /// Frames that are looked at.
    pub frames: u64,
    /// Videos that are looked at at once; beyond that the answer is 503.
    pub at_once: usize,
}

impl Default for VideoSettings {
    /// 64 MiB, ten minutes, 20,000 frames, one at a time.
    fn default() -> Self {
        Self { bytes: 64 << 20, seconds: 600.0, frames: 20_000, at_once: 1 }
    }
}

/// Pictures in one request, at most.
pub const MOST_PICTURES: usize = 64;

/// Pictures decode to at most this many pixels: a photograph of 48 megapixels and some.
const MOST_PIXELS: u64 = 50_000_000;

/// Bodies of all requests together may hold at least this.
const LEAST_BUDGET: usize = 128 << 20;

impl Settings {
    /// Bytes of one request with several pictures.
    pub fn max_request(&self) -> usize {
        self.max_upload.saturating_mul(8)
    }

    /// Bytes that the bodies of all requests together may hold.
    pub fn budget(&self) -> usize {
        let videos = self.video.map_or(0, |video| video.bytes.saturating_mul(video.at_once));
        self.max_request().max(LEAST_BUDGET).saturating_add(videos)
    }

    /// What a picture may cost.
    pub fn limits(&self) -> Limits {
        Limits { bytes: self.max_upload, pixels: MOST_PIXELS, ..Limits::default() }
    }
}

impl Default for Settings {
    /// 10 MiB a picture, 128 pictures inside, a worker a core, 10 seconds, no key, no other origin or name, 2048 connections, no rate,
    /// no videos.
    fn default() -> Self {
        Self {
            max_upload: 10 << 20,
            queue: 128,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            timeout: Duration::from_secs(10),
            api_key: None,
            allow_origins: Vec::new(),
            host_names: Vec::new(),
            max_connections: 2048,
            rate: None,
            video: None,
            package: None,
        }
    }
}
