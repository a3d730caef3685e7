//! From the graph of a bundle back to a network that can be trained: the way of [`export`](crate::export) backwards.
//!
//! A bundle's batch norms are folded into the convolutions before them or into the dense layers after them, and what is
//! folded cannot be taken apart again. It need not be: a convolution takes the folded weights, and the norm after it
//! becomes `1 * x + folded bias` by its running statistics (mean 0, variance 1). So every bundle can be continued, and
//! none carries a byte for it. For norms that shall follow the batch again, [`calibrate`] gives them statistics first.

use std::collections::HashMap;
use std::vec::IntoIter;

use burn::module::{Param, RunningState};
use burn::tensor::{Device, Tensor, TensorData};
use fervor::onnx::{ModelProto, TensorProto};
use fervor::{Chip, Error, Result};

use crate::examples::Examples;
use crate::layers::{BatchNorm, Conv2d, Linear, without_dropout};
use crate::network::{LayerMut, Network};

/// ONNX's number for f32.
const FLOAT: i32 = 1;

/// Pictures that statistics are taken from: a standard error of 6 % of a channel's deviation from the pictures alone,
/// far less with the places in each.
const CALIBRATION: usize = 256;

/// Gives a new network the weights of a bundle's graph.
///
/// # Errors
/// `Model`: the graph is of another network, or not written by Fervor.
pub fn load_weights(network: &mut Network, graph: &ModelProto, device: &Device) -> Result<()> {
    let mut weights = Weights::of(graph)?;
    for layer in network.layers_mut() {
        match layer {
            LayerMut::Conv(conv, norm) => weights.conv(conv, norm, device)?,
            LayerMut::Norm(norm) => weights.norm(norm, device)?,
            LayerMut::Linear(linear) => weights.linear(linear, device)?,
        }
    }
    match weights.nodes.next() {
        Some(node) => Err(other_network(&format!("the source goes on with {}", node.shown()))),
        None => Ok(()),
    }
}

/// Gives every batch norm the mean and variance of what it sees of unchanged training pictures, with the scale and
/// shift that keep its answers: then it may follow the batch without a jump. Nothing is dropped meanwhile.
///
/// # Errors
/// `Data`: a picture can no longer be read.
pub fn calibrate(network: &mut Network, examples: &Examples, device: &Device) -> Result<()> {
    let count = examples.len().min(CALIBRATION);
    let chips = (0..count).map(|i| examples.chip(i * examples.len() / count)).collect::<Result<Vec<Chip>>>()?;
    let pixels: Vec<f32> = chips.iter().flat_map(|chip| chip.pixels().iter().map(|&value| f32::from(value))).collect();
    let (channels, size) = (chips[0].channels(), chips[0].size());
    let pixels = Tensor::<4>::from_data(TensorData::new(pixels, [count, channels, size, size]), device);
    network.fix_norms(true);
    for index in 0..norms(network).len() {
        // The others stay fixed, so that this one sees what it sees at inference.
        let norm = &mut *norms(network)[index];
        let momentum = std::mem::replace(&mut norm.momentum, 1.0);
        let (old_mean, old_variance) = (vector(&norm.running_mean), vector(&norm.running_var));
        norm.fixed = false;
        let _ = without_dropout(|| network.features(pixels.clone()));
        let norm = &mut *norms(network)[index];
        (norm.fixed, norm.momentum) = (true, momentum);
        let (mean, variance) = (vector(&norm.running_mean), vector(&norm.running_var));
        let (mut gamma, mut beta) = (host(norm.gamma.val()), host(norm.beta.val()));
        for c in 0..gamma.len() {
            let deviation = |variance: f32| (f64::from(variance) + norm.epsilon).sqrt();
            let scale = f64::from(gamma[c]) / deviation(old_variance[c]);
            beta[c] += ((f64::from(mean[c]) - f64::from(old_mean[c])) * scale) as f32;
            gamma[c] = (scale * deviation(variance[c])) as f32;
        }
        set_norm(norm, [gamma, beta, mean, variance], device);
    }
    network.fix_norms(false);
    Ok(())
}

fn norms(network: &mut Network) -> Vec<&mut BatchNorm> {
    let norm = |layer| match layer {
        LayerMut::Conv(_, Some(norm)) | LayerMut::Norm(norm) => Some(norm),
        _ => None,
    };
    network.layers_mut().into_iter().filter_map(norm).collect()
}

fn vector(running: &RunningState<Tensor<1>>) -> Vec<f32> {
    host(running.value_sync())
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("weights are f32")
}

