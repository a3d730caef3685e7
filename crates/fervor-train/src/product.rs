//! The product of an epoch: its network as a bundle, and what that bundle scores.

use burn::tensor::{Device, Tensor, TensorData};
use fervor::bundle::{Bundle, CARD_SCHEMA, Card, Golden, Head, RecipeInfo, TrainingData};
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
    /// What the network's first weights were trained on, where it did not begin anew.
    pub seen_before: &'a [ContentHash],
}

/// What a bundle makes of the validation pictures.
pub struct Score {
    pub tally: Tally,
    /// That which fits its logits best: to the labels, or to the votes where those say what is right.
    pub temperature: f32,
    /// How near it comes to the votes with that temperature, where they say what is right.
    pub votes: Option<VoteScores>,
    /// Of the head of the votes: the temperature that fits it to them best, and how near it comes to them with it.
    pub votes_head: Option<(f32, VoteScores)>,
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
            heads: self.heads(),
            flag_factors: Default::default(),
            conformal: None,
            class_biases: Vec::new(),
            eight_bit: None,
            metrics: Default::default(),
            requires: if recipe.loss.heads().is_empty() { Vec::new() } else { vec!["heads".to_owned()] },
            extra: Default::default(),
        };
        Ok(Candidate { graph: network.graph(recipe.preprocess.shape(), recipe.loss.outputs(labels.len())), card })
    }

    /// The heads as a training leaves them: the first one answers. How much the others count is fitted later, on pictures of the
    /// kind that the model is for.
    fn heads(&self) -> Vec<Head> {
        let heads = self.recipe.loss.heads().iter().zip(self.loader.priors());
        let head = |(place, (name, prior)): (usize, (&&str, Vec<f32>))| {
            let weight = if place == 0 { 1.0 } else { 0.0 };
            Head { name: (*name).to_owned(), weight, temperature: 1.0, prior, prior_removed: 0.0, biases: Vec::new() }
        };
        heads.enumerate().map(head).collect()
    }

    /// The bundle's answers to the validation pictures.
    pub fn score(&self, candidate: Candidate) -> Result<Score> {
        let bundle = Bundle::pack(candidate.graph, &candidate.card, [])?;
        let bundle = bundle.with_threads(rayon::current_num_threads());
        let classes = self.dataset.labels().len();
        let mut tally = Tally::new(classes);
        let (mut all_logits, mut all_labels) = (Vec::new(), Vec::new());
        let (mut voted_logits, mut voted) = (Vec::new(), Vec::new());
        let places: Vec<usize> = (0..self.validation.len()).collect();
        for places in places.chunks(256) {
            let chips = places.iter().map(|&place| self.validation.chip(place)).collect::<Result<Vec<_>>>()?;
            let labels: Vec<usize> = places.iter().map(|&place| self.validation.label(place)).collect();
            let heads = bundle.head_logits(&chips)?;
            let logits: Vec<Vec<f32>> = heads.iter().map(|row| row[..classes].to_vec()).collect();
            for (row, &place) in heads.iter().zip(places).filter(|(row, _)| row.len() > classes) {
                if let Some(votes) = self.validation.votes(place) {
                    voted_logits.push(row[classes..].to_vec());
                    voted.push(votes);
                }
            }
            tally.add(logits.iter().map(Vec::as_slice), &labels);
            all_logits.extend(logits);
            all_labels.extend(labels);
        }
        let votes_head = (!voted.is_empty()).then(|| self.by_votes(&voted_logits, &voted));
        if self.recipe.data.labels_from == LabelsFrom::Data {
            return Ok(Score { tally, temperature: fit_temperature(&all_logits, &all_labels), votes: None, votes_head });
        }
        let votes = places.iter().map(|&place| self.validation.votes(place)).collect::<Option<Vec<_>>>();
        let votes = votes.ok_or_else(|| Error::data("a validation picture with a label by votes has no votes"))?;
        let (temperature, votes) = self.by_votes(&all_logits, &votes);
        Ok(Score { tally, temperature, votes: Some(votes), votes_head })
    }

    /// The temperature that fits these logits to the votes best, and how near they come with it.
    fn by_votes(&self, logits: &[Vec<f32>], votes: &[Vec<f32>]) -> (f32, VoteScores) {
        let (labels, temperature) = (self.dataset.labels(), fit_temperature_to(logits, votes));
        let probabilities = logits.iter().map(|row| Probabilities::from_logits(labels, row, temperature));
        let probabilities: Vec<f32> = probabilities.flat_map(|row| row.values().to_vec()).collect();
        (temperature, VoteScores::of(&votes.concat(), &probabilities, votes.len()))
    }

    /// The bundle with its temperature and scores, checked on both engines before anybody else sees it.
    pub fn finish(&self, mut candidate: Candidate, score: &Score) -> Result<Bundle> {
        candidate.card.temperature = score.temperature;
        let (votes, votes_head) = (score.votes, score.votes_head);
        for (head, temperature) in candidate
            .card
            .heads
            .iter_mut()
            .zip([score.temperature].into_iter().chain(votes_head.map(|(temperature, _)| temperature)))
        {
            head.temperature = temperature;
        }
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
        if let Some((_, votes)) = votes_head {
            candidate.card.metrics.insert("validation.votes_head_cross_entropy".to_owned(), votes.cross_entropy);
            candidate.card.metrics.insert("validation.votes_head_kl".to_owned(), votes.kl);
        }
        let training = self.loader.examples().indices().iter().map(|&index| self.dataset.samples()[index].hash);
        let training = training.chain(self.seen_before.iter().copied());
        let bundle = Bundle::pack(candidate.graph, &candidate.card, training)?;
        bundle.check_elsewhere()?;
        Ok(bundle)
    }
}
