//! The scores of groups of pictures side by side, and the largest gap between two of them.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Evaluation, Row};
use crate::metrics::{Chance, Scores, bootstrap_intervals, difference_interval, rank_of, varied, wilson_interval};
use fervor::error::{Error, Reason, Result};

/// The name under which rows are grouped by what they are labelled.
pub const BY_CLASS: &str = "class";
/// The name under which rows are grouped by what lowers the trust in their answers; a row with two flags stands in two groups.
pub const BY_FLAGS: &str = "flags";
/// A group of fewer pictures is shown, and not compared: its scores say little.
pub const LEAST_COMPARED: u64 = 10;

/// Where the group is not known.
const UNKNOWN: &str = "not stated";
const NO_FLAG: &str = "no flag";
const REPLICATES: usize = 1000;
const SEED: u64 = 0;

/// A score and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Over all rows of the group.
    pub value: f64,
    /// Of accuracy and top-2 accuracy after Wilson, of the others by bootstrap: 1000 replicates, seed 0; null where every replicate
    /// scores the same, as where all are right, and of the calibration error, which replicates only raise.
    pub ci95: Option<[f64; 2]>,
}

/// What a model scores on one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupScores {
    /// The group's name.
    pub group: String,
    /// Its rows.
    pub n: u64,
    /// Share answered rightly.
    pub accuracy: Score,
    /// Mean recall of the classes that the group has.
    pub balanced_accuracy: Score,
    /// Mean F1 of the classes that the group has.
    pub macro_f1: Score,
    /// Share whose label is among the two most probable classes.
    pub top2_accuracy: Score,
    /// Mean of `-ln` of the label's probability.
    pub log_loss: Score,
    /// Mean squared distance between probabilities and label.
    pub brier: Score,
    /// Expected calibration error.
    pub ece: Score,
    /// What it would be by chance alone; null in reports of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ece_by_chance: Option<Chance>,
}

/// The two groups between which a score differs most, of those with [`LEAST_COMPARED`] rows or more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// The score's key in [`GroupScores`].
    pub score: String,
    /// Where it is highest.
    pub highest: String,
    /// Where it is lowest.
    pub lowest: String,
    /// The difference of both.
    pub difference: f64,
    /// Its 95 % interval from those of both, which are independent (Newcombe 1998, method 10). Of many groups the two farthest
    /// apart were chosen, which the interval does not make up for. Null where one of them has none, and of [`BY_FLAGS`], whose groups
    /// share pictures.
    pub ci95: Option<[f64; 2]>,
}

/// The rows by one thing that they differ in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Slice {
    /// What the rows are grouped by.
    pub column: String,
    /// By name.
    pub groups: Vec<GroupScores>,
    /// Of accuracy, balanced accuracy, macro F1 and calibration error; empty where fewer than two groups can be compared.
    pub gaps: Vec<Gap>,
}

