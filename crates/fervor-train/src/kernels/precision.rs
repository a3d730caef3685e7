//! In which numbers convolutions multiply.

use std::cell::Cell;

use fervor_simd::tile::{Kernels, kernels, pair_kernels};
use serde::{Deserialize, Serialize};

/// Fewer source channels than this are not worth pairing: half of a lone channel's pair is empty.
const MIN_CHANNELS: usize = 8;

/// In which numbers convolutions multiply while they are trained. Weights, sums, normalisation and the loss are `f32`
/// always, and so is all that validates, exports or runs a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Factors are rounded to bfloat16 (Kalamkar et al., "A study of bfloat16 for deep learning training", 2019), where the
    /// processor multiplies such numbers in hardware: half the steps. Elsewhere the same as `F32`.
    Bf16,
}

impl Precision {
    /// Whether it is the default.
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }
}

thread_local! {
    static CURRENT: Cell<Precision> = const { Cell::new(Precision::F32) };
}

/// Runs `work`; convolutions that it makes, on this thread, multiply in `precision`, and so do their gradients, whenever
/// those are asked for.
pub fn autocast<R>(precision: Precision, work: impl FnOnce() -> R) -> R {
    struct Restore(Precision);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(precision));
    work()
}

/// What [`autocast`] asks for on this thread.
pub fn current() -> Precision {
    CURRENT.get()
}

/// The kernels of a convolution, and whether they take pairs.
#[derive(Clone, Copy)]
pub struct Arithmetic {
    /// What runs it.
    pub kernels: &'static Kernels,
    /// Whether factors are pairs of bfloat16 numbers in the bits of an `f32`.
    pub pairs: bool,
}

impl Arithmetic {
    /// For a source of `channels` channels.
    pub fn new(precision: Precision, channels: usize) -> Self {
        match pair_kernels() {
            Some(kernels) if precision == Precision::Bf16 && channels >= MIN_CHANNELS => Self { kernels, pairs: true },
            _ => Self { kernels: kernels(), pairs: false },
        }
    }

    /// Numbers that a pixel of `channels` channels takes.
    pub fn words(&self, channels: usize) -> usize {
        if self.pairs { channels.div_ceil(2) } else { channels }
    }
}
