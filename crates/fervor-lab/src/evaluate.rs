//! What a model says about a data set, scored: [`Evaluation`] takes the rows, [`EvalReport`] holds the answer.
//!
//! No model runs here. Whoever runs one hands over each row's probabilities and its truth; all that is printed, drawn
//! or compared afterwards comes from the one [`EvalReport`].

mod report;
mod run;
mod voters;

use std::collections::BTreeMap;

use fervor::emotion::{LabelMap, LabelSet};
use fervor::error::{Error, Result};

pub use report::{
    ClassReport, ConfusedPair, DataInfo, EvalReport, LabelRule, LeakFree, Mistake, ModelInfo, REPORT_SCHEMA, VoteScores,
};
pub use voters::{Agreement, Sides, VoteShare, Voters};

/// The rows of an evaluation while they are gathered.
///
/// ```
/// use fervor::LabelSet;
/// use fervor_lab::evaluate::{DataInfo, Evaluation, ModelInfo};
///
/// let labels = LabelSet::new(["happy", "sad"])?;
/// let model = ModelInfo { name: "tiny".into(), sha256: "00".into() };
/// let data = DataInfo { name: "pets".into(), manifest_sha256: "11".into() };
/// let mut evaluation = Evaluation::new(labels, model, data, "test");
/// evaluation.push("a.png", 0, &[0.9, 0.1], false)?;
/// evaluation.push("b.png", 1, &[0.6, 0.4], true)?;
/// evaluation.exclude("unreadable", 1);
/// let report = evaluation.report()?;
/// assert_eq!((report.n, report.accuracy), (2, 0.5));
/// # Ok::<(), fervor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The classes of the probabilities' columns, and of the truths.
    pub labels: LabelSet,
    /// Which model spoke.
    pub model: ModelInfo,
    /// Which data it was asked about.
    pub data: DataInfo,
    /// Which part of the data.
    pub split: String,
    /// n x classes, row after row.
    pub probabilities: Vec<f32>,
    /// The true class of each row.
    pub truth: Vec<usize>,
    /// The name under which each row's picture is found again.
    pub ids: Vec<String>,
    /// What share of the annotators voted for each class, n x classes; zeros for a row without votes, empty where nobody voted.
    pub votes: Vec<f32>,
    /// The share of a row's votes that were for one of the classes, which `votes` scales to 1; empty: all of them.
    pub votes_kept: Vec<f32>,
    /// Whether the truths are what most voters say.
    pub judged_by_votes: bool,
    /// Whether the row's pixels were trained on.
    pub in_training: Vec<bool>,
    /// Whether `in_training` means anything: false for a model whose card does not say what it was trained on.
    pub training_known: bool,
    /// How many samples were left out, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// What became of the data's classes, where the model's are others.
    pub label_map: Vec<LabelRule>,
    /// The command that makes the report again.
    pub command: Option<String>,
}

impl Evaluation {
    /// An evaluation without rows.
    pub fn new(labels: LabelSet, model: ModelInfo, data: DataInfo, split: impl Into<String>) -> Self {
        Self {
            labels,
            model,
            data,
            split: split.into(),
            probabilities: Vec::new(),
            truth: Vec::new(),
            ids: Vec::new(),
            votes: Vec::new(),
            votes_kept: Vec::new(),
            judged_by_votes: false,
            in_training: Vec::new(),
            training_known: true,
            excluded: BTreeMap::new(),
            label_map: Vec::new(),
            command: None,
        }
    }

    /// Adds a row: the picture's name, its true class, a probability for each class, and whether its pixels were trained on.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data) for a truth that is no class; [`Model`](fervor::ErrorKind::Model) for a wrong number of
    /// probabilities, or one that is not in 0..=1.
    pub fn push(&mut self, id: impl Into<String>, truth: usize, probabilities: &[f32], in_training: bool) -> Result<()> {
        let id = id.into();
        self.check_row(&id, truth, probabilities)?;
        self.probabilities.extend_from_slice(probabilities);
        self.truth.push(truth);
        self.ids.push(id);
        self.in_training.push(in_training);
        Ok(())
    }

    /// Counts `n` samples that were left out, and why ("unreadable", "no face", "class left out").
    pub fn exclude(&mut self, reason: impl Into<String>, n: u64) {
        if n > 0 {
            *self.excluded.entry(reason.into()).or_default() += n;
        }
    }

    /// Says in the report how the data's classes became the model's. A map that changes nothing leaves no trace.
    pub fn set_label_map(&mut self, map: &LabelMap) {
        self.label_map = (0..map.from().len())
            .map(|index| LabelRule {
                from: map.from().name(index).to_owned(),
                to: map.target(index).map(|target| map.to().name(target).to_owned()),
            })
            .collect();
        if self.label_map.iter().all(|rule| rule.to.as_ref() == Some(&rule.from)) {
            self.label_map.clear();
        }
    }

    /// Scores the rows.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): no rows, or lists of different lengths. What [`Evaluation::push`] refuses is refused here too.
    pub fn report(&self) -> Result<EvalReport> {
        self.check()?;
        Ok(EvalReport::of(self))
    }

    /// One row's probabilities.
    pub fn row(&self, index: usize) -> &[f32] {
        let classes = self.labels.len();
        &self.probabilities[index * classes..(index + 1) * classes]
    }

    /// One row's votes, if it has any.
    pub fn votes_of(&self, index: usize) -> Option<&[f32]> {
        let classes = self.labels.len();
        let votes = self.votes.get(index * classes..(index + 1) * classes)?;
        votes.iter().any(|share| *share > 0.0).then_some(votes)
    }

    /// The share of all people asked who voted for a class.
    pub(crate) fn people(&self, index: usize, class: usize) -> f32 {
        let kept = self.votes_kept.get(index).copied().unwrap_or(1.0);
        self.votes_of(index).map_or(0.0, |votes| votes[class] * kept)
    }

    fn check(&self) -> Result<()> {
        let n = self.truth.len();
        if n == 0 {
            let excluded: u64 = self.excluded.values().sum();
            return Err(Error::data(format!("nothing to evaluate: split {:?} has 0 samples ({excluded} left out)", self.split))
                .with_hint("choose another split, or look at why samples were left out"));
        }
        let lists = [self.ids.len(), self.in_training.len(), self.probabilities.len() / self.labels.len()];
        if lists != [n; 3] || !self.probabilities.len().is_multiple_of(self.labels.len()) {
            return Err(Error::data(format!("an evaluation's lists have different lengths: {n} truths, {lists:?} others")));
        }
        if !self.votes.is_empty() && self.votes.len() != self.probabilities.len() {
            return Err(Error::data(format!(
                "{} shares of votes for {} probabilities",
                self.votes.len(),
                self.probabilities.len()
            )));
        }
        (0..n).try_for_each(|index| self.check_row(&self.ids[index], self.truth[index], self.row(index)))
    }

    fn check_row(&self, id: &str, truth: usize, probabilities: &[f32]) -> Result<()> {
        let classes = self.labels.len();
        if truth >= classes {
            return Err(Error::data(format!("the true class of {id} is none of the {classes} classes: {truth}")));
        }
        if probabilities.len() != classes {
            return Err(Error::model(format!("{id} needs {classes} probabilities, got {}", probabilities.len())));
        }
        match probabilities.iter().find(|&&p| !(0.0..=1.0 + 1e-4).contains(&p)) {
            Some(p) => Err(Error::model(format!("a probability for {id} is not in 0..=1: {p}"))),
            None => Ok(()),
        }
    }
}
