//! Training pictures as batches, prepared on threads of their own beside the computation.
//!
//! What a batch holds depends on the seed, the epoch and its number only, never on which thread was faster.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use fervor::dataset::{Dataset, Split};
use fervor::{Chip, Error, Face, Preprocess, Result};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::augment::augment;
use crate::recipe::{AugmentRecipe, ClassWeights, LossRecipe, Recipe};

/// Memory that the chips of a split may take; above it, pictures are decoded each time they are needed.
const CACHE_LIMIT: usize = 4 << 30;

/// Threads that prepare batches: one keeps up with two cores on 48-pixel chips, two with decoding on the way.
const WORKERS: usize = 2;

/// Batches that each worker prepares ahead.
const AHEAD: usize = 2;

/// One split of a data set as the network sees it.
pub struct Examples {
    preprocess: Preprocess,
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
                .with_hint("choose how it is split, for example --set data.split=80:10:10"));
        }
        let mut examples = Self { preprocess: recipe.preprocess.clone(), dataset: dataset.clone(), indices, chips: Vec::new() };
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

    /// The chip of example `place`.
    ///
    /// # Errors
    /// `Data`: the picture can no longer be read.
    pub fn chip(&self, place: usize) -> Result<Chip> {
        match self.chips.get(place) {
            Some(chip) => Ok(chip.clone()),
            None => self.make_chip(place),
        }
    }

    fn make_chip(&self, place: usize) -> Result<Chip> {
        let picture = self.dataset.picture(self.indices[place])?;
        Ok(self.preprocess.chip(&picture, &Face::whole(&picture)))
    }

    /// What the network shall answer for each example: label or votes, smoothed.
    fn targets(&self, loss: &LossRecipe) -> Vec<Vec<f32>> {
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

    /// How much an example of each class counts.
    fn class_weights(&self, weights: &ClassWeights) -> Result<Vec<f32>> {
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

/// What a step takes.
pub struct Batch {
    /// `[n, channels, size, size]`, 0..=255.
    pub pixels: Vec<f32>,
    /// `[n, classes]`, each row sums to 1.
    pub targets: Vec<f32>,
    /// `[n]`.
    pub weights: Vec<f32>,
    /// `[n]`.
    pub labels: Vec<usize>,
}

/// Makes the batches of an epoch.
pub struct Loader {
    examples: Examples,
    augment: AugmentRecipe,
    targets: Vec<Vec<f32>>,
    class_weights: Vec<f32>,
    batch_size: usize,
    seed: u64,
}

impl Loader {
    /// A loader of training examples.
    ///
    /// # Errors
    /// `Input`: class weights that do not fit the data's classes.
    pub fn new(examples: Examples, recipe: &Recipe) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            targets: examples.targets(&recipe.loss),
            class_weights: examples.class_weights(&recipe.loss.class_weights)?,
            examples,
            augment: recipe.augment.clone(),
            batch_size: recipe.batch_size,
            seed: recipe.seed,
        }))
    }

    /// The examples.
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// Batches an epoch. A last one of a single picture is left out: batch norm has nothing to compare it with.
    pub fn batches(&self) -> usize {
        let (full, rest) = (self.examples.len() / self.batch_size, self.examples.len() % self.batch_size);
        full + usize::from(rest > 1 || full == 0)
    }

    /// The order of the examples in an epoch.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.examples.len()).collect();
        order.shuffle(&mut generator(self.seed, epoch as u64, Purpose::Shuffle));
        order
    }

    /// The batches `first..` of an epoch, in order, from threads that work ahead; dropping the stream ends them.
    pub fn stream(self: &Arc<Self>, epoch: usize, first: usize) -> Stream {
        let order = Arc::new(self.order(epoch));
        let (channels, workers) = (0..WORKERS)
            .map(|worker| {
                let (sender, receiver) = sync_channel(AHEAD);
                let (loader, order) = (Arc::clone(self), Arc::clone(&order));
                let work = move || {
                    for batch in (first..loader.batches()).skip(worker).step_by(WORKERS) {
                        let places = order.chunks(loader.batch_size).nth(batch).unwrap_or_default();
                        if sender.send(loader.batch(epoch, places)).is_err() {
                            return; // nobody listens any more
                        }
                    }
                };
                (receiver, thread::spawn(work))
            })
            .unzip();
        Stream { channels, next: 0, workers }
    }

    fn batch(&self, epoch: usize, places: &[usize]) -> Result<Batch> {
        let values: usize = self.examples.preprocess.shape().iter().product();
        let mut batch = Batch {
            pixels: Vec::with_capacity(places.len() * values),
            targets: Vec::new(),
            weights: Vec::new(),
            labels: Vec::new(),
        };
        for &place in places {
            let stream = (epoch as u64) << 32 | place as u64;
            let chip = augment(&self.augment, self.examples.chip(place)?, &mut generator(self.seed, stream, Purpose::Augment));
            let label = self.examples.label(place);
            batch.pixels.extend(chip.pixels().iter().map(|&value| f32::from(value)));
            batch.targets.extend_from_slice(&self.targets[place]);
            batch.weights.push(self.class_weights[label]);
            batch.labels.push(label);
        }
        Ok(batch)
    }
}

/// The batches of an epoch as they become ready.
pub struct Stream {
    /// One a worker; they are asked in turn, so that the order is always the same.
    channels: Vec<Receiver<Result<Batch>>>,
    next: usize,
    workers: Vec<JoinHandle<()>>,
}

impl Iterator for Stream {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.channels[self.next % WORKERS].recv().ok();
        self.next += 1;
        batch
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.channels.clear(); // ends workers that wait to send
        for worker in self.workers.drain(..) {
            // A worker that panicked has closed its channel, and the stream ended early: the trainer counts batches.
            let _ = worker.join();
        }
    }
}

/// What random numbers are for: one seed serves all without the streams meeting.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Weights,
    Shuffle,
    Augment,
    Dropout,
    Share,
}

/// The generator of one purpose and place.
fn generator(seed: u64, place: u64, purpose: Purpose) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(derived_seed(seed, place, purpose))
}

/// A seed for one purpose and place, far from all others.
pub(crate) fn derived_seed(seed: u64, place: u64, purpose: Purpose) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(place);
    rng.set_word_pos(16 * (purpose as u128));
    rng.random()
}
