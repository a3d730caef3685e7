//! What moves the weights: gradient descent with momentum, Burn's Adam and AdamW, and the moving average of the weights.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use burn_optim::decay::WeightDecayConfig;
use burn_optim::{
    AdamConfig, AdamWConfig, GradientsParams, LearningRate, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource,
};

use crate::kernels::update::{Descent, approach};
use crate::kernels::{into_values, run_on};
use crate::network::Network;
use crate::recipe::{OptimizerKind, OptimizerRecipe};

/// The optimizer of a recipe for this network. Biases and batch norms are not decayed (He et al., "Bag of tricks for
/// image classification", 2019).
pub fn optimizer(recipe: &OptimizerRecipe, network: &Network) -> ModuleOptimizer {
    let undecayed = ParamGroup::from_ids(vectors(network));
    match recipe.name {
        OptimizerKind::Sgd => {
            let decayed = Sgd {
                momentum: recipe.momentum as f32,
                decay: recipe.weight_decay as f32,
                nesterov: recipe.nesterov && recipe.momentum > 0.0,
            };
            ModuleOptimizer::from(decayed).with_group(undecayed, Sgd { decay: 0.0, ..decayed }, None)
        }
        OptimizerKind::Adam => {
            let decay = (recipe.weight_decay > 0.0).then_some(WeightDecayConfig { penalty: recipe.weight_decay as f32 });
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

/// Gradient descent with momentum (Polyak, 1964; Nesterov, 1983), as PyTorch and Burn define it: `v = m v + g`, and the step is
/// `rate * v`, or `rate * (g + m v)` if it looks ahead. Burn's own makes nine passes over the weights, on one thread.
#[derive(Clone, Copy, Debug)]
struct Sgd {
    momentum: f32,
    decay: f32,
    nesterov: bool,
}

/// By how much a parameter moves; none without momentum.
#[derive(Clone)]
struct SgdState<const D: usize> {
    velocity: Option<Tensor<D>>,
}

impl<const D: usize> SgdState<D> {
    /// Named as in Burn's, so that checkpoints of either can be continued.
    const NAME: &str = "momentum.velocity";
}

impl<const D: usize> RecordState for SgdState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        if let Some(velocity) = &self.velocity {
            out.push_tensor(prefix, Self::NAME, velocity.to_data());
        }
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let velocity = src.take_tensor(prefix, Self::NAME).map(|data| Tensor::from_data(data, device));
        Some(Self { velocity })
    }
}

impl Optimizer for Sgd {
    type State<const D: usize> = SgdState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weight: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<SgdState<D>>,
    ) -> (Tensor<D>, Option<SgdState<D>>) {
        let Self { momentum, decay, nesterov } = *self;
        let velocity = state.and_then(|state| state.velocity);
        let velocity = velocity.unwrap_or_else(|| gradient.zeros_like());
        let (weight, velocity) = if run_on(&weight.device()) {
            let (shape, device) = (weight.dims(), weight.device());
            let (mut weight, gradient, mut velocity) = (into_values(weight), into_values(gradient), into_values(velocity));
            Descent { rate: rate as f32, momentum, decay, nesterov }.step(&mut weight, &gradient, &mut velocity);
            let tensor = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, shape), &device);
            (tensor(weight), tensor(velocity))
        } else {
            let gradient = gradient + weight.clone() * decay;
            let velocity = velocity * momentum + gradient.clone();
            let step = if nesterov { velocity.clone() * momentum + gradient } else { velocity.clone() };
            (weight - step * rate, velocity)
        };
        (weight, Some(SgdState { velocity: (momentum > 0.0).then_some(velocity) }))
    }

    fn to_device<const D: usize>(state: SgdState<D>, device: &Device) -> SgdState<D> {
        SgdState { velocity: state.velocity.map(|velocity| velocity.to_device(device)) }
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

    /// Moved towards the network after step `step`, counted from 0. Early steps count more, so that the random start is
    /// soon forgotten: the decay is at most `(1 + step) / (10 + step)`, as in TensorFlow's `ExponentialMovingAverage`.
    #[must_use]
    pub fn following(self, network: &Network, step: usize) -> Self {
        let decay = self.decay.min((1 + step) as f64 / (10 + step) as f64);
        let mut values = Values(GradientsParams::new());
        network.valid().visit(&mut values);
        Self { network: self.network.map(&mut Towards { values: values.0, decay }), ..self }
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
        param.map(|value| {
            let (shape, device) = (value.dims(), value.device());
            if !run_on(&device) {
                return value * self.decay + target * (1.0 - self.decay);
            }
            let mut values = into_values(value);
            approach(&mut values, &into_values(target), (1.0 - self.decay) as f32);
            Tensor::from_data(TensorData::new(values, shape), &device)
        })
    }
}

#[cfg(test)]
mod tests {
    use burn_nn::{Linear, LinearConfig};
    use burn_optim::SgdConfig;
    use burn_optim::decay::WeightDecayConfig;
    use burn_optim::momentum::MomentumConfig;

    use super::*;

    fn weights(layer: &Linear) -> Vec<f32> {
        into_values(layer.weight.val())
    }

    #[test]
    fn our_descent_steps_as_burns_does_and_goes_on_from_its_checkpoints() {
        let device = Device::flex().autodiff();
        device.seed(7);
        let start = LinearConfig::new(40, 30).init(&device);
        let x = Tensor::<2>::ones([2, 40], &device);
        for (momentum, decay, nesterov) in [(0.9, 0.0, true), (0.9, 0.1, true), (0.8, 0.1, false), (0.0, 0.1, false)] {
            let config = MomentumConfig { momentum, dampening: 0.0, nesterov };
            let config = SgdConfig::new()
                .with_momentum((momentum > 0.0).then_some(config))
                .with_weight_decay(Some(WeightDecayConfig { penalty: decay as f32 }));
            let own = Sgd { momentum: momentum as f32, decay: decay as f32, nesterov };
            let mut sides = [(start.clone(), config.init()), (start.clone(), ModuleOptimizer::from(own))];
            let step = |(layer, optimizer): &mut (Linear, ModuleOptimizer)| {
                let gradients = layer.forward(x.clone()).square().sum().backward();
                let gradients = GradientsParams::from_grads(gradients, layer);
                *layer = optimizer.step(0.003, layer.clone(), gradients);
            };
            for _ in 0..3 {
                sides.iter_mut().for_each(step);
            }
            if momentum > 0.0 {
                let record = sides[0].1.to_record();
                sides[1].1 = ModuleOptimizer::from(own).load_record(record);
            }
            sides.iter_mut().for_each(step);
            let [burns, ours] = sides.each_ref().map(|(layer, _)| weights(layer));
            assert!(burns != weights(&start), "the weights move");
            assert!(burns.iter().zip(&ours).all(|(a, b)| (a - b).abs() < 1e-5), "{momentum} {decay} {nesterov}");
        }
    }
}
