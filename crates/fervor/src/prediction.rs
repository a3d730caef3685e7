//! What is said of a face and of a picture: [`Probabilities`], [`Quality`] flags, the words, and the JSON schema
//! `fervor.prediction/1`.

mod live;
mod row;
mod words;

use crate::emotion::LabelSet;
use crate::face::Face;
use crate::quality::Quality;

pub use live::LiveFace;
pub use row::{ErrorInfo, ModelInfo, PREDICTION_SCHEMA, PicturePrediction, PredictionSchema};
pub use words::{adjective, percent, tally};

/// The natural logarithms of `softmax(logits / temperature)`: computed so that large logits do not overflow, in f64. What is
/// published, fitted and judged comes from these lines alone. NaN where the largest logit is not finite.
pub fn log_softmax(logits: &[f32], temperature: impl Into<f64>) -> Vec<f64> {
    let (top, temperature) = (logits.iter().copied().fold(f32::NEG_INFINITY, f32::max), temperature.into());
    let mut scaled: Vec<f64> = logits.iter().map(|&z| f64::from(z - top) / temperature).collect();
    let normaliser = scaled.iter().map(|z| z.exp()).sum::<f64>().ln();
    scaled.iter_mut().for_each(|z| *z -= normaliser);
    scaled
}

/// `softmax(logits / temperature)`, as [`log_softmax`].
pub fn softmax(logits: &[f32], temperature: impl Into<f64>) -> Vec<f64> {
    let (top, temperature) = (logits.iter().copied().fold(f32::NEG_INFINITY, f32::max), temperature.into());
    let mut weights: Vec<f64> = logits.iter().map(|&z| (f64::from(z - top) / temperature).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

/// A probability for each class: finite, not negative, summing to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Probabilities {
    labels: LabelSet,
    values: Vec<f32>,
}

impl Probabilities {
    /// Under this confidence an answer is uncertain: probabilities are calibrated (the card's temperature), so that it is more
    /// likely wrong than right.
    pub const UNCERTAIN: f32 = 0.5;

    /// Softmax of `logits / temperature`, computed so that large logits do not overflow.
    ///
    /// # Panics
    /// If there is not one finite logit a label: a bundle's logits always fit.
    pub fn from_logits(labels: &LabelSet, logits: &[f32], temperature: f32) -> Self {
        assert_eq!(logits.len(), labels.len(), "one logit a label");
        assert!(logits.iter().all(|logit| logit.is_finite()), "logits must be finite");
        let values = softmax(logits, temperature).into_iter().map(|p| p as f32).collect();
        Self { labels: labels.clone(), values }
    }

    /// The classes, in the order of the values.
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// The values, in the order of the labels.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The probability of a class, `None` if it is not one of the labels.
    pub fn get(&self, label: impl AsRef<str>) -> Option<f32> {
        self.labels.index_of(label).map(|index| self.values[index])
    }

    /// Classes with their probabilities, the most probable first; equal ones in label order.
    pub fn ranked(&self) -> Vec<(&str, f32)> {
        let mut ranked: Vec<_> = self.labels.names().iter().map(String::as_str).zip(self.values.iter().copied()).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }

    /// The mean of this and `other`, which counts for the share `weight`, in 0..=1.
    ///
    /// # Panics
    /// If the two are over different classes.
    #[must_use]
    pub fn mixed(&self, other: &Self, weight: f32) -> Self {
        assert_eq!(self.labels, other.labels, "probabilities of the same classes");
        let weight = weight.clamp(0.0, 1.0);
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a + weight * (b - a)).collect();
        Self { labels: self.labels.clone(), values }
    }

    /// Whether the most probable class has less than [`UNCERTAIN`](Self::UNCERTAIN).
    pub fn is_uncertain(&self) -> bool {
        self.top().1 < Self::UNCERTAIN
    }

    /// The most probable class and its probability.
    pub fn top(&self) -> (&str, f32) {
        self.ranked()[0]
    }
}

/// One face with its expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Where it is.
    pub face: Face,
    /// What it shows.
    pub probabilities: Probabilities,
    /// The conformal set, most probable first, where the model's card has one.
    pub plausible: Option<Vec<String>>,
    /// Reasons to trust the answer less.
    pub quality: Quality,
}

impl Prediction {
    /// The most probable class.
    pub fn label(&self) -> &str {
        self.probabilities.top().0
    }

    /// Its probability, in 0..=1.
    pub fn confidence(&self) -> f32 {
        self.probabilities.top().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_whatever_the_logits() {
        let labels = LabelSet::new(["happy", "sad", "angry"]).unwrap();
        for logits in [[0.0, 0.0, 0.0], [1000.0, -1000.0, 999.0], [-3e38, 3e38, 0.0]] {
            let p = Probabilities::from_logits(&labels, &logits, 1.0);
            assert!((p.values().iter().sum::<f32>() - 1.0).abs() < 1e-6, "{logits:?}");
            assert!(p.values().iter().all(|v| (0.0..=1.0).contains(v)), "{logits:?}");
        }
    }

    #[test]
    fn a_higher_temperature_is_less_sure_and_keeps_the_order() {
        let labels = LabelSet::new(["happy", "sad"]).unwrap();
        let cold = Probabilities::from_logits(&labels, &[2.0, 1.0], 1.0);
        let warm = Probabilities::from_logits(&labels, &[2.0, 1.0], 3.0);
        assert_eq!(cold.top().0, "happy");
        assert_eq!(warm.top().0, "happy");
        assert!(warm.top().1 < cold.top().1);
        assert!(!cold.is_uncertain() && Probabilities::from_logits(&labels, &[0.0, 0.0], 1.0).top().1 == 0.5);
        let three = LabelSet::new(["happy", "sad", "angry"]).unwrap();
        assert!(Probabilities::from_logits(&three, &[0.1, 0.0, 0.0], 1.0).is_uncertain());
        assert_eq!(warm.get("joy"), Some(warm.values()[0]));
    }
}
