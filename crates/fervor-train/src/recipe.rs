//! [`Recipe`]: everything that decides what a training makes, read from TOML, complete and hashable.
//!
//! Unknown keys are refused, defaults are filled in, and what ran is what is written beside the model.

mod augment;
pub mod builtin;
mod keys;
mod parts;
mod teachers;

use std::fs;
use std::path::{Path, PathBuf};

use fervor::bundle::Views;
use fervor::{Error, LabelSet, Preprocess, Result, hash};
use fervor_lab::dataset::{Dataset, OpenOptions, VotesLeftOut};
use serde::{Deserialize, Serialize};

pub use crate::kernels::Precision;
pub use augment::AugmentRecipe;
pub use parts::{
    ClassWeights, DataRecipe, EarlyStopping, LabelsFrom, LossRecipe, NetworkRecipe, OptimizerKind, OptimizerRecipe,
    ProgressiveRecipe, Sampling, ScheduleRecipe,
};
pub use teachers::{DistillChips, DistillRecipe, TransferNorms, TransferRecipe};

/// Everything that decides what a training makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The model's name; also the first half of the run's.
    pub name: String,
    /// One or two sentences for the model's card.
    #[serde(default)]
    pub description: String,
    /// Licence of the weights, for the model's card.
    #[serde(default = "unstated")]
    pub licence: String,
    /// Where first weights, shuffling, augmentation and dropout come from. Below 2^63: TOML has no larger integers.
    #[serde(default)]
    pub seed: u64,
    /// Passes over the training pictures.
    pub epochs: usize,
    /// Pictures a step.
    pub batch_size: usize,
    /// In which numbers convolutions multiply while they are trained: `f32` or `bf16`.
    #[serde(default, skip_serializing_if = "Precision::is_f32")]
    pub precision: Precision,
    /// Decay of the moving average of the weights, which is what is exported then; absent: the last weights are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// The classes in the model's order; absent: the data's. Classes of the data not named here are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelSet>,
    /// What the model answers: for one view of a face, or the mean of several.
    #[serde(default, skip_serializing_if = "Views::is_single")]
    pub views: Views,
    /// Weights to start from; absent: random ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferRecipe>,
    /// What turns a picture into the network's input.
    pub preprocess: Preprocess,
    /// The network and its sizes.
    pub network: NetworkRecipe,
    /// Which part of the data is used for what.
    #[serde(default)]
    pub data: DataRecipe,
    /// What moves the weights.
    pub optimizer: OptimizerRecipe,
    /// How the learning rate changes over the training.
    #[serde(default)]
    pub schedule: ScheduleRecipe,
    /// What is minimised.
    #[serde(default)]
    pub loss: LossRecipe,
    /// Trained bundles to learn from; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distill: Option<DistillRecipe>,
    /// What is done to the training pictures.
    #[serde(default)]
    pub augment: AugmentRecipe,
    /// Smaller chips at first; absent: always the full ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressive: Option<ProgressiveRecipe>,
    /// When to end before the last epoch; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

fn unstated() -> String {
    "not stated".to_owned()
}

