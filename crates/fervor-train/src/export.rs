//! From a trained network to the ONNX graph of a bundle.

use burn::module::Module;
use burn::tensor::Tensor;
use fervor::onnx::{GraphBuilder, ModelProto};

use crate::layers::{BatchNorm, Conv2d, Linear};
use crate::network::Network;

/// The graph of a network for chips of `[channels, size, size]`: raw `pixels` `[n, channels, size, size]` in, `logits`
/// `[n, classes]` out, with any `n`.
pub fn graph(network: &Network, chip: [usize; 3], classes: usize) -> ModelProto {
    // The inference form: running statistics are settled, and nothing is recorded for gradients.
    let mut tracer = Tracer::new(chip);
    network.valid().export(&mut tracer);
    tracer.builder.finish(&tracer.at, "logits", classes)
}

/// Follows a network from layer to layer and writes each into the graph; holds the value that the next layer takes.
///
/// Batch norms become part of the convolution before them or of the dense layer after them where they stand next to one,
/// and a multiply-add a channel elsewhere.
#[derive(Debug)]
pub struct Tracer {
    builder: GraphBuilder,
    at: String,
    /// Whether pictures have become rows.
    flat: bool,
    /// Scale and shift of a batch norm over rows, waiting for the dense layer that takes them in.
    waiting: Option<(Vec<f32>, Vec<f32>)>,
}

impl Tracer {
    fn new(chip: [usize; 3]) -> Self {
        let input = "pixels";
        Self { builder: GraphBuilder::new("fervor", input, chip), at: input.to_owned(), flat: false, waiting: None }
    }

    /// The present value, to come back to.
    pub fn mark(&self) -> String {
        self.at.clone()
    }

    /// Goes back to a marked value.
    pub fn go_to(&mut self, mark: &str) {
        mark.clone_into(&mut self.at);
    }

    /// `x * scale + shift`.
    pub fn scale_pixels(&mut self, scale: f32, shift: f32) {
        self.at = self.builder.scale(&self.at, scale, shift);
    }

    /// Convolution, with the batch norm that follows it directly.
    pub fn conv(&mut self, conv: &Conv2d, norm: Option<&BatchNorm>) {
        let shape = conv.weight.val().dims();
        let mut weight = values(conv.weight.val());
        let mut bias = conv.bias.as_ref().map(|bias| values(bias.val()));
        if let Some(norm) = norm {
            let (scale, shift) = scale_and_shift(norm);
            for (kernel, scale) in weight.chunks_exact_mut(shape[1] * shape[2] * shape[3]).zip(&scale) {
                kernel.iter_mut().for_each(|value| *value *= scale);
            }
            let before = bias.unwrap_or_else(|| vec![0.0; shape[0]]);
            bias = Some(before.iter().zip(scale.iter().zip(shift)).map(|(b, (scale, shift))| b * scale + shift).collect());
        }
        self.at = self.builder.conv(&self.at, &weight, shape, bias.as_deref(), conv.stride, conv.padding);
    }

    /// A batch norm that does not follow a convolution directly.
    pub fn norm(&mut self, norm: &BatchNorm) {
        let (scale, shift) = scale_and_shift(norm);
        if self.flat {
            self.waiting = Some((scale, shift));
        } else {
            self.at = self.builder.scale_channels(&self.at, &scale, &shift);
        }
    }

    /// max(x, 0).
    pub fn relu(&mut self) {
        self.at = self.builder.relu(&self.at);
    }

    /// The largest of each 2 x 2 pixels.
    pub fn max_pool2(&mut self) {
        self.at = self.builder.max_pool(&self.at, 2, 2);
    }

    /// Adds a marked value.
    pub fn add(&mut self, mark: &str) {
        self.at = self.builder.add(&self.at, mark);
    }

    /// Each channel's mean: pictures to rows.
    pub fn global_average_pool(&mut self) {
        self.at = self.builder.global_average_pool(&self.at);
        self.flatten();
    }

    /// Pictures to rows.
    pub fn flatten(&mut self) {
        self.at = self.builder.flatten(&self.at);
        self.flat = true;
    }

