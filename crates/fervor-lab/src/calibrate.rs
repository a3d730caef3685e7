//! Fits what a card says of doubt on pictures that were not trained on: the temperature, how much each quality flag of a
//! face raises it, and the threshold of conformal sets.
//!
//! A temperature that is right for clean pictures is too sure of poor ones (Ovadia et al., "Can you trust your model's
//! uncertainty?", 2019). So each flag gets a temperature of its own, fitted on pictures that were made to raise it.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Progress};
use crate::evaluate::VoteScores;
use crate::metrics::{Scores, conformal_threshold, fit_temperature_to};
use crate::robustness::Corruption;
use crate::sweep::{Steps, Sweep, evenly};
use fervor::bundle::{Bundle, Card, Conformal};
use fervor::emotion::LabelMap;
use fervor::error::{Error, Reason, Result};
use fervor::picture::Picture;
use fervor::prediction::{log_softmax, softmax};
use fervor::preprocess::Chip;
use fervor::quality::{Flag, Quality};

mod blend;
mod class_bias;

pub use blend::Blend;
pub use class_bias::ClassBias;

/// How often a conformal set holds the right class.
pub const COVERAGE: f64 = 0.9;
/// Pictures of one corruption at one strength.
const PICTURES: usize = 600;
/// Pictures below which a flag stays without a factor: no figure would stand on so few.
const LEAST: usize = 100;
/// What raises each flag that can be measured on whole pictures, and at which strengths. Profiles and doubtful detections
/// cannot be made from a face crop.
const CAUSES: [(Flag, Corruption, std::ops::RangeInclusive<usize>); 5] = [
    (Flag::Blurred, Corruption::Blur, 1..=5),
    (Flag::Small, Corruption::Resolution, 2..=5),
    (Flag::Dark, Corruption::Darker, 2..=5),
    (Flag::Flat, Corruption::Contrast, 2..=5),
    (Flag::CutOff, Corruption::Shift, 3..=5),
];

/// What a bundle's doubt should be, and what that was measured on. [`Measure::calibration`] makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Calibration {
    /// How many clean pictures were answered: as they are in the data, without a corruption.
    pub n: usize,
    /// Accuracy on the clean pictures. With class biases, each picture is answered with those fitted on the other half.
    pub accuracy: f64,
    /// Macro F1 on the clean pictures, answered as for `accuracy`.
    pub macro_f1: f64,
    /// The temperature that fits the answers to the clean pictures best.
    pub temperature: f32,
    /// Calibration error of the clean pictures at temperature 1, at the card's, and at temperatures like the new one, each
    /// fitted on the other half of the pictures. By labels; with votes, by what most voters say.
    pub ece: [f64; 3],
    /// Mean log loss of the same three; with votes, the cross-entropy to them.
    #[serde(default)]
    pub log_loss: [f64; 3],
    /// Conformal sets that hold the right class in [`COVERAGE`] of pictures like the clean ones.
    pub conformal: Conformal,
    /// Mean number of classes in a conformal set.
    pub set_size: f64,
    /// How near the answers are to the votes, where the temperature was fitted to votes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<VoteScores>,
    /// One for each flag that enough pictures raise.
    pub flags: Vec<FlagCalibration>,
    /// Names of the pictures that could not be read or not be corrupted, and were left out there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// The class biases that were in the network before the rest was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_bias: Option<ClassBias>,
    /// How the heads of the network became one answer before the rest was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blend: Option<Blend>,
}

/// What one flag does to an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FlagCalibration {
    /// The flag.
    pub flag: Flag,
    /// Answers to pictures that were made to raise the flag, and did; a picture counts once for each strength.
    pub n: usize,
    /// Accuracy of the `n` answers.
    pub accuracy: f64,
    /// By what the temperature is multiplied for a face with this flag: 1 or more.
    pub factor: f32,
    /// Mean confidence of the `n` answers without and with the factor.
    pub confidence: [f64; 2],
    /// Calibration error of the `n` answers without a factor, and with factors that were each fitted on the other half of the pictures.
    pub ece: [f64; 2],
}

/// Whether a bundle still has the network that its card's scores are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The scores still hold.
    Same,
    /// It answers differently: class biases were put in, or its weights rounded.
    Changed,
}

/// What a bundle said, and what is right.
#[derive(Default)]
struct Answers {
    logits: Vec<Vec<f32>>,
    truths: Vec<usize>,
    /// What a temperature is fitted to: all of the label, or the votes.
    targets: Vec<Vec<f32>>,
    /// Place of each picture in the list of samples: halves are of pictures, not of answers.
    places: Vec<usize>,
    /// Names of the pictures that gave no answer.
    unreadable: BTreeSet<String>,
}

