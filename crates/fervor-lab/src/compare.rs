//! Two models on the same pictures: how far apart they are, in which classes and groups, and on which pictures they differ.
//!
//! Everything is paired: each picture is compared with itself, which sees differences that two separate intervals hide.

mod markdown;
mod text;
mod words;
mod write;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::evaluate::{DataInfo, Evaluation, ModelInfo, Row};
use crate::metrics::{Confusion, McNemar, argmax, bootstrap_interval, bootstrap_intervals, holm, mcnemar};
use fervor::emotion::LabelSet;
use fervor::error::{Error, Reason, Result};

pub use markdown::markdown;
pub use text::text;
pub use write::{accuracy_chart, disagreements_csv, disagreements_sheet, write_comparison};

/// The schema that a comparison's JSON names.
pub const COMPARISON_SCHEMA: &str = "fervor.comparison/1";

const REPLICATES: usize = 1000;
const SEED: u64 = 0;
/// From which adjusted p value on a difference is one by chance.
const LEVEL: f64 = 0.05;

/// A score of both models; the difference is the second's less the first's: above 0 the second model is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Of the first model.
    pub a: f64,
    /// Of the second model.
    pub b: f64,
    /// `b - a`.
    pub difference: f64,
    /// Its 95 % interval by paired bootstrap: 1000 replicates, seed 0.
    pub ci95: [f64; 2],
}

/// Which model is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// The first.
    A,
    /// The second.
    B,
    /// Neither by more than chance.
    Neither,
}

/// Both models on a class or a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Part {
    /// Of the class or the group.
    pub name: String,
    /// Its pictures.
    pub n: u64,
    /// Share answered rightly; of a class that is its recall.
    pub accuracy: Difference,
    /// McNemar's test on its pictures.
    pub test: McNemar,
    /// The mid-p value, adjusted for the number of classes or groups (Holm 1979).
    pub adjusted_p: f64,
    /// By the adjusted value, at 5 %.
    pub better: Better,
}

/// Both models by one thing that the pictures are grouped by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupedParts {
    /// What the pictures are grouped by.
    pub column: String,
    /// By name.
    pub groups: Vec<Part>,
}

/// What one model says of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Said {
    /// The likeliest class.
    pub label: String,
    /// Its probability.
    pub confidence: f64,
    /// The probability of the truth.
    pub truth_probability: f64,
}

/// A picture to which the two give different answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Disagreement {
    /// The picture's name.
    pub id: String,
    /// Its label.
    pub truth: String,
    /// The first model's answer.
    pub a: Said,
    /// The second's.
    pub b: Said,
    /// Whose answer is the label.
    pub right: Better,
}

/// Two models on the same pictures. Its JSON is the schema `fervor.comparison/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// [`COMPARISON_SCHEMA`].
    pub schema: String,
    /// The version of Fervor that made it.
    pub fervor: String,
    /// The first model.
    pub a: ModelInfo,
    /// The second model.
    pub b: ModelInfo,
    /// Which data.
    pub data: DataInfo,
    /// Which part of the data.
    pub split: String,
    /// Pictures that both answered.
    pub n: u64,
    /// Pictures that only the first answered, which count nowhere.
    pub unpaired_a: u64,
    /// Pictures that only the second answered, which count nowhere.
    pub unpaired_b: u64,
    /// Of the pictures, those that stand in the first model's training data; null where that is not known.
    pub trained_on_a: Option<u64>,
    /// The same of the second.
    pub trained_on_b: Option<u64>,
    /// Share answered rightly.
    pub accuracy: Difference,
    /// Mean recall of the classes.
    pub balanced_accuracy: Difference,
    /// Mean F1 of the classes.
    pub macro_f1: Difference,
    /// Mean of `-ln` of the label's probability: here less is better.
    pub log_loss: Difference,
    /// Pictures that both name rightly.
    pub both_right: u64,
    /// Pictures that both name wrongly.
    pub both_wrong: u64,
    /// McNemar's test on all pictures.
    pub test: McNemar,
    /// By the mid-p value, at 5 %.
    pub better: Better,
    /// Each class that has pictures.
    pub classes: Vec<Part>,
    /// By what else the pictures are grouped; empty where nothing was asked for.
    pub groups: Vec<GroupedParts>,
    /// All pictures on which the answers differ, the surest first.
    pub disagreements: Vec<Disagreement>,
    /// The command that makes this comparison again.
    pub command: Option<String>,
}

/// One picture and what both made of it.
struct Pair<'a> {
    a: &'a Row,
    truth: usize,
    answers: [usize; 2],
    losses: [f64; 2],
}

impl Pair<'_> {
    fn right(&self) -> [bool; 2] {
        self.answers.map(|answer| answer == self.truth)
    }
}

