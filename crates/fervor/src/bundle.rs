//! [`Bundle`]: a network and its [`Card`] in one ONNX file. Loading proves that the network does what the card says.

use std::collections::HashSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::onnx::{self, Cost, ModelProto};
use crate::picture::ContentHash;
use crate::preprocess::Chip;
use crate::runtime::Graph;

mod card;

pub use card::{CARD_SCHEMA, Card, Conformal, Golden, RecipeInfo, TrainingData, Views};

const CARD_KEY: &str = "fervor.card";
const TRAINING_KEY: &str = "fervor.training_pictures";
/// Bytes kept of each training picture's hash: 48 bits make a false alarm among 30,000 x 3,600 pairs a one-in-two-million event.
const PREFIX: usize = 6;
/// How far golden logits may differ between two runtimes, relative to `1 + |logit|`.
const GOLDEN_TOLERANCE: f32 = 1e-3;
/// Chips run through the network at once.
const BATCH: usize = 64;

/// Writes a bundle: the graph with the card and the hashes of the training pictures in its metadata.
///
/// # Errors
/// [`Model`](crate::ErrorKind::Model): the card is wrong in itself. [`Bundle::load`] judges the rest.
pub fn pack(mut graph: ModelProto, card: &Card, training: impl IntoIterator<Item = ContentHash>) -> Result<Vec<u8>> {
    let mut prefixes: Vec<[u8; PREFIX]> = training.into_iter().map(prefix).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    graph.doc_string.clone_from(&card.description);
    graph.set_metadata(TRAINING_KEY, BASE64.encode(prefixes.as_flattened()));
    packed(graph, card)
}

/// The bytes of a model file.
///
/// # Errors
/// [`Model`](crate::ErrorKind::Model): it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| {
        Error::model(format!("the model file cannot be read: {}: {e}", path.display()))
            .with_hint("`fervor models` lists the built-in models; a path ends in .onnx")
    })
}

/// The same bundle with another card.
///
/// # Errors
/// As [`Bundle::load`], of the bundle before and after.
pub fn with_card(bytes: &[u8], edit: impl FnOnce(&mut Card)) -> Result<Vec<u8>> {
    let mut card = Bundle::load(bytes.to_vec())?.card;
    edit(&mut card);
    let bytes = packed(all_of(bytes)?, &card)?;
    Bundle::load(bytes.clone())?;
    Ok(bytes)
}

/// The same bundle with its weights as 16-bit floats, and with the golden logits that the rounded network gives on the general
/// engine, which no kernel of ours can mislead.
///
/// # Errors
/// As [`Bundle::load`], of the bundle before and after, and a network whose logits the rounding moves by more than a twentieth.
pub fn halved(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut bundle = Bundle::load(bytes.to_vec())?;
    let mut graph = all_of(bytes)?;
    graph.halve();
    bundle.graph = Graph::load_general(graph.encode_to_vec())?;
    let rounded = bundle.view(&[bundle.card.preprocess.golden_chip()])?.concat();
    let exact = &bundle.card.golden.logits;
    if !rounded.iter().zip(exact).all(|(rounded, exact)| (rounded - exact).abs() <= 0.05 * (1.0 + exact.abs())) {
        return Err(Error::model(format!("16 bits are too few for this network: it gives {rounded:?} instead of {exact:?}"))
            .with_hint("leave its weights as they are"));
    }
    bundle.card.golden.logits = rounded;
    let bytes = packed(graph, &bundle.card)?;
    Bundle::load(bytes.clone())?;
    Ok(bytes)
}

/// The same bundle with numbers added to its logits, one a class.
///
/// # Errors
/// As [`Bundle::load`], of the bundle before and after, and a network that does not end with a dense layer.
pub fn with_biases(bytes: &[u8], biases: &[f32]) -> Result<Vec<u8>> {
    let mut card = Bundle::load(bytes.to_vec())?.card;
    let mut graph = all_of(bytes)?;
    let ours = onnx::last_dense_bias(&mut graph).filter(|bias| bias.raw_data.len() == size_of_val(biases)).ok_or_else(|| {
        Error::model("the network does not end with a dense layer whose biases could be changed")
            .with_hint("only bundles as `fervor train` writes them can be changed")
    })?;
    for (value, bias) in ours.raw_data.as_chunks_mut::<4>().0.iter_mut().zip(biases) {
        *value = (f32::from_le_bytes(*value) + bias).to_le_bytes();
    }
    card.golden.logits.iter_mut().zip(biases).for_each(|(logit, bias)| *logit += bias);
    card.class_biases.resize(biases.len(), 0.0);
    card.class_biases.iter_mut().zip(biases).for_each(|(all, bias)| *all += bias);
    let bytes = packed(graph, &card)?;
    Bundle::check_elsewhere(bytes.clone())?;
    Ok(bytes)
}

