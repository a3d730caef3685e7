//! Dropout whose mask is a function of a key and an element's place: nothing has to be kept for the
//! backward pass, and any number of threads draws the same mask.

use rayon::prelude::*;

use super::simd::vectorised;

/// Elements that a task works on.
const PIECE: usize = 1 << 15;

/// What a mask depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    /// Which of all masks.
    pub key: u64,
    /// Share of elements zeroed, in `0.0..1.0`.
    pub rate: f64,
}

impl Mask {
    /// What kept elements are multiplied by.
    fn scale(self) -> f32 {
        (1.0 / (1.0 - self.rate)) as f32
    }

    /// Draws below this are dropped.
    fn threshold(self) -> u32 {
        (self.rate * 4_294_967_296.0) as u32
    }

    /// Multiplies each element by zero or by the scale.
    pub fn apply(self, values: &mut [f32]) {
        let (low, high) = (self.key as u32, (self.key >> 32) as u32);
        values.par_chunks_mut(PIECE).enumerate().for_each(|(i, values)| {
            let first = low.wrapping_add((i * PIECE) as u32);
            drop_piece(values, first, high, self.threshold(), self.scale());
        });
    }

    /// The same, from one slice to a new one.
    pub fn applied(self, values: &[f32]) -> Vec<f32> {
        let mut masked = values.to_vec();
        self.apply(&mut masked);
        masked
    }
}

vectorised! {
    /// Two rounds of a 32-bit hash with low bias (Wellons, "Prospecting for hash functions", 2018),
    /// the key's halves mixed in before each.
    fn drop_piece(values: &mut [f32], first: u32, high: u32, threshold: u32, scale: f32) {
        for (i, value) in values.iter_mut().enumerate() {
            let mut h = first.wrapping_add(i as u32);
            h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
            h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
            h = (h ^ (h >> 16)) ^ high;
            h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
            h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
            h ^= h >> 16;
            *value = if h < threshold { 0.0 } else { *value * scale };
        }
    }
}
