//! What moves the weights: Burn's optimizers from a recipe, and the moving average of the weights.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::Tensor;

use crate::network::Network;
use crate::recipe::{OptimizerKind, OptimizerRecipe};

/// The optimizer of a recipe for this network. Biases and batch norms are not decayed (He et al., "Bag of tricks for
/// image classification", 2019).
pub fn optimizer(recipe: &OptimizerRecipe, network: &Network) -> ModuleOptimizer {
    let undecayed = ParamGroup::from_ids(vectors(network));
    let decay = (recipe.weight_decay > 0.0).then_some(WeightDecayConfig { penalty: recipe.weight_decay as f32 });
    match recipe.name {
        OptimizerKind::Sgd => {
            let momentum = MomentumConfig { momentum: recipe.momentum, dampening: 0.0, nesterov: recipe.nesterov };
            let plain = SgdConfig::new().with_momentum((recipe.momentum > 0.0).then_some(momentum));
            let decayed = plain.clone().with_weight_decay(decay);
            ModuleOptimizer::from(decayed.build()).with_group(undecayed, plain.build(), None)
        }
        OptimizerKind::Adam => {
            let plain = AdamConfig::new().with_epsilon(recipe.epsilon as f32);
            let decayed = plain.clone().with_weight_decay(decay);
            ModuleOptimizer::from(decayed.build()).with_group(undecayed, plain.build(), None)
        }
        OptimizerKind::AdamW => {
            let plain = AdamWConfig::new().with_epsilon(recipe.epsilon as f32).with_weight_decay(0.0);
            let decayed = plain.clone().with_weight_decay(recipe.weight_decay as f32);
            ModuleOptimizer::from(decayed.build()).with_group(undecayed, plain.build(), None)
        }
    }
}

/// The parameters of one dimension: biases, scales and shifts.
fn vectors(network: &Network) -> Vec<ParamId> {
    struct Vectors(Vec<ParamId>);
    impl ModuleVisitor for Vectors {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if D == 1 {
                self.0.push(param.id);
            }
        }
    }
    let mut visitor = Vectors(Vec::new());
    network.visit(&mut visitor);
    visitor.0
}

/// The moving average of a network's weights and running statistics (Polyak and Juditsky, 1992), which scores better
/// than any single moment of a training with a high rate.
#[derive(Debug)]
pub struct Average {
    network: Network,
    decay: f64,
}

impl Average {
    /// Starts at the network's present weights.
    pub fn new(network: &Network, decay: f64) -> Self {
        Self { network: network.valid(), decay }
    }

    /// The averaged network, for inference.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Continues from a stored average.
    pub fn set_network(&mut self, network: Network) {
        self.network = network;
    }

    /// Moves towards the network after step `step`, counted from 0. Early steps count more, so that the random start is
    /// soon forgotten: the decay is at most `(1 + step) / (10 + step)`, as in TensorFlow's `ExponentialMovingAverage`.
    pub fn follow(&mut self, network: &Network, step: usize) {
        let decay = self.decay.min((1 + step) as f64 / (10 + step) as f64);
        let mut values = Values(GradientsParams::new());
        network.valid().visit(&mut values);
        self.network = self.network.clone().map(&mut Towards { values: values.0, decay });
    }
}

/// A network's present values by parameter; Burn's container for gradients is the only one of its kind.
struct Values(GradientsParams);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

struct Towards {
    values: GradientsParams,
    decay: f64,
}

impl ModuleMapper for Towards {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let target = self.values.remove::<D>(param.id).expect("the average has the network's parameters");
        param.map(|value| value * self.decay + target * (1.0 - self.decay))
    }
}
