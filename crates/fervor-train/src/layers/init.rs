//! Where first weights and dropout masks come from.
//!
//! Burn draws them on the device, from a generator that all threads share: the same seed would
//! give other weights on a graphics card than on the processor, and other ones again when two
//! trainings run in one process. Here the draws are made on the host from a stream of the calling
//! thread, so that a recipe's seed means the same everywhere.

use std::cell::Cell;

use burn::{
    module::Param,
    tensor::{Device, Tensor, TensorData},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

thread_local! {
    static STREAM: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Restarts this thread's stream of first weights and dropout masks.
///
/// Layers made, and masks drawn, after the same seed and in the same order are the same. A training
/// that can be resumed calls this at each step with a seed made from the recipe's seed and the
/// step's number.
pub fn seed(seed: u64) {
    STREAM.set((seed, 0));
}

/// The next key of this thread's stream: 64 well mixed bits.
pub(crate) fn next_key() -> u64 {
    let (seed, draw) = STREAM.get();
    STREAM.set((seed, draw.wrapping_add(1)));
    mix(mix(seed).wrapping_add(draw))
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014), after its increment.
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How the weights of a convolution or a linear layer start. Biases always start at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Init {
    /// Normal, variance `2 / fan_out` (He et al., "Delving deep into rectifiers", 2015): keeps the
    /// size of gradients through a residual network.
    #[default]
    HeFanOut,
    /// Uniform within `sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, "Understanding the
    /// difficulty of training deep feedforward neural networks", 2010): what Keras starts with.
    Glorot,
}

impl Init {
    /// A trainable tensor of `shape`, drawn from this thread's stream.
    pub(super) fn weight<const D: usize>(
        self,
        shape: [usize; D],
        fan_in: usize,
        fan_out: usize,
        device: &Device,
    ) -> Param<Tensor<D>> {
        let mut rng = ChaCha8Rng::seed_from_u64(next_key());
        let count = shape.iter().product();
        let values: Vec<f32> = match self {
            Self::HeFanOut => {
                let deviation = (2.0 / fan_out as f64).sqrt();
                normals(&mut rng, count).map(|z| (z * deviation) as f32).collect()
            }
            Self::Glorot => {
                let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
                (0..count).map(|_| ((rng.random::<f64>() * 2.0 - 1.0) * limit) as f32).collect()
            }
        };
        Param::from_data(TensorData::new(values, shape), device)
    }
}

/// A trainable vector of `len` times `value`.
pub(super) fn constant(value: f32, len: usize, device: &Device) -> Param<Tensor<1>> {
    Param::from_data(TensorData::new(vec![value; len], [len]), device)
}

/// Standard normal draws by the method of Box and Muller (1958).
fn normals(rng: &mut ChaCha8Rng, count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(|_| {
        // 1 - u lies in (0, 1]: its logarithm is finite.
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(init: Init) -> Vec<f32> {
        let weight = init.weight([64, 32, 3, 3], 288, 576, &Device::flex());
        weight.val().into_data().try_to_vec().unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_weights_and_another_one_others() {
        seed(7);
        let (first, second) = (draw(Init::HeFanOut), draw(Init::HeFanOut));
        seed(7);
        assert_eq!(first, draw(Init::HeFanOut));
        assert_eq!(second, draw(Init::HeFanOut));
        assert_ne!(first, second);
        seed(8);
        assert_ne!(first, draw(Init::HeFanOut));
    }

    #[test]
    fn weights_have_the_spread_that_their_method_promises() {
        seed(1);
        let variance = |w: &[f32]| w.iter().map(|x| x * x).sum::<f32>() / w.len() as f32;
        let he = variance(&draw(Init::HeFanOut));
        assert!((he * 288.0 - 1.0).abs() < 0.05, "He: {he}");
        let glorot = draw(Init::Glorot);
        let limit = (6.0f32 / 864.0).sqrt();
        assert!(glorot.iter().all(|x| x.abs() <= limit));
        assert!((variance(&glorot) / (limit * limit / 3.0) - 1.0).abs() < 0.05);
    }
}
