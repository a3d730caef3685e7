//! [`LiveFace`]: a face of a live picture as JSON, behind every door the same.

use serde::Serialize;

use super::{Prediction, Probabilities};
use crate::face::BoundingBox;
use crate::quality::Quality;
use crate::track::Tracked;

/// A face of a live picture with its track. Label, confidence and probabilities are smoothed over the track's past.
#[derive(Debug, Serialize)]
pub struct LiveFace<'a> {
    /// The track's number, from 1.
    pub track: u64,
    /// Seconds since the track began.
    pub age: f64,
    /// Where the face is, in the picture's pixels.
    #[serde(rename = "box")]
    pub bounds: &'a BoundingBox,
    /// How sure the finder is.
    pub score: Option<f32>,
    /// The most probable class.
    pub label: &'a str,
    /// Its probability.
    pub confidence: f32,
    /// Whether nothing can be said for sure.
    pub uncertain: bool,
    /// The answer in words.
    pub words: String,
    /// All probabilities.
    pub probabilities: &'a Probabilities,
    /// What this picture alone says, without the track's past.
    pub frame_probabilities: &'a Probabilities,
    /// What about the picture lowers trust.
    pub quality: &'a Quality,
}

impl<'a> LiveFace<'a> {
    /// The face and its track as they are told.
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
            frame_probabilities: &face.probabilities,
            quality: &face.quality,
        }
    }
}