impl Recipe {
    /// The recipe that a user names: the one inside the program, such as `fervor-48`, or a file; with overrides.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn find<S: AsRef<str>>(name: &str, overrides: &[S]) -> Result<Self> {
        match builtin::text(name) {
            Some(text) => Self::parse(text, overrides).map_err(|e| e.context(name)),
            None => Self::load(Path::new(name), overrides),
        }
    }

    /// Reads a recipe file and applies overrides such as `"optimizer.learning_rate=0.05"`.
    ///
    /// # Errors
    /// `Input`: no such file, or anything that [`Recipe::parse`] refuses.
    pub fn load<S: AsRef<str>>(path: &Path, overrides: &[S]) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|e| {
            Error::input(format!("cannot read the recipe {}", path.display())).with_hint(builtin::known()).with_source(e)
        })?;
        Self::parse(&text, overrides).map_err(|e| e.context(path.display()))
    }

    /// Reads TOML and applies overrides `key.path=value`; a value that is not TOML is taken as text.
    ///
    /// # Errors
    /// `Input`: not TOML, an unknown key, a key left out, or a value outside its range; the message names the key.
    /// Where a `[transfer]` section leaves the network or the preprocessing to its source, also what keeps that from
    /// being opened.
    pub fn parse<S: AsRef<str>>(text: &str, overrides: &[S]) -> Result<Self> {
        Self::parsed(text, overrides).map_err(|e| keys::hinted(e, overrides))
    }

    fn parsed<S: AsRef<str>>(text: &str, overrides: &[S]) -> Result<Self> {
        let mut table: toml::Table = text.parse().map_err(|e| unreadable(&e))?;
        for rule in overrides {
            set(&mut table, rule.as_ref())?;
        }
        let completed = teachers::complete(&mut table)?;
        // Unchanged, the text itself is read, so that messages can show its lines.
        let mut recipe: Self = if overrides.is_empty() && !completed {
            toml::from_str(text).map_err(|e| unreadable(&e))?
        } else {
            table.try_into().map_err(|e| unreadable(&e))?
        };
        let asked =
            |key: &str| overrides.iter().any(|rule| rule.as_ref().split_once('=').is_some_and(|(name, _)| name.trim() == key));
        if asked("epochs") {
            recipe.shorten(&asked);
        }
        recipe.check()?;
        Ok(recipe)
    }

    /// Fits the epochs of single phases into fewer epochs, where nobody asked for those phases to be as long: so that a recipe can be tried
    /// with one epoch.
    fn shorten(&mut self, asked: &dyn Fn(&str) -> bool) {
        let epochs = self.epochs;
        let frozen =
            self.transfer.as_mut().filter(|transfer| transfer.frozen_epochs >= epochs && !asked("transfer.frozen_epochs"));
        if let Some(transfer) = frozen {
            transfer.frozen_epochs = epochs / 4;
        }
        if !asked("schedule.warmup_epochs") {
            self.schedule.shorten_warmup(epochs);
        }
        if self.progressive.as_ref().is_some_and(|progressive| progressive.epochs >= epochs) && !asked("progressive.epochs") {
            match &mut self.progressive {
                Some(progressive) if epochs > 1 => progressive.epochs = epochs / 2,
                progressive => *progressive = None,
            }
        }
    }

    /// The resolved recipe: every default written out.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a checked recipe has a TOML form")
    }

    /// SHA-256 of [`Recipe::to_toml`] in hexadecimal.
    pub fn hash(&self) -> String {
        hash::sha256(self.to_toml())
    }

    /// `<name>-<first 8 digits of a hash of the recipe and of the data's manifest>`: the folder's name of its run.
    pub fn run_name(&self, manifest_sha256: &str) -> String {
        format!("{}-{}", self.name, &hash::sha256(format!("{} {manifest_sha256}", self.hash()))[..8])
    }

    /// The recipe for a data set: where it speaks of [another one](DataRecipe::described), its words about the data and its licence are
    /// no longer said, unless `own` names them as the user's.
    #[must_use]
    pub fn about(mut self, dataset: &Dataset, own: &[&str]) -> Self {
        let plain = |name: &str| name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
        if self.data.described.as_ref().is_some_and(|described| plain(described) != plain(dataset.name())) {
            for (key, words) in [("description", &mut self.description), ("licence", &mut self.licence)] {
                if !own.contains(&key) {
                    *words = unstated();
                }
            }
        }
        self
    }

    /// How the data of this recipe is opened, with the votes that a table holds.
    pub fn open_options(&self, votes: Option<PathBuf>) -> OpenOptions<'static> {
        // With labels from votes, the data's own classes are not the recipe's.
        let labels = self.labels.clone().filter(|_| self.data.labels_from == LabelsFrom::Data);
        OpenOptions { votes, labels, ..OpenOptions::default() }
    }

    /// The data with the labels that the recipe asks for, and what was left out on the way. Done twice it is as done once.
    ///
    /// # Errors
    /// `Data`: the labels shall come from votes, and there are none, or none for a class of the recipe.
    pub fn labelled(&self, dataset: Dataset) -> Result<(Dataset, VotesLeftOut)> {
        match self.data.labels_from {
            LabelsFrom::Data => Ok((dataset, VotesLeftOut::default())),
            LabelsFrom::Votes => dataset.labelled_by_votes(self.labels.as_ref()),
        }
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// `Input`: the key, what it may be, and what it is.
    pub fn check(&self) -> Result<()> {
        let named = !self.name.is_empty()
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && !self.name.starts_with('.');
        require(named, "name", "letters, digits, '-', '_' and '.'", &self.name)?;
        require(self.seed < 1 << 63, "seed", "below 2^63", self.seed)?;
        require((1..=100_000).contains(&self.epochs), "epochs", "in 1..=100000", self.epochs)?;
        require((1..=65_536).contains(&self.batch_size), "batch_size", "in 1..=65536", self.batch_size)?;
        if let Some(ema) = self.ema {
            require((0.0..1.0).contains(&ema), "ema", "in 0.0..1.0", ema)?;
        }
        if let Some(transfer) = &self.transfer {
            transfer.check()?;
            let fits = transfer.frozen_epochs <= self.epochs;
            require(fits, "transfer.frozen_epochs", &format!("at most the {} epochs", self.epochs), transfer.frozen_epochs)?;
        }
        self.preprocess.check().map_err(|e| e.context("preprocess"))?;
        self.network.check(self.preprocess.shape())?;
        self.data.check()?;
        self.optimizer.check()?;
        self.schedule.check(self.epochs)?;
        self.loss.check(self.labels.as_ref())?;
        if let Some(distill) = &self.distill {
            distill.check()?;
        }
        self.augment.check()?;
        if let Some(progressive) = &self.progressive {
            progressive.check(&self.network, self.preprocess.shape()[1], self.epochs)?;
        }
        if let Some(stopping) = &self.early_stopping {
            require(stopping.patience >= 1, "early_stopping.patience", "1 or more", stopping.patience)?;
        }
        Ok(())
    }
}

