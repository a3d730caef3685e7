//! `fervor-48`: a compact residual network (He et al., "Deep residual learning", 2015) of plain 3x3 and 1x1
//! convolutions, which every engine runs fast.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::export::Tracer;
use crate::layers::{
    BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Dropout, Linear, LinearConfig, global_average_pool, max_pool2,
};
use crate::network::LayerMut;

/// A stem at full resolution, then stages of residual blocks, each after a halving; global average pooling; linear.
#[derive(Module, Debug)]
pub struct Fervor48 {
    stem: Conv2d,
    stem_norm: BatchNorm,
    stages: Vec<Vec<Block>>,
    dropout: Dropout,
    classifier: Linear,
    block_dropout: Dropout,
}

impl Fervor48 {
    /// `widths`: channels of the stem, then of each stage; `blocks`: residual blocks of each stage; `dropouts`: before the
    /// classifier, and after each block.
    pub fn new(channels: usize, classes: usize, widths: &[usize], blocks: &[usize], dropouts: [f64; 2], device: &Device) -> Self {
        let stages = widths
            .windows(2)
            .zip(blocks)
            .map(|(pair, &count)| {
                (0..count).map(|block| Block::new(if block == 0 { pair[0] } else { pair[1] }, pair[1], device)).collect()
            })
            .collect();
        let [first, .., last] = *widths else { unreachable!("a recipe is checked for two widths or more") };
        Self {
            stem: conv(channels, first, 3, device),
            stem_norm: norm(first, device),
            stages,
            dropout: Dropout::new(dropouts[0]),
            classifier: LinearConfig::new(last, classes).init(device),
            block_dropout: Dropout::new(dropouts[1]),
        }
    }

    /// `[n, c, s, s]` pixels 0..=255 to `[n, classes]` logits; the shapes are those of 48 pixels and the default widths.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        self.classify(self.features(pixels))
    }

    /// All but the classifier: `[n, features]`.
    pub fn features(&self, pixels: Tensor<4>) -> Tensor<2> {
        let x = (pixels - 127.5) / 64.0; // [n, 1, 48, 48]
        let mut x = self.stem_norm.after_relu(&self.stem, x); // [n, 32, 48, 48]
        for stage in &self.stages {
            x = max_pool2(x); // [n, 32, 24, 24]   [n, 48, 12, 12]   [n, 96, 6, 6]
            for block in stage {
                x = self.block_dropout.forward(block.forward(x)); // [n, 48, 24, 24]   [n, 96, 12, 12]   [n, 192, 6, 6]
            }
        }
        global_average_pool(x) // [n, 192]
    }

    /// `[n, features]` to `[n, classes]` logits.
    pub fn classify(&self, features: Tensor<2>) -> Tensor<2> {
        self.classifier.forward(self.dropout.forward(features))
    }

    /// Adds blocks to the end of each stage until there are `blocks`, such that the answers stay what they are (Chen et al.,
    /// "Net2Net: accelerating learning via knowledge transfer", 2016; the zero scale is that of Goyal et al. 2017,
    /// section 5.1).
    pub fn deepen(&mut self, blocks: &[usize], device: &Device) {
        for (stage, &count) in self.stages.iter_mut().zip(blocks) {
            while stage.len() < count {
                let width = stage[0].second_norm.gamma.val().dims()[0];
                stage.push(Block::identity(width, device));
            }
        }
    }

    /// The same graph as [`forward`](Self::forward), in the same order.
    pub fn export(&self, t: &mut Tracer) {
        t.scale_pixels(1.0 / 64.0, -127.5 / 64.0);
        t.conv(&self.stem, Some(&self.stem_norm));
        t.relu();
        for stage in &self.stages {
            t.max_pool2();
            for block in stage {
                block.export(t);
            }
        }
        t.global_average_pool();
        t.linear(&self.classifier);
    }

    /// The layers with weights, in the order of [`export`](Self::export).
    pub fn layers_mut(&mut self) -> Vec<LayerMut<'_>> {
        let mut layers = vec![LayerMut::Conv(&mut self.stem, Some(&mut self.stem_norm))];
        for block in self.stages.iter_mut().flatten() {
            if let Some(conv) = &mut block.shortcut {
                layers.push(LayerMut::Conv(conv, block.shortcut_norm.as_mut()));
            }
            layers.push(LayerMut::Conv(&mut block.first, Some(&mut block.first_norm)));
            layers.push(LayerMut::Conv(&mut block.second, Some(&mut block.second_norm)));
        }
        layers.push(LayerMut::Linear(&mut self.classifier));
        layers
    }
}

/// Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the width changes.
#[derive(Module, Debug)]
struct Block {
    first: Conv2d,
    first_norm: BatchNorm,
    second: Conv2d,
    second_norm: BatchNorm,
    shortcut: Option<Conv2d>,
    shortcut_norm: Option<BatchNorm>,
}

impl Block {
    fn new(width_in: usize, width_out: usize, device: &Device) -> Self {
        let widens = width_in != width_out;
        Self {
            first: conv(width_in, width_out, 3, device),
            first_norm: norm(width_out, device),
            second: conv(width_out, width_out, 3, device),
            second_norm: norm(width_out, device),
            shortcut: widens.then(|| conv(width_in, width_out, 1, device)),
            shortcut_norm: widens.then(|| norm(width_out, device)),
        }
    }

    /// A block that gives what it gets, as long as that is positive or zero: what comes beside the shortcut is scaled by zero.
    fn identity(width: usize, device: &Device) -> Self {
        let mut block = Self::new(width, width, device);
        block.second_norm.gamma = Param::from_tensor(Tensor::zeros([width], device));
        block
    }

    /// `[n, in, h, w]` to `[n, out, h, w]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match (&self.shortcut, &self.shortcut_norm) {
            (Some(conv), Some(norm)) => norm.after(conv, x.clone()), // [n, out, h, w]
            _ => x.clone(),
        };
        let y = self.first_norm.after_relu(&self.first, x); // [n, out, h, w]
        self.second_norm.after_add_relu(&self.second, y, shortcut) // [n, out, h, w]
    }

    fn export(&self, t: &mut Tracer) {
        let input = t.mark();
        if let Some(conv) = &self.shortcut {
            t.conv(conv, self.shortcut_norm.as_ref());
        }
        let shortcut = t.mark();
        t.go_to(&input);
        t.conv(&self.first, Some(&self.first_norm));
        t.relu();
        t.conv(&self.second, Some(&self.second_norm));
        t.add(&shortcut);
        t.relu();
    }
}

fn conv(channels_in: usize, channels_out: usize, kernel: usize, device: &Device) -> Conv2d {
    // No bias: the batch norm that follows has one.
    Conv2dConfig { padding: kernel / 2, bias: false, ..Conv2dConfig::new(channels_in, channels_out, kernel) }.init(device)
}

fn norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).init(device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::seed;

    #[test]
    fn what_blocks_answer_is_dropped_in_training_only() {
        let training = Device::flex().autodiff();
        let network = |rate: f64| {
            seed(1);
            Fervor48::new(1, 3, &[8, 8, 16], &[2, 1], [0.0, rate], &training)
        };
        let answer = |network: &Fervor48, masks: u64, device: &Device| -> Vec<f32> {
            seed(masks);
            let pixels: Vec<f32> = (0..2 * 24 * 24).map(|i| (i * 7919 % 251) as f32).collect();
            let pixels = Tensor::<1>::from_floats(pixels.as_slice(), device).reshape([2, 1, 24, 24]);
            network.forward(pixels).into_data().try_to_vec().unwrap()
        };
        let (plain, dropping) = (network(0.0), network(0.4));
        assert_eq!(answer(&plain, 5, &training), answer(&plain, 6, &training));
        assert_eq!(answer(&dropping, 5, &training), answer(&dropping, 5, &training));
        assert_ne!(answer(&dropping, 5, &training), answer(&dropping, 6, &training));
        let inference = Device::flex();
        assert_eq!(answer(&network(0.4).valid(), 5, &inference), answer(&network(0.0).valid(), 6, &inference));
    }
}
