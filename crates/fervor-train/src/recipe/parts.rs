//! The sections of a recipe.

use fervor::{Error, LabelSet, Result};
use fervor_lab::dataset::SplitRule;
use serde::{Deserialize, Serialize};

use super::{is_zero, require};

/// `[network]`: a registered network and its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum NetworkRecipe {
    /// The reference network for 128x128 colour pictures.
    SystemA {
        /// Width of the hidden dense layer.
        #[serde(default = "default_units")]
        units: usize,
        /// Before the classifier.
        #[serde(default = "half")]
        dropout: f64,
    },
    /// The reference network for 48x48 grey pictures.
    SystemB {
        /// After each pooling and each hidden dense layer.
        #[serde(default = "quarter")]
        dropout: f64,
    },
    /// The compact residual network.
    #[serde(rename = "fervor-48")]
    Fervor48 {
        /// Channels of the stem, then of each stage.
        #[serde(default = "default_widths")]
        widths: Vec<usize>,
        /// Residual blocks of each stage.
        #[serde(default = "default_blocks")]
        blocks: Vec<usize>,
        /// Before the classifier.
        #[serde(default)]
        dropout: f64,
        /// After each residual block (Zagoruyko and Komodakis, "Wide residual networks", 2016, have it inside).
        #[serde(default, skip_serializing_if = "is_zero")]
        block_dropout: f64,
    },
}

fn default_units() -> usize {
    128
}

fn half() -> f64 {
    0.5
}

fn quarter() -> f64 {
    0.25
}

fn default_widths() -> Vec<usize> {
    vec![32, 48, 96, 192]
}

fn default_blocks() -> Vec<usize> {
    vec![1, 1, 1]
}

impl NetworkRecipe {
    /// The registered name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SystemA { .. } => "system-a",
            Self::SystemB { .. } => "system-b",
            Self::Fervor48 { .. } => "fervor-48",
        }
    }

    pub(super) fn check(&self, [_, size, _]: [usize; 3]) -> Result<()> {
        let dropout = match self {
            Self::SystemA { units, dropout } => {
                require((1..=65_536).contains(units), "network.units", "in 1..=65536", units)?;
                *dropout
            }
            Self::SystemB { dropout } => *dropout,
            Self::Fervor48 { widths, blocks, dropout, block_dropout } => {
                require((0.0..1.0).contains(block_dropout), "network.block_dropout", "in 0.0..1.0", block_dropout)?;
                let widths_fit = (2..=8).contains(&widths.len()) && widths.iter().all(|width| (1..=4096).contains(width));
                require(widths_fit, "network.widths", "2 to 8 numbers in 1..=4096", format!("{widths:?}"))?;
                let blocks_fit = blocks.len() + 1 == widths.len() && blocks.iter().all(|count| (1..=64).contains(count));
                let allowed = format!("{} numbers in 1..=64, one less than widths", widths.len() - 1);
                require(blocks_fit, "network.blocks", &allowed, format!("{blocks:?}"))?;
                *dropout
            }
        };
        require((0.0..1.0).contains(&dropout), "network.dropout", "in 0.0..1.0", dropout)?;
        let least = self.least_side();
        require(size >= least, "preprocess.size", &format!("{least} or more for {}", self.name()), size)
    }

    /// This network with as many residual blocks in each stage as `source` has, if it has no more in any, and the same widths.
    pub(crate) fn as_shallow_as(&self, source: &Self) -> Option<Self> {
        match (self, source) {
            (
                Self::Fervor48 { widths, blocks, dropout, block_dropout },
                Self::Fervor48 { widths: known_widths, blocks: known_blocks, .. },
            ) if widths == known_widths && known_blocks.iter().zip(blocks).all(|(known, count)| known <= count) => {
                let (widths, blocks) = (widths.clone(), known_blocks.clone());
                Some(Self::Fervor48 { widths, blocks, dropout: *dropout, block_dropout: *block_dropout })
            }
            _ => None,
        }
    }

    /// The smallest side of a chip, in pixels, that leaves a pixel after the network's last pooling.
    pub fn least_side(&self) -> usize {
        match self {
            Self::SystemA { .. } => 22,
            Self::SystemB { .. } => 18,
            Self::Fervor48 { blocks, .. } => 1 << blocks.len(),
        }
    }
}

