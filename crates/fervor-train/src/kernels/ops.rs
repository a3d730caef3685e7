//! The kernels as an extension of Burn's back end. [`super::autodiff`] has the gradients.

use burn::backend::{Backend, ExtensionType, Flex, TensorMetadata, backend_extension, tensor::FloatTensor};

use super::{
    conv::{self, Geometry},
    dropout::Mask,
    layout::{Picture, Rows, from_nhwc, owned},
    norm, pool,
    precision::{Arithmetic, Precision},
};

type FlexTensor = FloatTensor<Flex>;

/// An input that may be missing.
#[derive(ExtensionType)]
pub enum Maybe<B: Backend> {
    /// It is here.
    Given(FloatTensor<B>),
    /// It is not.
    Missing,
}

impl<B: Backend> Maybe<B> {
    /// As an option.
    pub fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Given(tensor) => Some(tensor),
            Self::Missing => None,
        }
    }
}

impl<B: Backend> From<Option<FloatTensor<B>>> for Maybe<B> {
    fn from(tensor: Option<FloatTensor<B>>) -> Self {
        tensor.map_or(Self::Missing, Self::Given)
    }
}

/// Operations that the processor has kernels for.
#[backend_extension(Flex, Autodiff)]
pub trait FastOps: Backend {
    /// Convolution, bias and ReLU; see [`conv::forward`].
    fn fast_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        stride: usize,
        padding: usize,
        relu: bool,
        bf16: bool,
    ) -> FloatTensor<Self>;

    /// Normalisation by the batch's own statistics, shortcut and ReLU. Returns the output, the
    /// means and the variances; see [`norm::forward`].
    fn fast_batch_norm(
        x: FloatTensor<Self>,
        #[extension_type] shortcut: Maybe<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The largest of each 2 x 2 pixels; see [`pool::max_forward`].
    fn fast_max_pool2(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Each channel's mean, `[n, c, h, w]` to `[n, c]`.
    fn fast_global_average_pool(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Dropout by a mask that depends on `key` and `rate`; see [`Mask`].
    fn fast_dropout(x: FloatTensor<Self>, key: u64, rate: f64) -> FloatTensor<Self>;
}

/// The flag of [`FastOps::fast_conv2d`] as what it means.
pub fn precision(bf16: bool) -> Precision {
    if bf16 { Precision::Bf16 } else { Precision::F32 }
}

/// The shapes of a convolution.
pub fn geometry(x: &FlexTensor, weight: &FlexTensor, stride: usize, padding: usize) -> Geometry {
    let (x, weight) = (x.shape(), weight.shape());
    Geometry { n: x[0], c: x[1], h: x[2], w: x[3], o: weight[0], kh: weight[2], kw: weight[3], stride, padding }
}

impl FastOps for Flex {
    fn fast_conv2d(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Maybe<Self>,
        stride: usize,
        padding: usize,
        relu: bool,
        bf16: bool,
    ) -> FlexTensor {
        let g = geometry(&x, &weight, stride, padding);
        let (x, weight, bias) = (Picture::new(x), Rows::new(weight), bias.into_option().map(Rows::new));
        let bias = bias.as_ref().map(Rows::values);
        let y = conv::forward(&Arithmetic::new(precision(bf16), g.c), &g, x.values(), weight.values(), bias, relu);
        from_nhwc(y, [g.n, g.oh(), g.ow(), g.o])
    }

    fn fast_batch_norm(
        x: FlexTensor,
        shortcut: Maybe<Self>,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        relu: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let x = Picture::new(x);
        let shortcut = shortcut.into_option().map(Picture::new);
        let (gamma, beta) = (Rows::new(gamma), Rows::new(beta));
        let made = norm::forward(
            x.values(),
            shortcut.as_ref().map(Picture::values),
            gamma.values(),
            beta.values(),
            epsilon as f32,
            relu,
        );
        let channels = made.mean.len();
        (x.same_shape(made.y), owned(made.mean, [channels]), owned(made.variance, [channels]))
    }
    fn fast_max_pool2(x: FlexTensor) -> FlexTensor {
        let x = Picture::new(x);
        let [n, h, w, c] = x.shape();
        from_nhwc(pool::max_forward(x.values(), [n, h, w, c]).y, [n, h / 2, w / 2, c])
    }

    fn fast_global_average_pool(x: FlexTensor) -> FlexTensor {
        let x = Picture::new(x);
        let [n, h, w, c] = x.shape();
        owned(pool::mean_forward(x.values(), h * w, c), [n, c])
    }

    fn fast_dropout(x: FlexTensor, key: u64, rate: f64) -> FlexTensor {
        let x = Picture::new(x);
        x.same_shape(Mask { key, rate }.applied(x.values()))
    }
}
