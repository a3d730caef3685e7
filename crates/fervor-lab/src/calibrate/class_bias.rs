//! Class biases: a network whose training saw other targets than the labels answers some classes too often.

use serde::{Deserialize, Serialize};

use super::{Answers, Measure, softmax};
use crate::dataset::Dataset;
use crate::metrics::{Confusion, Scores, fit_biases};
use fervor::bundle::Bundle;
use fervor::emotion::LabelMap;
use fervor::error::Result;

/// What to add to the logits of a bundle, and what that does to its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassBias {
    /// One a class, in the order of the model's.
    pub biases: Vec<f32>,
    /// Accuracy without them; with biases that were each fitted on the other half of the pictures; with these.
    pub accuracy: [f64; 3],
    /// Macro F1, in the same three cases.
    pub macro_f1: [f64; 3],
    /// Classes without a picture, in the order of the model's: they will hardly be answered any more.
    pub absent: Vec<String>,
}

impl ClassBias {
    /// Fits them on the samples at `indices`, each picture taken whole; with `votes`, to the votes. `progress` is called with
    /// pictures done.
    ///
    /// # Errors
    /// As [`Calibration::of`](super::Calibration::of).
    pub fn of(
        bundle: &Bundle,
        dataset: &Dataset,
        indices: &[usize],
        map: &LabelMap,
        votes: bool,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self> {
        let answers = Measure { bundle, dataset, map, votes, progress }.clean(indices)?;
        let biases = fit_biases(&answers.logits, &answers.targets);
        let halves = [1, 0].map(|half| {
            let other = answers.half(half);
            if other.truths.is_empty() { biases.clone() } else { fit_biases(&other.logits, &other.targets) }
        });
        let none = vec![0.0; biases.len()];
        let judged = [[&none, &none], [&halves[0], &halves[1]], [&biases, &biases]].map(|by_half| answers.confusion(by_half));
        let has = |class: usize| answers.targets.iter().any(|target| target[class] > 0.0);
        let names = bundle.card().labels.names().iter().enumerate();
        Ok(Self {
            absent: names.filter(|(class, _)| !has(*class)).map(|(_, name)| name.clone()).collect(),
            accuracy: judged.each_ref().map(Confusion::accuracy),
            macro_f1: judged.each_ref().map(Confusion::macro_f1),
            biases,
        })
    }
}

impl Answers {
    /// What is answered, each row with the biases of its half.
    fn confusion(&self, by_half: [&Vec<f32>; 2]) -> Confusion {
        let rows = self.logits.iter().zip(&self.places);
        let probabilities: Vec<f32> = rows
            .flat_map(|(logits, place)| {
                let moved: Vec<f32> = logits.iter().zip(by_half[place % 2]).map(|(logit, bias)| logit + bias).collect();
                softmax(&moved, 1.0)
            })
            .collect();
        Scores::new(by_half[0].len(), &probabilities, &self.truths).confusion
    }
}
