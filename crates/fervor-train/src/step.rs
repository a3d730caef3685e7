//! One step of a training: forward, backward, weights moved.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use burn_optim::{GradientsParams, ModuleOptimizer};
use fervor::{Error, Reason, Remedy, Result};

use crate::kernels::autocast;
use crate::layers;
use crate::loader::Batch;
use crate::network::Network;
use crate::optimizer::optimizer;
use crate::recipe::{DistillRecipe, OptimizerRecipe, Precision, TransferNorms, TransferRecipe};

/// What a [`Stepper`] is told of a recipe.
#[derive(Clone, Copy)]
pub struct StepOptions<'a> {
    /// Of the chips.
    pub channels: usize,
    /// What moves the weights.
    pub optimizer: &'a OptimizerRecipe,
    /// In which numbers convolutions multiply.
    pub precision: Precision,
    /// Which weights rest at first, where they come from a source.
    pub transfer: Option<&'a TransferRecipe>,
    /// How much the teachers' answers count.
    pub distill: Option<&'a DistillRecipe>,
    /// How much the head of the votes counts; 0: there is none.
    pub votes_head: f64,
}

/// Moves a network's weights batch by batch.
pub struct Stepper<'a> {
    options: StepOptions<'a>,
    device: &'a Device,
    /// The optimizer and its state.
    pub optimizer: ModuleOptimizer,
    /// All parameters but the classifier's, and the classifier's.
    parts: [Vec<ParamId>; 2],
    /// Whether only the classifier learns.
    frozen: bool,
}

impl<'a> Stepper<'a> {
    /// At the start, or before a stored optimizer state is loaded.
    pub fn new(options: StepOptions<'a>, network: &mut Network, device: &'a Device) -> Self {
        let classifier = ids(&*network.classifier_mut());
        let trunk = ids(network).into_iter().filter(|id| !classifier.contains(id)).collect();
        let optimizer = optimizer(options.optimizer, network);
        Self { options, device, optimizer, parts: [trunk, classifier], frozen: false }
    }

    /// Before the first step of epoch `epoch`, from 0, or of what is left of it.
    pub fn begin_epoch(&mut self, network: &mut Network, epoch: usize) {
        if let Some(transfer) = self.options.transfer {
            self.frozen = epoch < transfer.frozen_epochs;
            network.fix_norms(self.frozen || transfer.batch_norm == TransferNorms::Fixed);
        }
    }

    /// One step; masks of dropout are drawn from `seed`. Gives the network back with the batch's logits, row by row.
    ///
    /// # Errors
    /// `Model`: the loss is not a number any more.
    pub fn step(&mut self, network: Network, batch: &Batch, rate: f64, seed: u64) -> Result<(Network, Vec<f32>)> {
        layers::seed(seed);
        let (loss, logits) = self.loss(&network, batch);
        let value: f32 = loss.clone().into_scalar();
        if !value.is_finite() {
            return Err(Error::model(format!("the loss is not a number any more: {value}"))
                .because(Reason::NotFinite)
                .with_remedy(Remedy::LowerRate));
        }
        let mut gradients = loss.backward();
        if self.options.optimizer.sam > 0.0 && !self.frozen {
            let worse = climbed(&network, GradientsParams::from_grads(gradients, &network), self.options.optimizer.sam);
            layers::seed(seed);
            gradients = self.loss(&worse, batch).0.backward();
        }
        let network = match self.options.transfer {
            Some(transfer) => {
                let [trunk, classifier] =
                    [0, 1].map(|part| GradientsParams::from_params(&mut gradients, &network, &self.parts[part]));
                let network = self.optimizer.step(rate, network, classifier);
                if self.frozen { network } else { self.optimizer.step(rate * transfer.trunk_rate, network, trunk) }
            }
            None => {
                let gradients = GradientsParams::from_grads(gradients, &network);
                self.optimizer.step(rate, network, gradients)
            }
        };
        let logits = logits.into_data().try_into_vec().expect("logits are f32");
        Ok((network, logits))
    }

    /// What is minimised, and the logits of the labels `[n, classes]`.
    fn loss(&self, network: &Network, batch: &Batch) -> (Tensor<1>, Tensor<2>) {
        let (n, device) = (batch.labels.len(), self.device);
        let pixels = TensorData::new(batch.pixels.clone(), [n, self.options.channels, batch.side, batch.side]);
        let rows = |values: &[f32]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [n, values.len() / n]), device);
        let logits = if self.frozen {
            // Without gradients and with nothing dropped: these features are the same in every epoch.
            let pixels = Tensor::<4>::from_data(pixels, &device.clone().without_autodiff());
            network.classify(Tensor::from_inner(network.valid().features(pixels)))
        } else {
            autocast(self.options.precision, || network.forward(Tensor::from_data(pixels, device)))
        }; // [n, heads * classes]
        // Of one head: to its targets, and to what the teachers say for it.
        let of_head = |logits: &Tensor<2>, head: usize, targets: &[f32], weights: &[f32]| {
            let weight_sum = f64::from(weights.iter().sum::<f32>()).max(1e-6);
            let cross_entropy =
                |logits: Tensor<2>, targets: &[f32]| (log_softmax(logits, 1) * rows(targets) * rows(weights)).sum() / -weight_sum;
            let loss = cross_entropy(logits.clone(), targets);
            match (self.options.distill, batch.taught.get(head).and_then(Option::as_ref)) {
                (Some(distill), Some(taught)) => {
                    let temperature = distill.temperature;
                    let taught = cross_entropy(logits.clone() / temperature, taught) * (temperature * temperature);
                    loss * (1.0 - distill.weight) + taught * distill.weight
                }
                _ => loss,
            }
        };
        let classes = batch.targets.len() / n;
        let labels = logits.clone().narrow(1, 0, classes);
        let mut loss = of_head(&labels, 0, &batch.targets, &batch.weights);
        if let Some(votes) = &batch.votes {
            let share = self.options.votes_head;
            let second = of_head(&logits.narrow(1, classes, classes), 1, &votes.targets, &votes.weights);
            loss = loss * (1.0 - share) + second * share;
        }
        if let Some(penalty) = network.penalty() {
            loss = loss + penalty;
        }
        (loss, labels)
    }
}

/// The network where the loss is worst nearby, to first order: the weights moved by `radius` along the gradient (Foret et
/// al., "Sharpness-aware minimization", 2021, equation 2). Running statistics are its own: they follow the first pass.
fn climbed(network: &Network, gradients: GradientsParams, radius: f64) -> Network {
    struct Squares<'a>(&'a GradientsParams, f64);
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1 += f64::from(gradient.square().sum().into_scalar::<f32>());
            }
        }
    }
    struct Climb(GradientsParams, f64);
    impl ModuleMapper for Climb {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match self.0.remove::<D>(param.id) {
                Some(gradient) => param.map(|weight| weight + gradient * self.1),
                None => param,
            }
        }
    }
    let mut squares = Squares(&gradients, 0.0);
    network.visit(&mut squares);
    let length = squares.1.sqrt();
    let step = if length > 0.0 { radius / length } else { 0.0 };
    network.valid().map(&mut Climb(gradients, step)).train()
}

/// The ids of a module's trainable tensors and running statistics.
fn ids(module: &impl Module) -> Vec<ParamId> {
    struct Ids(Vec<ParamId>);
    impl ModuleVisitor for Ids {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.id);
        }
    }
    let mut ids = Ids(Vec::new());
    module.visit(&mut ids);
    ids.0
}