impl Answers {
    /// Scores, each row at the temperature of its half.
    fn scores(&self, halves: [f32; 2]) -> Scores {
        let classes = self.logits.first().map_or(0, Vec::len);
        let rows = self.logits.iter().zip(&self.places);
        let probabilities: Vec<f32> = rows.flat_map(|(logits, place)| published(logits, halves[place % 2])).collect();
        Scores::new(classes, &probabilities, &self.truths)
    }

    /// Mean cross-entropy to the targets, each row at the temperature of its half.
    fn log_loss(&self, halves: [f32; 2]) -> f64 {
        let rows = self.logits.iter().zip(&self.targets).zip(&self.places);
        let of_row = |((logits, targets), place): ((&Vec<f32>, &Vec<f32>), &usize)| -> f64 {
            let logs = log_softmax(logits, f64::from(halves[place % 2]));
            targets.iter().zip(logs).map(|(share, log)| f64::from(*share) * -log).sum()
        };
        rows.map(of_row).sum::<f64>() / self.logits.len() as f64
    }

    fn confidence(&self, temperature: f32) -> f64 {
        let top = |logits: &Vec<f32>| f64::from(published(logits, temperature).into_iter().fold(0.0, f32::max));
        self.logits.iter().map(top).sum::<f64>() / self.logits.len() as f64
    }

    fn temperature(&self) -> f32 {
        fit_temperature_to(&self.logits, &self.targets)
    }

    /// For each half of the pictures, the temperature of the other one; that of all where a half is empty.
    fn others(&self) -> [f32; 2] {
        [1, 0].map(|half| {
            let half = self.half(half);
            if half.truths.is_empty() { self.temperature() } else { half.temperature() }
        })
    }

    /// The answers to the pictures of one half.
    fn half(&self, half: usize) -> Self {
        let rows: Vec<usize> = (0..self.places.len()).filter(|row| self.places[*row] % 2 == half).collect();
        fn pick<T: Clone>(all: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|row| all[*row].clone()).collect()
        }
        Self {
            logits: pick(&self.logits, &rows),
            truths: pick(&self.truths, &rows),
            targets: pick(&self.targets, &rows),
            places: pick(&self.places, &rows),
            unreadable: BTreeSet::new(),
        }
    }

    /// # Errors
    /// `Data`: no figure could stand on them.
    fn are_enough(&self) -> Result<()> {
        let n = self.truths.len();
        if n >= LEAST {
            return Ok(());
        }
        Err(Error::data(format!("calibration needs {LEAST} pictures or more, there are {n}"))
            .because(Reason::Empty)
            .with_hint("choose another split, or more data that was not trained on"))
    }

    fn extend(&mut self, more: Self) {
        self.logits.extend(more.logits);
        self.truths.extend(more.truths);
        self.targets.extend(more.targets);
        self.places.extend(more.places);
        self.unreadable.extend(more.unreadable);
    }

    /// Pictures behind the answers.
    fn pictures(&self) -> usize {
        self.places.iter().collect::<HashSet<_>>().len()
    }
}

/// What temperatures and biases are fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FittedTo {
    /// The label of each sample.
    Labels,
    /// The distribution of the votes over the model's classes, which every sample must have.
    Votes,
}

/// The pictures that a bundle's doubt is measured on, each taken whole, and how.
#[derive(Clone, Copy)]
pub struct Measure<'a> {
    /// Whose doubt it is.
    pub bundle: &'a Bundle,
    /// Where the pictures are.
    pub dataset: &'a Dataset,
    /// The samples: none that the bundle was trained on.
    pub indices: &'a [usize],
    /// The way from the data's classes to the model's.
    pub map: &'a LabelMap,
    /// What is right.
    pub fitted_to: FittedTo,
    /// Hears of pictures done and of all that will be looked at.
    pub progress: Progress<'a>,
}

