//! Votes as labels: the majority protocol of FER+ (Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
//! Crowd-Sourced Label Distribution", and the code that its authors published with it).

use super::Dataset;
use fervor::emotion::{Emotion, LabelSet};
use fervor::error::{Error, Reason, Remedy, Result};

/// Votes for a class count only from here: one voter of the ten is taken for a slip of the hand.
const LEAST_SHARE: f32 = 1.5 / 10.0;

/// What [`Dataset::labelled_by_votes`] left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VotesLeftOut {
    /// Nobody voted.
    pub without_votes: usize,
    /// No class has more than half of the votes that count.
    pub without_majority: usize,
    /// The majority says unknown, not a face, or a class that was not asked for.
    pub other_majority: usize,
}

impl VotesLeftOut {
    /// All of them.
    pub fn total(self) -> usize {
        self.without_votes + self.without_majority + self.other_majority
    }
}

impl Dataset {
    /// The same pictures with what most voters said as their labels, in the order of `labels`, or of the eight expressions that one
    /// could vote for. Left out are samples without a majority, and those whose majority says unknown, not a face, or no class of `labels`.
    ///
    /// A majority is more than half of the votes, single votes (of ten) not counted: for example 5 happy, 3 neutral, 1 sad, 1 unknown is happy
    /// (5 of 8). The votes themselves stay as they are: [`Dataset::soft_label`] is their distribution over the new labels.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): no votes were joined, a class of `labels` that one could not vote for, or no sample is left.
    pub fn labelled_by_votes(&self, labels: Option<&LabelSet>) -> Result<(Dataset, VotesLeftOut)> {
        let vote_labels = self.vote_labels.as_ref().ok_or_else(|| {
            Error::data(format!("the labels shall come from votes, but the data has none: {}", self.root.display()))
                .because(Reason::Missing)
                .with_remedy(Remedy::GiveVotes)
        })?;
        let labels = match labels {
            Some(labels) => labels.clone(),
            None => LabelSet::new(vote_labels.names().iter().filter(|name| Emotion::parse(name).is_some()))?,
        };
        if let Some(name) = labels.names().iter().find(|name| vote_labels.index_of(name).is_none()) {
            return Err(Error::data(format!("nobody could vote for class {name:?}; one could for {vote_labels}"))
                .because(Reason::Mismatch));
        }
        let mut left_out = VotesLeftOut::default();
        let mut dataset = Dataset { labels, ..self.without_samples() };
        for sample in &self.samples {
            let Some(votes) = &sample.votes else {
                left_out.without_votes += 1;
                continue;
            };
            match majority(votes).map(|column| dataset.labels.index_of(vote_labels.name(column))) {
                None => left_out.without_majority += 1,
                Some(None) => left_out.other_majority += 1,
                Some(Some(label)) => {
                    let mut sample = sample.clone();
                    sample.label = label;
                    dataset.samples.push(sample);
                }
            }
        }
        if dataset.samples.is_empty() {
            return Err(Error::data(format!("no sample of {} has a majority among {}", self.len(), dataset.labels))
                .because(Reason::Empty));
        }
        Ok((dataset, left_out))
    }
}

/// The column with more than half of the votes that count.
fn majority(votes: &[f32]) -> Option<usize> {
    let counted = |share: f32| if share < LEAST_SHARE { 0.0 } else { share };
    let sum: f32 = votes.iter().map(|&share| counted(share)).sum();
    // A tenth of a vote of slack, so that rounding never makes 4 of 8 a majority.
    votes.iter().position(|&share| counted(share) > 0.5 * sum + 0.01)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn winner(counts: [u32; 10]) -> Option<usize> {
        let sum: u32 = counts.iter().sum();
        majority(&counts.map(|count| count as f32 / sum as f32))
    }

    #[test]
    fn a_majority_is_more_than_half_of_the_votes_that_count() {
        assert_eq!(winner([0, 6, 4, 0, 0, 0, 0, 0, 0, 0]), Some(1));
        assert_eq!(winner([0, 5, 3, 1, 0, 0, 0, 0, 1, 0]), Some(1), "single votes do not count");
        assert_eq!(winner([5, 5, 0, 0, 0, 0, 0, 0, 0, 0]), None, "half is no majority");
        assert_eq!(winner([4, 2, 2, 1, 1, 0, 0, 0, 0, 0]), None, "4 of 8 is half");
        assert_eq!(winner([2, 1, 1, 1, 1, 1, 1, 1, 0, 1]), Some(0), "only one class has more than a single vote");
        assert_eq!(winner([1; 10]), None, "single votes only");
        assert_eq!(winner([0, 0, 0, 0, 0, 0, 0, 0, 7, 3]), Some(8));
    }
}
