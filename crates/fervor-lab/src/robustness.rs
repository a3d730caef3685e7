//! How a model's accuracy falls when pictures get worse: common corruptions at five strengths (after Hendrycks and
//! Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations", 2019, with strengths for
//! faces), and boxes that a detector places badly.
//!
//! A corruption is done to the picture, before the one function that makes chips: what is measured is what a caller with
//! such pictures gets.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Progress};
use crate::metrics::{argmax, wilson_interval};
use crate::sweep::{Steps, Sweep};
use fervor::bundle::Bundle;
use fervor::emotion::LabelMap;
use fervor::error::{Error, Reason, Remedy, Result};
use fervor::picture::Picture;

mod corruption;

pub use corruption::Corruption;

/// Strengths of each corruption, 1..=5.
pub const STRENGTHS: usize = 5;

/// Accuracy under every corruption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Robustness {
    /// Pictures that were scored as they are.
    pub n: u64,
    /// Accuracy on the pictures as they are.
    pub accuracy: f64,
    /// The 95 % interval of that accuracy, after Wilson.
    pub accuracy_ci95: [f64; 2],
    /// Mean accuracy over all corruptions and strengths.
    pub mean: f64,
    /// Names of the pictures that could not be read or not be corrupted, and were left out there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// In the order of [`Corruption::ALL`].
    pub corruptions: Vec<CorruptionScore>,
}

/// Accuracy under one corruption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CorruptionScore {
    /// What was done to the pictures.
    pub corruption: Corruption,
    /// What the values are: `sigma, % of the side`.
    pub unit: String,
    /// The five strengths.
    pub strengths: Vec<StrengthScore>,
    /// Mean accuracy over the strengths.
    pub mean: f64,
}

/// Accuracy at one strength.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StrengthScore {
    /// How strong, in the corruption's unit.
    pub value: f64,
    /// Accuracy on pictures that were made worse so far.
    pub accuracy: f64,
}

impl Robustness {
    /// Scores a bundle on the samples at `indices`, each picture taken whole, as they are and under every corruption. The same
    /// sample is corrupted the same way each time. `progress` hears of pictures done, each once for every corruption and
    /// strength and once as it is.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): no picture is left. [`Model`](fervor::ErrorKind::Model): the network fails.
    pub fn of_bundle(bundle: &Bundle, dataset: &Dataset, indices: &[usize], map: &LabelMap, progress: Progress) -> Result<Self> {
        let truth = |index: usize| map.target(dataset.samples()[index].label);
        let wanted: Vec<usize> = indices.iter().copied().filter(|&index| truth(index).is_some()).collect();
        let steps = Steps::new(wanted.len() * (1 + Corruption::ALL.len() * STRENGTHS), progress);
        let preprocess = &bundle.card().preprocess;
        let mut unreadable = BTreeSet::new();
        let mut run = |how: Option<(Corruption, usize)>| -> Result<(u64, u64)> {
            let view = |index: usize, picture: &Picture| {
                let chip = match how {
                    None => preprocess.whole(picture),
                    Some((corruption, strength)) => {
                        let (picture, face) = corruption.apply(picture, strength, index as u64)?;
                        preprocess.chip(&picture, &face)
                    }
                };
                Ok(Some((chip, ())))
            };
            let swept = Sweep { dataset, samples: &wanted, steps: &steps }.run(view, |chips| bundle.logits(chips))?;
            unreadable.extend(swept.unreadable());
            let right = swept.answers.iter().filter(|answer| Some(argmax(&answer.values)) == truth(answer.index)).count();
            Ok((right as u64, swept.answers.len() as u64))
        };
        let (right, n) = run(None)?;
        if n == 0 {
            return Err(Error::data("there is no picture to corrupt").because(Reason::Empty).with_remedy(Remedy::ChooseSplit));
        }
        let mut corruptions = Vec::new();
        for corruption in Corruption::ALL {
            let mut strengths = Vec::new();
            for (step, value) in corruption.values().into_iter().enumerate() {
                let (right, n) = run(Some((corruption, step + 1)))?;
                strengths.push(StrengthScore { value, accuracy: right as f64 / n.max(1) as f64 });
            }
            let mean = strengths.iter().map(|s| s.accuracy).sum::<f64>() / STRENGTHS as f64;
            corruptions.push(CorruptionScore { corruption, unit: corruption.unit().to_owned(), strengths, mean });
        }
        let mean = corruptions.iter().map(|c| c.mean).sum::<f64>() / corruptions.len() as f64;
        Ok(Self {
            n,
            accuracy: right as f64 / n as f64,
            accuracy_ci95: wilson_interval(right, n),
            mean,
            unreadable: unreadable.into_iter().collect(),
            corruptions,
        })
    }
}
