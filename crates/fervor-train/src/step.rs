//! One step of a training: forward, backward, weights moved.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use fervor::{Error, Result};

use crate::layers;
use crate::loader::Batch;
use crate::network::Network;
use crate::optimizer::optimizer;
use crate::recipe::{Recipe, TransferNorms};

/// Moves a network's weights batch by batch.
pub struct Stepper<'a> {
    recipe: &'a Recipe,
    device: &'a Device,
    pub optimizer: ModuleOptimizer,
    /// All parameters but the classifier's, and the classifier's.
    parts: [Vec<ParamId>; 2],
    /// Whether only the classifier learns.
    frozen: bool,
}

impl<'a> Stepper<'a> {
    /// At the start, or before a stored optimizer state is loaded.
    pub fn new(recipe: &'a Recipe, network: &mut Network, device: &'a Device) -> Self {
        let classifier = ids(&*network.classifier_mut());
        let trunk = ids(network).into_iter().filter(|id| !classifier.contains(id)).collect();
        let optimizer = optimizer(&recipe.optimizer, network);
        Self { recipe, device, optimizer, parts: [trunk, classifier], frozen: false }
    }

    /// Before the first step of epoch `epoch`, from 0, or of what is left of it.
    pub fn begin_epoch(&mut self, network: &mut Network, epoch: usize) {
        if let Some(transfer) = &self.recipe.transfer {
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
                .with_hint("a lower rate helps, for example --set optimizer.learning_rate=..., or a longer warm-up"));
        }
        let mut gradients = loss.backward();
        let network = match &self.recipe.transfer {
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

    /// What is minimised, and the logits `[n, classes]`.
    fn loss(&self, network: &Network, batch: &Batch) -> (Tensor<1>, Tensor<2>) {
        let (n, device) = (batch.labels.len(), self.device);
        let [channels, size, _] = self.recipe.preprocess.shape();
        let pixels = TensorData::new(batch.pixels.clone(), [n, channels, size, size]);
        let rows = |values: &[f32]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [n, values.len() / n]), device);
        let (targets, weights) = (rows(&batch.targets), rows(&batch.weights));
        let weight_sum = f64::from(batch.weights.iter().sum::<f32>());

        let logits = if self.frozen {
            // Without gradients and with nothing dropped: these features are the same in every epoch.
            let pixels = Tensor::<4>::from_data(pixels, &device.clone().without_autodiff());
            network.classify(Tensor::from_inner(network.valid().features(pixels)))
        } else {
            network.forward(Tensor::from_data(pixels, device))
        }; // [n, classes]
        let mut loss = (log_softmax(logits.clone(), 1) * targets * weights).sum() / -weight_sum;
        if let Some(penalty) = network.penalty() {
            loss = loss + penalty;
        }
        (loss, logits)
    }
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
