//! What the annotators' votes say about a model's answers, beside the labels.

use serde::{Deserialize, Serialize};

use super::Evaluation;
use crate::metrics::argmax;

/// Least share of the likeliest class in each band of agreement.
const BANDS: [f64; 4] = [0.0, 0.5, 0.7, 0.9];

/// Right and wrong answers, by what the voters said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Voters {
    /// Rows with votes.
    pub n: u64,
    /// From pictures that people disagree about to those that they agree about.
    pub agreement: Vec<Agreement>,
    /// Wrong answers to rows with votes.
    pub mistakes: u64,
    /// Of them, those where most voters said what the model said.
    pub with_model: u64,
    /// Of them, those where most voters said what the label says.
    pub with_label: u64,
}

/// Accuracy on pictures about which people agree so much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Share of the voters who chose the most chosen class: from this...
    pub from: f64,
    /// ...to below this, the last band to 1.
    pub to: f64,
    pub n: u64,
    /// Null for an empty band.
    pub accuracy: Option<f64>,
}

/// What one class got of a picture's votes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoteShare {
    pub label: String,
    /// Above 0, at most 1.
    pub share: f64,
}

impl Voters {
    /// `None` where no row has votes.
    pub(super) fn of(rows: &Evaluation, predicted: &[usize]) -> Option<Self> {
        let mut bands = BANDS.map(|from| (from, 0u64, 0u64));
        let (mut n, mut mistakes, mut with_model, mut with_label) = (0, 0, 0, 0);
        for (index, &answer) in predicted.iter().enumerate() {
            let Some(votes) = rows.votes_of(index) else { continue };
            let (said, truth) = (argmax(votes), rows.truth[index]);
            let band = bands.iter_mut().rev().find(|(from, ..)| f64::from(votes[said]) + 1e-6 >= *from);
            let (_, total, right) = band.expect("the first band begins at 0");
            n += 1;
            *total += 1;
            *right += u64::from(answer == truth);
            if answer != truth {
                mistakes += 1;
                with_model += u64::from(said == answer);
                with_label += u64::from(said == truth);
            }
        }
        let to = BANDS.into_iter().skip(1).chain([1.0]);
        let agreement = bands.into_iter().zip(to).map(|((from, n, right), to)| {
            let accuracy = (n > 0).then(|| right as f64 / n as f64);
            Agreement { from, to, n, accuracy }
        });
        (n > 0).then(|| Self { n, agreement: agreement.collect(), mistakes, with_model, with_label })
    }
}

impl VoteShare {
    /// The classes that got votes, most first; empty for a row without votes.
    pub(super) fn of_row(rows: &Evaluation, index: usize) -> Vec<Self> {
        let Some(votes) = rows.votes_of(index) else { return Vec::new() };
        let mut places: Vec<usize> = (0..votes.len()).filter(|place| votes[*place] > 0.0).collect();
        places.sort_by(|a, b| votes[*b].total_cmp(&votes[*a]));
        let share = |place: usize| Self { label: rows.labels.name(place).to_owned(), share: f64::from(votes[place]) };
        places.into_iter().map(share).collect()
    }
}