/// The whole of a file as it is stored.
fn all_of(bytes: &[u8]) -> Result<ModelProto> {
    let graph = ModelProto::parse_stored(bytes)?;
    if graph.encoded_len() != bytes.len() {
        return Err(Error::model("the file holds parts of ONNX that would be lost when it is written anew")
            .with_hint("only bundles as `fervor train` writes them can be changed"));
    }
    Ok(graph)
}

/// The graph with this card in place of its own.
fn packed(mut graph: ModelProto, card: &Card) -> Result<Vec<u8>> {
    card.check()?;
    let json = serde_json::to_string(card).map_err(|e| Error::model("the card cannot be written").with_source(e))?;
    graph.set_metadata(CARD_KEY, json);
    Ok(graph.encode_to_vec())
}

fn prefix(hash: ContentHash) -> [u8; PREFIX] {
    std::array::from_fn(|i| hash.0[i])
}

/// A network that has proven itself: its card is valid, its golden logits agree, it gives one logit a class.
pub struct Bundle {
    card: Card,
    graph: Graph,
    cost: Cost,
    sha256: String,
    bytes: usize,
    training: HashSet<[u8; PREFIX]>,
    /// The name of what the last dense layer reads.
    penultimate: Option<String>,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bundle({}, {})", self.card.name, self.sha256)
    }
}

impl Bundle {
    /// Loads a model file's bytes and runs the golden check.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): not ONNX, no card or a wrong one, another count of logits than classes,
    /// logits that are not numbers or not the golden ones.
    pub fn load(bytes: Vec<u8>) -> Result<Self> {
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let size = bytes.len();
        let model = ModelProto::parse(&bytes)?;
        let card = Card::parse(model.metadata(CARD_KEY).ok_or_else(|| {
            Error::model("the model has no card").with_hint(
                "a network alone does not say its classes and its input; export it with `fervor train`, which writes both",
            )
        })?)?;
        let training = training_pictures(&model)?;
        let cost = onnx::cost(&model);
        let penultimate = onnx::last_dense_input(&model).map(str::to_owned);
        let bundle = Self { card, graph: Graph::load_parsed(model, bytes)?, cost, sha256, bytes: size, training, penultimate };
        bundle.golden_check()?;
        Ok(bundle)
    }