    /// Fully connected layer, with the batch norm over rows before it.
    pub fn linear(&mut self, linear: &Linear) {
        let [inputs, outputs] = linear.weight.val().dims();
        let weight = values(linear.weight.val());
        let mut bias = linear.bias.as_ref().map_or_else(|| vec![0.0; outputs], |bias| values(bias.val()));
        let (scale, shift) = self.waiting.take().unwrap_or_else(|| (vec![1.0; inputs], vec![0.0; inputs]));
        // ours is [in, out], the graph's is [out, in]
        let mut turned = vec![0.0; weight.len()];
        for (input, row) in weight.chunks_exact(outputs).enumerate() {
            for (output, value) in row.iter().enumerate() {
                turned[output * inputs + input] = value * scale[input];
                bias[output] += value * shift[input];
            }
        }
        self.at = self.builder.dense(&self.at, &turned, [outputs, inputs], &bias);
    }
}

/// A batch norm at inference: `x * scale + shift` a channel.
fn scale_and_shift(norm: &BatchNorm) -> (Vec<f32>, Vec<f32>) {
    let (gamma, beta) = (values(norm.gamma.val()), values(norm.beta.val()));
    let (mean, variance) = (values(norm.running_mean.value()), values(norm.running_var.value()));
    let scale: Vec<f32> =
        gamma.iter().zip(&variance).map(|(g, v)| (f64::from(*g) / (f64::from(*v) + norm.epsilon).sqrt()) as f32).collect();
    let shift = beta.iter().zip(mean.iter().zip(&scale)).map(|(b, (m, s))| b - m * s).collect();
    (scale, shift)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("weights are f32")
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use fervor::runtime::Graph;
    use prost::Message;

    use super::*;
    use crate::layers::seed;
    use crate::recipe::NetworkRecipe;

    /// Some steps in training mode, so that running statistics are not what they started with.
    fn lived_in(network: Network, shape: [usize; 4], device: &Device) -> Network {
        for round in 0..3 {
            let _ = network.forward(pixels(shape, round, device));
        }
        network
    }

    fn numbers(shape: [usize; 4], round: usize) -> Vec<f32> {
        (0..shape.iter().product()).map(|i| ((i * 7919 + round * 104_729) % 251) as f32).collect()
    }

    fn pixels(shape: [usize; 4], round: usize, device: &Device) -> Tensor<4> {
        Tensor::from_data(TensorData::new(numbers(shape, round), shape), device)
    }

    #[test]
    fn every_network_answers_the_same_here_and_on_both_engines() {
        let cases = [
            (r#"name = "system-a""#, [3, 40, 40], 3),
            (r#"name = "system-b""#, [1, 48, 48], 7),
            ("name = \"fervor-48\"\nwidths = [8, 8, 16, 24]\nblocks = [1, 2, 1]", [1, 48, 48], 7),
            ("name = \"fervor-48\"", [3, 32, 32], 2),
            ("name = \"fervor-48\"\nwidths = [8, 8, 16]\nblocks = [2, 1]\nblock_dropout = 0.4", [1, 24, 24], 3),
        ];
        for (text, chip, classes) in cases {
            seed(11);
            let recipe: NetworkRecipe = toml::from_str(text).unwrap();
            let training = Device::flex().autodiff();
            let network = Network::new(&recipe, chip, classes, &training);
            let [channels, height, width] = chip;
            let network = lived_in(network, [4, channels, height, width], &training).valid();
            let onnx = graph(&network, chip, classes).encode_to_vec();
            let engines = [Graph::load(onnx.clone()).unwrap(), Graph::load_general(onnx).unwrap()];
            for (n, engine) in [1, 5].into_iter().flat_map(|n| engines.iter().map(move |engine| (n, engine))) {
                let shape = [n, channels, height, width];
                let ours = values(network.forward(pixels(shape, 9, &Device::flex())));
                let theirs = &engine.run(shape, &numbers(shape, 9)).unwrap()[0];
                assert_eq!(theirs.shape, [n, classes]);
                let agree = ours.iter().zip(&theirs.values).all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + a.abs()));
                assert!(agree, "{text}, {n} pictures: {ours:?} {:?}", theirs.values);
            }
        }
    }
}