impl Measure<'_> {
    /// Fits the temperature, the factors of flags, and the conformal sets.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): fewer than 100 pictures, or one without votes. [`Model`](fervor::ErrorKind::Model): the
    /// network fails.
    pub fn calibration(&self) -> Result<Calibration> {
        let wanted = self.wanted();
        let some = evenly(&wanted, PICTURES);
        let strengths: usize = CAUSES.iter().map(|(_, _, strengths)| strengths.clone().count()).sum();
        let steps = Steps::new(wanted.len() + strengths * some.len(), self.progress);
        let clean = self.clean(&wanted, &steps)?;
        let n = clean.truths.len();
        let temperature = clean.temperature();
        let rows: Vec<Vec<f32>> = clean.logits.iter().map(|logits| published(logits, temperature)).collect();
        let truth: Vec<f32> = rows.iter().zip(&clean.truths).map(|(row, truth)| row[*truth]).collect();
        let conformal = Conformal { coverage: COVERAGE, threshold: conformal_threshold(&truth, COVERAGE) };
        let set_size = rows.iter().map(|row| conformal.places(row).len()).sum::<usize>() as f64 / n as f64;
        let votes = (self.fitted_to == FittedTo::Votes).then(|| VoteScores::of(&clean.targets.concat(), &rows.concat(), n));
        let mut unreadable = BTreeSet::from_iter(clean.unreadable.iter().cloned());
        let mut flags = Vec::new();
        for (flag, corruption, strengths) in CAUSES {
            let mut flawed = Answers::default();
            for strength in strengths {
                flawed.extend(self.answers(&some, Some((flag, corruption, strength)), &steps)?);
            }
            unreadable.append(&mut flawed.unreadable);
            if flawed.pictures() >= LEAST {
                flags.push(FlagCalibration::of(flag, &flawed, temperature));
            }
        }
        let temperatures = [[1.0; 2], [self.bundle.card().temperature; 2], clean.others()];
        let [plain, before, after] = temperatures.map(|halves| clean.scores(halves));
        Ok(Calibration {
            n,
            accuracy: after.confusion.accuracy(),
            macro_f1: after.confusion.macro_f1(),
            temperature,
            ece: [plain.ece, before.ece, after.ece],
            log_loss: temperatures.map(|halves| clean.log_loss(halves)),
            conformal,
            set_size,
            votes,
            flags,
            unreadable: unreadable.into_iter().collect(),
            class_bias: None,
            blend: None,
        })
    }
}

impl Calibration {
    /// Whether pictures that did not fit it are answered better with it than with the card's temperature: their log loss falls, and their
    /// calibration error does not rise by a point or more (of labels; votes are no labels).
    /// With class biases it is enough that those fitted on the other half raise the accuracy.
    pub fn helps(&self) -> bool {
        if self.class_bias.as_ref().is_some_and(|bias| bias.accuracy[1] > bias.accuracy[0]) {
            return true;
        }
        self.log_loss[2] < self.log_loss[1] && (self.votes.is_some() || self.ece[2] < self.ece[1] + 0.01)
    }

    /// Says that these biases were in the network that was measured.
    #[must_use]
    pub fn with_class_bias(mut self, bias: ClassBias) -> Self {
        [self.accuracy, self.macro_f1] = [bias.accuracy[1], bias.macro_f1[1]];
        self.class_bias = Some(bias);
        self
    }

    /// Says that the heads had been blended so before it was measured.
    #[must_use]
    pub fn with_blend(mut self, blend: Blend) -> Self {
        self.blend = Some(blend);
        self
    }

    /// Writes it into a card; `split` is the part of the data that it was measured on. The scores that the card has of this part go,
    /// and those of these pictures come; if the `network` is another than the card's scores were measured on (class biases,
    /// rounded weights), all go.
    pub fn apply(&self, card: &mut Card, split: &str, network: Network) {
        card.temperature = self.temperature;
        card.conformal = Some(self.conformal);
        card.flag_factors = self.flags.iter().map(|flag| (flag.flag, flag.factor)).collect();
        // What depends on the temperature was measured at another one.
        card.metrics.retain(|name, _| !name.contains(".votes_") && !name.ends_with(".ece"));
        card.metrics.insert(format!("{split}.ece"), self.ece[2]);
        if let Some(votes) = self.votes {
            card.metrics.insert(format!("{split}.votes_cross_entropy"), votes.cross_entropy);
            card.metrics.insert(format!("{split}.votes_kl"), votes.kl);
        }
        let goes = |name: &str| {
            let part = [".accuracy", ".macro_f1", ".loss"].iter().find_map(|end| name.strip_suffix(end));
            part.is_some_and(|part| network == Network::Changed || part == split)
        };
        card.metrics.retain(|name, _| !goes(name));
        card.metrics.insert(format!("{split}.accuracy"), self.accuracy);
        card.metrics.insert(format!("{split}.macro_f1"), self.macro_f1);
    }
}

