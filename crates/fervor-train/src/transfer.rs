//! A training that starts from the weights of a bundle: where they come from, and the new classifier.

use std::path::Path;

use burn::module::Module;
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use fervor::onnx::ModelProto;
use fervor::{Bundle, ContentHash, Error, LabelSet, Reason, Result};

use crate::import;
use crate::layers;
use crate::network::Network;
use crate::recipe::{Recipe, TransferRecipe};
use crate::seeds::{Purpose, derived_seed};

/// How far the logits of a network read from a bundle may lie from the bundle's own, relative to `1 + |logit|`.
const TOLERANCE: f32 = 1e-4;

/// The recipe's network with the source's weights, and a classifier for `labels`: classes that the source knows by name
/// start as its own, the others anew from the recipe's seed. Residual blocks that the source lacks change nothing at first
/// (`network.blocks` may be more than the source's).
///
/// # Errors
/// `Input`: the source is another than when the recipe was resolved, or takes other chips. `Model`: it is no bundle, of
/// another network, or the network read from it does not answer as it does.
pub fn start(transfer: &TransferRecipe, recipe: &Recipe, labels: &LabelSet, device: &Device) -> Result<Network> {
    let bundle = source(transfer)?;
    let (card, chip) = (bundle.card(), recipe.preprocess.shape());
    // Chips may come to be standardised, or no longer: the network gets used to it.
    if card.preprocess.plain() != recipe.preprocess.plain() {
        return Err(Error::input(format!("the recipe's preprocess is not that of {}: {:?}", transfer.from, card.preprocess))
            .because(Reason::Mismatch)
            .with_hint("leave [preprocess] out of the recipe: it is taken from the source then"));
    }
    // The source's recipe is unknown where its file was made elsewhere: then it must be the recipe's network.
    let source = Recipe::parse(&card.recipe.toml, &[] as &[&str]).ok();
    let known = source.and_then(|source| recipe.network.as_shallow_as(&source.network)).unwrap_or_else(|| recipe.network.clone());
    let mut network = Network::new(&known, chip, card.outputs(), device);
    import::load_weights(&mut network, &ModelProto::parse(bundle.bytes())?, device)?;
    check(&network, &bundle, device)?;
    network.deepen(&recipe.network, device);

    layers::seed(derived_seed(recipe.seed, 0, Purpose::Weights));
    let mut fresh = Network::new(&recipe.network, chip, recipe.loss.outputs(labels.len()), device);
    let (source, new) = (network.classifier_mut(), fresh.classifier_mut());
    let [inputs, outputs] = new.weight.val().dims();
    let [mut weight, old_weight] = [&new.weight, &source.weight].map(|weight| host(weight.val()));
    let mut bias = vec![0.0; outputs];
    let old_bias = source.bias.as_ref().map_or_else(|| vec![0.0; card.outputs()], |bias| host(bias.val()));
    for output in 0..outputs {
        let (head, class) = (output / labels.len(), output % labels.len());
        // A head that the source lacks begins as its first one.
        let name = recipe.loss.heads().get(head).copied().unwrap_or("labels");
        let known_head = card.heads.iter().position(|known| known.name == name).unwrap_or(0);
        if let Some(known) = card.labels.index_of(&labels.names()[class]) {
            let known = known_head * card.labels.len() + known;
            bias[output] = old_bias[known];
            for input in 0..inputs {
                weight[input * outputs + output] = old_weight[input * card.outputs() + known];
            }
        }
    }
    source.weight = Param::from_data(TensorData::new(weight, [inputs, outputs]), device);
    source.bias = Some(Param::from_data(TensorData::new(bias, [outputs]), device));
    Ok(network)
}

/// The source's bundle.
fn source(transfer: &TransferRecipe) -> Result<Bundle> {
    let bundle = Bundle::find(&transfer.from)?;
    if transfer.sha256.as_ref().is_some_and(|sha256| !bundle.has_sha256(sha256)) {
        return Err(Error::input(format!(
            "the source is not the one that the recipe names: {} is {}",
            transfer.from,
            bundle.sha256()
        ))
        .because(Reason::Changed)
        .with_hint("take transfer.sha256 out of the recipe to start from the present one"));
    }
    Ok(bundle)
}

/// The pictures that the source was trained on, its own sources' among them: the new network has seen them, too. A run that goes on
/// where the source is gone knows them by its own bundle, `last`.
///
/// # Errors
/// As [`start`], where there is no such bundle.
pub fn seen_before(transfer: &TransferRecipe, last: &Path) -> Result<Vec<ContentHash>> {
    let bundle = source(transfer).or_else(|error| Bundle::open(last).map_err(|_| error))?;
    Ok(bundle.training_pictures().collect())
}

/// Proves that the network answers as the bundle that it was read from.
fn check(network: &Network, bundle: &Bundle, device: &Device) -> Result<()> {
    let chip = bundle.card().preprocess.golden_chip();
    let pixels: Vec<f32> = chip.pixels().iter().map(|&value| f32::from(value)).collect();
    let pixels = TensorData::new(pixels, [1, chip.channels(), chip.size(), chip.size()]);
    let found = host(network.valid().forward(Tensor::from_data(pixels, &device.clone().without_autodiff())));
    let golden = &bundle.card().golden.logits;
    if found.iter().zip(golden).all(|(a, b)| (a - b).abs() <= TOLERANCE * (1.0 + b.abs())) {
        return Ok(());
    }
    Err(Error::model(format!("the network read from the source does not give its logits: {found:?} instead of {golden:?}"))
        .because(Reason::Mismatch)
        .with_hint("the source's file was changed, or written by another version"))
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("weights are f32")
}