impl Comparison {
    /// Compares the rows of two models that are about the same pictures; `columns` is what they are grouped by beside the class.
    /// Each model may know classes that the other lacks.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): no picture is in both, one is twice in a model's rows, or labelled differently. [`Input`](fervor::ErrorKind::Input):
    /// a column that is not there.
    pub fn of(a: &Evaluation, b: &Evaluation, columns: &[String]) -> Result<Self> {
        let labels = union(a.labels(), b.labels())?;
        let (pairs, rows_b) = pairs(a, b, &labels)?;
        let classes = labels.len();
        let scores = |pairs: &mut dyn Iterator<Item = &Pair>| {
            let mut confusions = [Confusion::new(classes), Confusion::new(classes)];
            let (mut losses, mut n) = ([0.0; 2], 0.0);
            for pair in pairs {
                for side in [0, 1] {
                    confusions[side].add(pair.truth, pair.answers[side]);
                    losses[side] += pair.losses[side];
                }
                n += 1.0;
            }
            let both = |score: fn(&Confusion) -> f64| [score(&confusions[0]), score(&confusions[1])];
            [both(Confusion::accuracy), both(Confusion::balanced_accuracy), both(Confusion::macro_f1), losses.map(|sum| sum / n)]
        };
        let values = scores(&mut pairs.iter());
        let intervals = bootstrap_intervals(pairs.len(), REPLICATES, SEED, |drawn| {
            scores(&mut drawn.iter().map(|&index| &pairs[index])).map(|[a, b]| b - a)
        });
        let score = |index: usize| {
            let [a, b] = values[index];
            Difference { a, b, difference: b - a, ci95: intervals[index] }
        };
        let count = |wanted: [bool; 2]| pairs.iter().filter(|pair| pair.right() == wanted).count() as u64;
        let test = mcnemar(count([true, false]), count([false, true]));
        let trained_on = |rows: &Evaluation, here: &mut dyn Iterator<Item = &Row>| {
            rows.training_known.then(|| here.filter(|row| row.in_training).count() as u64)
        };
        let mut of_class: BTreeMap<usize, Vec<&Pair>> = BTreeMap::new();
        for pair in &pairs {
            of_class.entry(pair.truth).or_default().push(pair);
        }
        let of_class = of_class.into_iter().map(|(class, pairs)| (labels.name(class).to_owned(), pairs)).collect();
        Ok(Self {
            schema: COMPARISON_SCHEMA.to_owned(),
            fervor: env!("CARGO_PKG_VERSION").to_owned(),
            a: a.model.clone(),
            b: b.model.clone(),
            data: a.data.clone(),
            split: a.split.clone(),
            n: pairs.len() as u64,
            unpaired_a: (a.rows().len() - pairs.len()) as u64,
            unpaired_b: (b.rows().len() - pairs.len()) as u64,
            trained_on_a: trained_on(a, &mut pairs.iter().map(|pair| pair.a)),
            trained_on_b: trained_on(b, &mut rows_b.iter().copied()),
            accuracy: score(0),
            balanced_accuracy: score(1),
            macro_f1: score(2),
            log_loss: score(3),
            both_right: count([true, true]),
            both_wrong: count([false, false]),
            better: better(test, test.mid_p),
            test,
            classes: parts(of_class),
            groups: columns.iter().map(|column| grouped(a, column, &pairs)).collect::<Result<_>>()?,
            disagreements: disagreements(a, b, &pairs, &rows_b, &labels),
            command: None,
        })
    }

    /// The comparison as indented JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a comparison is plain data with text keys")
    }
}

/// The classes of both, those of the first in front.
fn union(a: &LabelSet, b: &LabelSet) -> Result<LabelSet> {
    LabelSet::new(a.names().iter().chain(b.names().iter().filter(|name| a.index_of(name).is_none())))
}

/// The pictures that stand in both, in the first's order, and the second's row of each.
fn pairs<'a>(a: &'a Evaluation, b: &'a Evaluation, labels: &LabelSet) -> Result<(Vec<Pair<'a>>, Vec<&'a Row>)> {
    let [of_a, of_b] = [a, b].map(|rows| {
        let places = rows.labels().names().iter().map(|name| labels.index_of(name).expect("the union holds it"));
        places.collect::<Vec<usize>>()
    });
    by_id(a)?;
    let others = by_id(b)?;
    let (mut pairs, mut rows_b) = (Vec::new(), Vec::new());
    for row in a.rows() {
        let Some(&other) = others.get(row.id.as_str()) else { continue };
        let (truth, second) = (of_a[row.truth], of_b[other.truth]);
        if truth != second {
            return Err(Error::data(format!(
                "{} is labelled {:?} for the first model and {:?} for the second",
                row.id,
                labels.name(truth),
                labels.name(second)
            ))
            .because(Reason::Mismatch)
            .with_hint("both have to be judged by the same labels"));
        }
        let loss = |row: &Row| -f64::from(row.probabilities[row.truth]).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
        pairs.push(Pair {
            a: row,
            truth,
            answers: [of_a[argmax(&row.probabilities)], of_b[argmax(&other.probabilities)]],
            losses: [loss(row), loss(other)],
        });
        rows_b.push(other);
    }
    if pairs.is_empty() {
        return Err(Error::data("no picture was answered by both models")
            .because(Reason::Empty)
            .with_hint("compare answers about the same pictures of the same data set: they are found by their names"));
    }
    Ok((pairs, rows_b))
}

