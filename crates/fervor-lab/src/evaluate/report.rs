//! [`EvalReport`]: one value that holds everything which is said about a model on a data set.

use std::collections::BTreeMap;

pub use fervor::prediction::ModelInfo;
use serde::{Deserialize, Serialize};

use super::{Evaluation, Row, Slice, VoteShare, Voters};
use crate::metrics::{Chance, Confusion, ReliabilityBin, Scores, argmax, bootstrap_intervals, varied, wilson_interval};
use crate::robustness::Robustness;
use fervor::emotion::LabelSet;

/// The schema that `report.json` names.
pub const REPORT_SCHEMA: &str = "fervor.report/1";

/// Bootstrap replicates behind the intervals of macro F1 and balanced accuracy.
const REPLICATES: usize = 1000;
/// Their seed: a report is the same each time it is made.
const SEED: u64 = 0;
/// How many of the most confident mistakes, and of the most confused pairs, a report lists.
const MISTAKES: usize = 36;
const CONFUSED_PAIRS: usize = 10;

/// Which data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInfo {
    /// The data set's name.
    pub name: String,
    /// Of the data's manifest, in hexadecimal.
    pub manifest_sha256: String,
}

/// One class of the data and the model's class that it was taken for; none where its samples were left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRule {
    /// A class of the data.
    pub from: String,
    /// The model's class; none where the samples were left out.
    pub to: Option<String>,
}

/// One class against all others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassReport {
    /// TP / (TP + FP); 0 for a class that is never answered.
    pub precision: f64,
    /// TP / (TP + FN); 0 for a class without samples.
    pub recall: f64,
    /// The 95 % interval of the recall, after Wilson; [0, 1] for a class without samples.
    pub recall_ci95: [f64; 2],
    /// Harmonic mean of both.
    pub f1: f64,
    /// Samples of the class.
    pub support: u64,
}

/// The same scores over the rows whose pixels were not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeakFree {
    /// Rows left.
    pub n: u64,
    /// Rows whose pixels stand in the training data.
    pub leaked: u64,
    /// Share answered rightly; null where no row is left.
    pub accuracy: Option<f64>,
    /// The 95 % interval of the accuracy, after Wilson.
    pub accuracy_ci95: [f64; 2],
    /// Mean recall of the classes; null where no row is left.
    pub balanced_accuracy: Option<f64>,
    /// Mean F1 of the classes; null where no row is left.
    pub macro_f1: Option<f64>,
}

/// How near the answers are to what share of the annotators voted for each class, in nats a picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VoteScores {
    /// Mean of `-sum(votes * ln(probabilities))`.
    pub cross_entropy: f64,
    /// The part of it that lies in the voters' disagreement: what a perfect answer scores.
    pub entropy: f64,
    /// The rest: Kullback-Leibler divergence of the votes from the answers.
    pub kl: f64,
}

/// A wrong answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mistake {
    /// The picture's name.
    pub id: String,
    /// Its label.
    pub truth: String,
    /// What the model answered.
    pub predicted: String,
    /// The probability of what was predicted.
    pub confidence: f64,
    /// The probability of the truth.
    pub truth_probability: f64,
    /// What people said, most first; empty where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<VoteShare>,
}

/// Samples of one class taken for another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConfusedPair {
    /// The label.
    pub truth: String,
    /// What the model answered instead.
    pub predicted: String,
    /// How many samples.
    pub n: u64,
    /// Which share of the label's samples that is.
    pub share: f64,
}