/// The error of a text that is no TOML, or not that of a recipe.
fn unreadable(e: &toml::de::Error) -> Error {
    // Its words end with a line break, which the cause of an error must not.
    Error::input("not a recipe").with_source(e.to_string().trim_end().to_owned())
}

/// Keys that came later are not written at their default, so that the recipes of before keep their hashes.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// An error unless `holds`: the key, what it must be, what it is.
fn require(holds: bool, key: &str, allowed: &str, value: impl std::fmt::Display) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::input(format!("{key} must be {allowed}, got {value}"))) }
}

/// Applies one `key.path=value`.
fn set(table: &mut toml::Table, rule: &str) -> Result<()> {
    let hint = "write KEY=VALUE with the recipe's keys, for example optimizer.learning_rate=0.05";
    let (path, value) = rule.split_once('=').ok_or_else(|| Error::input(format!("not an override: {rule:?}")).with_hint(hint))?;
    let value = value.trim();
    let value = format!("v = {value}")
        .parse::<toml::Table>()
        .ok()
        .filter(|parsed| parsed.len() == 1)
        .and_then(|mut parsed| parsed.remove("v"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
    let last = keys.pop().filter(|key| !key.is_empty());
    let last = last.ok_or_else(|| Error::input(format!("an override without a key: {rule:?}")).with_hint(hint))?;
    let mut at = table;
    for key in keys {
        let entry = at.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = entry
            .as_table_mut()
            .ok_or_else(|| Error::input(format!("{key} is a value, not a section: {rule:?}")).with_hint(hint))?;
    }
    at.insert(last.to_owned(), value);
    Ok(())
}

/// A recipe as short as one can be, for tests.
#[cfg(test)]
pub(crate) const SMALL: &str = r#"
    name = "small"
    epochs = 2
    batch_size = 8
    [preprocess]
    size = 48
    color = "gray"
    filter = "bilinear"
    framing = { margin = { margin = 0.1 } }
    [network]
    name = "fervor-48"
    [optimizer]
    name = "sgd"
    learning_rate = 0.1
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, overrides: &[&str]) -> String {
        Recipe::parse(text, overrides).unwrap_err().explained()
    }

    #[test]
    fn defaults_are_filled_in_and_what_is_written_reads_back_the_same() {
        let recipe = Recipe::parse(SMALL, &[] as &[&str]).unwrap();
        let text = recipe.to_toml();
        assert!(text.contains("widths = [32, 48, 96, 192]"), "{text}");
        let again = Recipe::parse(&text, &[] as &[&str]).unwrap();
        assert_eq!(again, recipe);
        assert_eq!(again.hash(), recipe.hash());
        let [one, other] = ["ab", "cd"].map(|manifest| recipe.run_name(manifest));
        assert!(one.starts_with("small-") && one.len() == 14 && one != other);
    }

    #[test]
    fn overrides_change_the_recipe_and_its_hash() {
        let plain = Recipe::parse(SMALL, &[] as &[&str]).unwrap();
        let set = Recipe::parse(SMALL, &["optimizer.learning_rate=0.05", "name=other", "early_stopping.patience = 3"]).unwrap();
        assert_eq!((set.optimizer.learning_rate, set.name.as_str()), (0.05, "other"));
        assert_eq!(set.early_stopping, Some(EarlyStopping { patience: 3 }));
        assert_ne!(plain.hash(), set.hash());
    }

    // `--set epochs=1` was refused: four epochs of the recipe were for the classifier alone.
    #[test]
    fn a_recipe_can_be_tried_with_few_epochs() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
        for name in ["finetune", "fervor-48", "fervor-48-settled", "fervor-nano", "system-a", "system-b", "teacher-wide"] {
            for epochs in 1..=3 {
                let from = if ["finetune", "fervor-48-settled"].contains(&name) { "transfer.from=fervor-48" } else { "seed=1" };
                let rules = [from.to_owned(), format!("epochs={epochs}")];
                let recipe = Recipe::load(&folder.join(format!("{name}.toml")), &rules).unwrap();
                assert_eq!(recipe.epochs, epochs);
            }
        }
        let long = ["transfer.from=fervor-48", "epochs=2", "transfer.frozen_epochs=3"];
        assert!(Recipe::load(&folder.join("finetune.toml"), &long).is_err(), "what was asked for is not changed");
    }

    #[test]
    fn keys_that_came_later_are_written_only_where_they_are_used() {
        let text = Recipe::parse(SMALL, &[] as &[&str]).unwrap().to_toml();
        for rule in ["network.block_dropout=0.1", "augment.overexpose=0.1", "augment.jpeg=0.1"] {
            let (key, _) = rule.split_once('=').unwrap();
            let key = key.split_once('.').unwrap().1;
            assert!(!text.contains(key), "{text}");
            let used = Recipe::parse(SMALL, &[rule]).unwrap().to_toml();
            assert!(used.contains(&format!("{key} = 0.1")), "{used}");
            assert_eq!(Recipe::parse(&used, &[] as &[&str]).unwrap().to_toml(), used);
        }
        let standardize = "preprocess.standardize={ mean = 129.5, deviation = 54.0 }";
        let used = Recipe::parse(SMALL, &[standardize]).unwrap().to_toml();
        assert!(!text.contains("standardize") && used.contains("standardize"), "{used}");
        assert_eq!(Recipe::parse(&used, &[] as &[&str]).unwrap().to_toml(), used);
    }

    #[test]
    fn smaller_chips_grow_in_equal_times_to_the_full_size() {
        let sides = |first: usize, epochs: usize| {
            (0..10).map(|epoch| ProgressiveRecipe { first, epochs }.side(epoch, 48)).collect::<Vec<_>>()
        };
        assert_eq!(sides(32, 6), [32, 32, 32, 40, 40, 40, 48, 48, 48, 48]);
        assert_eq!(sides(36, 4), [36, 36, 44, 44, 48, 48, 48, 48, 48, 48]);
    }

    #[test]
    fn a_wrong_key_or_value_is_named() {
        struct Case {
            rule: &'static str,
            says: &'static str,
        }
        for Case { rule, says } in [
            Case { rule: "epoch=3", says: "unknown field `epoch`" },
            Case { rule: "augment.flop=true", says: "unknown field `flop`, expected one of `flip`" },
            Case { rule: "network.depth=3", says: "depth" },
            Case { rule: "network.name=vgg", says: "`system-a`, `system-b`, `fervor-48`" },
            Case { rule: "optimizer.name=lion", says: "expected one of `sgd`, `adam`, `adamw`" },
            Case { rule: "optimizer.learning_rate=-1", says: "optimizer.learning_rate must be" },
            Case { rule: "loss.class_weights=equal", says: "\"none\", \"balanced\" or a list" },
            Case { rule: "precision=f16", says: "expected `f32` or `bf16`" },
            Case { rule: "progressive.first=64", says: "missing field `epochs`" },
            Case { rule: "progressive={ first = 64, epochs = 1 }", says: "progressive.first must be in 8..48" },
            Case { rule: "progressive={ first = 32, epochs = 2 }", says: "progressive.epochs must be in 1..2" },
            Case { rule: "network.blocks=[1]", says: "network.blocks must be" },
            Case { rule: "network.block_dropout=1.0", says: "network.block_dropout must be in 0.0..1.0" },
            Case { rule: "preprocess.size=4", says: "chip size must be" },
            Case { rule: "preprocess.standardize={ mean = 300, deviation = 54 }", says: "got 300 and 54" },
            Case { rule: "augment.overexpose=2", says: "augment.overexpose must be in 0.0..=1.0" },
            Case { rule: "augment.jpeg=-1", says: "augment.jpeg must be in 0.0..=1.0" },
            Case { rule: "epochs.count=4", says: "epochs is a value, not a section" },
            Case { rule: "epochs", says: "not an override" },
            Case { rule: "name=../x", says: "name must be letters" },
        ] {
            let said = refused(SMALL, &[rule]);
            assert!(said.contains(says), "{rule}: {said}");
        }
        assert!(refused("name = ", &[]).contains("not a recipe: TOML parse error"));
        assert!(refused("name = \"x\"", &[]).contains("missing field"));
    }

    #[test]
    fn the_recipes_that_come_with_the_project_are_good() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
        let load = |name: &str, overrides: &[&str]| Recipe::load(&folder.join(format!("{name}.toml")), overrides);
        for name in ["system-a", "system-b", "fervor-48", "fervor-48-votes", "fervor-nano", "teacher-wide"] {
            assert_eq!(load(name, &[]).unwrap().name, name);
        }
        assert_eq!(load("fervor-48-distilled", &[]).unwrap().name, "fervor-48");
        for name in ["finetune", "fervor-48-settled"] {
            assert!(load(name, &["transfer.from=fervor-48"]).is_ok());
        }
    }
}
