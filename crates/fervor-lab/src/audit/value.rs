//! [`AuditReport`]: what the doctor found, as one plain value. Text, JSON and pages are pure functions of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kind::{FindingKind, Level, Remedy};
use crate::dataset::Split;
use crate::words::counted;
use fervor::preprocess::Preprocess;

/// The schema of the report's JSON.
pub const AUDIT_SCHEMA: &str = "fervor.audit/1";

/// What is wrong with a data set, and what it is like. Its JSON is the schema `fervor.audit/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditReport {
    /// [`AUDIT_SCHEMA`].
    pub schema: String,
    /// The version of Fervor that made it.
    pub fervor: String,
    /// What was looked at.
    pub data: AuditedData,
    /// The classes, in the data set's order.
    pub labels: Vec<String>,
    /// Pictures that could be read.
    pub pictures: usize,
    /// Distinct pictures among them, by pixels.
    pub distinct: usize,
    /// What was not looked for, and why, one sentence each: a finding that is absent was otherwise not there.
    pub not_checked: Vec<String>,
    /// Errors first, then warnings, then information.
    pub findings: Vec<Finding>,
    /// What the data are like.
    pub statistics: Statistics,
    /// The command that makes this report again.
    pub command: Option<String>,
}

/// Which data was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditedData {
    /// The folder's or the file's name without its extensions.
    pub name: String,
    /// As the caller named it.
    pub path: String,
    /// SHA-256 of the data's manifest, in hexadecimal.
    pub manifest_sha256: String,
}

/// One kind of trouble with everything that has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// How bad it is.
    pub level: Level,
    /// One line, beginning with the count: `12 pictures are blank`.
    pub title: String,
    /// Why it matters, in one or two sentences.
    pub reason: String,
    /// What helps; `None` where a person has to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// What helps, in the words of the door that asked for the audit ([`AuditOptions::words`](super::AuditOptions::words)): a
    /// command, for example. `None` without remedy, or without such words.
    pub command: Option<String>,
    /// All pictures, files or folders concerned, the worst first where there is a worst. For grouped findings the
    /// members of all groups, in the groups' order, then what is [in none](Self::ungrouped).
    pub items: Vec<Item>,
    /// For copies: which belong together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// One picture, file or folder of a finding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Item {
    /// The sample's id, or the path below the data's root of something that is no sample.
    pub id: String,
    /// The sample's label; `None` for what is no sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The split that the sample is in, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Why this one, in a few words: `JPEG inside`, `mean 12`, `mirrored`. Empty where the finding says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The number behind it: a mean, a score, a similarity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// For suspect labels: the label that fits better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// Copies of one picture: a range of the finding's items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// Index of its first member in [`Finding::items`].
    pub start: usize,
    /// How many members, 2 or more.
    pub len: usize,
    /// The least similarity that links a member to the group, in 0..=1; 1 for equal pixels.
    pub similarity: f64,
    /// Whether its members have more than one label.
    pub conflicting: bool,
    /// Whether its members stand in more than one split.
    pub across_splits: bool,
}

impl Finding {
    /// A finding in the words of its kind.
    pub(super) fn of(kind: FindingKind, items: Vec<Item>) -> Self {
        let told = kind.told();
        Self {
            kind,
            level: told.level,
            title: counted(items.len(), told.one, told.many),
            reason: told.reason.to_owned(),
            remedy: kind.remedy(),
            command: None,
            items,
            groups: Vec::new(),
        }
    }

    /// The same, where there is anything to tell.
    pub(super) fn if_any(kind: FindingKind, items: Vec<Item>) -> Option<Self> {
        (!items.is_empty()).then(|| Self::of(kind, items))
    }

    /// What helps, in the words of the door that asked, or else in words of no particular door.
    pub fn help(&self) -> Option<String> {
        self.command.clone().or_else(|| self.remedy.as_ref().map(ToString::to_string))
    }

    /// The members of each group.
    pub fn grouped(&self) -> impl Iterator<Item = (&Group, &[Item])> {
        self.groups.iter().map(|group| (group, &self.items[group.start..group.start + group.len]))
    }

    /// What is in no group: rows of a table that list one picture, beside copies of pictures.
    pub fn ungrouped(&self) -> &[Item] {
        &self.items[self.groups.last().map_or(0, |group| group.start + group.len)..]
    }
}

impl AuditReport {
    /// How many findings of a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// The finding of a kind.
    pub fn finding(&self, kind: FindingKind) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }

    /// Whether any finding is of error level.
    pub fn has_errors(&self) -> bool {
        self.count(Level::Error) > 0
    }
}

