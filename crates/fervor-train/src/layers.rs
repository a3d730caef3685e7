//! The layers that every network here is made of.
//!
//! They exist beside Burn's own for three reasons: their weights start the same on every back end
//! ([`seed`]), they can run on the fast processor kernels, and they hold exactly what the ONNX
//! export has to write. Pictures are `[batch, channels, height, width]`.

mod conv;
mod dropout;
mod init;
mod linear;
mod norm;
mod pool;

pub use conv::{Conv2d, Conv2dConfig};
pub use dropout::{Dropout, without_dropout};
pub use init::{Init, seed};
pub use linear::{Linear, LinearConfig};
pub use norm::{BatchNorm, BatchNormConfig};
pub use pool::{global_average_pool, max_pool2};

use burn::tensor::Tensor;

/// `max(x, 0)`, element by element.
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    burn::tensor::activation::relu(x)
}
