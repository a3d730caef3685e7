//! What the pictures of a data set are grouped by: for scores side by side, and for tables of predictions.

use std::collections::HashMap;

use fervor_lab::dataset::Dataset;
use fervor_lab::evaluate::{Evaluation, Row};

/// Says of each row in which split and in which folder its picture lies, and what the data says of it besides.
pub fn fill(evaluation: &mut Evaluation, dataset: &Dataset) {
    let place: HashMap<&str, usize> =
        dataset.samples().iter().enumerate().map(|(index, sample)| (sample.id.as_str(), index)).collect();
    let index = |row: &Row| place.get(row.id.as_str()).copied();
    evaluation.group("split", |row| Some(dataset.samples()[index(row)?].split?.name().to_owned()));
    evaluation.group("folder", |row| Some(row.id.rsplit_once('/')?.0.to_owned()));
    // The data's own words come last: a column of that name is meant where there is one.
    for column in dataset.group_columns() {
        evaluation.group(column, |row| Some(dataset.group(column, index(row)?)?.to_owned()));
    }
}
