//! Pooling.

use burn::tensor::{Tensor, module::max_pool2d, ops::MaxPoolOptions};

use crate::kernels;

/// The largest of each 2 x 2 pixels: `[n, c, h, w]` to `[n, c, h / 2, w / 2]`, rounded down.
pub fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    if let Some(y) = kernels::max_pool2(&x) {
        return y;
    }
    max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
}

/// Each channel's mean over the picture: `[n, c, h, w]` to `[n, c]`.
pub fn global_average_pool(x: Tensor<4>) -> Tensor<2> {
    if let Some(y) = kernels::global_average_pool(&x) {
        return y;
    }
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c])
}
