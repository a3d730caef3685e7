//! What the pictures of a data set are grouped by: for scores side by side, and for tables of predictions.

use std::collections::HashMap;

use fervor_lab::dataset::Dataset;
use fervor_lab::evaluate::{Evaluation, Row};

/// Says of each row in which split and in which folder its picture lies.
pub fn fill(evaluation: &mut Evaluation, dataset: &Dataset) {
    let place: HashMap<&str, usize> =
        dataset.samples().iter().enumerate().map(|(index, sample)| (sample.id.as_str(), index)).collect();
    let split = |row: &Row| Some(dataset.samples()[*place.get(row.id.as_str())?].split?.name().to_owned());
    evaluation.group("split", split);
    evaluation.group("folder", |row| Some(row.id.rsplit_once('/')?.0.to_owned()));
}
