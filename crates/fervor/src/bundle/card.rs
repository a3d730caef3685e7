//! [`Card`]: what a bundle says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::error::Category;

use super::eight_bit::EightBit;
use super::heads::Head;
use crate::emotion::LabelSet;
use crate::error::{Error, Reason, Result};
use crate::prediction::Probabilities;
use crate::preprocess::Preprocess;
use crate::quality::{Flag, Quality};

/// The card's schema that this version writes and reads.
pub const CARD_SCHEMA: &str = "fervor.card/1";

/// The keys of a card that this version knows.
const KEYS: [&str; 18] = [
    "schema",
    "name",
    "description",
    "labels",
    "preprocess",
    "temperature",
    "golden",
    "data",
    "recipe",
    "licence",
    "views",
    "heads",
    "flag_factors",
    "conformal",
    "class_biases",
    "eight_bit",
    "metrics",
    "requires",
];

/// Everything that must be known to run a network and to trust it. Travels inside the model file.
///
/// A card of a newer version may have keys that this one does not know. Those that [`requires`](Self::requires) names change what
/// the model answers, and such a card is refused; the others are kept as they are and left alone. The sections inside (`preprocess`,
/// `golden`, `data`, `recipe`, `conformal`) do not grow: what is new stands beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Always [`CARD_SCHEMA`].
    pub schema: String,
    /// The model's name.
    pub name: String,
    /// One or two sentences for people.
    pub description: String,
    /// Classes in the order of the logits.
    pub labels: LabelSet,
    /// How a face becomes the network's input.
    pub preprocess: Preprocess,
    /// Logits are divided by it before the softmax (Guo et al. 2017, "On Calibration of Modern Neural Networks").
    pub temperature: f32,
    /// What the training framework answered for [`Preprocess::golden_chip`]; of weights that were rounded later, the general
    /// engine.
    pub golden: Golden,
    /// What it was trained on.
    pub data: TrainingData,
    /// How it was trained.
    pub recipe: RecipeInfo,
    /// Licence of the weights.
    pub licence: String,
    /// How often the network looks at each chip. A card without it says: once.
    #[serde(default, skip_serializing_if = "Views::is_single")]
    pub views: Views,
    /// The network's answers where it gives several, and how they become one. Those who do not know it cannot answer, so
    /// [`requires`](Self::requires) names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heads: Vec<Head>,
    /// By how much each flag of a face raises the temperature: 1 or more; the largest counts. Measured when it is calibrated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flag_factors: BTreeMap<Flag, f32>,
    /// Which classes are plausible. Measured when it is calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conformal: Option<Conformal>,
    /// What calibration has added to the logits, one a class; it is part of the network ([`Bundle::with_biases`](crate::Bundle::with_biases)).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_biases: Vec<f32>,
    /// The steps in which the network computes in 8 bits ([`Bundle::in_eight_bits`](crate::Bundle::in_eight_bits)); without it, in
    /// 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eight_bit: Option<EightBit>,
    /// Scores by name, such as `validation.accuracy`; each says in its name on which split.
    pub metrics: BTreeMap<String, f64>,
    /// Keys of this card that a reader must know to answer right; a reader who does not know one refuses the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What a newer version has added that may be left alone.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Keys of a card that this version does not know and keeps as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(BTreeMap<String, Value>);

impl Extra {
    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Conformal sets: the classes with this probability or more hold the right one in the stated share of faces like those that
/// the threshold was measured on (Sadinle, Lei and Wasserman, 2019).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    /// Between 0 and 1.
    pub coverage: f64,
    /// Least probability of a class in the set.
    pub threshold: f32,
}

impl Conformal {
    /// The classes of the set: those that are likely enough, or the likeliest if none is. Most probable first.
    pub fn set<'a>(&self, probabilities: &'a Probabilities) -> Vec<&'a str> {
        let names = probabilities.labels().names();
        self.places(probabilities.values()).into_iter().map(|place| names[place].as_str()).collect()
    }

    /// The places of those classes among the probabilities of all.
    pub fn places(&self, row: &[f32]) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..row.len()).collect();
        ranked.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
        let likely = ranked.iter().take_while(|place| row[**place] >= self.threshold).count();
        ranked.truncate(likely.max(1));
        ranked
    }
}