fn set_norm(norm: &mut BatchNorm, [gamma, beta, mean, variance]: [Vec<f32>; 4], device: &Device) {
    let tensor = |values: Vec<f32>| TensorData::new(values.clone(), [values.len()]);
    norm.gamma = Param::from_data(tensor(gamma), device);
    norm.beta = Param::from_data(tensor(beta), device);
    norm.running_mean = RunningState::new(Tensor::from_data(tensor(mean), device));
    norm.running_var = RunningState::new(Tensor::from_data(tensor(variance), device));
}

/// A node's operator and its constant inputs.
struct Node {
    operator: String,
    tensors: Vec<Values>,
}

struct Values {
    dims: Vec<usize>,
    values: Vec<f32>,
}

impl Node {
    fn shown(&self) -> String {
        format!("{} {:?}", self.operator, self.tensors[0].dims)
    }
}

/// The nodes of a graph that hold weights, in order. Single numbers, which scale the pixels, are none.
struct Weights {
    nodes: std::iter::Peekable<IntoIter<Node>>,
}

impl Weights {
    fn of(model: &ModelProto) -> Result<Self> {
        let graph = model.graph.as_ref().ok_or_else(|| Error::model("the source holds no graph"))?;
        let constants: HashMap<&str, &TensorProto> = graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
        let mut nodes = Vec::new();
        for node in &graph.node {
            let tensors = node.input.iter().filter_map(|name| constants.get(name.as_str())).filter(|t| !t.dims.is_empty());
            let tensors = tensors.map(|t| Values::of(t)).collect::<Result<Vec<_>>>()?;
            if !tensors.is_empty() {
                nodes.push(Node { operator: node.op_type.clone(), tensors });
            }
        }
        Ok(Self { nodes: nodes.into_iter().peekable() })
    }

    /// The constants of the next node, which must be this operator with constants of these shapes; a missing last
    /// one is zeros.
    fn take<const N: usize>(&mut self, operator: &str, shapes: [&[usize]; N]) -> Result<[Vec<f32>; N]> {
        let wanted = || format!("the recipe asks for {operator} {:?}", shapes[0]);
        let node = self.nodes.next().ok_or_else(|| other_network(&format!("{}, the source has ended", wanted())))?;
        let fits = node.operator == operator
            && node.tensors.len() <= N
            && node.tensors.iter().zip(shapes).all(|(tensor, shape)| tensor.dims == shape);
        if !fits {
            return Err(other_network(&format!("{}, the source has {}", wanted(), node.shown())));
        }
        let mut tensors = node.tensors.into_iter();
        Ok(shapes.map(|shape| tensors.next().map_or_else(|| vec![0.0; shape.iter().product()], |tensor| tensor.values)))
    }

    fn conv(&mut self, conv: &mut Conv2d, norm: Option<&mut BatchNorm>, device: &Device) -> Result<()> {
        let shape = conv.weight.val().dims();
        let [weight, bias] = self.take("Conv", [&shape, &shape[..1]])?;
        conv.weight = Param::from_data(TensorData::new(weight, shape), device);
        match (norm, &mut conv.bias) {
            (Some(norm), own) => {
                if let Some(own) = own {
                    *own = Param::from_data(TensorData::new(vec![0.0; shape[0]], [shape[0]]), device);
                }
                set_identity(norm, bias, device);
            }
            (None, Some(own)) => *own = Param::from_data(TensorData::new(bias, [shape[0]]), device),
            (None, None) if bias.iter().all(|value| *value == 0.0) => {}
            (None, None) => return Err(other_network("the source has a bias where the recipe's network has none")),
        }
        Ok(())
    }

    /// A norm that stands alone is a multiply-add; one before a dense layer is part of that.
    fn norm(&mut self, norm: &mut BatchNorm, device: &Device) -> Result<()> {
        let channels = norm.gamma.val().dims()[0];
        if self.nodes.peek().is_none_or(|next| next.operator != "Mul") {
            set_identity(norm, vec![0.0; channels], device);
            return Ok(());
        }
        let shape = [1, channels, 1, 1];
        let [scale] = self.take("Mul", [&shape])?;
        let [shift] = self.take("Add", [&shape])?;
        set_identity(norm, shift, device);
        norm.gamma = Param::from_data(TensorData::new(scale, [channels]), device);
        Ok(())
    }

    fn linear(&mut self, linear: &mut Linear, device: &Device) -> Result<()> {
        let [inputs, outputs] = linear.weight.val().dims();
        let [turned, bias] = self.take("Gemm", [&[outputs, inputs], &[outputs]])?;
        // the graph's is [out, in], ours is [in, out]
        let mut weight = vec![0.0; turned.len()];
        for (output, row) in turned.chunks_exact(inputs).enumerate() {
            for (input, value) in row.iter().enumerate() {
                weight[input * outputs + output] = *value;
            }
        }
        linear.weight = Param::from_data(TensorData::new(weight, [inputs, outputs]), device);
        linear.bias = Some(Param::from_data(TensorData::new(bias, [outputs]), device));
        Ok(())
    }
}

