//! Training pictures as batches, prepared on threads of their own beside the computation.
//!
//! What a batch holds depends on the seed, the epoch and its number only, never on which thread was faster.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use fervor::{Chip, Result};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::augment::{augment, shrink};
use crate::distill::{FixedChips, Teachers, Variant};
use crate::examples::Examples;
use crate::mix::Mix;
use crate::recipe::{AugmentRecipe, LossRecipe, ProgressiveRecipe, Sampling};
use crate::seeds::{Purpose, generator};

/// Threads that prepare batches: one keeps up with two cores on 48-pixel chips, two with decoding on the way.
const WORKERS: usize = 2;

/// Batches that each worker prepares ahead.
const AHEAD: usize = 2;

/// What a step takes.
pub struct Batch {
    /// `[n, channels, side, side]`, 0..=255.
    pub pixels: Vec<f32>,
    /// Side of the chips: the recipe's size, or less while they grow.
    pub side: usize,
    /// `[n, classes]`, each row sums to 1.
    pub targets: Vec<f32>,
    /// `[n]`.
    pub weights: Vec<f32>,
    /// `[n]`; of a mixed chip, the label of its larger part.
    pub labels: Vec<usize>,
    /// What the head of the votes shall answer, where there is one.
    pub votes: Option<VotesBatch>,
    /// What the teachers say for each head, `[n, classes]`, each row sums to 1.
    pub taught: Vec<Option<Vec<f32>>>,
}

/// What the head of the votes shall answer.
pub struct VotesBatch {
    /// `[n, classes]`, each row sums to 1.
    pub targets: Vec<f32>,
    /// `[n]`; 0 where nobody voted.
    pub weights: Vec<f32>,
}

/// What a [`Loader`] is told of a recipe.
pub struct LoaderOptions<'a> {
    /// What is done to the chips.
    pub augment: &'a AugmentRecipe,
    /// Smaller chips at first.
    pub progressive: Option<&'a ProgressiveRecipe>,
    /// How often each picture is shown in an epoch.
    pub sampling: Sampling,
    /// What the targets and weights are.
    pub loss: &'a LossRecipe,
    /// The same changed chips of each picture in all epochs, where teachers have been asked about those.
    pub fixed: Option<FixedChips>,
    /// Pictures a batch.
    pub batch_size: usize,
    /// The recipe's.
    pub seed: u64,
}

/// Makes the batches of an epoch.
pub struct Loader {
    examples: Examples,
    augment: AugmentRecipe,
    progressive: Option<ProgressiveRecipe>,
    sampling: Sampling,
    targets: Vec<Vec<f32>>,
    /// Of the head of the votes, with their weights.
    votes: Option<(Vec<Vec<f32>>, Vec<f32>)>,
    class_weights: Vec<f32>,
    teachers: Option<Teachers>,
    fixed: Option<FixedChips>,
    batch_size: usize,
    seed: u64,
}

/// An example in an epoch, and how often it has been drawn in it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    place: usize,
    again: u64,
}