/// How often a network looks at each chip; the answer is the mean of its logits. Each view costs the whole network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Views {
    /// The chip.
    #[default]
    Single,
    /// The chip and its mirror image.
    Flip,
}

impl Views {
    /// How many.
    pub fn count(self) -> usize {
        match self {
            Views::Single => 1,
            Views::Flip => 2,
        }
    }

    /// Whether it is one.
    pub fn is_single(&self) -> bool {
        *self == Views::Single
    }
}

impl std::fmt::Display for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Views::Single => "one",
            Views::Flip => "two: the face and its mirror image, logits averaged",
        })
    }
}

/// Logits for the fixed synthetic chip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// One a class, of each head.
    pub logits: Vec<f32>,
}

/// The data that a network was trained on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingData {
    /// The data set's name.
    pub name: String,
    /// SHA-256 of the manifest with pictures, labels and splits.
    pub manifest_sha256: String,
    /// Pictures trained on.
    pub training_pictures: usize,
    /// Pictures that chose the epoch; a score on them is no test.
    pub validation_pictures: usize,
}

/// The recipe that a network was trained by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeInfo {
    /// The recipe's name.
    pub name: String,
    /// SHA-256 of the resolved text.
    pub sha256: String,
    /// The recipe with all defaults filled in, as TOML.
    pub toml: String,
    /// The epoch, from 1, whose weights these are.
    pub epoch: usize,
}

