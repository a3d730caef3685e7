//! Convolution over pictures.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, module::conv2d, ops::ConvOptions},
};

use super::{Init, init::constant, relu};
use crate::kernels;

/// What a [`Conv2d`] is made from.
#[derive(Clone, Debug)]
pub struct Conv2dConfig {
    /// Channels of the pictures that come in.
    pub channels_in: usize,
    /// Channels of those that go out.
    pub channels_out: usize,
    /// Side of the kernel, in pixels.
    pub kernel: usize,
    /// Step of the kernel, in pixels, in both directions.
    pub stride: usize,
    /// Zeros put around the picture, in pixels, on all four sides.
    pub padding: usize,
    /// Whether a bias is added to each channel. Pointless right before a batch norm.
    pub bias: bool,
    /// How the weights start.
    pub init: Init,
}

impl Conv2dConfig {
    /// A square kernel of `kernel` x `kernel`, stride 1, no padding, with a bias, He's weights.
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        Self { channels_in, channels_out, kernel, stride: 1, padding: 0, bias: true, init: Init::default() }
    }

    /// Makes the layer; its weights come from this thread's [`seed`](super::seed).
    pub fn init(&self, device: &Device) -> Conv2d {
        let area = self.kernel * self.kernel;
        let shape = [self.channels_out, self.channels_in, self.kernel, self.kernel];
        let (fan_in, fan_out) = (self.channels_in * area, self.channels_out * area);
        Conv2d {
            weight: self.init.weight(shape, fan_in, fan_out, device),
            bias: self.bias.then(|| constant(0.0, self.channels_out, device)),
            stride: self.stride,
            padding: self.padding,
        }
    }
}

/// Two-dimensional convolution (as everywhere in this field: cross-correlation).
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out, in, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// Step of the kernel, in pixels.
    pub stride: usize,
    /// Zeros around the picture, in pixels.
    pub padding: usize,
}

impl Conv2d {
    /// `[n, in, h, w]` to `[n, out, (h + 2 padding - kernel) / stride + 1, ...]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.values().convolve(x, false)
    }

    /// [`forward`](Self::forward), then [`relu`].
    pub fn forward_relu(&self, x: Tensor<4>) -> Tensor<4> {
        self.values().convolve(x, true)
    }

    /// The present weights.
    pub(super) fn values(&self) -> ConvValues {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        ConvValues { weight: self.weight.val(), bias, stride: self.stride, padding: self.padding }
    }
}

/// The values that a convolution works with: a layer's own, or computed ones.
pub(super) struct ConvValues {
    /// `[out, in, kernel, kernel]`.
    pub weight: Tensor<4>,
    /// `[out]`.
    pub bias: Option<Tensor<1>>,
    pub stride: usize,
    pub padding: usize,
}

impl ConvValues {
    /// The convolution of `x`, then [`relu`] if asked.
    pub fn convolve(self, x: Tensor<4>, positive: bool) -> Tensor<4> {
        let Self { weight, bias, stride, padding } = self;
        if let Some(y) = kernels::conv2d(&x, &weight, bias.as_ref(), stride, padding, positive) {
            return y;
        }
        let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
        let y = conv2d(x, weight, bias, options);
        if positive { relu(y) } else { y }
    }
}
