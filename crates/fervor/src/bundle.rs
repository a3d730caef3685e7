//! [`Bundle`]: a network and its [`Card`] in one ONNX file. Loading proves that the file is as it was made, and that the network
//! does what the card says.
//!
//! | metadata entry | |
//! |---|---|
//! | `fervor.card` | the [`Card`] as JSON |
//! | `fervor.training_pictures` | the first 48 bits of each training picture's hash, sorted, in base64 |
//! | `fervor.seal` | the SHA-256 of all bytes before it, in 64 hexadecimal digits; the file's last 81 bytes |
//!
//! `head -c -81 model.onnx | sha256sum` prints what `tail -c 64 model.onnx` holds. The seal stands beside the card, not in it: so no
//! canonical form of JSON or protobuf has to be agreed upon, no byte of the file is left out, and programs from before it still
//! read the file. It finds what goes wrong. Against an attacker, who can seal anew, only a hash from a trusted place helps.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::error::{Error, Reason, Remedy, Result};
use crate::onnx::{self, Cost, ModelProto};
use crate::picture::ContentHash;
use crate::preprocess::Chip;
use crate::runtime::Graph;

mod card;
mod edit;
mod eight_bit;
mod find;
#[cfg(feature = "general")]
mod foreign;
mod heads;
mod seal;

#[cfg(feature = "general")]
pub use foreign::{ChannelOrder, Foreign, ForeignFraming, ForeignOutput, Layout, Number, Numbers};

pub use card::{CARD_SCHEMA, Card, Conformal, Extra, Golden, RecipeInfo, TrainingData, Views};
pub use eight_bit::EightBit;
pub use heads::Head;

const CARD_KEY: &str = "fervor.card";
const TRAINING_KEY: &str = "fervor.training_pictures";
/// Bytes kept of each training picture's hash: 48 bits make a false alarm among 30,000 x 3,600 pairs a one-in-two-million event.
const PREFIX: usize = 6;
/// How far golden logits may differ between two runtimes, relative to `1 + |logit|`.
const GOLDEN_TOLERANCE: f32 = 1e-3;
/// Chips run through the network at once.
const BATCH: usize = 64;

fn prefix(hash: ContentHash) -> [u8; PREFIX] {
    std::array::from_fn(|i| hash.0[i])
}

/// A network that has proven itself: its file is as it was made, its card is valid, its golden logits agree, it gives one logit a
/// class. Immutable: edits give a new one.
pub struct Bundle {
    card: Card,
    graph: Graph,
    runs: Runs,
    cost: Cost,
    /// The file. Of a built-in bundle it stays where the program holds it.
    bytes: Cow<'static, [u8]>,
    hashes: seal::Hashes,
    training: HashSet<[u8; PREFIX]>,
    /// The name of what the last dense layer reads.
    penultimate: Option<String>,
}

/// Where a bundle runs; its edits run there, too.
#[derive(Clone, Copy)]
enum Runs {
    AllCores,
    Threads(usize),
    Lanes(usize),
}

/// What whoever uses a bundle should hear, and what is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The file carries no hash of itself; only its golden logits could be checked.
    NotSealed,
    /// The card has keys that this version does not know, and need not know to answer right.
    UnknownKeys(Vec<String>),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealed => f.write_str("the model file has no seal: changes to it would go unnoticed"),
            Self::UnknownKeys(keys) => {
                write!(f, "the model's card has keys of a newer version, which are left alone: {}", keys.join(", "))
            }
        }
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bundle({}, {})", self.card.name, self.hashes.file)
    }
}