impl Evaluation {
    /// What the rows can be grouped by, beside [`BY_CLASS`] and [`BY_FLAGS`].
    pub fn columns(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rows.iter().flat_map(|row| row.groups.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The scores of each group of a column.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): there is no such column. [`Data`](fervor::ErrorKind::Data): there are no rows.
    pub fn slice(&self, column: &str) -> Result<Slice> {
        let members = self.members(column)?;
        if members.is_empty() {
            return Err(Error::data("nothing to group: no picture was scored").because(Reason::Empty));
        }
        let members: Vec<(String, Vec<&Row>)> = members.into_iter().collect();
        let classes = self.labels.len();
        let groups: Vec<GroupScores> =
            members.into_par_iter().map(|(group, rows)| GroupScores::of(group, &rows, classes)).collect();
        let independent = column != BY_FLAGS;
        let gaps = [
            Gap::of("accuracy", &groups, |group| group.accuracy),
            // Of one class a mean over the classes says nothing that the accuracy does not.
            Gap::of("balanced_accuracy", &groups, |group| group.balanced_accuracy).filter(|_| column != BY_CLASS),
            Gap::of("macro_f1", &groups, |group| group.macro_f1).filter(|_| column != BY_CLASS),
            Gap::of("ece", &groups, |group| group.ece),
        ];
        let gaps = gaps.into_iter().flatten().map(|gap| Gap { ci95: gap.ci95.filter(|_| independent), ..gap }).collect();
        Ok(Slice { column: column.to_owned(), gaps, groups })
    }

    /// The rows of each group of a column, by the group's name.
    ///
    /// # Errors
    /// As [`slice`](Self::slice).
    pub(crate) fn members(&self, column: &str) -> Result<BTreeMap<String, Vec<&Row>>> {
        let columns = self.columns();
        if ![BY_CLASS, BY_FLAGS].contains(&column) && !columns.contains(&column) {
            let known = [&[BY_CLASS, BY_FLAGS], &columns[..]].concat().join(", ");
            return Err(Error::input(format!("the pictures cannot be grouped by {column:?}"))
                .because(Reason::Missing)
                .with_hint(format!("they can be by {known}")));
        }
        let mut members: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in &self.rows {
            for group in self.groups_of(row, column) {
                members.entry(group).or_default().push(row);
            }
        }
        Ok(members)
    }

    fn groups_of(&self, row: &Row, column: &str) -> Vec<String> {
        match column {
            BY_CLASS => vec![self.labels.name(row.truth).to_owned()],
            BY_FLAGS if row.flags.is_empty() => vec![NO_FLAG.to_owned()],
            BY_FLAGS => row.flags.iter().map(|flag| flag.name().to_owned()).collect(),
            _ => vec![row.groups.get(column).map_or(UNKNOWN, String::as_str).to_owned()],
        }
    }
}

impl GroupScores {
    fn of(group: String, rows: &[&Row], classes: usize) -> Self {
        let scores_of = |rows: &mut dyn Iterator<Item = &Row>| {
            let (mut truth, mut probabilities) = (Vec::new(), Vec::new());
            for row in rows {
                truth.push(row.truth);
                probabilities.extend_from_slice(&row.probabilities);
            }
            Scores::new(classes, &probabilities, &truth)
        };
        let scores = scores_of(&mut rows.iter().copied());
        let confusion = &scores.confusion;
        let values = |scores: &Scores| {
            let confusion = &scores.confusion;
            [confusion.balanced_accuracy(), confusion.macro_f1(), scores.log_loss, scores.brier]
        };
        let intervals = bootstrap_intervals(rows.len(), REPLICATES, SEED, |drawn| {
            values(&scores_of(&mut drawn.iter().map(|&index| rows[index])))
        });
        let [balanced_accuracy, macro_f1, log_loss, brier] = {
            let values = values(&scores);
            std::array::from_fn(|score| Score { value: values[score], ci95: varied(intervals[score]) })
        };
        let among_two = rows.iter().filter(|row| rank_of(&row.probabilities, row.truth) < 2).count() as u64;
        let n = rows.len() as u64;
        Self {
            group,
            n,
            accuracy: Score { value: confusion.accuracy(), ci95: Some(wilson_interval(confusion.correct(), n)) },
            balanced_accuracy,
            macro_f1,
            top2_accuracy: Score { value: scores.top2_accuracy, ci95: Some(wilson_interval(among_two, n)) },
            log_loss,
            brier,
            ece: Score { value: scores.ece, ci95: None },
            ece_by_chance: Some(scores.chance()),
        }
    }
}

impl Gap {
    fn of(name: &str, groups: &[GroupScores], score: impl Fn(&GroupScores) -> Score) -> Option<Self> {
        let compared = || groups.iter().filter(|group| group.n >= LEAST_COMPARED && score(group).value.is_finite());
        let by_score = |a: &&GroupScores, b: &&GroupScores| score(a).value.total_cmp(&score(b).value);
        let (lowest, highest) = (compared().min_by(by_score)?, compared().max_by(by_score)?);
        let (low, high) = (score(lowest), score(highest));
        (lowest.group != highest.group).then(|| Self {
            score: name.to_owned(),
            highest: highest.group.clone(),
            lowest: lowest.group.clone(),
            difference: high.value - low.value,
            ci95: high
                .ci95
                .zip(low.ci95)
                .map(|(of_high, of_low)| difference_interval((high.value, of_high), (low.value, of_low))),
        })
    }
}
