//! Fully connected layer.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use super::{Init, init::constant};

/// What a [`Linear`] is made from.
#[derive(Clone, Debug)]
pub struct LinearConfig {
    /// Numbers that come in.
    pub inputs: usize,
    /// Numbers that go out.
    pub outputs: usize,
    /// Whether a bias is added.
    pub bias: bool,
    /// How the weights start.
    pub init: Init,
}

impl LinearConfig {
    /// With a bias, Glorot's weights.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, bias: true, init: Init::Glorot }
    }

    /// Makes the layer; its weights come from this thread's [`seed`](super::seed).
    pub fn init(&self, device: &Device) -> Linear {
        let (inputs, outputs) = (self.inputs, self.outputs);
        Linear {
            weight: self.init.weight([inputs, outputs], inputs, outputs, device),
            bias: self.bias.then(|| constant(0.0, outputs, device)),
        }
    }
}

/// `x * weight + bias`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[in, out]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// `[n, in]` to `[n, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let y = x.matmul(self.weight.val());
        match &self.bias {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
        }
    }
}
