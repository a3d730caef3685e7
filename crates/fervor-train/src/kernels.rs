//! Kernels for training on the processor.
//!
//! Burn's own processor back end has no native backward pass for convolutions and makes a batch norm
//! of some twenty tensor operations. These kernels do the same sums in one or two passes. They are
//! reached through an extension of Burn's back end, so that networks stay ordinary Burn code; on any
//! other device the layers use Burn's own operations.

mod autodiff;
mod conv;
mod dropout;
mod layout;
mod memory;
mod norm;
mod ops;
mod pool;
mod precision;
mod shared;
mod simd;
pub mod update;
mod weight_gradient;

use burn::{
    backend::{Dispatch, DispatchDevice},
    tensor::{DType, Device, Tensor, TensorData},
};

use ops::FastOps;
pub use precision::{Precision, autocast};

#[cfg(test)]
mod tests;

/// Whether the kernels can work on tensors of this device.
pub fn run_on(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}

/// The numbers of a tensor of a device that [`run_on`] accepts, row-major; copied only if somebody else holds them.
pub fn into_values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("parameters are f32")
}

fn takes<const D: usize>(x: &Tensor<D>) -> bool {
    let takes = x.dtype() == DType::F32 && x.shape().num_elements() > 0 && run_on(&x.device());
    if takes && x.device().is_autodiff() {
        memory::keep_freed();
    }
    takes
}

/// Convolution with square stride and padding, then ReLU if asked, in the precision that [`autocast`] asks for. `None` if this needs Burn's own
/// operation: another device, or a shape that the kernels don't do.
pub fn conv2d(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    bias: Option<&Tensor<1>>,
    stride: usize,
    padding: usize,
    relu: bool,
) -> Option<Tensor<4>> {
    let ([n, c, h, w], [o, _, kh, kw]) = (x.dims(), weight.dims());
    let geometry = conv::Geometry { n, c, h, w, o, kh, kw, stride, padding };
    (takes(x) && geometry.is_supported()).then(|| {
        let bias = bias.map(|bias| bias.clone().into_dispatch()).into();
        let (x, weight) = (x.clone().into_dispatch(), weight.clone().into_dispatch());
        Tensor::from_dispatch(Dispatch::fast_conv2d(
            x,
            weight,
            bias,
            stride,
            padding,
            relu,
            precision::current() == Precision::Bf16,
        ))
    })
}

/// Output, mean and variance of a batch norm in training.
pub struct Normalised<const D: usize> {
    /// Same shape as the input.
    pub output: Tensor<D>,
    /// `[channels]`, not tracked.
    pub mean: Tensor<1>,
    /// `[channels]`, of the population, not tracked.
    pub variance: Tensor<1>,
}

/// Batch norm in training, plus a shortcut, then ReLU if asked; a shortcut must come with a ReLU.
/// `None` if this needs Burn's own operations.
pub fn batch_norm<const D: usize>(
    x: &Tensor<D>,
    shortcut: Option<&Tensor<D>>,
    gamma: &Tensor<1>,
    beta: &Tensor<1>,
    epsilon: f64,
    relu: bool,
) -> Option<Normalised<D>> {
    if !takes(x) || !(D == 2 || D == 4) || (shortcut.is_some() && !relu) {
        return None;
    }
    let (output, mean, variance) = Dispatch::fast_batch_norm(
        x.clone().into_dispatch(),
        shortcut.map(|shortcut| shortcut.clone().into_dispatch()).into(),
        gamma.clone().into_dispatch(),
        beta.clone().into_dispatch(),
        epsilon,
        relu,
    );
    Some(Normalised {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    })
}

/// The largest of each 2 x 2 pixels, rounding odd sides down. `None` as for [`conv2d`].
pub fn max_pool2(x: &Tensor<4>) -> Option<Tensor<4>> {
    let [_, _, h, w] = x.dims();
    (takes(x) && h > 1 && w > 1).then(|| Tensor::from_dispatch(Dispatch::fast_max_pool2(x.clone().into_dispatch())))
}

/// Each channel's mean, `[n, c]`. `None` as for [`conv2d`].
pub fn global_average_pool(x: &Tensor<4>) -> Option<Tensor<2>> {
    takes(x).then(|| Tensor::from_dispatch(Dispatch::fast_global_average_pool(x.clone().into_dispatch())))
}

/// Dropout with the mask that belongs to `key`, on any device.
pub fn dropout<const D: usize>(x: Tensor<D>, key: u64, rate: f64) -> Tensor<D> {
    if takes(&x) && (D == 2 || D == 4) {
        return Tensor::from_dispatch(Dispatch::fast_dropout(x.into_dispatch(), key, rate));
    }
    // The same mask, made here: places are counted with channels last.
    let mut shape = x.dims();
    shape[1..].rotate_left(1);
    let mut mask = vec![1.0; shape.iter().product()];
    dropout::Mask { key, rate }.apply(&mut mask);
    let mask = Tensor::<D>::from_data(TensorData::new(mask, shape), &x.device());
    let mut order: [isize; D] = std::array::from_fn(|i| i as isize);
    order[1..].rotate_right(1);
    x * mask.permute(order)
}