/// `[data]`: which part of the data is used for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// How the data is split: `as-given`, a ratio as `80:10:10`, or `keras`.
    #[serde(default = "as_given")]
    pub split: String,
    /// Share of the training pictures that is used, of each class alike: for short trials.
    #[serde(default = "one")]
    pub fraction: f64,
    /// How often each training picture is shown in an epoch.
    #[serde(default)]
    pub sampling: Sampling,
    /// What says which class a picture is of.
    #[serde(default)]
    pub labels_from: LabelsFrom,
    /// The name of the data set that the recipe's description and licence speak of: with any other, the card says neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<String>,
}

/// How often each training picture is shown in an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Once.
    #[default]
    Natural,
    /// As many pictures as there are, of each class the same number: those of small classes several times.
    Balanced,
}

/// What says which class a picture is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelsFrom {
    /// Its folder, or its row of the table.
    #[default]
    Data,
    /// The majority of the annotators' votes (Barsoum et al., 2016); pictures without one are left out.
    Votes,
}

fn as_given() -> String {
    "as-given".to_owned()
}

fn one() -> f64 {
    1.0
}

impl Default for DataRecipe {
    fn default() -> Self {
        Self { split: as_given(), fraction: one(), sampling: Sampling::Natural, labels_from: LabelsFrom::Data, described: None }
    }
}

impl DataRecipe {
    pub(super) fn check(&self) -> Result<()> {
        SplitRule::parse(&self.split).map_err(|e| e.context("data.split"))?;
        require(self.fraction > 0.0 && self.fraction <= 1.0, "data.fraction", "above 0 and at most 1", self.fraction)
    }
}

/// Which rule moves the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Gradient descent with momentum; `weight_decay` is an L2 term of the gradient.
    Sgd,
    /// Adam (Kingma and Ba, 2015); `weight_decay` is an L2 term of the gradient.
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
    AdamW,
}

/// `[optimizer]`: what moves the weights. Biases and batch norms are never decayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerRecipe {
    /// Which method.
    pub name: OptimizerKind,
    /// The highest rate of the schedule.
    pub learning_rate: f64,
    /// How fast weights shrink that no gradient holds.
    #[serde(default)]
    pub weight_decay: f64,
    /// Of `sgd`.
    #[serde(default = "default_momentum")]
    pub momentum: f64,
    /// Of `sgd`: momentum looks ahead (Nesterov, 1983).
    #[serde(default = "yes")]
    pub nesterov: bool,
    /// Of `adam` and `adamw`; the value of Keras.
    #[serde(default = "default_epsilon")]
    pub epsilon: f64,
    /// Radius of sharpness-aware minimisation (Foret et al., 2021): the gradient is taken where the loss is worst within
    /// it. Doubles the cost of a step; 0: off.
    #[serde(default)]
    pub sam: f64,
}

fn default_momentum() -> f64 {
    0.9
}

fn yes() -> bool {
    true
}

fn default_epsilon() -> f64 {
    1e-7
}

impl OptimizerRecipe {
    pub(super) fn check(&self) -> Result<()> {
        let rate = self.learning_rate;
        require(rate > 0.0 && rate <= 100.0, "optimizer.learning_rate", "above 0 and at most 100", rate)?;
        require((0.0..=1.0).contains(&self.weight_decay), "optimizer.weight_decay", "in 0.0..=1.0", self.weight_decay)?;
        require((0.0..1.0).contains(&self.momentum), "optimizer.momentum", "in 0.0..1.0", self.momentum)?;
        require((0.0..=10.0).contains(&self.sam), "optimizer.sam", "in 0.0..=10.0", self.sam)?;
        require(self.epsilon > 0.0 && self.epsilon < 1.0, "optimizer.epsilon", "between 0 and 1", self.epsilon)
    }
}

