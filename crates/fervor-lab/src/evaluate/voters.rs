//! What the annotators' votes say about a model's answers, beside the labels.

use serde::{Deserialize, Serialize};

use super::{Evaluation, Row, Votes};
use crate::metrics::argmax;
use fervor::emotion::LabelSet;

/// Least share of the likeliest class in each band of agreement.
const BANDS: [f64; 4] = [0.0, 0.5, 0.7, 0.9];

/// Right and wrong answers, by what the voters said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Voters {
    /// Rows with votes.
    pub n: u64,
    /// From pictures that people disagree about to those that they agree about.
    pub agreement: Vec<Agreement>,
    /// Null where the labels are what most voters say: then they are never on the model's side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sides: Option<Sides>,
}

/// Wrong answers to pictures with votes, by whom most voters agree with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sides {
    /// Wrong answers.
    pub mistakes: u64,
    /// More than half of all votes are for what the model said.
    pub with_model: u64,
    /// More than half of all votes are for what the label says.
    pub with_label: u64,
}

/// Accuracy on pictures about which people agree so much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Share of all votes for the most chosen class: from this...
    pub from: f64,
    /// ...to below this, the last band to 1.
    pub to: f64,
    /// Pictures in the band.
    pub n: u64,
    /// Null for an empty band.
    pub accuracy: Option<f64>,
}

/// What one class got of a picture's votes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoteShare {
    /// The class.
    pub label: String,
    /// Of all votes, those for no class with them: above 0, at most 1.
    pub share: f64,
}

impl Voters {
    /// `None` where no row has votes.
    pub(super) fn of(rows: &Evaluation, predicted: &[usize]) -> Option<Self> {
        let mut bands = BANDS.map(|from| (from, 0u64, 0u64));
        let (mut n, mut sides) = (0, Sides::default());
        for (row, &answer) in rows.rows().iter().zip(predicted) {
            let Some(votes) = &row.votes else { continue };
            let (most, truth) = (row.people(argmax(&votes.shares)), row.truth);
            let band = bands.iter_mut().rev().find(|(from, ..)| f64::from(most) + 1e-6 >= *from);
            let (_, total, right) = band.expect("the first band begins at 0");
            n += 1;
            *total += 1;
            *right += u64::from(answer == truth);
            if answer != truth {
                let most_say = |class: usize| u64::from(row.people(class) > 0.5 + 1e-6);
                sides.mistakes += 1;
                sides.with_model += most_say(answer);
                sides.with_label += most_say(truth);
            }
        }
        let to = BANDS.into_iter().skip(1).chain([1.0]);
        let agreement = bands.into_iter().zip(to).map(|((from, n, right), to)| {
            let accuracy = (n > 0).then(|| right as f64 / n as f64);
            Agreement { from, to, n, accuracy }
        });
        (n > 0).then(|| Self { n, agreement: agreement.collect(), sides: (!rows.judged_by_votes).then_some(sides) })
    }
}

impl VoteShare {
    /// The classes that got votes, most first; empty for a row without votes.
    pub(super) fn of_row(row: &Row, labels: &LabelSet) -> Vec<Self> {
        let Some(Votes { shares, .. }) = &row.votes else { return Vec::new() };
        let mut places: Vec<usize> = (0..shares.len()).filter(|place| shares[*place] > 0.0).collect();
        places.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
        let share = |place: usize| Self { label: labels.name(place).to_owned(), share: f64::from(row.people(place)) };
        places.into_iter().map(share).collect()
    }
}
