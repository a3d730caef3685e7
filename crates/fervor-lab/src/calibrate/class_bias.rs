//! Class biases: a network whose training saw other targets than the labels answers some classes too often.

use serde::{Deserialize, Serialize};

use super::{Answers, Measure, published};
use crate::metrics::{Confusion, Scores, fit_biases};
use crate::sweep::Steps;
use fervor::error::Result;

/// What to add to the logits of a bundle, and what that does to its answers. [`Measure::class_bias`] makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassBias {
    /// What is added to each class's logit, in the order of the model's classes.
    pub biases: Vec<f32>,
    /// Accuracy without biases; with biases that were each fitted on the other half of the pictures; with `biases`.
    pub accuracy: [f64; 3],
    /// Macro F1, in the same three cases as `accuracy`.
    pub macro_f1: [f64; 3],
    /// Names of the pictures that could not be read, and were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// Classes without a picture, in the order of the model's: they will hardly be answered any more.
    pub absent: Vec<String>,
}

impl Measure<'_> {
    /// Fits class biases.
    ///
    /// # Errors
    /// As [`calibration`](Self::calibration).
    pub fn class_bias(&self) -> Result<ClassBias> {
        let wanted = self.wanted();
        let answers = self.clean(&wanted, &Steps::new(wanted.len(), self.progress))?;
        let biases = fit_biases(&answers.logits, &answers.targets);
        let halves = [1, 0].map(|half| {
            let other = answers.half(half);
            if other.truths.is_empty() { biases.clone() } else { fit_biases(&other.logits, &other.targets) }
        });
        let none = vec![0.0; biases.len()];
        let judged = [[&none, &none], [&halves[0], &halves[1]], [&biases, &biases]].map(|by_half| answers.confusion(by_half));
        let has = |class: usize| answers.targets.iter().any(|target| target[class] > 0.0);
        let names = self.bundle.card().labels.names().iter().enumerate();
        Ok(ClassBias {
            absent: names.filter(|(class, _)| !has(*class)).map(|(_, name)| name.clone()).collect(),
            accuracy: judged.each_ref().map(Confusion::accuracy),
            macro_f1: judged.each_ref().map(Confusion::macro_f1),
            unreadable: answers.unreadable.into_iter().collect(),
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
                published(&moved, 1.0)
            })
            .collect();
        Scores::new(by_half[0].len(), &probabilities, &self.truths).confusion
    }
}
