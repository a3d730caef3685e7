//! The product of an epoch: its network as a bundle, and what that bundle scores.

use burn::tensor::{Device, Tensor, TensorData};
use fervor::bundle::{self, Bundle, CARD_SCHEMA, Card, Golden, RecipeInfo, TrainingData};
use fervor::onnx::ModelProto;
use fervor::{ContentHash, Error, Probabilities, Reason, Remedy, Result};
use fervor_lab::dataset::Dataset;
use fervor_lab::evaluate::VoteScores;
use fervor_lab::metrics::{fit_temperature, fit_temperature_to};

use crate::examples::Examples;
use crate::loader::Loader;
use crate::log::Tally;
use crate::network::Network;
use crate::recipe::{LabelsFrom, Recipe};

/// Makes bundles of networks and scores them.
pub struct Exporter<'a> {
    pub recipe: &'a Recipe,
    pub dataset: &'a Dataset,
    pub manifest_sha256: &'a str,
    pub loader: &'a Loader,
    pub validation: &'a Examples,
}

/// What a bundle makes of the validation pictures.
pub struct Score {
    pub tally: Tally,
    /// That which fits its logits best: to the labels, or to the votes where those say what is right.
    pub temperature: f32,
    /// How near it comes to the votes with that temperature, where they say what is right.
    pub votes: Option<VoteScores>,
}

/// A graph and its card, before they are packed.
#[derive(Clone)]
pub struct Candidate {
    graph: ModelProto,
    card: Card,
}

impl Exporter<'_> {
    /// The network's graph with a card that lacks only its scores. The golden logits are Burn's: loading the bundle
    /// compares them with the runtime's.
    pub fn candidate(&self, network: &Network, epoch: usize, device: &Device) -> Result<Candidate> {
        let (recipe, labels) = (self.recipe, self.dataset.labels());
        let [channels, size, _] = recipe.preprocess.shape();
        let golden: Vec<f32> = recipe.preprocess.golden_chip().pixels().iter().map(|&value| f32::from(value)).collect();
        let golden = TensorData::new(golden, [1, channels, size, size]);
        let golden = Tensor::<4>::from_data(golden, &device.clone().without_autodiff());
        let logits: Vec<f32> = network.forward(golden).into_data().try_into_vec().expect("logits are f32");
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(Error::model(format!("the network answers with numbers that are not finite: {logits:?}"))
                .because(Reason::NotFinite)
                .with_remedy(Remedy::LowerRate));
        }
        let card = Card {
            schema: CARD_SCHEMA.to_owned(),
            name: recipe.name.clone(),
            description: recipe.description.clone(),
            labels: labels.clone(),
            preprocess: recipe.preprocess.clone(),
            temperature: 1.0,
            golden: Golden { logits },
            data: TrainingData {
                name: self.dataset.name().to_owned(),
                manifest_sha256: self.manifest_sha256.to_owned(),
                training_pictures: self.loader.examples().len(),
                validation_pictures: self.validation.len(),
            },
            recipe: RecipeInfo { name: recipe.name.clone(), sha256: recipe.hash(), toml: recipe.to_toml(), epoch },
            licence: recipe.licence.clone(),
            views: recipe.views,
            flag_factors: Default::default(),
            conformal: None,
            class_biases: Vec::new(),
            metrics: Default::default(),
        };
        Ok(Candidate { graph: network.graph(recipe.preprocess.shape(), labels.len()), card })
    }

    /// The bundle's answers to the validation pictures.
    pub fn score(&self, candidate: Candidate) -> Result<Score> {
        let bundle = Bundle::load(bundle::pack(candidate.graph, &candidate.card, [])?)?;
        let bundle = bundle.with_threads(rayon::current_num_threads());
        let mut tally = Tally::new(self.dataset.labels().len());
        let (mut all_logits, mut all_labels) = (Vec::new(), Vec::new());
        let places: Vec<usize> = (0..self.validation.len()).collect();
        for places in places.chunks(256) {
            let chips = places.iter().map(|&place| self.validation.chip(place)).collect::<Result<Vec<_>>>()?;
            let labels: Vec<usize> = places.iter().map(|&place| self.validation.label(place)).collect();
            let logits = bundle.logits(&chips)?;
            tally.add(logits.iter().map(Vec::as_slice), &labels);
            all_logits.extend(logits);
            all_labels.extend(labels);
        }
        if self.recipe.data.labels_from == LabelsFrom::Data {
            return Ok(Score { tally, temperature: fit_temperature(&all_logits, &all_labels), votes: None });
        }
        let votes = places.iter().map(|&place| self.validation.votes(place)).collect::<Option<Vec<_>>>();
        let votes = votes.ok_or_else(|| Error::data("a validation picture with a label by votes has no votes"))?;
        let temperature = fit_temperature_to(&all_logits, &votes);
        let labels = self.dataset.labels();
        let probabilities = all_logits.iter().map(|row| Probabilities::from_logits(labels, row, temperature));
        let probabilities: Vec<f32> = probabilities.flat_map(|row| row.values().to_vec()).collect();
        let votes = VoteScores::of(&votes.concat(), &probabilities, places.len());
        Ok(Score { tally, temperature, votes: Some(votes) })
    }

    /// The bundle's bytes with its temperature and scores, loaded once more before anybody else sees them.
    pub fn finish(&self, mut candidate: Candidate, score: &Score) -> Result<Vec<u8>> {
        candidate.card.temperature = score.temperature;
        let votes = score.votes;
        let score = &score.tally;
        candidate.card.metrics = [
            ("validation.accuracy", score.accuracy()),
            ("validation.macro_f1", score.macro_f1()),
            ("validation.loss", score.mean_loss()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if let Some(votes) = votes {
            candidate.card.metrics.insert("validation.votes_cross_entropy".to_owned(), votes.cross_entropy);
            candidate.card.metrics.insert("validation.votes_kl".to_owned(), votes.kl);
        }
        let training = self.loader.examples().indices().iter().map(|&index| self.dataset.samples()[index].hash);
        let training: Vec<ContentHash> = training.collect();
        let bytes = bundle::pack(candidate.graph, &candidate.card, training)?;
        Bundle::check_elsewhere(bytes.clone())?;
        Ok(bytes)
    }
}
