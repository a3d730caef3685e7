//! Batch normalisation (Ioffe and Szegedy, 2015).

use burn::{
    module::{Module, Param, RunningState},
    tensor::{
        Device, Tensor,
        module::{batch_norm, batch_norm_train},
    },
};

use super::{Conv2d, conv::ConvValues, init::constant, relu};
use crate::kernels;

/// What a [`BatchNorm`] is made from.
#[derive(Clone, Debug)]
pub struct BatchNormConfig {
    /// Channels, or numbers of a row.
    pub channels: usize,
    /// Share of the newest batch in the running statistics: 0.1 here is 0.9 in Keras' terms.
    pub momentum: f64,
    /// Added to the variance before its root is taken.
    pub epsilon: f64,
}

impl BatchNormConfig {
    /// Momentum 0.1 and epsilon 1e-5, the values of PyTorch.
    pub fn new(channels: usize) -> Self {
        Self { channels, momentum: 0.1, epsilon: 1e-5 }
    }

    /// Makes the layer: scale 1, shift 0, running mean 0, running variance 1.
    pub fn init(&self, device: &Device) -> BatchNorm {
        BatchNorm {
            gamma: constant(1.0, self.channels, device),
            beta: constant(0.0, self.channels, device),
            running_mean: RunningState::new(Tensor::zeros([self.channels], device)),
            running_var: RunningState::new(Tensor::ones([self.channels], device)),
            momentum: self.momentum,
            epsilon: self.epsilon,
            fixed: false,
        }
    }
}

/// Normalises each channel: by the batch's own mean and variance on an autodiff device, where it
/// also moves the running statistics; by the running ones elsewhere.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale, `[channels]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub beta: Param<Tensor<1>>,
    /// Running mean, `[channels]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// Running variance (of the population, not of a sample), `[channels]`.
    pub running_var: RunningState<Tensor<1>>,
    /// Share of the newest batch in the running statistics.
    pub momentum: f64,
    /// Added to the variance before its root is taken.
    pub epsilon: f64,
    /// Training uses the running statistics too and leaves them alone: what few pictures say of a batch's mean and
    /// variance is too rough for a network that others have trained. Scale and shift still learn.
    pub fixed: bool,
}

impl BatchNorm {
    /// `forward(conv.forward(x))`: with fixed statistics one convolution, else two steps.
    pub fn after(&self, conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
        if self.fixed { self.folded(conv).convolve(x, false) } else { self.forward(conv.forward(x)) }
    }

    /// `forward_relu(conv.forward(x))`.
    pub fn after_relu(&self, conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
        if self.fixed { self.folded(conv).convolve(x, true) } else { self.forward_relu(conv.forward(x)) }
    }

    /// `forward_add_relu(conv.forward(x), shortcut)`.
    pub fn after_add_relu(&self, conv: &Conv2d, x: Tensor<4>, shortcut: Tensor<4>) -> Tensor<4> {
        if self.fixed {
            relu(self.folded(conv).convolve(x, false) + shortcut)
        } else {
            self.forward_add_relu(conv.forward(x), shortcut)
        }
    }

    /// The convolution that takes this norm's running statistics, scale and shift in.
    fn folded(&self, conv: &Conv2d) -> ConvValues {
        let (scale, shift) = self.scale_and_shift();
        let channels = scale.dims()[0];
        let ConvValues { weight, bias, stride, padding } = conv.values();
        let bias = match bias {
            Some(bias) => bias * scale.clone() + shift,
            None => shift,
        };
        ConvValues { weight: weight * scale.reshape([channels, 1, 1, 1]), bias: Some(bias), stride, padding }
    }

    /// A norm by the running statistics is `x * scale + shift` a channel; gradients reach gamma and beta.
    fn scale_and_shift(&self) -> (Tensor<1>, Tensor<1>) {
        let (mean, variance) = (self.running_mean.value_sync(), self.running_var.value_sync());
        let scale = self.gamma.val() / (variance + self.epsilon).sqrt();
        let shift = self.beta.val() - mean * scale.clone();
        (scale, shift)
    }

    /// `[n, channels, ...]` to the same shape: pictures, or flat rows.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.normalise(x, None, false)
    }

    /// [`forward`](Self::forward), then [`relu`].
    pub fn forward_relu<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.normalise(x, None, true)
    }

    /// `relu(forward(x) + shortcut)`: the end of a residual block.
    pub fn forward_add_relu<const D: usize>(&self, x: Tensor<D>, shortcut: Tensor<D>) -> Tensor<D> {
        self.normalise(x, Some(shortcut), true)
    }

    fn normalise<const D: usize>(&self, x: Tensor<D>, shortcut: Option<Tensor<D>>, positive: bool) -> Tensor<D> {
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        let y = if self.fixed {
            let (scale, shift) = self.scale_and_shift();
            let mut shape = [1; D];
            shape[1] = scale.dims()[0];
            x * scale.reshape(shape) + shift.reshape(shape)
        } else if x.device().is_autodiff() {
            let (shortcut, epsilon) = (shortcut.as_ref(), self.epsilon);
            if let Some(batch) = kernels::batch_norm(&x, shortcut, &gamma, &beta, epsilon, positive) {
                self.follow(&self.running_mean, batch.mean);
                self.follow(&self.running_var, batch.variance);
                return batch.output;
            }
            let batch = batch_norm_train(x, gamma, beta, epsilon);
            self.follow(&self.running_mean, batch.mean);
            self.follow(&self.running_var, batch.variance);
            batch.output
        } else {
            let (mean, variance) = (self.running_mean.value(), self.running_var.value());
            batch_norm(x, gamma, beta, mean, variance, self.epsilon)
        };
        let y = match shortcut {
            Some(shortcut) => y + shortcut,
            None => y,
        };
        if positive { relu(y) } else { y }
    }

    fn follow(&self, running: &RunningState<Tensor<1>>, batch: Tensor<1>) {
        let before = running.value_sync().mul_scalar(1.0 - self.momentum);
        let after = before + batch.detach().mul_scalar(self.momentum);
        running.update(after.detach());
    }
}
