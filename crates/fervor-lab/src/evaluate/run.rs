//! Bundle x data set: every figure of a report comes through here.

use rayon::prelude::*;

use super::{DataInfo, Evaluation, ModelInfo};
use crate::dataset::Dataset;
use fervor::bundle::Bundle;
use fervor::emotion::LabelMap;
use fervor::error::Result;
use fervor::face::Face;
use fervor::prediction::Probabilities;
use fervor::quality::Quality;

/// Pictures between two calls of the progress callback, and rows that go through the network together.
const GROUP: usize = 512;

impl Evaluation {
    /// Asks a bundle about the samples at `indices`, each picture taken whole; `map` leads from the data's classes to the
    /// model's. A picture that can no longer be read is left out and counted. Where the data has votes for the model's classes, they go along.
    ///
    /// # Errors
    /// [`Model`](fervor::ErrorKind::Model): the network fails.
    pub fn of_bundle(
        bundle: &Bundle,
        dataset: &Dataset,
        data: DataInfo,
        split: &str,
        indices: &[usize],
        map: &LabelMap,
        progress: &dyn Fn(usize),
    ) -> Result<Self> {
        let card = bundle.card();
        let mut evaluation = Self::new(card.labels.clone(), ModelInfo::from(bundle), data, split);
        evaluation.training_known = bundle.knows_training_pictures();
        evaluation.set_label_map(map);
        let voted = dataset.labels() == &card.labels && evaluation.label_map.is_empty();
        for group in indices.chunks(GROUP) {
            let wanted = group.iter().filter_map(|&index| Some((index, map.target(dataset.samples()[index].label)?)));
            let wanted: Vec<(usize, usize)> = wanted.collect();
            let asked = wanted.len();
            evaluation.exclude("class left out by the label map", (group.len() - asked) as u64);
            let chips: Vec<_> = wanted
                .par_iter()
                .map(|&(index, _)| {
                    let picture = dataset.picture(index).ok()?;
                    // As a caller would get it, with the temperature that the picture's flags ask for.
                    let quality = Quality::of(&picture, &Face::whole(&picture));
                    Some((card.preprocess.whole(&picture), card.temperature_of(&quality)))
                })
                .collect();
            let (rows, chips): (Vec<_>, Vec<_>) = wanted
                .into_iter()
                .zip(chips)
                .filter_map(|((index, truth), made)| {
                    let (chip, temperature) = made?;
                    Some(((index, truth, temperature), chip))
                })
                .unzip();
            evaluation.exclude("no longer readable", (asked - rows.len()) as u64);
            for ((index, truth, temperature), logits) in rows.into_iter().zip(bundle.logits(&chips)?) {
                let sample = &dataset.samples()[index];
                let p = Probabilities::from_logits(&card.labels, &logits, temperature);
                evaluation.push(&sample.id, truth, p.values(), bundle.was_trained_on(sample.hash))?;
                // A row without votes is a row of zeros.
                let votes = dataset.soft_label(index).filter(|_| voted);
                evaluation.votes_kept.push(votes.as_ref().map_or(0.0, |_| dataset.votes_kept(index)));
                evaluation.votes.extend(votes.unwrap_or_else(|| vec![0.0; card.labels.len()]));
            }
            progress(group.len());
        }
        if evaluation.votes.iter().all(|share| *share == 0.0) {
            evaluation.votes.clear();
            evaluation.votes_kept.clear();
        }
        Ok(evaluation)
    }
}
