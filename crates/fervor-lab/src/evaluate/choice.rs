//! An evaluation in which the model chooses among some of its classes only.

use super::{Evaluation, Row, Votes};
use fervor::emotion::LabelSet;
use fervor::error::{Error, Reason, Result};

impl Evaluation {
    /// The rows whose truth is among `classes`, with the probabilities of those classes alone, scaled to sum to 1: what the
    /// model answers to somebody who knows that the expression is one of these. The other rows are left out and counted.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): a class that the model lacks.
    pub fn choosing_among(self, classes: &LabelSet) -> Result<Self> {
        let places = classes.names().iter().map(|name| {
            self.labels.index_of(name).ok_or_else(|| {
                Error::input(format!("the model has no class {name:?}; it has {}", self.labels)).because(Reason::Missing)
            })
        });
        let places = places.collect::<Result<Vec<usize>>>()?;
        let all = self.rows.len();
        let rows: Vec<Row> = self.rows.into_iter().filter_map(|row| chosen(row, &places)).collect();
        let left_out = (all - rows.len()) as u64;
        let chosen_from = self.chosen_from.or_else(|| (classes.len() < self.labels.len()).then_some(self.labels));
        let mut evaluation = Self { labels: classes.clone(), chosen_from, rows, ..self };
        evaluation.exclude("of a class that was not to be chosen", left_out);
        Ok(evaluation)
    }
}

/// A row over the classes at `places`; none where its truth is another.
fn chosen(row: Row, places: &[usize]) -> Option<Row> {
    let truth = places.iter().position(|&place| place == row.truth)?;
    let probabilities = shares(&row.probabilities, places).unwrap_or_else(|| vec![1.0 / places.len() as f32; places.len()]);
    let votes = row.votes.as_ref().and_then(|votes| {
        let kept: f32 = places.iter().map(|&place| votes.shares[place]).sum();
        Some(Votes { shares: shares(&votes.shares, places)?, kept: votes.kept * kept })
    });
    Some(Row { truth, probabilities, votes, ..row })
}

/// The values at `places`, scaled to sum to 1; none where they are all 0.
fn shares(values: &[f32], places: &[usize]) -> Option<Vec<f32>> {
    let sum: f64 = places.iter().map(|&place| f64::from(values[place])).sum();
    (sum > 0.0).then(|| places.iter().map(|&place| (f64::from(values[place]) / sum) as f32).collect())
}
