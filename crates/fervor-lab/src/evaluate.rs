//! What a model says about a data set, scored: [`Evaluation`] takes the rows, [`EvalReport`] holds the answer.
//!
//! No model runs here. Whoever runs one hands over each row's probabilities and its truth; all that is printed, drawn
//! or compared afterwards comes from the one [`EvalReport`].

mod choice;
mod predictions;
mod report;
mod row;
mod run;
mod slices;
mod voters;

use std::collections::BTreeMap;

use crate::dataset::Problem;
use fervor::emotion::{LabelMap, LabelSet};
use fervor::error::{Error, Reason, Result};

pub use predictions::{read_predictions, write_predictions};
pub use report::{
    ClassReport, ConfusedPair, DataInfo, EvalReport, LabelRule, LeakFree, Mistake, ModelInfo, REPORT_SCHEMA, VoteScores,
};
pub use row::{Row, Votes};
pub use slices::{BY_CLASS, BY_FLAGS, Gap, GroupScores, LEAST_COMPARED, Score, Slice};
pub use voters::{Agreement, Sides, VoteShare, Voters};

/// The rows of an evaluation while they are gathered: each is checked as it comes, so that [`report`](Self::report) has nothing
/// left to refuse but that there are none.
///
/// ```
/// use fervor::LabelSet;
/// use fervor_lab::evaluate::{DataInfo, Evaluation, ModelInfo, Row};
///
/// let labels = LabelSet::new(["happy", "sad"])?;
/// let model = ModelInfo { name: "tiny".into(), sha256: "00".into() };
/// let data = DataInfo { name: "pets".into(), manifest_sha256: "11".into() };
/// let mut evaluation = Evaluation::new(labels, model, data, "test");
/// evaluation.push(Row::new("a.png", 0, [0.9, 0.1]))?;
/// evaluation.push(Row { in_training: true, ..Row::new("b.png", 1, [0.6, 0.4]) })?;
/// evaluation.exclude("unreadable", 1);
/// let report = evaluation.report()?;
/// assert_eq!((report.n, report.accuracy), (2, 0.5));
/// # Ok::<(), fervor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Evaluation {
    labels: LabelSet,
    rows: Vec<Row>,
    excluded: BTreeMap<String, u64>,
    problems: Vec<Problem>,
    label_map: Vec<LabelRule>,
    /// All the model's classes, where it was asked to choose among some of them only.
    chosen_from: Option<LabelSet>,
    /// Which model spoke.
    pub model: ModelInfo,
    /// Which data it was asked about.
    pub data: DataInfo,
    /// Which part of the data.
    pub split: String,
    /// Whether the truths are what most voters say.
    pub judged_by_votes: bool,
    /// Whether [`Row::in_training`] means anything: false for a model whose card does not say what it was trained on.
    pub training_known: bool,
    /// The command that makes the report again.
    pub command: Option<String>,
}

impl Evaluation {
    /// An evaluation without rows. `labels` are the classes of the rows' probabilities and truths.
    pub fn new(labels: LabelSet, model: ModelInfo, data: DataInfo, split: impl Into<String>) -> Self {
        Self {
            labels,
            rows: Vec::new(),
            excluded: BTreeMap::new(),
            problems: Vec::new(),
            label_map: Vec::new(),
            chosen_from: None,
            model,
            data,
            split: split.into(),
            judged_by_votes: false,
            training_known: true,
            command: None,
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data) for an empty id, a truth that is no class, or votes that are not a share for each class;
    /// [`Model`](fervor::ErrorKind::Model) for a wrong number of probabilities, one that is not in 0..=1, or none above 0.
    pub fn push(&mut self, row: Row) -> Result<()> {
        row.check(self.labels.len())?;
        self.rows.push(row);
        Ok(())
    }

    /// Counts `n` samples that were left out, and why ("unreadable", "no face", "class left out").
    pub fn exclude(&mut self, reason: impl Into<String>, n: u64) {
        if n > 0 {
            *self.excluded.entry(reason.into()).or_default() += n;
        }
    }

    /// Counts pictures that could not be read, and remembers which.
    pub fn exclude_unreadable(&mut self, problems: Vec<Problem>) {
        self.exclude("no longer readable", problems.len() as u64);
        self.problems.extend(problems);
    }

    /// Says of each row to which group of `column` it belongs; a row of which that is not known belongs to none.
    pub fn group(&mut self, column: &str, of: impl Fn(&Row) -> Option<String>) {
        for row in &mut self.rows {
            if let Some(group) = of(row) {
                row.groups.insert(column.to_owned(), group);
            }
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

    /// The classes of the rows' probabilities, and of their truths.
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// The rows so far.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many samples were left out, by reason.
    pub fn excluded(&self) -> &BTreeMap<String, u64> {
        &self.excluded
    }

    /// The pictures that could not be read any more when the model was to look at them.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// All the model's classes, where it had to choose among [`labels`](Self::labels) only.
    pub fn chosen_from(&self) -> Option<&LabelSet> {
        self.chosen_from.as_ref()
    }

    /// What became of the data's classes, where the model's are others.
    pub fn label_map(&self) -> &[LabelRule] {
        &self.label_map
    }

    /// Scores the rows.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): there are none.
    pub fn report(&self) -> Result<EvalReport> {
        if self.rows.is_empty() {
            let excluded: u64 = self.excluded.values().sum();
            return Err(Error::data(format!("nothing to evaluate: split {:?} has 0 samples ({excluded} left out)", self.split))
                .because(Reason::Empty)
                .with_hint("choose another split, or look at why samples were left out"));
        }
        Ok(EvalReport::of(self))
    }
}
