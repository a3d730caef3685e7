//! Between Burn's tensors, whose pictures are `[n, c, h, w]`, and the kernels' channels-last rows.
//!
//! What the kernels make is channels-last in memory under a permuted view, as in PyTorch: to Burn an
//! ordinary `[n, c, h, w]` tensor, and the next kernel takes it as it is.

use burn::{
    backend::{Autodiff, Flex, TensorMetadata, autodiff::checkpoint::strategy::CheckpointStrategy, tensor::FloatTensor},
    tensor::{Shape, TensorData},
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

    /// `[n, h, w, c]`, for pictures.
    pub fn shape(&self) -> [usize; 4] {
        self.rows.0.shape().dims()
    }

    /// Changes the numbers in place; copies them first if somebody else holds the tensor.
    pub fn map(self, change: impl FnOnce(&mut [f32])) -> FlexTensor {
        let Self { rows: Rows(tensor), is_flat } = self;
        let shape = tensor.shape();
        let mut values = into_vec(tensor);
        change(&mut values);
        of_shape(values, shape, is_flat)
    }

    /// The numbers as a vector; copies only if somebody else holds the tensor.
    pub fn into_values(self) -> Vec<f32> {
        into_vec(self.rows.0)
    }

    /// A tensor of this one's shape.
    pub fn same_shape(&self, values: Vec<f32>) -> FlexTensor {
        of_shape(values, self.rows.0.shape(), self.is_flat)
    }
}

fn into_vec(tensor: FlexTensor) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap_or_default()
}

fn of_shape(values: Vec<f32>, shape: Shape, is_flat: bool) -> FlexTensor {
    let tensor = FlexTensor::from_data(TensorData::new(values, shape));
    if is_flat { tensor } else { tensor.permute(&[0, 3, 1, 2]) }
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