    /// Proves the golden logits on the general engine, too: that no other engine answers differently.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn check_elsewhere(bytes: Vec<u8>) -> Result<()> {
        let graph = Graph::load_general(bytes.clone())?;
        Self { graph, ..Self::load(bytes)? }.golden_check()
    }

    /// Loads a model file.
    ///
    /// # Errors
    /// As [`Bundle::load`], and a file that cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::load(read(path)?).map_err(|e| e.context(path.display()))
    }

    /// Runs on this many threads from now on instead of all cores.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.graph = self.graph.with_threads(threads);
        self
    }

    /// Answers up to `lanes` batches at once from now on, each on one thread.
    #[must_use]
    pub fn with_lanes(mut self, lanes: usize) -> Self {
        self.graph = self.graph.with_lanes(lanes);
        self
    }

    /// What the model says of itself.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Parameters, and multiply-adds of one view.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Size of the file in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether exactly this picture was trained on (by the first 48 bits of its content hash).
    pub fn was_trained_on(&self, hash: ContentHash) -> bool {
        self.training.contains(&prefix(hash))
    }

    /// Whether the bundle knows its training pictures at all.
    pub fn knows_training_pictures(&self) -> bool {
        !self.training.is_empty()
    }

    /// Logits of each chip, `[chips][classes]`, before temperature: the mean over the card's views.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): a chip made for another card, or logits that are not numbers.
    pub fn logits(&self, chips: &[Chip]) -> Result<Vec<Vec<f32>>> {
        let mut logits = self.view(chips)?;
        if self.card.views == Views::Flip {
            let mirrored: Vec<Chip> = chips.iter().map(Chip::mirrored).collect();
            for (row, other) in logits.iter_mut().zip(self.view(&mirrored)?) {
                row.iter_mut().zip(other).for_each(|(value, other)| *value = 0.5 * (*value + other));
            }
        }
        Ok(logits)
    }

    /// The network's answer to each chip as it is.
    fn view(&self, chips: &[Chip]) -> Result<Vec<Vec<f32>>> {
        let classes = self.card.labels.len();
        let mut all = Vec::with_capacity(chips.len());
        for batch in chips.chunks(BATCH) {
            let (shape, values) = self.input(batch)?;
            let outputs = self.graph.run(shape, &values)?;
            let output = outputs.first().filter(|o| o.shape == [batch.len(), classes]).ok_or_else(|| {
                let shape = outputs.first().map(|o| o.shape.clone()).unwrap_or_default();
                Error::model(format!("the card names {classes} classes; for {} chips the network gives {shape:?}", batch.len()))
            })?;
            all.extend(finite(&output.values)?.chunks(classes).map(<[f32]>::to_vec));
        }
        Ok(all)
    }

    /// What the last dense layer reads of each chip, `[chips][features]`: the network's own description of a face. `None` where
    /// the network does not end with a dense layer, or the engine has fused its input away.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn features(&self, chips: &[Chip]) -> Result<Option<Vec<Vec<f32>>>> {
        let Some(name) = &self.penultimate else { return Ok(None) };
        let mut all = Vec::with_capacity(chips.len());
        for batch in chips.chunks(BATCH) {
            let (shape, values) = self.input(batch)?;
            let Some(output) = self.graph.run_to_value(name, shape, &values)? else { return Ok(None) };
            if output.shape.first() != Some(&batch.len()) || output.values.is_empty() {
                return Ok(None);
            }
            all.extend(finite(&output.values)?.chunks(output.values.len() / batch.len()).map(<[f32]>::to_vec));
        }
        Ok(Some(all))
    }

    /// The shape and the values of a batch.
    fn input(&self, batch: &[Chip]) -> Result<([usize; 4], Vec<f32>)> {
        let [channels, size, _] = self.card.preprocess.shape();
        let mut values = Vec::with_capacity(batch.len() * channels * size * size);
        for chip in batch {
            if (chip.channels(), chip.size()) != (channels, size) {
                let (c, s) = (chip.channels(), chip.size());
                return Err(Error::model(format!("the model takes chips of {channels}x{size}x{size}, got {c}x{s}x{s}")));
            }
            values.extend(chip.pixels().iter().map(|&v| f32::from(v)));
        }
        Ok(([batch.len(), channels, size, size], values))
    }

    fn golden_check(&self) -> Result<()> {
        let found = &self.view(&[self.card.preprocess.golden_chip()])?[0];
        let golden = &self.card.golden.logits;
        // Written so that NaN in the card fails, too.
        let agree = found.iter().zip(golden).all(|(a, b)| (a - b).abs() <= GOLDEN_TOLERANCE * (1.0 + b.abs()));
        if agree {
            return Ok(());
        }
        Err(Error::model(format!("the network does not give the golden logits of its card: {found:?} instead of {golden:?}"))
            .with_hint("the file was changed after it was made, or the card belongs to another network"))
    }
}

fn finite(values: &[f32]) -> Result<&[f32]> {
    if !values.iter().all(|v| v.is_finite()) {
        return Err(Error::model("the network answers with numbers that are not finite (NaN or infinity)"));
    }
    Ok(values)
}

fn training_pictures(model: &ModelProto) -> Result<HashSet<[u8; PREFIX]>> {
    let Some(text) = model.metadata(TRAINING_KEY) else { return Ok(HashSet::new()) };
    let bytes = BASE64.decode(text).map_err(|e| Error::model("the list of training pictures is damaged").with_source(e))?;
    let (prefixes, []) = bytes.as_chunks::<PREFIX>() else {
        return Err(Error::model(format!("the list of training pictures is damaged: {} bytes", bytes.len())));
    };
    Ok(prefixes.iter().copied().collect())
}
