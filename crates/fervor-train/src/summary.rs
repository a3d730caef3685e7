//! What a network costs.

use burn::module::Module;
use burn::tensor::Device;
use fervor::onnx;

use crate::network::Network;
use crate::recipe::Recipe;

/// What a network holds and costs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// The registered name.
    pub network: String,
    /// `[channels, size, size]` of its input.
    pub input: [usize; 3],
    /// All numbers that training changes, running statistics included (Keras' "total").
    pub parameters: usize,
    /// Multiply-adds of convolutions and dense layers for one picture.
    pub multiply_adds: u64,
}

/// Counts the network of a checked recipe for this many classes.
pub fn summary(recipe: &Recipe, classes: usize) -> Summary {
    let input = recipe.preprocess.shape();
    let outputs = recipe.loss.outputs(classes);
    let network = Network::new(&recipe.network, input, outputs, &Device::flex());
    let cost = onnx::cost(&network.graph(input, outputs));
    Summary {
        network: recipe.network.name().to_owned(),
        input,
        parameters: network.num_params(),
        multiply_adds: cost.multiply_adds.expect("the exporter writes only nodes whose shapes can be followed"),
    }
}
