//! The registered networks, one a file; each exports itself in the same order as it runs.

mod fervor_48;
mod system_a;
mod system_b;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

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
    SystemA(SystemA),
    SystemB(SystemB),
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

    /// Writes the network's graph, from pixels to logits.
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
    Conv(&'a mut Conv2d, Option<&'a mut BatchNorm>),
    /// A batch norm that does not follow a convolution directly.
    Norm(&'a mut BatchNorm),
    Linear(&'a mut Linear),
}

#[cfg(test)]
mod tests {
    use crate::recipe::Recipe;
    use crate::summary::summary;

    fn recipe(name: &str) -> Recipe {
        let path = format!("{}/../../recipes/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        Recipe::load(path.as_ref(), &[] as &[&str]).unwrap()
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
