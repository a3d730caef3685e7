//! Fits what a card says of doubt on pictures that were not trained on: the temperature, how much each quality flag of a
//! face raises it, and the threshold of conformal sets.
//!
//! A temperature that is right for clean pictures is too sure of poor ones (Ovadia et al., "Can you trust your model's
//! uncertainty?", 2019). So each flag gets a temperature of its own, fitted on pictures that were made to raise it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::bundle::{Bundle, Card, Conformal};
use crate::dataset::Dataset;
use crate::emotion::LabelMap;
use crate::error::{Error, Result};
use crate::metrics::{Scores, conformal_threshold, fit_temperature, fit_temperature_to};
use crate::prediction::Probabilities;
use crate::preprocess::Chip;
use crate::quality::{Flag, Quality};
use crate::robustness::Corruption;

/// How often a conformal set holds the right class.
pub const COVERAGE: f64 = 0.9;
/// Pictures of one corruption at one strength.
const PICTURES: usize = 600;
/// Flagged pictures below which a flag stays without a factor: no figure would stand on so few.
const LEAST: usize = 100;
/// Chips that go through the network together.
const GROUP: usize = 256;
/// What raises each flag that can be measured on whole pictures, and at which strengths. Profiles and doubtful detections
/// cannot be made from a face crop.
const CAUSES: [(Flag, Corruption, std::ops::RangeInclusive<usize>); 5] = [
    (Flag::Blurred, Corruption::Blur, 1..=5),
    (Flag::Small, Corruption::Resolution, 2..=5),
    (Flag::Dark, Corruption::Darker, 2..=5),
    (Flag::Flat, Corruption::Contrast, 2..=5),
    (Flag::CutOff, Corruption::Shift, 3..=5),
];

/// What a bundle's doubt should be, and what that was measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Pictures without a flaw of ours.
    pub n: usize,
    /// That fits them best.
    pub temperature: f32,
    /// Calibration error of the clean pictures at temperature 1, at the card's, and at the new one (which was fitted on them).
    pub ece: [f64; 3],
    /// Sets that hold the right class in [`COVERAGE`] of pictures like these.
    pub conformal: Conformal,
    /// Mean number of classes in such a set.
    pub set_size: f64,
    /// One for each flag that enough pictures raise.
    pub flags: Vec<FlagCalibration>,
}

/// What one flag does to an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlagCalibration {
    pub flag: Flag,
    /// Pictures that were made to raise it, and did.
    pub n: usize,
    /// Of the answers to them.
    pub accuracy: f64,
    /// The temperature is multiplied by it: 1 or more.
    pub factor: f32,
    /// Mean confidence without and with the factor.
    pub confidence: [f64; 2],
    /// Calibration error without and with a factor that was fitted on the other half of the pictures.
    pub ece: [f64; 2],
}

/// Logits and truths.
#[derive(Default)]
struct Answers {
    logits: Vec<Vec<f32>>,
    truths: Vec<usize>,
    /// Where each sample stands in the data.
    indices: Vec<usize>,
}

impl Answers {
    fn scores(&self, temperature: f32) -> Scores {
        self.scores_of(0..self.truths.len(), |_| temperature)
    }

    /// Scores of some rows, each at its own temperature.
    fn scores_of(&self, rows: impl Iterator<Item = usize>, temperature: impl Fn(usize) -> f32) -> Scores {
        let classes = self.logits.first().map_or(0, Vec::len);
        let (mut probabilities, mut truths) = (Vec::new(), Vec::new());
        for row in rows {
            probabilities.extend(softmax(&self.logits[row], temperature(row)));
            truths.push(self.truths[row]);
        }
        Scores::new(classes, &probabilities, &truths)
    }

    fn confidence(&self, temperature: f32) -> f64 {
        let top = |logits: &Vec<f32>| f64::from(softmax(logits, temperature).into_iter().fold(0.0, f32::max));
        self.logits.iter().map(top).sum::<f64>() / self.logits.len() as f64
    }

