//! How bundles are made, and made from each other.

use base64::Engine as _;
use prost::Message;

use super::{BASE64, Bundle, CARD_KEY, Card, PREFIX, TRAINING_KEY, prefix, seal};
use crate::error::{Error, Reason, Remedy, Result};
use crate::onnx::{self, ModelProto};
use crate::picture::ContentHash;
use crate::runtime::Graph;

/// How far rounded weights may move a logit, relative to `1 + |logit|`.
const ROUNDING: f32 = 0.05;

impl Bundle {
    /// Makes a bundle: the graph with the card and the hashes of the training pictures in its metadata, sealed.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn pack(mut graph: ModelProto, card: &Card, training: impl IntoIterator<Item = ContentHash>) -> Result<Self> {
        let mut prefixes: Vec<[u8; PREFIX]> = training.into_iter().map(prefix).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        graph.doc_string.clone_from(&card.description);
        graph.set_metadata(TRAINING_KEY, BASE64.encode(prefixes.as_flattened()));
        Self::load(packed(graph, card)?)
    }

    /// The same bundle with another card.
    ///
    /// # Errors
    /// As [`Bundle::load`], of the new bundle, and a file that holds more of ONNX than can be written anew.
    pub fn with_card(&self, edit: impl FnOnce(&mut Card)) -> Result<Self> {
        let mut card = self.card.clone();
        edit(&mut card);
        self.remade(self.stored()?, &card)
    }

    /// The same bundle with its weights as 16-bit floats, and with the golden logits that the rounded network gives on the general
    /// engine, which no kernel of ours can mislead. What was fitted to compute in 8 bits is left out.
    ///
    /// # Errors
    /// As [`with_card`](Self::with_card), and a network whose logits the rounding moves by more than a twentieth
    /// ([`Reason::Unsupported`]).
    pub fn halved(&self) -> Result<Self> {
        self.rounded(16, ModelProto::halve)
    }

    /// The same bundle with its weights as whole numbers of 8 bits, each output's in steps of its own: a quarter of the file. Else as
    /// [`halved`](Self::halved). It still computes in single precision; [`in_eight_bits`](Self::in_eight_bits) changes that, and
    /// counts in the same steps.
    ///
    /// # Errors
    /// As [`halved`](Self::halved).
    pub fn quartered(&self) -> Result<Self> {
        self.rounded(8, ModelProto::quarter)
    }

    /// The same bundle with its weights stored anew in so many bits.
    fn rounded(&self, bits: u32, narrow: impl FnOnce(&mut ModelProto)) -> Result<Self> {
        let mut graph = self.stored()?;
        graph.widen();
        narrow(&mut graph);
        let rounded = Graph::load_general(graph.encode_to_vec())?;
        let rounded = self.view(&rounded, &[self.card.preprocess.golden_chip()])?.concat();
        let exact = &self.card.golden.logits;
        if !rounded.iter().zip(exact).all(|(rounded, exact)| (rounded - exact).abs() <= ROUNDING * (1.0 + exact.abs())) {
            return Err(Error::model(format!(
                "{bits} bits are too few for this network's weights: it gives {rounded:?} instead of {exact:?}"
            ))
            .because(Reason::Unsupported)
            .with_hint("leave its weights as they are"));
        }
        let mut card = self.card.clone();
        card.golden.logits = rounded;
        card.eight_bit = None;
        self.remade(graph, &card)
    }

    /// The same bundle with numbers added to its logits, one a class; both engines agree about the sums.
    ///
    /// # Errors
    /// As [`with_card`](Self::with_card), and a network that does not end with a dense layer, or that has several heads:
    /// each of them has biases of its own ([`Reason::Unsupported`]).
    pub fn with_biases(&self, biases: &[f32]) -> Result<Self> {
        if !self.card.heads.is_empty() {
            return Err(Error::model(
                "a network with several heads has no biases of its own: the weights and biases of its heads do it",
            )
            .because(Reason::Unsupported)
            .with_remedy(Remedy::BlendHeads));
        }
        let mut graph = self.stored()?;
        let no_place = || {
            Error::model("the network does not end with a dense layer whose biases could be changed")
                .because(Reason::Unsupported)
                .with_remedy(Remedy::TrainBundle)
        };
        let ours = onnx::last_dense_bias(&mut graph).ok_or_else(no_place)?;
        let values = ours.floats().filter(|values| values.len() == biases.len()).ok_or_else(no_place)?;
        let values: Vec<f32> = values.iter().zip(biases).map(|(value, bias)| value + bias).collect();
        ours.set_floats(&values);
        let mut card = self.card.clone();
        card.golden.logits.iter_mut().zip(biases).for_each(|(logit, bias)| *logit += bias);
        let golden = card.eight_bit.iter_mut().flat_map(|eight_bit| &mut eight_bit.golden);
        golden.zip(biases).for_each(|(logit, bias)| *logit += bias);
        card.class_biases.resize(biases.len(), 0.0);
        card.class_biases.iter_mut().zip(biases).for_each(|(all, bias)| *all += bias);
        let remade = self.remade(graph, &card)?;
        remade.check_elsewhere()?;
        Ok(remade)
    }

    /// The same file as one of its heads answers it alone: at that head's temperature, nothing of its prior taken out, nothing
    /// added. What was measured of all heads together (factors of flags, conformal sets) is left out.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): the network has no such head.
    pub fn through_head(&self, name: &str) -> Result<Self> {
        let found = self.card.heads.iter().find(|head| head.name == name).ok_or_else(|| {
            let heads: Vec<&str> = self.card.heads.iter().map(|head| head.name.as_str()).collect();
            let has = if heads.is_empty() { "it has one only".to_owned() } else { format!("it has {}", heads.join(", ")) };
            Error::input(format!("the model {} has no head {name:?}; {has}", self.card.name)).because(Reason::Missing)
        })?;
        let temperature = found.temperature;
        let mut alone = Self::load(self.bytes.clone())?.on(self.runs);
        for head in &mut alone.card.heads {
            (head.weight, head.prior_removed) = (if head.name == name { 1.0 } else { 0.0 }, 0.0);
            head.biases.clear();
        }
        alone.card.temperature = temperature;
        alone.card.flag_factors.clear();
        alone.card.conformal = None;
        Ok(alone)
    }

    /// The same bundle with a seal, if it has none: not a byte before it changes.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn sealed(&self) -> Result<Self> {
        let bytes = self.bytes.to_vec();
        Ok(Self::load(if self.is_sealed() { bytes } else { seal::seal(bytes) })?.on(self.runs))
    }

    /// The whole file as it is stored.
    fn stored(&self) -> Result<ModelProto> {
        let graph = ModelProto::parse_stored(&self.bytes)?;
        if graph.encoded_len() != self.bytes.len() {
            return Err(Error::model("the file holds parts of ONNX that would be lost when it is written anew")
                .because(Reason::Unsupported)
                .with_remedy(Remedy::TrainBundle));
        }
        Ok(graph)
    }

    /// The bundle of this graph and card, which runs where this one does.
    fn remade(&self, graph: ModelProto, card: &Card) -> Result<Self> {
        Ok(Self::load(packed(graph, card)?)?.on(self.runs))
    }
}

/// The bytes of the graph with this card in place of its own, sealed.
fn packed(mut graph: ModelProto, card: &Card) -> Result<Vec<u8>> {
    card.check()?;
    let json = serde_json::to_string(card).map_err(|e| Error::model("the card cannot be written").with_source(e))?;
    graph.set_metadata(CARD_KEY, json);
    graph.metadata_props.retain(|entry| entry.key != seal::KEY);
    Ok(seal::seal(graph.encode_to_vec()))
}