impl FlagCalibration {
    fn of(flag: Flag, answers: &Answers, temperature: f32) -> Self {
        let factor = answers.temperature().max(temperature) / temperature;
        let before = answers.scores([temperature; 2]);
        Self {
            flag,
            n: answers.truths.len(),
            accuracy: before.confusion.accuracy(),
            factor,
            confidence: [temperature, temperature * factor].map(|temperature| answers.confidence(temperature)),
            ece: [before.ece, answers.scores(answers.others().map(|other| other.max(temperature))).ece],
        }
    }
}

/// As [`Probabilities::from_logits`](fervor::Probabilities::from_logits) publishes them.
fn published(logits: &[f32], temperature: f32) -> Vec<f32> {
    softmax(logits, temperature).into_iter().map(|p| p as f32).collect()
}

impl Measure<'_> {
    /// The samples whose class the model has.
    fn wanted(&self) -> Vec<usize> {
        self.indices.iter().copied().filter(|&index| self.truth(index).is_some()).collect()
    }

    /// The model's class of a sample; none where the map leaves it out.
    fn truth(&self, index: usize) -> Option<usize> {
        self.map.target(self.dataset.samples()[index].label)
    }

    /// What the bundle says of all of these pictures as they are.
    ///
    /// # Errors
    /// `Data`: they are too few; `Model`: the network fails.
    fn clean(&self, samples: &[usize], steps: &Steps) -> Result<Answers> {
        let answers = self.answers(samples, None, steps)?;
        answers.are_enough()?;
        Ok(answers)
    }

    /// What the bundle says of pictures, as they are or flawed; of the flawed ones those that raise the flag.
    fn answers(&self, samples: &[usize], flaw: Option<(Flag, Corruption, usize)>, steps: &Steps) -> Result<Answers> {
        self.asked(samples, flaw, steps, |chips| self.bundle.logits(chips))
    }

    /// What `ask` says of pictures, as [`answers`](Self::answers).
    fn asked(
        &self,
        samples: &[usize],
        flaw: Option<(Flag, Corruption, usize)>,
        steps: &Steps,
        ask: impl Fn(&[Chip]) -> Result<Vec<Vec<f32>>> + Sync,
    ) -> Result<Answers> {
        let preprocess = &self.bundle.card().preprocess;
        let view = |index: usize, picture: &Picture| {
            let Some((flag, corruption, strength)) = flaw else { return Ok(Some((preprocess.whole(picture), ()))) };
            let (picture, face) = corruption.apply(picture, strength, index as u64)?;
            // A face of few pixels is one that was enlarged here: its eyes were near each other before.
            let raised = flag == Flag::Small || Quality::of(&picture, &face).flags.contains(&flag);
            Ok(raised.then(|| (preprocess.chip(&picture, &face), ())))
        };
        let swept = Sweep { dataset: self.dataset, samples, steps }.run(view, ask)?;
        let mut answers = Answers { unreadable: swept.unreadable().into_iter().collect(), ..Answers::default() };
        for answer in swept.answers {
            let truth = self.truth(answer.index).expect("only wanted samples are asked about");
            answers.places.push(answer.place);
            answers.truths.push(truth);
            answers.targets.push(self.target(answer.index, truth)?);
            answers.logits.push(answer.values);
        }
        Ok(answers)
    }

    /// What the answer should be: the label, or the votes for the model's classes.
    fn target(&self, index: usize, truth: usize) -> Result<Vec<f32>> {
        let mut target = vec![0.0; self.bundle.card().labels.len()];
        if self.fitted_to == FittedTo::Labels {
            target[truth] = 1.0;
            return Ok(target);
        }
        let votes = self.dataset.soft_label(index);
        let votes = votes.ok_or_else(|| {
            Error::data("a sample has no votes").because(Reason::Missing).context(&self.dataset.samples()[index].id)
        })?;
        for (class, share) in votes.into_iter().enumerate() {
            if let Some(class) = self.map.target(class) {
                target[class] += share;
            }
        }
        // The truth is a class of the model and has votes, so something is left.
        let sum: f32 = target.iter().sum();
        target.iter_mut().for_each(|share| *share /= sum);
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of a network that is right in `right` of 10 cases and always says 2.0 against 0.0.
    fn sure(right: usize) -> Answers {
        let rows = 400;
        let truths: Vec<usize> = (0..rows).map(|row| usize::from(row / 2 % 10 >= right)).collect();
        let target = |truth: &usize| if *truth == 0 { vec![1.0, 0.0] } else { vec![0.0, 1.0] };
        let targets = truths.iter().map(target).collect();
        Answers { logits: vec![vec![2.0, 0.0]; rows], truths, targets, places: (0..rows).collect(), ..Answers::default() }
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
}
