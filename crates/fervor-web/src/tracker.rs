//! Faces of successive frames.

use fervor::PicturePrediction;
use fervor::prediction::LiveFace;
use fervor::track::{TrackOptions, Tracked};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{json, said};

/// Joins the faces of successive frames into tracks with smoothed probabilities.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Tracker(fervor::Tracker);

#[wasm_bindgen]
impl Tracker {
    /// A tracker that has seen no frame. `smoothing` is the time constant in seconds.
    #[wasm_bindgen(constructor)]
    pub fn new(smoothing: f64) -> Self {
        Self(fervor::Tracker::new(TrackOptions::default().with_smoothing(smoothing)))
    }

    /// Sets the smoothing's time constant from now on, in seconds.
    pub fn smooth(&mut self, seconds: f64) {
        self.0.set_smoothing(seconds);
    }

    /// The faces of a row, which is of the frame at `time` in seconds: a list as the service's WebSocket sends it, each with its
    /// `track` and `age`; label, confidence, words and probabilities are smoothed.
    ///
    /// # Errors
    /// What is given is no row.
    pub fn update(&mut self, row: &str, time: f64) -> Result<String, String> {
        let row = PicturePrediction::parse(row).map_err(|e| said(&e))?;
        let tracked: Vec<Tracked> = self.0.update(&row.faces, time);
        let faces: Vec<LiveFace> = row.faces.iter().zip(&tracked).map(|(face, tracked)| LiveFace::new(face, tracked)).collect();
        Ok(json(&faces))
    }
}