/// The rows by their names. A picture that counted twice would make the difference surer than it is.
fn by_id(rows: &Evaluation) -> Result<HashMap<&str, &Row>> {
    let mut found = HashMap::with_capacity(rows.rows().len());
    for row in rows.rows() {
        if found.insert(row.id.as_str(), row).is_some() {
            return Err(Error::data(format!("{} has two rows about one picture: {}", rows.model.name, row.id))
                .because(Reason::Exists)
                .with_hint("keep one row for each picture"));
        }
    }
    Ok(found)
}

fn grouped(a: &Evaluation, column: &str, pairs: &[Pair]) -> Result<GroupedParts> {
    let place: HashMap<&str, usize> = pairs.iter().enumerate().map(|(place, pair)| (pair.a.id.as_str(), place)).collect();
    let members = a.members(column)?.into_iter().map(|(group, rows)| {
        let pairs = rows.iter().filter_map(|row| place.get(row.id.as_str())).map(|&place| &pairs[place]);
        (group, pairs.collect::<Vec<_>>())
    });
    Ok(GroupedParts { column: column.to_owned(), groups: parts(members.filter(|(_, pairs)| !pairs.is_empty()).collect()) })
}

fn parts(members: Vec<(String, Vec<&Pair>)>) -> Vec<Part> {
    let mut parts: Vec<Part> = members.into_iter().map(|(name, pairs)| part(name, &pairs)).collect();
    let adjusted = holm(&parts.iter().map(|part| part.test.mid_p).collect::<Vec<_>>());
    for (part, p) in parts.iter_mut().zip(adjusted) {
        (part.adjusted_p, part.better) = (p, better(part.test, p));
    }
    parts
}

fn part(name: String, pairs: &[&Pair]) -> Part {
    let n = pairs.len() as f64;
    let right: Vec<[f64; 2]> = pairs.iter().map(|pair| pair.right().map(|right| f64::from(u8::from(right)))).collect();
    let share = |side: usize| right.iter().map(|right| right[side]).sum::<f64>() / n;
    let [a, b] = [share(0), share(1)];
    let ci95 = bootstrap_interval(pairs.len(), REPLICATES, SEED, |drawn| {
        drawn.iter().map(|&index| right[index][1] - right[index][0]).sum::<f64>() / n
    });
    let only = |side: usize| right.iter().filter(|right| right[side] > right[1 - side]).count() as u64;
    let test = mcnemar(only(0), only(1));
    let accuracy = Difference { a, b, difference: b - a, ci95 };
    Part { name, n: pairs.len() as u64, accuracy, test, adjusted_p: test.mid_p, better: Better::Neither }
}

fn better(test: McNemar, p: f64) -> Better {
    match (p < LEVEL, test.only_first > test.only_second) {
        (false, _) => Better::Neither,
        (true, true) => Better::A,
        (true, false) => Better::B,
    }
}

fn disagreements(a: &Evaluation, b: &Evaluation, pairs: &[Pair], rows_b: &[&Row], labels: &LabelSet) -> Vec<Disagreement> {
    let said = |rows: &Evaluation, row: &Row| {
        let answer = argmax(&row.probabilities);
        Said {
            label: rows.labels().name(answer).to_owned(),
            confidence: f64::from(row.probabilities[answer]),
            truth_probability: f64::from(row.probabilities[row.truth]),
        }
    };
    let differing = pairs.iter().zip(rows_b).filter(|(pair, _)| pair.answers[0] != pair.answers[1]);
    let mut found: Vec<Disagreement> = differing
        .map(|(pair, &other)| Disagreement {
            id: pair.a.id.clone(),
            truth: labels.name(pair.truth).to_owned(),
            a: said(a, pair.a),
            b: said(b, other),
            right: match pair.right() {
                [true, _] => Better::A,
                [_, true] => Better::B,
                _ => Better::Neither,
            },
        })
        .collect();
    // Stable, so that equals keep the data's order.
    let sureness = |row: &Disagreement| row.a.confidence.min(row.b.confidence);
    found.sort_by(|x, y| sureness(y).total_cmp(&sureness(x)));
    found
}