impl Bundle {
    /// Loads a model file's bytes, checks its seal and runs the golden check.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): not ONNX ([`Reason::Damaged`]), not the bytes that were sealed ([`Reason::Changed`]), no
    /// card ([`Reason::Missing`]) or a wrong one, a card that needs a newer version ([`Reason::Version`]), another count of logits
    /// than classes ([`Reason::Mismatch`]), logits that are not numbers ([`Reason::NotFinite`]) or not the golden ones
    /// ([`Reason::Mismatch`]).
    pub fn load(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        let bytes = bytes.into();
        let mut model = ModelProto::parse_stored(&bytes)?;
        let hashes = seal::check(&bytes, model.metadata(seal::KEY))?;
        model.widen();
        let card = Card::parse(model.metadata(CARD_KEY).ok_or_else(|| {
            Error::model("the model has no card, and a network alone does not say its classes and its input")
                .because(Reason::Missing)
                .with_remedy(Remedy::TrainBundle)
        })?)?;
        let training = training_pictures(&model)?;
        let cost = onnx::cost(&model);
        let penultimate = onnx::last_dense_input(&model).map(str::to_owned);
        let graph = Graph::load_parsed(model, &bytes, card.eight_bit.as_ref().map(|eight_bit| &eight_bit.greatest))?;
        let bundle = Self { card, graph, runs: Runs::AllCores, cost, bytes, hashes, training, penultimate };
        bundle.golden_check(&bundle.graph, eight_bit::golden(&bundle.card))?;
        bundle.blended(bundle.card.golden.logits.clone()).map_err(|e| e.context("the card's heads"))?;
        Ok(bundle)
    }

