//! Between Burn's tensors, whose pictures are `[n, c, h, w]`, and the kernels' channels-last rows.
//!
//! What the kernels make is channels-last in memory under a permuted view, as in PyTorch: to Burn an
//! ordinary `[n, c, h, w]` tensor, and the next kernel takes it as it is.

use burn::{
    backend::{Autodiff, Flex, TensorMetadata, autodiff::checkpoint::strategy::CheckpointStrategy, tensor::FloatTensor},
    tensor::TensorData,
};

type FlexTensor = FloatTensor<Flex>;

/// A contiguous tensor.
pub struct Rows(FlexTensor);

impl Rows {
    /// Copies only what is not contiguous.
    pub fn new(tensor: FlexTensor) -> Self {
        if tensor.as_slice::<f32>().is_some() { Self(tensor) } else { Self(tensor.to_contiguous()) }
    }

    /// The numbers, in order.
    pub fn values(&self) -> &[f32] {
        self.0.as_slice().unwrap_or_default()
    }
}

/// A batch of pictures with channels last in memory, or of flat rows.
pub struct Picture {
    rows: Rows,
    is_flat: bool,
}

impl Picture {
    /// From `[n, c, h, w]`, however it lies in memory, or `[n, c]`; copies only if it has to.
    pub fn new(tensor: FlexTensor) -> Self {
        let is_flat = tensor.shape().num_dims() == 2;
        let rows = if is_flat { Rows::new(tensor) } else { Rows::new(tensor.permute(&[0, 2, 3, 1])) };
        Self { rows, is_flat }
    }

    /// `[n, h, w, c]`, in order.
    pub fn values(&self) -> &[f32] {
        self.rows.values()
    }

    /// The same as a vector; copies only if somebody else holds the tensor.
    pub fn into_values(self) -> Vec<f32> {
        let data = self.rows.0.into_data();
        data.try_into_vec().unwrap_or_default()
    }

    /// A tensor of this one's shape.
    pub fn same_shape(&self, values: Vec<f32>) -> FlexTensor {
        let shape = self.rows.0.shape();
        let tensor = FlexTensor::from_data(TensorData::new(values, shape));
        if self.is_flat { tensor } else { tensor.permute(&[0, 3, 1, 2]) }
    }
}

/// A `[n, c, h, w]` view of `[n, h, w, c]` numbers.
pub fn from_nhwc(values: Vec<f32>, shape: [usize; 4]) -> FlexTensor {
    owned(values, shape).permute(&[0, 3, 1, 2])
}

/// A contiguous tensor.
pub fn owned<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// An untracked tensor of the autodiff back end.
pub fn like<C: CheckpointStrategy>(tensor: FlexTensor) -> FloatTensor<Autodiff<Flex, C>> {
    FloatTensor::<Autodiff<Flex, C>>::new(tensor)
}
