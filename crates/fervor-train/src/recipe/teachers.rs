//! The sections of a recipe that bring in bundles: `[transfer]` and `[distill]`.

use fervor::{Bundle, Error, Reason, Remedy, Result};
use serde::{Deserialize, Serialize};

use super::{Recipe, require};

/// `[transfer]`: the training starts from a bundle's weights. `[preprocess]` and `[network]` may be left out then: they
/// are the source's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferRecipe {
    /// A built-in model's name, a bundle's path, or a run's folder.
    pub from: String,
    /// Of the bundle; filled in when the recipe is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Epochs at the start in which only the classifier learns, on the unchanging features of the others' weights.
    #[serde(default = "one")]
    pub frozen_epochs: usize,
    /// The learning rate of all but the classifier after that, as a share of the classifier's.
    #[serde(default = "tenth")]
    pub trunk_rate: f64,
    /// What batch norms follow.
    #[serde(default)]
    pub batch_norm: TransferNorms,
}

/// What the batch norms of a network with a source's weights follow in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferNorms {
    /// The source's statistics, unchanged: for hundreds of pictures.
    #[default]
    Fixed,
    /// Each batch, as in a training from the start: for thousands.
    Batch,
}

fn one() -> usize {
    1
}

fn tenth() -> f64 {
    0.1
}

impl TransferRecipe {
    pub(super) fn check(&self) -> Result<()> {
        require(!self.from.is_empty(), "transfer.from", "a built-in model's name or a bundle's path", "nothing")?;
        require((0.0..=1.0).contains(&self.trunk_rate), "transfer.trunk_rate", "in 0.0..=1.0", self.trunk_rate)
    }
}

/// `[distill]`: trained bundles as teachers (Hinton, Vinyals and Dean, 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistillRecipe {
    /// Built-in models' names, bundles' paths, or runs' folders; their probabilities are averaged.
    pub teachers: Vec<String>,
    /// Of each bundle; filled in when the recipe is resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sha256: Vec<String>,
    /// Logits of teachers and student are divided by it before the softmax.
    #[serde(default = "two")]
    pub temperature: f64,
    /// The teachers' share of the loss; the rest is the labels'.
    #[serde(default = "half")]
    pub weight: f64,
    /// What the teachers are asked about.
    #[serde(default)]
    pub chips: DistillChips,
    /// Of `chips = "fixed"`: how many changed chips of each picture there are.
    #[serde(default = "eight")]
    pub augmentations: usize,
}

/// What teachers are asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DistillChips {
    /// The very chips that the student sees (Beyer et al., "Knowledge distillation: a good teacher is patient and
    /// consistent", 2022): costs each teacher's multiply-adds a picture and an epoch.
    #[default]
    Augmented,
    /// A fixed number of changed chips of each picture, once before the first epoch; the student sees these in turn, and
    /// their mirror images. Costs each teacher's multiply-adds so often a picture, whatever the number of epochs.
    Fixed,
    /// The unchanged pictures, once before the first epoch; teachers may take other chips than the student.
    Plain,
}

fn two() -> f64 {
    2.0
}

fn half() -> f64 {
    0.5
}

fn eight() -> usize {
    8
}

impl DistillRecipe {
    pub(super) fn check(&self) -> Result<()> {
        require(!self.teachers.is_empty(), "distill.teachers", "one name or more", "none")?;
        let fits = self.sha256.is_empty() || self.sha256.len() == self.teachers.len();
        require(fits, "distill.sha256", &format!("{} hashes, one a teacher", self.teachers.len()), self.sha256.len())?;
        require((1..=1000).contains(&self.augmentations), "distill.augmentations", "in 1..=1000", self.augmentations)?;
        require((0.1..=100.0).contains(&self.temperature), "distill.temperature", "in 0.1..=100.0", self.temperature)?;
        require((0.0..=1.0).contains(&self.weight), "distill.weight", "in 0.0..=1.0", self.weight)
    }
}

/// Fills in what a recipe leaves to the bundles that it names; true if anything was.
///
/// # Errors
/// `Input`: no source is named, or nothing has a name. `Model`: it is no bundle.
pub(super) fn complete(table: &mut toml::Table) -> Result<bool> {
    Ok(complete_distill(table)? | complete_transfer(table)?)
}

fn complete_distill(table: &mut toml::Table) -> Result<bool> {
    let Some(section) = table.get_mut("distill").and_then(toml::Value::as_table_mut) else { return Ok(false) };
    let Some(names) = section.get("teachers").and_then(toml::Value::as_array) else { return Ok(false) };
    if section.contains_key("sha256") {
        return Ok(false);
    }
    let sha256 = names.iter().filter_map(toml::Value::as_str).map(|name| {
        let bundle = Bundle::find(name).map_err(|e| e.context("distill.teachers"))?;
        Ok(toml::Value::from(bundle.sha256()))
    });
    let sha256 = sha256.collect::<Result<Vec<_>>>()?;
    section.insert("sha256".to_owned(), sha256.into());
    Ok(true)
}

fn complete_transfer(table: &mut toml::Table) -> Result<bool> {
    let Some(section) = table.get("transfer").and_then(toml::Value::as_table) else { return Ok(false) };
    let from = section.get("from").and_then(toml::Value::as_str).filter(|from| !from.is_empty()).ok_or_else(|| {
        Error::input("the recipe starts from another model's weights, and names none: transfer.from")
            .because(Reason::Missing)
            .with_remedy(Remedy::StartFrom)
    })?;
    let is_whole = |table: &toml::Table, section: &toml::Table| {
        table.contains_key("preprocess") && named_network(table) && section.contains_key("sha256")
    };
    if is_whole(table, section) {
        return Ok(false);
    }
    let bundle = Bundle::find(from)?;
    let card = bundle.card();
    let value = |e: toml::ser::Error| Error::model("the source's card has no TOML form").with_source(e);
    let source = Recipe::parse(&card.recipe.toml, &[] as &[&str]).map_err(|e| {
        Error::model("the recipe in the source's card cannot be read")
            .because(e.reason())
            .with_source(e)
            .context(from)
            .with_hint("it was written by another version: give [network] and [preprocess] in the recipe")
    });
    if !table.contains_key("preprocess") {
        table.insert("preprocess".to_owned(), toml::Value::try_from(&card.preprocess).map_err(value)?);
    }
    if !named_network(table) {
        // Keys that stand in the recipe all the same, such as the dropout, are its own.
        let mut network = toml::Table::try_from(&source?.network).map_err(value)?;
        if let Some(toml::Value::Table(own)) = table.remove("network") {
            network.extend(own);
        }
        table.insert("network".to_owned(), network.into());
    }
    if let Some(section) = table.get_mut("transfer").and_then(toml::Value::as_table_mut) {
        section.entry("sha256").or_insert_with(|| bundle.sha256().into());
    }
    Ok(true)
}

fn named_network(table: &toml::Table) -> bool {
    table.get("network").and_then(toml::Value::as_table).is_some_and(|network| network.contains_key("name"))
}
