//! `system-a`: the reference network for happy / sad / angry on 128x128 colour photographs.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::export::Tracer;
use crate::layers::{Conv2d, Conv2dConfig, Dropout, Init, Linear, LinearConfig, max_pool2, relu};
use crate::network::LayerMut;

/// Three convolutions without padding, each with ReLU and max-pooling, then two dense layers: 143 MMAC at 128 x 128 x 3.
#[derive(Module, Debug)]
pub struct SystemA {
    conv1: Conv2d,
    conv2: Conv2d,
    conv3: Conv2d,
    dense1: Linear,
    dropout: Dropout,
    dense2: Linear,
}

impl SystemA {
    /// `units`: width of the hidden dense layer (the reference's is 128).
    pub fn new([channels, size, _]: [usize; 3], classes: usize, units: usize, dropout: f64, device: &Device) -> Self {
        let side = (((size - 2) / 2 - 2) / 2 - 2) / 2;
        Self {
            conv1: conv(channels, 32, device),
            conv2: conv(32, 64, device),
            conv3: conv(64, 128, device),
            dense1: LinearConfig::new(128 * side * side, units).init(device),
            dropout: Dropout::new(dropout),
            dense2: LinearConfig::new(units, classes).init(device),
        }
    }

    /// `[n, c, s, s]` pixels 0..=255 to `[n, classes]` logits; the shapes are those of 128 pixels.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        self.classify(self.features(pixels))
    }

    /// All but the classifier: `[n, units]`.
    pub fn features(&self, pixels: Tensor<4>) -> Tensor<2> {
        let x = pixels / 255.0; // [n, 3, 128, 128]
        let x = max_pool2(self.conv1.forward_relu(x)); // [n, 32, 63, 63]
        let x = max_pool2(self.conv2.forward_relu(x)); // [n, 64, 30, 30]
        let x = max_pool2(self.conv3.forward_relu(x)); // [n, 128, 14, 14]
        let x = x.flatten(1, 3); // [n, 25088]
        relu(self.dense1.forward(x)) // [n, 128]
    }

    /// `[n, units]` to `[n, classes]` logits.
    pub fn classify(&self, features: Tensor<2>) -> Tensor<2> {
        self.dense2.forward(self.dropout.forward(features))
    }

    /// The same graph as [`forward`](Self::forward), in the same order.
    pub fn export(&self, t: &mut Tracer) {
        t.scale_pixels(1.0 / 255.0, 0.0);
        for conv in [&self.conv1, &self.conv2, &self.conv3] {
            t.conv(conv, None);
            t.relu();
            t.max_pool2();
        }
        t.flatten();
        t.linear(&self.dense1);
        t.relu();
        t.linear(&self.dense2);
    }

    /// The layers with weights, in the order of [`export`](Self::export).
    pub fn layers_mut(&mut self) -> Vec<LayerMut<'_>> {
        vec![
            LayerMut::Conv(&mut self.conv1, None),
            LayerMut::Conv(&mut self.conv2, None),
            LayerMut::Conv(&mut self.conv3, None),
            LayerMut::Linear(&mut self.dense1),
            LayerMut::Linear(&mut self.dense2),
        ]
    }
}

fn conv(channels_in: usize, channels_out: usize, device: &Device) -> Conv2d {
    Conv2dConfig { init: Init::Glorot, ..Conv2dConfig::new(channels_in, channels_out, 3) }.init(device)
}
