//! Dropout (Srivastava et al., 2014).

use std::cell::Cell;

use burn::{module::Module, tensor::Tensor};

use super::init::next_key;
use crate::kernels;

thread_local! {
    static OFF: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with nothing dropped on this thread, as where it is only watched what a network sees.
pub fn without_dropout<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            OFF.set(self.0);
        }
    }
    let _restore = Restore(OFF.replace(true));
    work()
}

/// Inverted dropout: on an autodiff device it zeroes a share `rate` of the elements and scales the
/// others by `1 / (1 - rate)`; elsewhere it changes nothing.
///
/// The masks come from this thread's [`seed`](super::seed).
#[derive(Module, Debug)]
pub struct Dropout {
    /// Share of elements zeroed, in `0.0..1.0`.
    pub rate: f64,
}

impl Dropout {
    /// A layer that zeroes a share `rate` of its input, `0.0 <= rate < 1.0`.
    ///
    /// # Panics
    /// On a rate outside that range; recipes are checked before they come here.
    pub fn new(rate: f64) -> Self {
        assert!((0.0..1.0).contains(&rate), "a dropout rate must lie in 0.0..1.0, but is {rate}");
        Self { rate }
    }

    /// Any shape to the same shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if self.rate == 0.0 || OFF.get() || !x.device().is_autodiff() {
            return x;
        }
        kernels::dropout(x, next_key(), self.rate)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::layers::seed;

    fn drop_ones(rate: f64, device: &Device) -> Vec<f32> {
        let x = Tensor::<2>::ones([100, 101], device);
        Dropout::new(rate).forward(x).into_data().try_to_vec().unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_masks() {
        let device = Device::flex().autodiff();
        seed(3);
        let (first, second) = (drop_ones(0.25, &device), drop_ones(0.25, &device));
        seed(3);
        assert_eq!(first, drop_ones(0.25, &device));
        assert_ne!(first, second);
    }

    #[test]
    fn the_kept_share_is_scaled_so_that_the_mean_stays() {
        seed(4);
        let y = drop_ones(0.25, &Device::flex().autodiff());
        assert!(y.iter().all(|&v| v == 0.0 || v == 1.0 / 0.75));
        let mean = y.iter().sum::<f32>() / y.len() as f32;
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
    }

    #[test]
    fn nothing_is_dropped_outside_training() {
        assert!(drop_ones(0.5, &Device::flex()).iter().all(|&v| v == 1.0));
        let device = Device::flex().autodiff();
        assert!(without_dropout(|| drop_ones(0.5, &device)).iter().all(|&v| v == 1.0));
        assert!(drop_ones(0.5, &device).contains(&0.0), "and dropped again after it");
    }
}