/// `[schedule]`: how the learning rate changes; `optimizer.learning_rate` is its peak.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScheduleRecipe {
    /// Always the peak.
    #[default]
    Constant,
    /// A linear rise, then half a cosine down (Loshchilov and Hutter, "SGDR", 2017).
    Cosine {
        /// Epochs of the rise.
        #[serde(default)]
        warmup_epochs: f64,
        /// The last rate as a share of the peak.
        #[serde(default)]
        end: f64,
    },
    /// A linear rise; then the rate falls by a factor each time the validation loss has stopped falling (Keras'
    /// `ReduceLROnPlateau`).
    Plateau {
        /// Epochs of the rise.
        #[serde(default)]
        warmup_epochs: f64,
        /// Epochs without a lower validation loss before the rate falls.
        #[serde(default = "default_plateau_patience")]
        patience: usize,
        /// What the rate is multiplied by when it falls.
        #[serde(default = "default_factor")]
        factor: f64,
        /// The lowest rate as a share of the peak.
        #[serde(default = "default_least")]
        least: f64,
    },
    /// A linear rise and a linear fall (Smith and Topin, "Super-convergence", 2018).
    OneCycle {
        /// Epochs of the rise.
        warmup_epochs: f64,
        /// The first rate as a share of the peak.
        #[serde(default = "default_start")]
        start: f64,
        /// The last rate as a share of the peak.
        #[serde(default)]
        end: f64,
    },
}

fn default_plateau_patience() -> usize {
    5
}

fn default_factor() -> f64 {
    0.3
}

fn default_least() -> f64 {
    1e-3
}

fn default_start() -> f64 {
    0.04
}

impl ScheduleRecipe {
    /// A rise that fits into so many epochs.
    pub(super) fn shorten_warmup(&mut self, epochs: usize) {
        match self {
            Self::Constant => {}
            Self::Cosine { warmup_epochs, .. } | Self::OneCycle { warmup_epochs, .. } | Self::Plateau { warmup_epochs, .. } => {
                if *warmup_epochs >= epochs as f64 {
                    *warmup_epochs = epochs as f64 / 4.0;
                }
            }
        }
    }

    pub(super) fn check(&self, epochs: usize) -> Result<()> {
        let (warmup, start, end) = match *self {
            Self::Constant => return Ok(()),
            Self::Cosine { warmup_epochs, end } => (warmup_epochs, 0.0, end),
            Self::OneCycle { warmup_epochs, start, end } => (warmup_epochs, start, end),
            Self::Plateau { warmup_epochs, patience, factor, least } => {
                require(patience >= 1, "schedule.patience", "1 or more", patience)?;
                require(factor > 0.0 && factor < 1.0, "schedule.factor", "between 0 and 1", factor)?;
                require((0.0..=1.0).contains(&least), "schedule.least", "in 0.0..=1.0", least)?;
                (warmup_epochs, 0.0, 0.0)
            }
        };
        let fits = warmup >= 0.0 && warmup < epochs as f64;
        require(fits, "schedule.warmup_epochs", &format!("0 or more, and below the {epochs} epochs"), warmup)?;
        require((0.0..=1.0).contains(&start), "schedule.start", "in 0.0..=1.0", start)?;
        require((0.0..=1.0).contains(&end), "schedule.end", "in 0.0..=1.0", end)
    }
}

/// How much a picture of each class counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "toml::Value")]
pub enum ClassWeights {
    /// All the same.
    #[default]
    None,
    /// `n / (k n_class)`: each class counts the same in all.
    Balanced,
    /// One number a class, in the model's order.
    List(Vec<f64>),
}

impl TryFrom<toml::Value> for ClassWeights {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let refused = || format!("loss.class_weights must be \"none\", \"balanced\" or a list of numbers, got {value}");
        match &value {
            toml::Value::String(text) if text == "none" => Ok(Self::None),
            toml::Value::String(text) if text == "balanced" => Ok(Self::Balanced),
            toml::Value::Array(items) => {
                let number = |item: &toml::Value| item.as_float().or_else(|| item.as_integer().map(|i| i as f64));
                items.iter().map(number).collect::<Option<_>>().map(Self::List).ok_or_else(refused)
            }
            _ => Err(refused()),
        }
    }
}