impl Loader {
    /// A loader of training examples, with the teachers that are asked about them.
    ///
    /// # Errors
    /// `Input`: class weights that do not fit the data's classes.
    pub fn new(examples: Examples, teachers: Option<Teachers>, options: LoaderOptions) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            targets: examples.targets(options.loss),
            votes: (options.loss.votes_head > 0.0).then(|| examples.votes_targets()),
            class_weights: examples.class_weights(&options.loss.class_weights)?,
            examples,
            augment: options.augment.clone(),
            progressive: options.progressive.cloned(),
            sampling: options.sampling,
            teachers,
            fixed: options.fixed,
            batch_size: options.batch_size,
            seed: options.seed,
        }))
    }

    /// The examples.
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// The share of each class in the targets of each head as they are shown, in the order of their logits.
    pub fn priors(&self) -> Vec<Vec<f32>> {
        let classes = self.examples.classes();
        let mean = |rows: &[Vec<f32>], weight: &dyn Fn(usize) -> f32| {
            let mut sums = vec![0.0; classes];
            for (place, row) in rows.iter().enumerate() {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(weight(place) * value));
            }
            let all: f64 = sums.iter().sum();
            sums.into_iter().map(|sum| (sum / all) as f32).collect()
        };
        let shown = self.times_shown();
        let of_class = |place: usize| self.class_weights[self.examples.label(place)];
        let labels = mean(&self.targets, &|place| shown[place] * of_class(place));
        let votes = self.votes.as_ref().map(|(rows, weights)| mean(rows, &|place| shown[place] * weights[place]));
        [labels].into_iter().chain(votes).collect()
    }

    /// How often each example is shown in an epoch, on average.
    fn times_shown(&self) -> Vec<f32> {
        let places = 0..self.examples.len();
        match self.sampling {
            Sampling::Natural => places.map(|_| 1.0).collect(),
            Sampling::Balanced => {
                let mut members = vec![0usize; self.examples.classes()];
                places.clone().for_each(|place| members[self.examples.label(place)] += 1);
                let of_each = places.len() as f32 / members.iter().filter(|&&members| members > 0).count() as f32;
                places.map(|place| of_each / members[self.examples.label(place)] as f32).collect()
            }
        }
    }

    /// Batches an epoch. A last one of a single picture is left out: batch norm has nothing to compare it with.
    pub fn batches(&self) -> usize {
        let (full, rest) = (self.examples.len() / self.batch_size, self.examples.len() % self.batch_size);
        full + usize::from(rest > 1 || full == 0)
    }

    /// The order of the examples in an epoch.
    fn order(&self, epoch: usize) -> Vec<Turn> {
        let mut rng = generator(self.seed, epoch as u64, Purpose::Shuffle);
        let mut order: Vec<Turn> = match self.sampling {
            Sampling::Natural => (0..self.examples.len()).map(|place| Turn { place, again: 0 }).collect(),
            Sampling::Balanced => self.balanced(&mut rng),
        };
        order.shuffle(&mut rng);
        order
    }

    /// As many examples as there are, of each class the same number: of a large class some, drawn anew each epoch, of a
    /// small one all, several times.
    fn balanced(&self, rng: &mut ChaCha8Rng) -> Vec<Turn> {
        let mut members = vec![Vec::new(); self.examples.classes()];
        (0..self.examples.len()).for_each(|place| members[self.examples.label(place)].push(place));
        members.retain(|members| !members.is_empty());
        let (count, classes) = (self.examples.len(), members.len());
        let mut order = Vec::with_capacity(count);
        for (class, mut members) in members.into_iter().enumerate() {
            members.shuffle(rng);
            let share = count / classes + usize::from(class < count % classes);
            order.extend((0..share).map(|i| Turn { place: members[i % members.len()], again: (i / members.len()) as u64 }));
        }
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
                        let turns = order.chunks(loader.batch_size).nth(batch).unwrap_or_default();
                        if sender.send(loader.batch(epoch, batch, turns)).is_err() {
                            return; // nobody listens any more
                        }
                    }
                };
                (receiver, thread::spawn(work))
            })
            .unzip();
        Stream { channels, next: 0, workers }
    }

    fn batch(&self, epoch: usize, number: usize, turns: &[Turn]) -> Result<Batch> {
        let places: Vec<usize> = turns.iter().map(|turn| turn.place).collect();
        let (mut chips, mut shown) = (Vec::with_capacity(turns.len()), Vec::with_capacity(turns.len()));
        for Turn { place, again } in turns {
            let chip = self.examples.plain_chip(*place)?;
            let variant = self.variant(epoch, Turn { place: *place, again: *again });
            chips.push(match &self.fixed {
                Some(fixed) => fixed.chip(&self.augment, chip, *place, variant),
                None => {
                    let stream = again << 52 | (epoch as u64) << 32 | *place as u64;
                    augment(&self.augment, chip, &mut generator(self.seed, stream, Purpose::Augment))
                }
            });
            shown.push((*place, variant));
        }
        let labels: Vec<usize> = places.iter().map(|&place| self.examples.label(place)).collect();
        let mut weights: Vec<f32> = labels.iter().map(|&label| self.class_weights[label]).collect();
        let mut targets = rows_of(&self.targets, &places);
        let mut votes = self.votes.as_ref().map(|(rows, weights)| VotesBatch {
            targets: rows_of(rows, &places),
            weights: places.iter().map(|&place| weights[place]).collect(),
        });

        let [_, side, _] = self.examples.shape();
        let stream = (epoch as u64) << 32 | number as u64;
        let mix = Mix::draw(&self.augment, turns.len(), side, &mut generator(self.seed, stream, Purpose::Mix));
        if let Some(mix) = &mix {
            chips = mix.chips(&chips);
            let classes = self.examples.classes();
            (targets, weights) = mixed_targets(mix, &targets, &weights, classes);
            if let Some(VotesBatch { targets, weights }) = &mut votes {
                (*targets, *weights) = mixed_targets(mix, targets, weights, classes);
            }
        }
        let taught = match &self.teachers {
            Some(teachers) => self.taught(teachers, &shown, &chips, mix.as_ref())?,
            None => Vec::new(),
        };
        let chips: Vec<Chip> = chips.into_iter().map(|chip| self.examples.finished(chip)).collect();
        let full = side;
        let side = self.progressive.as_ref().map_or(full, |progressive| progressive.side(epoch, full));
        let pixels = if side == full {
            chips.iter().flat_map(|chip| chip.pixels().iter().map(|&value| f32::from(value))).collect()
        } else {
            let planes = chips.iter().flat_map(|chip| chip.pixels().chunks_exact(full * full));
            planes.flat_map(|plane| shrink(plane, full, side)).collect()
        };
        Ok(Batch { pixels, side, targets, weights, labels, votes, taught })
    }

    /// Which of its fixed chips a picture shows in an epoch, where there are any.
    fn variant(&self, epoch: usize, turn: Turn) -> Variant {
        let unchanging = Variant { number: 0, mirrored: false };
        self.fixed.as_ref().map_or(unchanging, |fixed| fixed.variant(turn.place, epoch + turn.again as usize))
    }

    /// What the teachers say of mixed chips, or a mixture of what they say of those that were mixed; for each head.
    fn taught(
        &self,
        teachers: &Teachers,
        shown: &[(usize, Variant)],
        chips: &[Chip],
        mix: Option<&Mix>,
    ) -> Result<Vec<Option<Vec<f32>>>> {
        let mut answers = teachers.answers(shown, chips)?;
        if let Some(mix) = mix.filter(|_| !teachers.see_augmented()) {
            answers.iter_mut().flatten().for_each(|rows| *rows = mix.rows(rows, self.examples.classes()));
        }
        Ok(answers)
    }
}