/// A model's scores on a data set, with all that is needed to make them again. Its JSON is the schema `fervor.report/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EvalReport {
    /// [`REPORT_SCHEMA`].
    pub schema: String,
    /// The version of Fervor that made it.
    pub fervor: String,
    /// Which model.
    pub model: ModelInfo,
    /// Which data.
    pub data: DataInfo,
    /// Which part of the data.
    pub split: String,
    /// Rows that were scored.
    pub n: u64,
    /// Samples left out, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// How the data's classes became the model's; empty where they are the same.
    pub label_map: Vec<LabelRule>,
    /// Share answered rightly.
    pub accuracy: f64,
    /// The 95 % interval of the accuracy, after Wilson.
    pub accuracy_ci95: [f64; 2],
    /// Mean recall of the classes that have samples.
    pub balanced_accuracy: f64,
    /// Its 95 % interval by bootstrap: 1000 replicates, seed 0; null where every replicate scores the same, as where all are right.
    pub balanced_accuracy_ci95: Option<[f64; 2]>,
    /// Mean F1 of the classes that have samples.
    pub macro_f1: f64,
    /// Its 95 % interval, as that of the balanced accuracy.
    pub macro_f1_ci95: Option<[f64; 2]>,
    /// Mean precision of the classes that have samples.
    pub macro_precision: f64,
    /// Mean recall of the classes that have samples.
    pub macro_recall: f64,
    /// Share whose label is among the two most probable classes.
    pub top2_accuracy: f64,
    /// Mean of `-ln` of the label's probability.
    pub log_loss: f64,
    /// Mean squared distance between probabilities and label, 0 to 2.
    pub brier: f64,
    /// Expected calibration error over [`RELIABILITY_BINS`](crate::metrics::RELIABILITY_BINS) equal bins.
    pub ece: f64,
    /// What a model that is right exactly as often as it says would show on as many pictures; null in reports of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ece_by_chance: Option<Chance>,
    /// How near the answers are to the votes; null where the rows have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<VoteScores>,
    /// Right and wrong answers by what people said; null where the rows have no votes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voters: Option<Voters>,
    /// The order of `confusion`'s rows and columns.
    pub labels: Vec<String>,
    /// Those of `labels` that no row is of: they are in no mean over classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// All the model's classes, where it had to choose among `labels` only: probabilities are of those alone then. Empty elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen_from: Vec<String>,
    /// Rows are the truth, columns what was predicted.
    pub confusion: Vec<Vec<u64>>,
    /// By class name.
    pub per_class: BTreeMap<String, ClassReport>,
    /// The scores without pictures that were trained on; null where it is not known which those are.
    pub leak_free: Option<LeakFree>,
    /// The bins of the calibration error.
    pub reliability: Vec<ReliabilityBin>,
    /// The most frequent first.
    pub confused_pairs: Vec<ConfusedPair>,
    /// The most confident first.
    pub mistakes: Vec<Mistake>,
    /// Accuracy on worse pictures; null where that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robustness: Option<Robustness>,
    /// The scores of groups of the rows; empty where none were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
    /// The command that makes this report again.
    pub command: Option<String>,
}

impl EvalReport {
    /// Scores the rows, of which there is one at least.
    pub(super) fn of(rows: &Evaluation) -> Self {
        let (labels, classes) = (rows.labels(), rows.labels().len());
        let predicted: Vec<usize> = rows.rows().iter().map(|row| argmax(&row.probabilities)).collect();
        let truth: Vec<usize> = rows.rows().iter().map(|row| row.truth).collect();
        let probabilities: Vec<f32> = rows.rows().iter().flat_map(|row| &row.probabilities).copied().collect();
        let scores = Scores::new(classes, &probabilities, &truth);
        let voters = Voters::of(rows, &predicted);
        let confusion = &scores.confusion;
        let [balanced_accuracy_ci95, macro_f1_ci95] = bootstrap_intervals(truth.len(), REPLICATES, SEED, |indices| {
            let drawn = Confusion::from_pairs(classes, indices.iter().map(|&i| (truth[i], predicted[i])));
            [drawn.balanced_accuracy(), drawn.macro_f1()]
        })
        .map(varied);
        Self {
            schema: REPORT_SCHEMA.to_owned(),
            fervor: env!("CARGO_PKG_VERSION").to_owned(),
            model: rows.model.clone(),
            data: rows.data.clone(),
            split: rows.split.clone(),
            n: confusion.total(),
            excluded: rows.excluded().clone(),
            label_map: rows.label_map().to_vec(),
            accuracy: confusion.accuracy(),
            accuracy_ci95: wilson_interval(confusion.correct(), confusion.total()),
            balanced_accuracy: confusion.balanced_accuracy(),
            balanced_accuracy_ci95,
            macro_f1: confusion.macro_f1(),
            macro_f1_ci95,
            macro_precision: confusion.macro_precision(),
            macro_recall: confusion.macro_recall(),
            top2_accuracy: scores.top2_accuracy,
            log_loss: scores.log_loss,
            brier: scores.brier,
            ece: scores.ece,
            ece_by_chance: Some(scores.chance()),
            votes: voters.is_some().then(|| votes(rows)),
            voters,
            labels: labels.names().to_vec(),
            absent: (0..classes)
                .filter(|&class| confusion.support(class) == 0)
                .map(|class| labels.name(class).to_owned())
                .collect(),
            chosen_from: rows.chosen_from().map_or_else(Vec::new, |all| all.names().to_vec()),
            confusion: confusion.rows(),
            per_class: (0..classes).map(|class| (labels.name(class).to_owned(), class_report(confusion, class))).collect(),
            leak_free: rows.training_known.then(|| leak_free(rows, &predicted)),
            confused_pairs: confused_pairs(labels, confusion),
            mistakes: mistakes(rows, &predicted),
            reliability: scores.reliability,
            robustness: None,
            slices: Vec::new(),
            command: rows.command.clone(),
        }
    }
}

