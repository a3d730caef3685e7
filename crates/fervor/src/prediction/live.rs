//! [`LiveFace`]: a face of a live picture, as every door that follows faces sends it.

use serde::Serialize;

use super::{Prediction, Probabilities};
use crate::face::BoundingBox;
use crate::quality::Quality;
use crate::track::Tracked;

/// A face with its track, as JSON. Label, confidence, words and probabilities are smoothed.
#[derive(Clone, Debug, Serialize)]
pub struct LiveFace<'a> {
    /// The track's number.
    pub track: u64,
    /// Seconds since the track began, in thousandths.
    pub age: f64,
    /// Where the face is in this frame.
    #[serde(rename = "box")]
    pub bounds: &'a BoundingBox,
    /// The detector's score.
    pub score: Option<f32>,
    /// The most probable class.
    pub label: &'a str,
    /// Its probability.
    pub confidence: f32,
    /// Whether no class reaches one half.
    pub uncertain: bool,
    /// The answer in words.
    pub words: String,
    /// All classes.
    pub probabilities: &'a Probabilities,
    /// What about this frame should lower trust.
    pub quality: &'a Quality,
}

impl<'a> LiveFace<'a> {
    /// What is said of a face of which the tracker says this.
    pub fn new(face: &'a Prediction, tracked: &'a Tracked) -> Self {
        let (label, confidence) = tracked.probabilities.top();
        Self {
            track: tracked.id,
            age: (1e3 * tracked.age).round() / 1e3,
            bounds: &face.face.bounds,
            score: face.face.score,
            label,
            confidence,
            uncertain: tracked.probabilities.is_uncertain(),
            words: tracked.probabilities.sentence(),
            probabilities: &tracked.probabilities,
            quality: &face.quality,
        }
    }
}