impl From<ClassWeights> for toml::Value {
    fn from(weights: ClassWeights) -> Self {
        match weights {
            ClassWeights::None => "none".into(),
            ClassWeights::Balanced => "balanced".into(),
            ClassWeights::List(list) => list.into(),
        }
    }
}

/// `[loss]`: cross-entropy, and what its targets are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossRecipe {
    /// Share of the target that is spread over all classes (Szegedy et al., 2016).
    #[serde(default)]
    pub label_smoothing: f64,
    /// Share of the target that comes from the annotators' votes, where the data has them.
    #[serde(default)]
    pub votes: f64,
    /// The share of a second classifier on the same trunk in the loss: it answers as people vote, beside the one that answers as
    /// the labels say. Pictures without votes do not count for it. 0: there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub votes_head: f64,
    /// How much a picture of each class counts.
    #[serde(default)]
    pub class_weights: ClassWeights,
}

impl LossRecipe {
    /// The names of the network's heads, in the order of their logits; none where it has one answer only.
    pub fn heads(&self) -> &'static [&'static str] {
        if self.votes_head > 0.0 { &["labels", "votes"] } else { &[] }
    }

    /// How many logits the network gives for this many classes.
    pub fn outputs(&self, classes: usize) -> usize {
        classes * self.heads().len().max(1)
    }

    pub(super) fn check(&self, labels: Option<&LabelSet>) -> Result<()> {
        require((0.0..1.0).contains(&self.label_smoothing), "loss.label_smoothing", "in 0.0..1.0", self.label_smoothing)?;
        require((0.0..=1.0).contains(&self.votes), "loss.votes", "in 0.0..=1.0", self.votes)?;
        require((0.0..1.0).contains(&self.votes_head), "loss.votes_head", "in 0.0..1.0", self.votes_head)?;
        if let ClassWeights::List(weights) = &self.class_weights {
            let positive = weights.iter().all(|weight| *weight > 0.0 && weight.is_finite());
            require(positive, "loss.class_weights", "numbers above 0", format!("{weights:?}"))?;
            if let Some(labels) = labels {
                let fits = weights.len() == labels.len();
                require(fits, "loss.class_weights", &format!("{} numbers, one a class", labels.len()), weights.len())?;
            }
        }
        Ok(())
    }
}

/// `[early_stopping]`: when to end before the last epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs without a better validation accuracy.
    pub patience: usize,
}

/// `[progressive]`: the first epochs see smaller chips, which cost less (Tan and Le, "EfficientNetV2", 2021, section 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressiveRecipe {
    /// Side of the first epoch's chips, in pixels.
    pub first: usize,
    /// Epochs until the chips have their full size; on the way they grow in equal times by 8 pixels.
    pub epochs: usize,
}

impl ProgressiveRecipe {
    /// Pixels by which the chips grow.
    const STEP: usize = 8;

    /// Side of the chips in an epoch, from 0, of a training whose chips have `full` pixels a side.
    pub fn side(&self, epoch: usize, full: usize) -> usize {
        if epoch >= self.epochs {
            return full;
        }
        let levels = (full - self.first).div_ceil(Self::STEP);
        (self.first + epoch * levels / self.epochs * Self::STEP).min(full)
    }

    pub(super) fn check(&self, network: &NetworkRecipe, full: usize, epochs: usize) -> Result<()> {
        let NetworkRecipe::Fervor48 { .. } = network else {
            return Err(Error::input(format!(
                "progressive needs a network that takes chips of any size, not {}",
                network.name()
            ))
            .with_hint("network.name = \"fervor-48\", or leave [progressive] out"));
        };
        let least = network.least_side();
        let fits = (least..full).contains(&self.first);
        require(fits, "progressive.first", &format!("in {least}..{full}, the chip's size"), self.first)?;
        require((1..epochs).contains(&self.epochs), "progressive.epochs", &format!("in 1..{epochs}"), self.epochs)
    }
}
