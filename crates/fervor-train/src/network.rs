//! The registered networks, one a file; each exports itself in the same order as it runs.

mod fervor_48;
mod system_a;
mod system_b;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use fervor::onnx::ModelProto;

pub use fervor_48::Fervor48;
pub use system_a::SystemA;
pub use system_b::SystemB;

use crate::export::Tracer;
use crate::layers::{BatchNorm, Conv2d, Linear};
use crate::recipe::NetworkRecipe;

/// A registered network: raw pixels 0..=255 in, logits out; scaling is part of it.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one exists at a time
pub enum Network {
    /// The reference network for 128x128 colour pictures.
    SystemA(SystemA),
    /// The reference network for 48x48 grey pictures.
    SystemB(SystemB),
    /// The compact residual network.
    Fervor48(Fervor48),
}

impl Network {
    /// The network of a checked recipe for chips of `[channels, size, size]`; its first weights come from
    /// [`seed`](crate::layers::seed).
    pub fn new(recipe: &NetworkRecipe, chip: [usize; 3], classes: usize, device: &Device) -> Self {
        match recipe {
            NetworkRecipe::SystemA { units, dropout } => Self::SystemA(SystemA::new(chip, classes, *units, *dropout, device)),
            NetworkRecipe::SystemB { dropout } => Self::SystemB(SystemB::new(chip, classes, *dropout, device)),
            NetworkRecipe::Fervor48 { widths, blocks, dropout, block_dropout } => {
                Self::Fervor48(Fervor48::new(chip[0], classes, widths, blocks, [*dropout, *block_dropout], device))
            }
        }
    }

    /// `[n, channels, size, size]` pixels 0..=255 to `[n, classes]` logits. Trains on an autodiff device (batch
    /// statistics, dropout), infers elsewhere.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        match self {
            Self::SystemA(network) => network.forward(pixels),
            Self::SystemB(network) => network.forward(pixels),
            Self::Fervor48(network) => network.forward(pixels),
        }
    }

    /// All but the classifier: `[n, channels, size, size]` pixels to `[n, features]`, before the classifier's dropout.
    pub fn features(&self, pixels: Tensor<4>) -> Tensor<2> {
        match self {
            Self::SystemA(network) => network.features(pixels),
            Self::SystemB(network) => network.features(pixels),
            Self::Fervor48(network) => network.features(pixels),
        }
    }

    /// The classifier with its dropout: `[n, features]` to `[n, classes]` logits.
    pub fn classify(&self, features: Tensor<2>) -> Tensor<2> {
        match self {
            Self::SystemA(network) => network.classify(features),
            Self::SystemB(network) => network.classify(features),
            Self::Fervor48(network) => network.classify(features),
        }
    }

    /// The layers with weights in the order in which [`export`](Self::export) writes them.
    pub fn layers_mut(&mut self) -> Vec<LayerMut<'_>> {
        match self {
            Self::SystemA(network) => network.layers_mut(),
            Self::SystemB(network) => network.layers_mut(),
            Self::Fervor48(network) => network.layers_mut(),
        }
    }

    /// The last layer.
    pub fn classifier_mut(&mut self) -> &mut Linear {
        match self.layers_mut().pop() {
            Some(LayerMut::Linear(linear)) => linear,
            _ => unreachable!("every network ends with a linear layer"),
        }
    }

    /// Adds the residual blocks that `recipe` has more of; the answers stay what they are.
    pub fn deepen(&mut self, recipe: &NetworkRecipe, device: &Device) {
        if let (Self::Fervor48(network), NetworkRecipe::Fervor48 { blocks, .. }) = (self, recipe) {
            network.deepen(blocks, device);
        }
    }

    /// Makes every batch norm use its running statistics in training, too ([`BatchNorm::fixed`]), or no longer.
    pub fn fix_norms(&mut self, fixed: bool) {
        for layer in self.layers_mut() {
            if let LayerMut::Conv(_, Some(norm)) | LayerMut::Norm(norm) = layer {
                norm.fixed = fixed;
            }
        }
    }

    /// What the network adds to the loss, for one with regularised layers.
    pub fn penalty(&self) -> Option<Tensor<1>> {
        match self {
            Self::SystemB(network) => Some(network.penalty()),
            Self::SystemA(_) | Self::Fervor48(_) => None,
        }
    }

    /// The network's ONNX graph for chips of `[channels, size, size]`: raw `pixels` `[n, channels, size, size]` in, `logits`
    /// `[n, classes]` out, with any `n`.
    pub fn graph(&self, chip: [usize; 3], classes: usize) -> ModelProto {
        // The inference form: running statistics are settled, and nothing is recorded for gradients.
        let mut tracer = Tracer::new(chip);
        self.valid().export(&mut tracer);
        tracer.finish(classes)
    }

    /// Writes the network layer by layer, from pixels to logits.
    pub fn export(&self, tracer: &mut Tracer) {
        match self {
            Self::SystemA(network) => network.export(tracer),
            Self::SystemB(network) => network.export(tracer),
            Self::Fervor48(network) => network.export(tracer),
        }
    }
}

