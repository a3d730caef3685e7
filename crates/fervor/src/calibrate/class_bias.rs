//! Class biases: a network whose training saw other targets than the labels answers some classes too often.

use serde::{Deserialize, Serialize};

use super::{Answers, Measure};
use crate::bundle::Bundle;
use crate::dataset::Dataset;
use crate::emotion::LabelMap;
use crate::error::Result;
use crate::metrics::fit_biases;

/// What to add to the logits of a bundle, and what that does to its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassBias {
    /// One a class, in the order of the model's.
    pub biases: Vec<f32>,
    /// Accuracy without them; with biases that were each fitted on the other half of the pictures; with these.
    pub accuracy: [f64; 3],
}

impl ClassBias {
    /// Fits them on the samples at `indices`, each picture taken whole; with `votes`, to the votes.
    ///
    /// # Errors
    /// As [`Calibration::of`](super::Calibration::of).
    pub fn of(bundle: &Bundle, dataset: &Dataset, indices: &[usize], map: &LabelMap, votes: bool) -> Result<Self> {
        let measure = Measure { bundle, dataset, map, votes, progress: &|_| () };
        let all: Vec<(usize, usize)> = indices.iter().copied().enumerate().collect();
        let answers = measure.answers(&all, None)?;
        answers.are_enough()?;
        let halves = [1, 0].map(|half| {
            let other = answers.half(half);
            fit_biases(&other.logits, &other.targets)
        });
        let biases = fit_biases(&answers.logits, &answers.targets);
        let none = vec![0.0; biases.len()];
        let accuracy = [[&none, &none], [&halves[0], &halves[1]], [&biases, &biases]].map(|by_half| answers.accuracy(by_half));
        Ok(Self { biases, accuracy })
    }
}

impl Answers {
    /// The share of right answers, each row with the biases of its half.
    fn accuracy(&self, by_half: [&Vec<f32>; 2]) -> f64 {
        let rows = self.logits.iter().zip(&self.places).zip(&self.truths);
        let right = rows.filter(|((logits, place), truth)| {
            let moved = logits.iter().zip(by_half[**place % 2]).map(|(logit, bias)| logit + bias);
            let top =
                moved.enumerate().fold((0, f32::NEG_INFINITY), |top, (i, value)| if value > top.1 { (i, value) } else { top });
            top.0 == **truth
        });
        right.count() as f64 / self.truths.len() as f64
    }
}