    /// The temperature of every second row, from `first` on.
    fn half(&self, first: usize) -> f32 {
        let pick = |row: &usize| row % 2 == first;
        let rows: Vec<usize> = (0..self.truths.len()).filter(pick).collect();
        let logits: Vec<Vec<f32>> = rows.iter().map(|row| self.logits[*row].clone()).collect();
        let truths: Vec<usize> = rows.iter().map(|row| self.truths[*row]).collect();
        fit_temperature(&logits, &truths)
    }
}

impl Calibration {
    /// Measures a bundle on the samples at `indices`, each picture taken whole. With `votes` the temperature is fitted to the
    /// votes' distribution, which all of the samples must have. `progress` is called with pictures done, of
    /// [`pictures`](Self::pictures) in all.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data): fewer than 100 pictures, or one without votes. [`Model`](crate::ErrorKind::Model): the
    /// network fails.
    pub fn of(
        bundle: &Bundle,
        dataset: &Dataset,
        indices: &[usize],
        map: &LabelMap,
        votes: bool,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self> {
        let clean = answers(bundle, dataset, indices, map, None, progress)?;
        let n = clean.truths.len();
        if n < LEAST {
            return Err(Error::data(format!("calibration needs {LEAST} pictures or more, there are {n}"))
                .with_hint("choose another split, or more data that was not trained on"));
        }
        let card = bundle.card();
        let temperature = if votes {
            let shares = clean.indices.iter().map(|index| dataset.soft_label(*index)).collect::<Option<Vec<_>>>();
            let shares = shares.ok_or_else(|| Error::data("a picture has no votes"))?;
            fit_temperature_to(&clean.logits, &shares)
        } else {
            fit_temperature(&clean.logits, &clean.truths)
        };
        let rows: Vec<Vec<f32>> = clean.logits.iter().map(|logits| softmax(logits, temperature)).collect();
        let truth: Vec<f32> = rows.iter().zip(&clean.truths).map(|(row, truth)| row[*truth]).collect();
        let conformal = Conformal { coverage: COVERAGE, threshold: conformal_threshold(&truth, COVERAGE) };
        let set_size = rows.iter().map(|row| conformal.places(row).len()).sum::<usize>() as f64 / n as f64;
        let mut flags = Vec::new();
        for (flag, corruption, strengths) in CAUSES {
            let mut flawed = Answers::default();
            for strength in strengths {
                let some: Vec<usize> = thinned(indices).collect();
                let more = answers(bundle, dataset, &some, map, Some((flag, corruption, strength)), progress)?;
                flawed.logits.extend(more.logits);
                flawed.truths.extend(more.truths);
            }
            if flawed.truths.len() >= LEAST {
                flags.push(FlagCalibration::of(flag, &flawed, temperature));
            }
        }
        let ece = [1.0, card.temperature, temperature].map(|temperature| clean.scores(temperature).ece);
        Ok(Self { n, temperature, ece, conformal, set_size, flags })
    }

    /// How many pictures [`of`](Self::of) looks at.
    pub fn pictures(indices: &[usize]) -> usize {
        let strengths: usize = CAUSES.iter().map(|(_, _, strengths)| strengths.clone().count()).sum();
        indices.len() + strengths * thinned(indices).count()
    }

    /// Writes it into a card.
    pub fn apply(&self, card: &mut Card) {
        card.temperature = self.temperature;
        card.conformal = Some(self.conformal);
        card.flag_factors = self.flags.iter().map(|flag| (flag.flag, flag.factor)).collect();
        card.metrics.insert("validation.ece".to_owned(), self.ece[2]);
        card.metrics.insert("validation.ece_at_temperature_1".to_owned(), self.ece[0]);
    }
}

impl FlagCalibration {
    fn of(flag: Flag, answers: &Answers, temperature: f32) -> Self {
        // Each half is judged with the temperature of the other one.
        let halves = [1, 0].map(|other| answers.half(other).max(temperature));
        let rows = 0..answers.truths.len();
        let factor = fit_temperature(&answers.logits, &answers.truths).max(temperature) / temperature;
        let before = answers.scores(temperature);
        Self {
            flag,
            n: answers.truths.len(),
            accuracy: before.confusion.accuracy(),
            factor,
            confidence: [temperature, temperature * factor].map(|temperature| answers.confidence(temperature)),
            ece: [before.ece, answers.scores_of(rows, |row| halves[row % 2]).ece],
        }
    }
}

/// At most [`PICTURES`] of them, evenly.
fn thinned(indices: &[usize]) -> impl Iterator<Item = usize> + '_ {
    indices.iter().copied().step_by(indices.len().div_ceil(PICTURES).max(1))
}

fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| ((logit - top) / temperature).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// What the bundle says of pictures, as they are or flawed; of the flawed ones those that raise the flag.
fn answers(
    bundle: &Bundle,
    dataset: &Dataset,
    indices: &[usize],
    map: &LabelMap,
    flaw: Option<(Flag, Corruption, usize)>,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Answers> {
    let preprocess = &bundle.card().preprocess;
    let chip = |index: usize| -> Option<Chip> {
        let picture = dataset.picture(index).ok()?;
        let Some((flag, corruption, strength)) = flaw else { return Some(preprocess.whole(&picture)) };
        let (picture, face) = corruption.apply(&picture, strength, index as u64).ok()?;
        // A face of few pixels is one that was enlarged here: its eyes were near each other before.
        let raised = flag == Flag::Small || Quality::of(&picture, &face).flags.contains(&flag);
        raised.then(|| preprocess.chip(&picture, &face))
    };
    let mut answers = Answers::default();
    for group in indices.chunks(GROUP) {
        let found: Vec<_> =
            group.par_iter().map(|&index| Some((index, map.target(dataset.samples()[index].label)?, chip(index)?))).collect();
        let mut chips = Vec::new();
        for (index, truth, chip) in found.into_iter().flatten() {
            answers.indices.push(index);
            answers.truths.push(truth);
            chips.push(chip);
        }
        answers.logits.extend(bundle.logits(&chips)?);
        progress(group.len());
    }
    Ok(answers)
}

impl Conformal {
    /// The classes of the set: those that are likely enough, or the likeliest if none is. Most probable first.
    pub fn set<'a>(&self, probabilities: &'a Probabilities) -> Vec<&'a str> {
        let names = probabilities.labels().names();
        self.places(probabilities.values()).into_iter().map(|place| names[place].as_str()).collect()
    }

    fn places(&self, row: &[f32]) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..row.len()).collect();
        ranked.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
        let likely = ranked.iter().take_while(|place| row[**place] >= self.threshold).count();
        ranked.truncate(likely.max(1));
        ranked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emotion::LabelSet;

    /// Answers of a network that is right in `right` of 10 cases and always says 2.0 against 0.0.
    fn sure(right: usize) -> Answers {
        let rows = 400;
        let truths = (0..rows).map(|row| usize::from(row / 2 % 10 >= right)).collect();
        Answers { logits: vec![vec![2.0, 0.0]; rows], truths, indices: (0..rows).collect() }
    }

    #[test]
    fn a_flag_whose_answers_are_too_sure_gets_a_factor_that_makes_confidence_honest() {
        let flag = FlagCalibration::of(Flag::Blurred, &sure(7), 1.0);
        assert!(flag.factor > 1.5 && (flag.accuracy - 0.7).abs() < 0.01);
        assert!((flag.confidence[0] - 0.88).abs() < 0.01 && (flag.confidence[1] - 0.7).abs() < 0.01, "{:?}", flag.confidence);
        assert!(flag.ece[1] < 0.02 && flag.ece[0] > 0.15, "{:?}", flag.ece);
    }

    #[test]
    fn a_flag_never_makes_an_answer_surer() {
        assert_eq!(FlagCalibration::of(Flag::Dark, &sure(10), 1.0).factor, 1.0);
    }

    #[test]
    fn a_set_holds_the_likely_classes_and_never_none() {
        let labels = LabelSet::new(["happy", "sad", "angry"]).unwrap();
        let p = Probabilities::from_logits(&labels, &[1.0, 1.5, -3.0], 1.0);
        assert_eq!(Conformal { coverage: 0.9, threshold: 0.2 }.set(&p), ["sad", "happy"]);
        assert_eq!(Conformal { coverage: 0.9, threshold: 0.99 }.set(&p), ["sad"]);
        assert_eq!(Conformal { coverage: 0.9, threshold: 0.0 }.set(&p).len(), 3);
    }
}