/// What the data set is like, whether or not anything is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Statistics {
    /// One for each class, in the order of the labels.
    pub classes: Vec<ClassStatistics>,
    /// How evenly they are filled.
    pub balance: Balance,
    /// Files by format (`JPEG`, `PNG`, ...); empty for tables.
    pub formats: BTreeMap<String, usize>,
    /// Pictures whose red, green and blue are equal everywhere.
    pub gray: usize,
    /// Pictures with colour.
    pub color: usize,
    /// The most frequent sizes first, at most 50.
    pub sizes: Vec<SizeCount>,
    /// How many different sizes there are.
    pub distinct_sizes: usize,
    /// Widths, in pixels.
    pub width: Histogram,
    /// Heights, in pixels.
    pub height: Histogram,
    /// Width / height.
    pub aspect: Histogram,
    /// Mean grey value, 0..=255.
    pub brightness: Histogram,
    /// Standard deviation of the grey values.
    pub contrast: Histogram,
    /// Variance of the Laplacian divided by that of the grey values, at no more than 64 pixels a side: low where nothing is sharp.
    pub sharpness: Histogram,
    /// One batch as a network gets it; `None` where no picture is left to make it of.
    pub batch: Option<BatchStatistics>,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassStatistics {
    /// The class.
    pub label: String,
    /// Samples in all.
    pub pictures: usize,
    /// Distinct pictures among them.
    pub distinct: usize,
    /// Samples in the training part.
    pub train: usize,
    /// Samples in the validation part.
    pub validation: usize,
    /// Samples in the test part.
    pub test: usize,
    /// Samples in no split.
    pub no_split: usize,
    /// Ids of samples for a grid of examples, at most 24: those with the least hashes of pixels, which is as good as drawn at random
    /// and the same for the same data; none blank, no picture twice.
    pub examples: Vec<String>,
    /// The mean of the class' pictures, stretched to `mean_side` x `mean_side` grey values, rows from top to bottom.
    pub mean_picture: Vec<u8>,
    /// The side of [`mean_picture`](Self::mean_picture) in pixels.
    pub mean_side: usize,
}

/// How evenly the classes of the training part (or of everything, where there is none) are filled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Balance {
    /// `train` or `all`: what was counted.
    pub of: String,
    /// Samples of the largest class / samples of the smallest one that has any.
    pub imbalance_ratio: f64,
    /// One for each class, in the order of the labels.
    pub classes: Vec<ClassWeight>,
    /// What a recipe takes, in one line: `loss.class_weights=[...]` in the order of the labels.
    pub setting: String,
}

/// What a class would have to count for the loss to be fair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassWeight {
    /// The class.
    pub label: String,
    /// Its samples.
    pub pictures: usize,
    /// `(1 - b^n) / (1 - b)` with `b = (N - 1) / N` for N pictures in all (Cui et al. 2019, "Class-Balanced Loss Based on
    /// Effective Number of Samples", with N as the volume of the data).
    pub effective_number: f64,
    /// `1 / effective number`, scaled so that the weights' mean is 1: the suggestion.
    pub weight: f64,
    /// `N / (k n)`, what `class_weights = "balanced"` takes.
    pub balanced: f64,
}

/// How many pictures have a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SizeCount {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// How many pictures have it.
    pub pictures: usize,
}

/// Counts in equal bins, and the usual marks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Histogram {
    /// One more than bins, ascending. A bin holds its lower edge, the last one both.
    pub edges: Vec<f64>,
    /// How many values each bin holds.
    pub counts: Vec<u64>,
    /// The least value.
    pub least: f64,
    /// The 5th percentile.
    pub low: f64,
    /// The 50th percentile.
    pub median: f64,
    /// The 95th percentile.
    pub high: f64,
    /// The greatest value.
    pub greatest: f64,
    /// The mean of the values.
    pub mean: f64,
}

/// One batch as a network gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BatchStatistics {
    /// `[pictures, channels, height, width]`.
    pub shape: [usize; 4],
    /// How a picture became its input.
    pub preprocess: Preprocess,
    /// The least raw value, of 0..=255.
    pub least: u8,
    /// The greatest raw value.
    pub greatest: u8,
    /// The mean of the raw values.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// Pictures of each class in the batch, in the order of the labels.
    pub labels: Vec<usize>,
    /// The ids of its pictures.
    pub ids: Vec<String>,
}
