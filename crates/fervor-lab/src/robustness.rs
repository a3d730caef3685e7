//! How a model's accuracy falls when pictures get worse: common corruptions at five strengths (after Hendrycks and
//! Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations", 2019, with strengths for
//! faces), and boxes that a detector places badly.
//!
//! A corruption is done to the picture, before the one function that makes chips: what is measured is what a caller with
//! such pictures gets.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::metrics::{argmax, wilson_interval};
use fervor::bundle::Bundle;
use fervor::emotion::LabelMap;
use fervor::error::{Error, Result};
use fervor::preprocess::Chip;

mod corruption;

pub use corruption::Corruption;

/// Strengths of each corruption, 1..=5.
pub const STRENGTHS: usize = 5;

/// Chips that go through the network together.
const GROUP: usize = 256;

/// Accuracy under every corruption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Robustness {
    /// Pictures that were scored each time.
    pub n: u64,
    /// Of the pictures as they are.
    pub accuracy: f64,
    /// Wilson.
    pub accuracy_ci95: [f64; 2],
    /// Mean accuracy over all corruptions and strengths.
    pub mean: f64,
    /// In the order of [`Corruption::ALL`].
    pub corruptions: Vec<CorruptionScore>,
}

/// Accuracy under one corruption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorruptionScore {
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
pub struct StrengthScore {
    /// In the corruption's unit.
    pub value: f64,
    pub accuracy: f64,
}

impl Robustness {
    /// Scores a bundle on the samples at `indices`, each picture taken whole, as they are and under every corruption. The same
    /// sample is corrupted the same way each time. `progress` is called with pictures done, of `indices.len() * 56` in all.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): no picture is left. [`Model`](fervor::ErrorKind::Model): the network fails.
    pub fn of_bundle(
        bundle: &Bundle,
        dataset: &Dataset,
        indices: &[usize],
        map: &LabelMap,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self> {
        let wanted: Vec<(usize, usize)> =
            indices.iter().filter_map(|&index| Some((index, map.target(dataset.samples()[index].label)?))).collect();
        let run = |how: Option<(Corruption, usize)>| -> Result<(u64, u64)> {
            let (mut right, mut n) = (0, 0);
            for group in wanted.chunks(GROUP) {
                let chips: Vec<Option<(usize, Chip)>> =
                    group.par_iter().map(|&(index, truth)| Some((truth, chip(bundle, dataset, index, how)?))).collect();
                let (truths, chips): (Vec<usize>, Vec<Chip>) = chips.into_iter().flatten().unzip();
                for (truth, logits) in truths.iter().zip(bundle.logits(&chips)?) {
                    right += u64::from(argmax(&logits) == *truth);
                }
                n += truths.len() as u64;
                progress(group.len());
            }
            Ok((right, n))
        };
        let (right, n) = run(None)?;
        if n == 0 {
            return Err(Error::data("there is no picture to corrupt").with_hint("choose another split"));
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
        Ok(Self { n, accuracy: right as f64 / n as f64, accuracy_ci95: wilson_interval(right, n), mean, corruptions })
    }
}

/// The chip of a sample, corrupted or not; none if its picture can no longer be read.
fn chip(bundle: &Bundle, dataset: &Dataset, index: usize, how: Option<(Corruption, usize)>) -> Option<Chip> {
    let picture = dataset.picture(index).ok()?;
    let preprocess = &bundle.card().preprocess;
    Some(match how {
        None => preprocess.whole(&picture),
        Some((corruption, strength)) => {
            let (picture, face) = corruption.apply(&picture, strength, index as u64).ok()?;
            preprocess.chip(&picture, &face)
        }
    })
}