impl Card {
    /// Reads a card's JSON.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): another schema version or a key that is required and unknown ([`Reason::Version`]), no
    /// JSON ([`Reason::Damaged`]), a missing key, an unknown one inside a section, a value out of range ([`Reason::Invalid`]).
    pub fn parse(json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: String,
            #[serde(default)]
            requires: Vec<String>,
        }
        let bad = |e: serde_json::Error| {
            let error = Error::model("the model's card cannot be read");
            match e.classify() {
                Category::Data => error.with_hint("it was written by another version of Fervor, or by other hands"),
                Category::Io | Category::Syntax | Category::Eof => error.because(Reason::Damaged),
            }
            .with_source(e)
        };
        let Versioned { schema, requires } = serde_json::from_str(json).map_err(bad)?;
        if schema != CARD_SCHEMA {
            return Err(Error::model(format!("the model's card has schema {schema:?}; this version reads {CARD_SCHEMA:?}"))
                .because(Reason::Version)
                .with_hint("use the version of Fervor that wrote the model, or train it again"));
        }
        let unknown: Vec<&str> = requires.iter().map(String::as_str).filter(|key| !KEYS.contains(key)).collect();
        if !unknown.is_empty() {
            return Err(Error::model(format!(
                "this version does not know what the model's card requires: {}",
                unknown.join(", ")
            ))
            .because(Reason::Version)
            .with_hint("use a newer version of Fervor"));
        }
        let card: Self = serde_json::from_str(json).map_err(bad)?;
        card.check()?;
        Ok(card)
    }

    /// How many logits the network gives: one a class, of each head.
    pub fn outputs(&self) -> usize {
        self.labels.len() * self.heads.len().max(1)
    }

    /// The answer out of the network's own logits: theirs, or those of all heads blended as the card says.
    pub(super) fn blended(&self, logits: Vec<f32>) -> Vec<f32> {
        if self.heads.is_empty() { logits } else { Head::blend(&self.heads, &logits) }
    }

    /// The temperature for a face of this quality.
    pub fn temperature_of(&self, quality: &Quality) -> f32 {
        let factors = quality.flags.iter().filter_map(|flag| self.flag_factors.get(flag));
        self.temperature * factors.copied().fold(1.0, f32::max)
    }

    /// What one face's logits say: at the temperature for its quality, or at the card's own where `quality` is not known or
    /// not to count, as of a chip without its picture.
    ///
    /// # Panics
    /// If there is not one finite logit a class: a bundle's logits always fit.
    pub fn probabilities(&self, logits: &[f32], quality: Option<&Quality>) -> Probabilities {
        let temperature = quality.map_or(self.temperature, |quality| self.temperature_of(quality));
        Probabilities::from_logits(&self.labels, logits, temperature)
    }

    /// # Errors
    /// `Model`: a value out of range, or lists that do not fit the classes.
    pub(super) fn check(&self) -> Result<()> {
        self.preprocess.check().map_err(|e| Error::model("the card's preprocess is wrong").with_source(e))?;
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(Error::model(format!("the card's temperature must be a positive number, it is {}", self.temperature)));
        }
        for (flag, factor) in &self.flag_factors {
            if !(factor.is_finite() && *factor >= 1.0) {
                let name = flag.name();
                return Err(Error::model(format!("the card's factor of the flag {name} must be 1 or more, it is {factor}")));
            }
        }
        if let Some(Conformal { coverage, threshold }) = self.conformal
            && !(0.0 < coverage && coverage < 1.0 && (0.0..=1.0).contains(&threshold))
        {
            return Err(Error::model(format!("the card's conformal sets are wrong: coverage {coverage}, threshold {threshold}")));
        }
        let (classes, biases, golden) = (self.labels.len(), self.class_biases.len(), self.golden.logits.len());
        if biases != 0 && biases != classes {
            return Err(Error::model(format!("the card names {classes} classes and holds {biases} class biases"))
                .because(Reason::Mismatch));
        }
        Head::check_all(&self.heads, classes)?;
        if !self.heads.is_empty() && !self.requires.iter().any(|key| key == "heads") {
            return Err(Error::model("the card has heads, but its requires does not name them").because(Reason::Invalid));
        }
        if golden != self.outputs() {
            let wanted = self.outputs();
            return Err(Error::model(format!(
                "the card's classes and heads make {wanted} logits, it holds {golden} golden ones"
            ))
            .because(Reason::Mismatch));
        }
        if let Some(eight_bit) = &self.eight_bit {
            eight_bit.check(self.outputs())?;
        }
        if let Some(key) = self.extra.keys().find(|key| KEYS.contains(key)) {
            return Err(Error::model(format!("the card holds a key twice: {key}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_are_known_are_those_of_the_card() {
        let mut card = crate::Bundle::builtin(crate::builtin::DEFAULT).unwrap().card().clone();
        card.views = Views::Flip;
        let prior = vec![0.0; card.labels.len()];
        card.heads = vec![Head {
            name: "labels".to_owned(),
            weight: 1.0,
            temperature: 1.0,
            prior,
            prior_removed: 0.0,
            biases: Vec::new(),
        }];
        card.flag_factors = BTreeMap::from([(Flag::Blurred, 1.0)]);
        card.conformal = Some(Conformal { coverage: 0.9, threshold: 0.1 });
        card.class_biases = vec![0.0; card.labels.len()];
        card.eight_bit = Some(EightBit { greatest: BTreeMap::new(), golden: card.golden.logits.clone() });
        card.requires = vec!["views".to_owned()];
        let written = serde_json::to_value(&card).unwrap();
        let keys: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = KEYS;
        known.sort_unstable();
        assert_eq!(keys, known);
    }

    #[test]
    fn a_set_holds_the_likely_classes_and_never_none() {
        let labels = LabelSet::new(["happy", "sad", "angry"]).unwrap();
        let p = Probabilities::from_logits(&labels, &[1.0, 1.5, -3.0], 1.0);
        assert_eq!(Conformal { coverage: 0.9, threshold: 0.2 }.set(&p), ["sad", "happy"]);
        assert_eq!(Conformal { coverage: 0.9, threshold: 0.99 }.set(&p), ["sad"]);
        assert_eq!(Conformal { coverage: 0.9, threshold: 0.0 }.set(&p).len(), 3);
    }
}
