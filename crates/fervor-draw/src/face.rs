//! What is drawn about one face.

use super::canvas::Rect;
use fervor::face::{BoundingBox, Landmarks};
use fervor::prediction::{Prediction, adjective};
use fervor::track::Tracked;

/// What is drawn about one face, in the pixels of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceDrawing {
    /// Written at the face, so that it can be found in a list; absent where there is but one.
    pub number: Option<usize>,
    /// The box around the face.
    pub bounds: BoundingBox,
    /// Its five points, where they are known.
    pub landmarks: Option<Landmarks>,
    /// What it shows; the color of the box follows from it.
    pub label: String,
    /// That in words, written at the face.
    pub words: String,
    /// An uncertain answer is drawn as one: its box is dashed, its label dark.
    pub uncertain: bool,
    /// Of the label, in 0..=1.
    pub confidence: f32,
    /// Adjectives with their probabilities, the most probable first; the first three are drawn as bars.
    pub probabilities: Vec<(String, f32)>,
    /// Reasons to trust the answer less, written below the bars.
    pub flags: Vec<String>,
}

impl From<&Prediction> for FaceDrawing {
    fn from(prediction: &Prediction) -> Self {
        let ranked = prediction.probabilities.ranked();
        Self {
            number: None,
            bounds: prediction.face.bounds,
            landmarks: prediction.face.landmarks,
            label: prediction.label().to_owned(),
            words: prediction.probabilities.short_words(),
            uncertain: prediction.probabilities.is_uncertain(),
            confidence: prediction.confidence(),
            probabilities: ranked.into_iter().map(|(label, p)| (adjective(label).into_owned(), p)).collect(),
            flags: prediction.quality.flags.iter().map(|flag| flag.name().replace('_', " ")).collect(),
        }
    }
}

impl FaceDrawing {
    /// The faces of a picture in their order; of several each with its number, counted from 1.
    pub fn of_all(predictions: &[Prediction]) -> Vec<Self> {
        let several = predictions.len() > 1;
        let numbered = predictions
            .iter()
            .enumerate()
            .map(|(index, prediction)| Self { number: several.then_some(index + 1), ..Self::from(prediction) });
        numbered.collect()
    }

    /// A face of a film: with its track's number, and its probabilities smoothed over the track's past.
    pub fn of_track(prediction: &Prediction, tracked: &Tracked) -> Self {
        let smoothed = Prediction { probabilities: tracked.probabilities.clone(), ..prediction.clone() };
        Self { number: usize::try_from(tracked.id).ok(), ..Self::from(&smoothed) }
    }

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
