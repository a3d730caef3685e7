//! Faces of successive frames.

use fervor::prediction::LiveFace;
use fervor::track::{TrackOptions, Tracked};
use fervor::{Error, PicturePrediction};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{json, said};

/// Joins the faces of successive frames into tracks with smoothed probabilities.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Tracker {
    tracker: fervor::Tracker,
    /// The last frame's time.
    last: f64,
}

#[wasm_bindgen]
impl Tracker {
    /// A tracker that has seen no frame. `smoothing` is the time constant in seconds.
    #[wasm_bindgen(constructor)]
    pub fn new(smoothing: f64) -> Self {
        Self { tracker: fervor::Tracker::new(TrackOptions::default().with_smoothing(smoothing)), last: f64::NEG_INFINITY }
    }

    /// Sets the smoothing's time constant from now on, in seconds.
    pub fn smooth(&mut self, seconds: f64) {
        self.tracker.set_smoothing(seconds);
    }

    /// The faces of a row, which is of the frame at `time` in seconds: a list as the service's WebSocket sends it, each with its
    /// `track` and `age`; label, confidence, words and probabilities are smoothed.
    ///
    /// # Errors
    /// What is given is no row; the time is none, or before the last frame's.
    pub fn update(&mut self, row: &str, time: f64) -> Result<String, String> {
        let row = PicturePrediction::parse(row).map_err(|e| said(&e))?;
        if !time.is_finite() {
            let error = Error::input("the frame has no time").with_hint("say when it is shown in its film, in seconds");
            return Err(said(&error));
        }
        if time < self.last {
            let error = Error::input(format!("the time goes back: {time} s after {} s", self.last));
            return Err(said(&error.with_hint("a tracker follows frames in their order; make another one")));
        }
        self.last = time;
        let tracked: Vec<Tracked> = self.tracker.update(&row.faces, time);
        let faces: Vec<LiveFace> = row.faces.iter().zip(&tracked).map(|(face, tracked)| LiveFace::new(face, tracked)).collect();
        Ok(json(&faces))
    }
}
