//! What is drawn about one face.

use super::canvas::Rect;
use fervor::face::{BoundingBox, Landmarks};
use fervor::prediction::Prediction;

/// What is drawn about one face, in the pixels of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceDrawing {
    /// The box around the face.
    pub bounds: BoundingBox,
    /// Its five points, where they are known.
    pub landmarks: Option<Landmarks>,
    /// The most probable class, which chooses the color.
    pub label: String,
    /// The class in words, written at the face.
    pub words: String,
    /// Of the label, in 0..=1.
    pub confidence: f32,
    /// Classes with their probabilities, the most probable first; the first three are drawn as bars.
    pub probabilities: Vec<(String, f32)>,
    /// Reasons to trust the answer less, written below the bars.
    pub flags: Vec<String>,
}

impl From<&Prediction> for FaceDrawing {
    fn from(prediction: &Prediction) -> Self {
        Self {
            bounds: prediction.face.bounds,
            landmarks: prediction.face.landmarks,
            label: prediction.label().to_owned(),
            words: prediction.probabilities.short_words(),
            confidence: prediction.confidence(),
            probabilities: prediction.probabilities.ranked().into_iter().map(|(label, p)| (label.to_owned(), p)).collect(),
            flags: prediction.quality.flags.iter().map(|flag| flag.name().replace('_', " ")).collect(),
        }
    }
}

impl FaceDrawing {
    /// Whether its box can be drawn at all: finite, of some size, not absurdly far away.
    pub(super) fn is_drawable(&self) -> bool {
        let BoundingBox { x, y, width, height } = self.bounds;
        [x, y, width, height].iter().all(|v| v.is_finite() && v.abs() < 1e6) && width > 0.0 && height > 0.0
    }

    /// The same face in a picture that is `factor` times as large.
    pub(super) fn scaled(&self, factor: f32) -> Self {
        let BoundingBox { x, y, width, height } = self.bounds;
        Self {
            bounds: BoundingBox { x: x * factor, y: y * factor, width: width * factor, height: height * factor },
            landmarks: self.landmarks.map(|points| points.map(|point| point.map(|v| v * factor))),
            ..self.clone()
        }
    }

    /// Its box.
    pub(super) fn rect(&self) -> Rect {
        Rect::new(self.bounds.x, self.bounds.y, self.bounds.width, self.bounds.height)
    }
}