impl Values {
    fn of(tensor: &TensorProto) -> Result<Self> {
        let dims: Vec<usize> = tensor.dims.iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
        let (chunks, rest) = tensor.raw_data.as_chunks::<4>();
        let values: Vec<f32> = chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if tensor.data_type != FLOAT || !rest.is_empty() || values.len() != dims.iter().product::<usize>() {
            return Err(Error::model(format!("a weight of the source is not stored as f32 numbers: {}", tensor.name))
                .with_hint("only bundles that `fervor train` wrote can be continued"));
        }
        Ok(Self { dims, values })
    }
}

/// Scale 1, shift `bias`, mean 0, variance 1 (with epsilon).
fn set_identity(norm: &mut BatchNorm, bias: Vec<f32>, device: &Device) {
    let channels = bias.len();
    let variance = (1.0 - norm.epsilon) as f32;
    set_norm(norm, [vec![1.0; channels], bias, vec![0.0; channels], vec![variance; channels]], device);
}

fn other_network(what: &str) -> Error {
    Error::model(format!("the source is of another network: {what}"))
        .with_hint("leave [network] out of the recipe: it is taken from the source then")
}

#[cfg(test)]
mod tests {
    use burn::module::Module;

    use super::*;
    use crate::export;
    use crate::layers::seed;
    use crate::recipe::NetworkRecipe;

    const NETWORKS: [(&str, [usize; 3]); 3] = [
        (r#"name = "system-a""#, [3, 40, 40]),
        ("name = \"system-b\"\ndropout = 0.0", [1, 48, 48]),
        ("name = \"fervor-48\"\nwidths = [8, 8, 16, 24]\nblocks = [1, 2, 1]", [1, 48, 48]),
    ];

    fn pixels(n: usize, [channels, height, width]: [usize; 3], round: usize, device: &Device) -> Tensor<4> {
        let count = n * channels * height * width;
        let values: Vec<f32> = (0..count).map(|i| ((i * 7919 + round * 104_729) % 251) as f32).collect();
        Tensor::from_data(TensorData::new(values, [n, channels, height, width]), device)
    }

    /// A network some steps old, and a new one with the weights of its graph.
    fn pair(text: &str, chip: [usize; 3]) -> (Network, Network) {
        let (recipe, device): (NetworkRecipe, _) = (toml::from_str(text).unwrap(), Device::flex().autodiff());
        seed(11);
        let old = Network::new(&recipe, chip, 5, &device);
        for round in 0..3 {
            let _ = old.forward(pixels(4, chip, round, &device));
        }
        let mut new = Network::new(&recipe, chip, 5, &device);
        load_weights(&mut new, &export::graph(&old, chip, 5), &device).unwrap();
        (old.valid(), new)
    }

    fn assert_agree(a: Tensor<2>, b: Tensor<2>, what: &str) {
        let (a, b) = (host(a), host(b));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + a.abs())), "{what}: {a:?} {b:?}");
    }

    #[test]
    fn a_network_read_from_its_graph_answers_the_same() {
        for (text, chip) in NETWORKS {
            let (old, mut new) = pair(text, chip);
            let expected = old.forward(pixels(3, chip, 9, &Device::flex()));
            assert_agree(expected.clone(), new.valid().forward(pixels(3, chip, 9, &Device::flex())), text);
            new.fix_norms(true);
            let features = new.features(pixels(3, chip, 9, &Device::flex().autodiff())).inner();
            assert_agree(expected, new.valid().classify(features), &format!("{text}, with fixed norms on the training device"));
        }
    }

    #[test]
    fn weights_of_another_network_are_refused() {
        let (text, chip) = NETWORKS[2];
        let (old, _) = pair(text, chip);
        let graph = export::graph(&old, chip, 5);
        let device = Device::flex().autodiff();
        for other in
            ["name = \"fervor-48\"\nwidths = [8, 8, 16, 32]\nblocks = [1, 2, 1]", "name = \"fervor-48\"\nwidths = [8, 8, 16, 24]"]
        {
            let recipe: NetworkRecipe = toml::from_str(other).unwrap();
            let error = load_weights(&mut Network::new(&recipe, chip, 5, &device), &graph, &device).unwrap_err();
            assert!(error.message().contains("another network"), "{error}");
        }
    }
}
