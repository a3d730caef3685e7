//! Bundle x data set: the rows of a report.

use super::{DataInfo, Evaluation, ModelInfo, Row, Votes};
use crate::dataset::{Dataset, Progress};
use crate::sweep::{Steps, Sweep};
use fervor::bundle::Bundle;
use fervor::emotion::LabelMap;
use fervor::error::Result;
use fervor::face::Face;
use fervor::quality::Quality;

impl Evaluation {
    /// Asks a bundle about the samples at `indices`, each picture taken whole; `map` leads from the data's classes to the
    /// model's. A picture that can no longer be read is left out, counted, and one of the [`problems`](Self::problems). Where the
    /// data has votes for the model's classes, they go along. `progress` hears of pictures done, of those that the map does not
    /// leave out.
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
        progress: Progress,
    ) -> Result<Self> {
        let card = bundle.card();
        let mut evaluation = Self::new(card.labels.clone(), ModelInfo::from(bundle), data, split);
        evaluation.training_known = bundle.knows_training_pictures();
        evaluation.set_label_map(map);
        let voted = dataset.labels() == &card.labels && evaluation.label_map().is_empty();
        let truth = |index: usize| map.target(dataset.samples()[index].label);
        let wanted: Vec<usize> = indices.iter().copied().filter(|&index| truth(index).is_some()).collect();
        evaluation.exclude("class left out by the label map", (indices.len() - wanted.len()) as u64);
        let steps = Steps::new(wanted.len(), progress);
        let swept = Sweep { dataset, samples: &wanted, steps: &steps }.run(
            |_, picture| {
                // As a caller would get it, with the temperature that the picture's flags ask for.
                let quality = Quality::of(picture, &Face::whole(picture));
                Ok(Some((card.preprocess.whole(picture), quality)))
            },
            |chips| bundle.logits(chips),
        )?;
        evaluation.exclude_unreadable(swept.problems);
        for answer in swept.answers {
            let sample = &dataset.samples()[answer.index];
            let p = card.probabilities(&answer.values, Some(&answer.seen));
            let votes = dataset.soft_label(answer.index).filter(|_| voted);
            evaluation.push(Row {
                votes: votes.map(|shares| Votes { shares, kept: dataset.votes_kept(answer.index) }),
                flags: answer.seen.flags,
                in_training: bundle.was_trained_on(sample.hash),
                ..Row::new(&sample.id, truth(answer.index).expect("the others were left out"), p.values())
            })?;
        }
        Ok(evaluation)
    }
}