    /// Proves the golden logits on the general engine, too: that no other engine answers differently.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn check_elsewhere(&self) -> Result<()> {
        let golden = (self.card.golden.logits.as_slice(), GOLDEN_TOLERANCE);
        self.golden_check(&Graph::load_general(self.bytes.to_vec())?, golden)
    }

    /// Runs on this many threads from now on instead of all cores.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        self.on(Runs::Threads(threads))
    }

    /// Answers up to `lanes` batches at once from now on, each on one thread.
    #[must_use]
    pub fn with_lanes(self, lanes: usize) -> Self {
        self.on(Runs::Lanes(lanes))
    }

    fn on(mut self, runs: Runs) -> Self {
        self.graph = match runs {
            Runs::AllCores => return self,
            Runs::Threads(threads) => self.graph.with_threads(threads),
            Runs::Lanes(lanes) => self.graph.with_lanes(lanes),
        };
        self.runs = runs;
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

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.hashes.file
    }

    /// Whether this is the file's SHA-256, or was before the file was sealed, which changes nothing else in it.
    pub fn has_sha256(&self, sha256: &str) -> bool {
        self.hashes.file == sha256 || self.hashes.sealed.as_deref() == Some(sha256)
    }

    /// Whether the file carries a hash of itself, by which loading it has proven that it is as it was made.
    pub fn is_sealed(&self) -> bool {
        self.hashes.sealed.is_some()
    }

    /// What whoever uses the bundle should hear.
    pub fn notes(&self) -> Vec<Note> {
        let unsealed = (!self.is_sealed()).then_some(Note::NotSealed);
        let unknown: Vec<String> = self.card.extra.keys().map(str::to_owned).collect();
        unsealed.into_iter().chain((!unknown.is_empty()).then_some(Note::UnknownKeys(unknown))).collect()
    }

    /// Whether exactly this picture was trained on (by the first 48 bits of its content hash).
    pub fn was_trained_on(&self, hash: ContentHash) -> bool {
        self.training.contains(&prefix(hash))
    }

    /// What it was trained on, as [`pack`](Self::pack) takes it: of each hash the first 48 bits, the others are zero.
    pub fn training_pictures(&self) -> impl Iterator<Item = ContentHash> {
        self.training.iter().map(|start| ContentHash(std::array::from_fn(|i| start.get(i).copied().unwrap_or_default())))
    }

    /// Whether the bundle knows its training pictures at all.
    pub fn knows_training_pictures(&self) -> bool {
        !self.training.is_empty()
    }

    /// Logits of each chip, `[chips][classes]`, before temperature: the mean over the card's views; of a network with several heads
    /// what they come to together.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): a chip made for another card, or logits that are not numbers.
    pub fn logits(&self, chips: &[Chip]) -> Result<Vec<Vec<f32>>> {
        self.head_logits(chips)?.into_iter().map(|row| self.blended(row)).collect()
    }

    /// What the card makes of the logits of all heads.
    fn blended(&self, logits: Vec<f32>) -> Result<Vec<f32>> {
        let blended = self.card.blended(logits);
        finite(&blended)?;
        Ok(blended)
    }

    /// Logits of each chip as the network gives them, `[chips][heads * classes]`: the mean over the card's views.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn head_logits(&self, chips: &[Chip]) -> Result<Vec<Vec<f32>>> {
        let mut logits = self.view(&self.graph, chips)?;
        if self.card.views == Views::Flip {
            let mirrored: Vec<Chip> = chips.iter().map(Chip::mirrored).collect();
            for (row, other) in logits.iter_mut().zip(self.view(&self.graph, &mirrored)?) {
                row.iter_mut().zip(other).for_each(|(value, other)| *value = 0.5 * (*value + other));
            }
        }
        Ok(logits)
    }

    /// The network's answer to each chip as it is, on this engine.
    fn view(&self, graph: &Graph, chips: &[Chip]) -> Result<Vec<Vec<f32>>> {
        let logits = self.card.outputs();
        let mut all = Vec::with_capacity(chips.len());
        for batch in chips.chunks(BATCH) {
            let (shape, values) = self.input(batch)?;
            let outputs = graph.run(shape, &values)?;
            let output = outputs.first().filter(|o| o.shape == [batch.len(), logits]).ok_or_else(|| {
                let shape = outputs.first().map(|o| o.shape.clone()).unwrap_or_default();
                let chips = batch.len();
                Error::model(format!("the card wants {logits} logits a chip; for {chips} chips the network gives {shape:?}"))
                    .because(Reason::Mismatch)
            })?;
            all.extend(finite(&output.values)?.chunks(logits).map(<[f32]>::to_vec));
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
                return Err(Error::model(format!("the model takes chips of {channels}x{size}x{size}, got {c}x{s}x{s}"))
                    .because(Reason::Mismatch));
            }
            values.extend(chip.pixels().iter().map(|&v| f32::from(v)));
        }
        Ok(([batch.len(), channels, size, size], values))
    }

    fn golden_check(&self, graph: &Graph, (golden, tolerance): (&[f32], f32)) -> Result<()> {
        let found = &self.view(graph, &[self.card.preprocess.golden_chip()])?[0];
        // Written so that NaN in the card fails, too.
        let agree = found.iter().zip(golden).all(|(a, b)| (a - b).abs() <= tolerance * (1.0 + b.abs()));
        if agree {
            return Ok(());
        }
        Err(Error::model(format!("the network does not give the golden logits of its card: {found:?} instead of {golden:?}"))
            .because(Reason::Mismatch)
            .with_hint("the file was changed after it was made, or the card belongs to another network"))
    }
}

fn finite(values: &[f32]) -> Result<&[f32]> {
    if !values.iter().all(|v| v.is_finite()) {
        return Err(
            Error::model("the network answers with numbers that are not finite (NaN or infinity)").because(Reason::NotFinite)
        );
    }
    Ok(values)
}

fn training_pictures(model: &ModelProto) -> Result<HashSet<[u8; PREFIX]>> {
    let Some(text) = model.metadata(TRAINING_KEY) else { return Ok(HashSet::new()) };
    let damaged =
        |bytes: usize| Error::model(format!("the list of training pictures is damaged: {bytes} bytes")).because(Reason::Damaged);
    let bytes = BASE64.decode(text).map_err(|e| damaged(text.len()).with_source(e))?;
    let (prefixes, []) = bytes.as_chunks::<PREFIX>() else { return Err(damaged(bytes.len())) };
    Ok(prefixes.iter().copied().collect())
}