impl VoteScores {
    /// Shares of votes and probabilities of `n` pictures, row after row.
    pub fn of(votes: &[f32], probabilities: &[f32], n: usize) -> Self {
        // An answer of exactly 0 costs what it costs in the log loss.
        let against = |other: &[f32]| -> f64 {
            let terms = votes.iter().zip(other).filter(|(vote, _)| **vote > 0.0);
            terms.map(|(&vote, &p)| -f64::from(vote) * f64::from(p).max(f64::EPSILON).ln()).sum::<f64>() / n as f64
        };
        let (cross_entropy, entropy) = (against(probabilities), against(votes));
        Self { cross_entropy, entropy, kl: cross_entropy - entropy }
    }
}

fn class_report(confusion: &Confusion, class: usize) -> ClassReport {
    let scores = confusion.class(class);
    ClassReport {
        precision: scores.precision,
        recall: scores.recall,
        recall_ci95: wilson_interval(confusion.count(class, class), scores.support),
        f1: scores.f1,
        support: scores.support,
    }
}

/// Over the rows that have votes.
fn votes(rows: &Evaluation) -> VoteScores {
    let voted = rows.rows().iter().filter_map(|row| Some((&row.votes.as_ref()?.shares[..], &row.probabilities[..])));
    let (shares, probabilities): (Vec<&[f32]>, Vec<&[f32]>) = voted.unzip();
    VoteScores::of(&shares.concat(), &probabilities.concat(), shares.len())
}

fn leak_free(rows: &Evaluation, predicted: &[usize]) -> LeakFree {
    let clean = rows.rows().iter().zip(predicted).filter(|(row, _)| !row.in_training).map(|(row, &answer)| (row.truth, answer));
    let confusion = Confusion::from_pairs(rows.labels().len(), clean);
    let n = confusion.total();
    let known = |score: f64| (n > 0).then_some(score);
    LeakFree {
        n,
        leaked: predicted.len() as u64 - n,
        accuracy: known(confusion.accuracy()),
        accuracy_ci95: wilson_interval(confusion.correct(), n),
        balanced_accuracy: known(confusion.balanced_accuracy()),
        macro_f1: known(confusion.macro_f1()),
    }
}

fn confused_pairs(labels: &LabelSet, confusion: &Confusion) -> Vec<ConfusedPair> {
    let classes = labels.len();
    let mut pairs: Vec<(usize, usize)> = (0..classes)
        .flat_map(|truth| (0..classes).map(move |predicted| (truth, predicted)))
        .filter(|&(truth, predicted)| truth != predicted && confusion.count(truth, predicted) > 0)
        .collect();
    pairs.sort_by_key(|&(truth, predicted)| std::cmp::Reverse(confusion.count(truth, predicted)));
    pairs
        .into_iter()
        .take(CONFUSED_PAIRS)
        .map(|(truth, predicted)| {
            let n = confusion.count(truth, predicted);
            ConfusedPair {
                truth: labels.name(truth).to_owned(),
                predicted: labels.name(predicted).to_owned(),
                n,
                share: n as f64 / confusion.support(truth) as f64,
            }
        })
        .collect()
}

fn mistakes(rows: &Evaluation, predicted: &[usize]) -> Vec<Mistake> {
    let mut wrong: Vec<(&Row, usize)> =
        rows.rows().iter().zip(predicted.iter().copied()).filter(|(row, answer)| *answer != row.truth).collect();
    // Stable, so equals keep the data's order and the report is the same each time.
    wrong.sort_by(|(a, x), (b, y)| b.probabilities[*y].total_cmp(&a.probabilities[*x]));
    let labels = rows.labels();
    let mistake = |(row, answer): (&Row, usize)| Mistake {
        id: row.id.clone(),
        truth: labels.name(row.truth).to_owned(),
        predicted: labels.name(answer).to_owned(),
        confidence: f64::from(row.probabilities[answer]),
        truth_probability: f64::from(row.probabilities[row.truth]),
        votes: VoteShare::of_row(row, labels),
    };
    wrong.into_iter().take(MISTAKES).map(mistake).collect()
}