/// A layer with weights, and the batch norm that follows it directly.
#[derive(Debug)]
pub enum LayerMut<'a> {
    /// A convolution, and its batch norm.
    Conv(&'a mut Conv2d, Option<&'a mut BatchNorm>),
    /// A batch norm that does not follow a convolution directly.
    Norm(&'a mut BatchNorm),
    /// A fully connected layer.
    Linear(&'a mut Linear),
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use fervor::runtime::Graph;
    use prost::Message;

    use super::*;
    use crate::layers::seed;
    use crate::recipe::Recipe;
    use crate::summary::summary;

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
            let onnx = network.graph(chip, classes).encode_to_vec();
            let engines = [Graph::load(onnx.clone()).unwrap(), Graph::load_general(onnx).unwrap()];
            for (n, engine) in [1, 5].into_iter().flat_map(|n| engines.iter().map(move |engine| (n, engine))) {
                let shape = [n, channels, height, width];
                let ours: Vec<f32> = network.forward(pixels(shape, 9, &Device::flex())).into_data().try_into_vec().unwrap();
                let theirs = &engine.run(shape, &numbers(shape, 9)).unwrap()[0];
                assert_eq!(theirs.shape, [n, classes]);
                let agree = ours.iter().zip(&theirs.values).all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + a.abs()));
                assert!(agree, "{text}, {n} pictures: {ours:?} {:?}", theirs.values);
            }
        }
    }

    fn recipe(name: &str) -> Recipe {
        let path = format!("{}/../../recipes/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        Recipe::load(path.as_ref(), &[] as &[&str]).unwrap()
    }

    #[test]
    fn every_network_takes_the_smallest_chip_that_its_recipe_allows() {
        let device = Device::flex();
        for name in ["system-a", "system-b", "fervor-48"] {
            let recipe: NetworkRecipe = toml::from_str(&format!("name = {name:?}")).unwrap();
            let side = recipe.least_side();
            let network = Network::new(&recipe, [1, side, side], 3, &device);
            assert_eq!(network.forward(pixels([2, 1, side, side], 0, &device)).dims(), [2, 3], "{name}");
        }
    }

    #[test]
    fn system_b_has_exactly_the_parameters_of_its_reference() {
        let cost = summary(&recipe("system-b"), 7);
        assert_eq!(cost.parameters, 3_841_543);
        assert!((278_000_000..280_000_000).contains(&cost.multiply_adds), "{cost:?}");
    }

    #[test]
    fn system_a_costs_what_its_reference_does() {
        let cost = summary(&recipe("system-a"), 3);
        assert!((142_000_000..145_000_000).contains(&cost.multiply_adds), "{cost:?}");
        let (convolutions, dense) = (896 + 18_496 + 73_856, 14 * 14 * 128 * 128 + 128 + 3 * 129);
        assert_eq!(cost.parameters, convolutions + dense);
    }

    #[test]
    fn fervor_nano_is_tiny() {
        let cost = summary(&recipe("fervor-nano"), 7);
        assert!(cost.multiply_adds <= 8_000_000 && cost.parameters <= 300_000, "{cost:?}");
    }

    #[test]
    fn fervor_48_is_small() {
        let cost = summary(&recipe("fervor-48"), 7);
        assert!(cost.multiply_adds < 100_000_000, "{cost:?}");
        assert!(cost.parameters < 3_000_000, "{cost:?}");
    }
}
