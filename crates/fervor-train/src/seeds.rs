//! Where all random numbers of a training come from: one seed, and for each purpose and place a stream of its own.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What random numbers are for: one seed serves all without the streams meeting.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// The first weights.
    Weights,
    /// The order of the examples in an epoch.
    Shuffle,
    /// What is done to a chip.
    Augment,
    /// The masks of a step.
    Dropout,
    /// Which pictures of a class are used.
    Share,
    /// What a batch's chips are mixed with.
    Mix,
}

/// The generator of one purpose and place.
pub fn generator(seed: u64, place: u64, purpose: Purpose) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(derived_seed(seed, place, purpose))
}

/// A seed for one purpose and place, far from all others.
pub fn derived_seed(seed: u64, place: u64, purpose: Purpose) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(place);
    rng.set_word_pos(16 * (purpose as u128));
    rng.random()
}
