//! One split of a data set as a network sees it: chips, labels, targets.

use fervor::{Chip, Error, Picture, Preprocess, Reason, Remedy, Result};
use fervor_lab::dataset::{Dataset, Split};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::recipe::{ClassWeights, LossRecipe, Recipe};
use crate::seeds::{Purpose, generator};

/// Memory that the chips of a split may take; above it, pictures are decoded each time they are needed.
const CACHE_LIMIT: usize = 4 << 30;

/// One split of a data set as the network sees it.
pub struct Examples {
    preprocess: Preprocess,
    /// What makes the chips that are kept here: all but the last step, which follows augmentation.
    plain: Preprocess,
    dataset: Dataset,
    /// Sample indices in the data set.
    indices: Vec<usize>,
    /// In the order of `indices`; empty when they don't fit into memory.
    chips: Vec<Chip>,
}

impl Examples {
    /// The pictures of one split as chips. Each picture is taken as one face.
    ///
    /// # Errors
    /// `Data`: the split has no pictures, or one of them can no longer be read.
    pub fn new(dataset: &Dataset, split: Split, recipe: &Recipe) -> Result<Self> {
        let mut indices = dataset.of_split(split);
        if split == Split::Train && recipe.data.fraction < 1.0 {
            indices = share_of_each_class(dataset, indices, recipe.data.fraction, recipe.seed);
        }
        if indices.is_empty() {
            return Err(Error::data(format!("the data has no pictures for {split}"))
                .because(Reason::Empty)
                .with_remedy(Remedy::DrawSplits { rule: "80:10:10".into() }));
        }
        let (preprocess, plain) = (recipe.preprocess.clone(), recipe.preprocess.plain());
        let mut examples = Self { preprocess, plain, dataset: dataset.clone(), indices, chips: Vec::new() };
        let bytes: usize = examples.preprocess.shape().iter().product();
        if bytes * examples.len() <= CACHE_LIMIT {
            examples.chips = (0..examples.len()).into_par_iter().map(|place| examples.make_chip(place)).collect::<Result<_>>()?;
        }
        Ok(examples)
    }

    /// How many; never none.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// The data set's index of each.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The class of example `place`.
    pub fn label(&self, place: usize) -> usize {
        self.dataset.samples()[self.indices[place]].label
    }

    /// What share of the annotators voted for each class for example `place`, where any did.
    pub fn votes(&self, place: usize) -> Option<Vec<f32>> {
        self.dataset.soft_label(self.indices[place])
    }

    /// The chip of example `place`.
    ///
    /// # Errors
    /// `Data`: the picture can no longer be read.
    pub fn chip(&self, place: usize) -> Result<Chip> {
        Ok(self.finished(self.plain_chip(place)?))
    }

    /// A chip after augmentation, as the network takes it: so that changes of light meet the network as they will later.
    pub fn finished(&self, chip: Chip) -> Chip {
        self.preprocess.standardized(chip)
    }

    /// The chip of example `place` before [`finished`](Self::finished).
    ///
    /// # Errors
    /// `Data`: the picture can no longer be read.
    pub fn plain_chip(&self, place: usize) -> Result<Chip> {
        match self.chips.get(place) {
            Some(chip) => Ok(chip.clone()),
            None => self.make_chip(place),
        }
    }

    /// The picture of example `place`.
    ///
    /// # Errors
    /// `Data`: it can no longer be read.
    pub fn picture(&self, place: usize) -> Result<Picture> {
        self.dataset.picture(self.indices[place])
    }

    /// How many classes the data has.
    pub fn classes(&self) -> usize {
        self.dataset.labels().len()
    }

    /// `[channels, size, size]` of the chips.
    pub fn shape(&self) -> [usize; 3] {
        self.preprocess.shape()
    }

    fn make_chip(&self, place: usize) -> Result<Chip> {
        let picture = self.picture(place)?;
        Ok(self.plain.whole(&picture))
    }

    /// What the network shall answer for each example: label or votes, smoothed.
    pub fn targets(&self, loss: &LossRecipe) -> Vec<Vec<f32>> {
        let classes = self.dataset.labels().len();
        let (votes, smoothing) = (loss.votes as f32, loss.label_smoothing as f32);
        let target = |place: usize| {
            let mut target = vec![0.0; classes];
            target[self.label(place)] = 1.0;
            if let Some(shares) = (votes > 0.0).then(|| self.dataset.soft_label(self.indices[place])).flatten() {
                target.iter_mut().zip(shares).for_each(|(t, share)| *t += votes * (share - *t));
            }
            target.iter_mut().for_each(|t| *t += smoothing * (1.0 / classes as f32 - *t));
            target
        };
        (0..self.len()).map(target).collect()
    }

    /// What the head of the votes shall answer for each example, and how much that counts: not at all where nobody voted.
    pub fn votes_targets(&self) -> (Vec<Vec<f32>>, Vec<f32>) {
        let even = 1.0 / self.classes() as f32;
        let votes = (0..self.len()).map(|place| self.votes(place));
        votes.map(|votes| votes.map_or_else(|| (vec![even; self.classes()], 0.0), |votes| (votes, 1.0))).unzip()
    }

    /// How much an example of each class counts.
    pub fn class_weights(&self, weights: &ClassWeights) -> Result<Vec<f32>> {
        let classes = self.dataset.labels().len();
        match weights {
            ClassWeights::None => Ok(vec![1.0; classes]),
            ClassWeights::Balanced => {
                let mut counts = vec![0usize; classes];
                (0..self.len()).for_each(|place| counts[self.label(place)] += 1);
                let even = self.len() as f32 / classes as f32;
                Ok(counts.iter().map(|&count| if count == 0 { 0.0 } else { even / count as f32 }).collect())
            }
            ClassWeights::List(list) if list.len() == classes => Ok(list.iter().map(|&weight| weight as f32).collect()),
            ClassWeights::List(list) => {
                Err(Error::input(format!("loss.class_weights must be {classes} numbers, one a class, got {}", list.len())))
            }
        }
    }
}

/// A seeded share of the indices, the same share of each class and at least one of each, in the given order.
fn share_of_each_class(dataset: &Dataset, mut indices: Vec<usize>, share: f64, seed: u64) -> Vec<usize> {
    let label = |index: usize| dataset.samples()[index].label;
    let mut chosen = Vec::new();
    for class in 0..dataset.labels().len() {
        let mut members: Vec<usize> = indices.iter().copied().filter(|&index| label(index) == class).collect();
        members.shuffle(&mut generator(seed, class as u64, Purpose::Share));
        let count = (members.len() as f64 * share).ceil() as usize;
        chosen.extend_from_slice(&members[..count]);
    }
    chosen.sort_unstable();
    indices.retain(|index| chosen.binary_search(index).is_ok());
    indices
}
