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
            NetworkRecipe::SystemA { units, dropout } => {
                Self::SystemA(SystemA::new(chip, classes, *units, *dropout, device))
            }
            NetworkRecipe::SystemB { dropout } => Self::SystemB(SystemB::new(chip, classes, *dropout, device)),
            NetworkRecipe::Fervor48 { widths, blocks, dropout } => {
                Self::Fervor48(Fervor48::new(chip[0], classes, widths, blocks, *dropout, device))
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
