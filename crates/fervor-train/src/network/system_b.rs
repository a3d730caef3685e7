//! `system-b`: the "Sentiment Vision" reference network for seven expressions on 48x48 grey pictures.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::export::Tracer;
use crate::layers::{BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Dropout, Init, Linear, LinearConfig, max_pool2, relu};
use crate::network::LayerMut;

/// Five convolutions and three dense layers; 3,841,543 parameters for 48 x 48 x 1 and seven classes, 279 MMAC.
///
/// As in the reference, batch norm comes *after* the ReLU, with the values of Keras: momentum 0.99, epsilon 1e-3.
#[derive(Module, Debug)]
pub struct SystemB {
    conv1: Conv2d,
    conv2: Conv2d,
    norm2: BatchNorm,
    conv3: Conv2d,
    norm3: BatchNorm,
    conv4: Conv2d,
    norm4: BatchNorm,
    conv5: Conv2d,
    norm5: BatchNorm,
    dense1: Linear,
    dense1_norm: BatchNorm,
    dense2: Linear,
    dense2_norm: BatchNorm,
    dense3: Linear,
    dropout: Dropout,
}

impl SystemB {
    /// Keras' `l2(0.01)` on the two wide convolutions.
    const L2: f64 = 0.01;

    /// `dropout` after each pooling and each hidden dense layer (the reference's is 0.25).
    pub fn new([channels, size, _]: [usize; 3], classes: usize, dropout: f64, device: &Device) -> Self {
        let side = (size - 2) / 16;
        Self {
            conv1: conv(channels, 32, 3, 0, device),
            conv2: conv(32, 64, 3, 1, device),
            norm2: norm(64, device),
            conv3: conv(64, 128, 5, 2, device),
            norm3: norm(128, device),
            conv4: conv(128, 512, 3, 1, device),
            norm4: norm(512, device),
            conv5: conv(512, 512, 3, 1, device),
            norm5: norm(512, device),
            dense1: LinearConfig::new(512 * side * side, 256).init(device),
            dense1_norm: norm(256, device),
            dense2: LinearConfig::new(256, 512).init(device),
            dense2_norm: norm(512, device),
            dense3: LinearConfig::new(512, classes).init(device),
            dropout: Dropout::new(dropout),
        }
    }

    /// `[n, c, s, s]` pixels 0..=255 to `[n, classes]` logits; the shapes are those of 48 pixels.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        self.classify(self.features(pixels))
    }

    /// All but the classifier: `[n, 512]`.
    pub fn features(&self, pixels: Tensor<4>) -> Tensor<2> {
        let pooled = |x: Tensor<4>| self.dropout.forward(max_pool2(x));
        let x = pixels / 255.0; // [n, 1, 48, 48]
        let x = self.conv1.forward_relu(x); // [n, 32, 46, 46]
        let x = pooled(self.norm2.forward(self.conv2.forward_relu(x))); // [n, 64, 23, 23]
        let x = pooled(self.norm3.forward(self.conv3.forward_relu(x))); // [n, 128, 11, 11]
        let x = pooled(self.norm4.forward(self.conv4.forward_relu(x))); // [n, 512, 5, 5]
        let x = pooled(self.norm5.forward(self.conv5.forward_relu(x))); // [n, 512, 2, 2]
        let x = x.flatten(1, 3); // [n, 2048]
        let x = self.dropout.forward(self.dense1_norm.forward(relu(self.dense1.forward(x)))); // [n, 256]
        self.dense2_norm.forward(relu(self.dense2.forward(x))) // [n, 512]
    }

    /// `[n, 512]` to `[n, classes]` logits.
    pub fn classify(&self, features: Tensor<2>) -> Tensor<2> {
        self.dense3.forward(self.dropout.forward(features))
    }

    /// What Keras adds to the loss: 0.01 times the sum of the squared weights of the two wide convolutions.
    pub fn penalty(&self) -> Tensor<1> {
        let squares = |conv: &Conv2d| conv.weight.val().square().sum();
        (squares(&self.conv4) + squares(&self.conv5)) * Self::L2
    }

    /// The same graph as [`forward`](Self::forward), in the same order.
    pub fn export(&self, t: &mut Tracer) {
        t.scale_pixels(1.0 / 255.0, 0.0);
        t.conv(&self.conv1, None);
        t.relu();
        for (conv, norm) in
            [(&self.conv2, &self.norm2), (&self.conv3, &self.norm3), (&self.conv4, &self.norm4), (&self.conv5, &self.norm5)]
        {
            t.conv(conv, None);
            t.relu();
            t.norm(norm);
            t.max_pool2();
        }
        t.flatten();
        for (dense, norm) in [(&self.dense1, &self.dense1_norm), (&self.dense2, &self.dense2_norm)] {
            t.linear(dense);
            t.relu();
            t.norm(norm);
        }
        t.linear(&self.dense3);
    }

    /// The layers with weights, in the order of [`export`](Self::export).
    pub fn layers_mut(&mut self) -> Vec<LayerMut<'_>> {
        vec![
            LayerMut::Conv(&mut self.conv1, None),
            LayerMut::Conv(&mut self.conv2, None),
            LayerMut::Norm(&mut self.norm2),
            LayerMut::Conv(&mut self.conv3, None),
            LayerMut::Norm(&mut self.norm3),
            LayerMut::Conv(&mut self.conv4, None),
            LayerMut::Norm(&mut self.norm4),
            LayerMut::Conv(&mut self.conv5, None),
            LayerMut::Norm(&mut self.norm5),
            LayerMut::Linear(&mut self.dense1),
            LayerMut::Norm(&mut self.dense1_norm),
            LayerMut::Linear(&mut self.dense2),
            LayerMut::Norm(&mut self.dense2_norm),
            LayerMut::Linear(&mut self.dense3),
        ]
    }
}

fn conv(channels_in: usize, channels_out: usize, kernel: usize, padding: usize, device: &Device) -> Conv2d {
    Conv2dConfig { padding, init: Init::Glorot, ..Conv2dConfig::new(channels_in, channels_out, kernel) }.init(device)
}

fn norm(channels: usize, device: &Device) -> BatchNorm {
    // Keras counts the old share: its momentum 0.99 is 0.01 here.
    BatchNormConfig { channels, momentum: 0.01, epsilon: 1e-3 }.init(device)
}