fn rows_of(rows: &[Vec<f32>], places: &[usize]) -> Vec<f32> {
    places.iter().flat_map(|&place| rows[place].iter().copied()).collect()
}

/// Targets and weights of mixed chips: a picture that weighs more does so in what it is mixed into, too.
fn mixed_targets(mix: &Mix, targets: &[f32], weights: &[f32], classes: usize) -> (Vec<f32>, Vec<f32>) {
    let weighted = targets.chunks_exact(classes).zip(weights).flat_map(|(row, weight)| row.iter().map(move |t| t * weight));
    let weighted = mix.rows(&weighted.collect::<Vec<f32>>(), classes);
    let weights = mix.rows(weights, 1);
    // What weighs nothing has no target: even is as good as any.
    let share = |value: f32, weight: f32| if weight > 0.0 { value / weight } else { 1.0 / classes as f32 };
    let rows = weighted.chunks_exact(classes).zip(&weights);
    (rows.flat_map(|(row, &weight)| row.iter().map(move |&value| share(value, weight))).collect(), weights)
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

#[cfg(test)]
mod tests {
    use fervor_lab::dataset::{Dataset, OpenOptions, Split};

    use super::*;
    use crate::recipe::{Recipe, SMALL};

    fn recipe(overrides: &[&str]) -> Recipe {
        let common = [
            "seed=5",
            "batch_size=6",
            r#"labels=["angry", "disgust", "fear"]"#,
            "preprocess.size=24",
            "preprocess.framing.margin.margin=0.0",
            "augment.shift=0.2",
        ];
        Recipe::parse(SMALL, &[&common, overrides].concat()).unwrap()
    }

    /// Classes of 12, 4 and 2 pictures.
    fn loader(overrides: &[&str]) -> Arc<Loader> {
        let recipe = recipe(overrides);
        let folder = tempfile::tempdir().unwrap();
        let row = |i: usize| {
            let class = usize::from(i >= 12) + usize::from(i >= 16);
            let pixels: Vec<String> = (0..24 * 24).map(|p| ((p * (i + 3)) % 251).to_string()).collect();
            format!("{class},{},Training\n", pixels.join(" "))
        };
        let table: String = (0..18).map(row).collect();
        let path = folder.path().join("faces.csv");
        std::fs::write(&path, format!("emotion,pixels,Usage\n{table}")).unwrap();
        let options = OpenOptions { labels: recipe.labels.clone(), ..OpenOptions::default() };
        let examples = Examples::new(&Dataset::open(&path, &options).unwrap(), Split::Train, &recipe).unwrap();
        let Recipe { augment, loss, batch_size, seed, .. } = &recipe;
        let (progressive, sampling) = (recipe.progressive.as_ref(), recipe.data.sampling);
        let fixed = FixedChips::of(&recipe);
        let options = LoaderOptions { augment, progressive, sampling, loss, fixed, batch_size: *batch_size, seed: *seed };
        Loader::new(examples, None, options).unwrap()
    }

    fn batches(loader: &Arc<Loader>, epoch: usize, first: usize) -> Vec<Batch> {
        loader.stream(epoch, first).map(Result::unwrap).collect()
    }

    #[test]
    fn balanced_sampling_shows_each_class_as_often() {
        let loader = loader(&["data.sampling=balanced"]);
        let epochs = [0, 1].map(|epoch| batches(&loader, epoch, 0));
        for epoch in &epochs {
            let labels: Vec<usize> = epoch.iter().flat_map(|batch| batch.labels.clone()).collect();
            assert_eq!([0, 1, 2].map(|class| labels.iter().filter(|label| **label == class).count()), [6, 6, 6]);
        }
        let of_class_2 = |epoch: &[Batch]| -> Vec<Vec<u8>> {
            let rows = epoch.iter().flat_map(|batch| batch.pixels.chunks_exact(24 * 24).zip(&batch.labels));
            rows.filter(|(_, label)| **label == 2).map(|(row, _)| row.iter().map(|v| *v as u8).collect()).collect()
        };
        let mut drawn = of_class_2(&epochs[0]);
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), 6, "a picture that comes again in an epoch comes in another shape");
    }

    // The card said the shares of the data where the network had seen others.
    #[test]
    fn the_priors_are_the_shares_that_the_network_sees() {
        let near = |found: &[f32], expected: [f32; 3]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        for (overrides, expected) in [
            (&[][..], [12.0, 4.0, 2.0].map(|count| count / 18.0)),
            (&["data.sampling=balanced"], [1.0 / 3.0; 3]),
            (&["data.sampling=balanced", "loss.class_weights=[1, 2, 1]"], [0.25, 0.5, 0.25]),
        ] {
            let priors = loader(overrides).priors();
            assert!(near(&priors[0], expected), "{overrides:?}: {priors:?}");
        }
    }

    #[test]
    fn natural_sampling_shows_each_picture_once() {
        let labels: Vec<usize> = batches(&loader(&[]), 0, 0).iter().flat_map(|batch| batch.labels.clone()).collect();
        assert_eq!([0, 1, 2].map(|class| labels.iter().filter(|label| **label == class).count()), [12, 4, 2]);
    }

    #[test]
    fn a_batch_depends_on_seed_epoch_and_number_only() {
        for overrides in [&["augment.mixup=0.4", "augment.cutmix=1.0"][..], &["data.sampling=balanced"]] {
            let loader = loader(overrides);
            let (whole, later) = (batches(&loader, 1, 0), batches(&loader, 1, 2));
            assert_eq!((whole[2].pixels.clone(), whole[2].targets.clone()), (later[0].pixels.clone(), later[0].targets.clone()));
        }
    }

    #[test]
    fn chips_are_smaller_until_they_have_grown() {
        let (plain, growing) = (loader(&[]), loader(&["progressive={ first = 16, epochs = 1 }"]));
        for epoch in [0, 1] {
            let [plain, growing] = [&plain, &growing].map(|loader| batches(loader, epoch, 0).remove(0));
            let side = [16, 24][epoch];
            assert_eq!((growing.side, growing.pixels.len()), (side, 6 * side * side));
            assert_eq!(plain.labels, growing.labels);
            let mean = |pixels: &[f32]| pixels.iter().sum::<f32>() / pixels.len() as f32;
            assert!((mean(&plain.pixels) - mean(&growing.pixels)).abs() < 1e-2);
        }
    }

    #[test]
    fn chips_are_standardised_after_they_were_augmented() {
        let light = "preprocess.standardize={ mean = 120.0, deviation = 30.0 }";
        let standardized = recipe(&[light]).preprocess;
        for change in ["augment.brightness=0.3", "augment.contrast=0.6", "augment.degrade=1.0", "augment.jpeg=1.0"] {
            let (bare, brought) = (batches(&loader(&[change]), 0, 0), batches(&loader(&[change, light]), 0, 0));
            for (bare, brought) in bare.iter().zip(&brought) {
                assert_eq!(bare.labels, brought.labels);
                for (bare, brought) in bare.pixels.chunks_exact(24 * 24).zip(brought.pixels.chunks_exact(24 * 24)) {
                    let chip = standardized.golden_chip().edited(|pixels| *pixels = bare.iter().map(|v| *v as u8).collect());
                    let expected: Vec<f32> =
                        standardized.standardized(chip).pixels().iter().map(|&value| f32::from(value)).collect();
                    assert_eq!(brought, expected, "{change}");
                    let mean = brought.iter().sum::<f32>() / brought.len() as f32;
                    assert!((mean - 120.0).abs() < 1.5, "{change}: {mean}");
                }
            }
        }
    }

    #[test]
    fn unchanged_chips_are_those_of_the_one_function_that_makes_chips() {
        let loader = loader(&["preprocess.standardize={ mean = 120.0, deviation = 30.0 }"]);
        let examples = loader.examples();
        let preprocess = recipe(&["preprocess.standardize={ mean = 120.0, deviation = 30.0 }"]).preprocess;
        for place in 0..examples.len() {
            assert_eq!(examples.chip(place).unwrap(), preprocess.whole(&examples.picture(place).unwrap()));
        }
    }

    #[test]
    fn mixing_changes_pixels_and_targets_together() {
        let plain = batches(&loader(&["loss.class_weights=balanced"]), 0, 0);
        for rule in ["augment.mixup=0.8", "augment.cutmix=1.0"] {
            let mixed = batches(&loader(&[rule, "loss.class_weights=balanced"]), 0, 0);
            assert!(plain.iter().zip(&mixed).all(|(a, b)| a.labels == b.labels), "the order stays");
            assert!(plain.iter().zip(&mixed).all(|(a, b)| a.pixels != b.pixels && a.targets != b.targets), "{rule}");
            for row in mixed.iter().flat_map(|batch| batch.targets.chunks_exact(3)) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
            }
        }
    }
}
