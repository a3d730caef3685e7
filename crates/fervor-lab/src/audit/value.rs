//! [`AuditReport`]: what the doctor found, as one plain value. Text, JSON and pages are pure functions of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dataset::Split;
use fervor::preprocess::Preprocess;

/// The schema of the report's JSON.
pub const AUDIT_SCHEMA: &str = "fervor.audit/1";

/// What is wrong with a data set, and what it is like. Its JSON is the schema `fervor.audit/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditReport {
    /// [`AUDIT_SCHEMA`].
    pub schema: String,
    /// The version of Fervor that made it.
    pub fervor: String,
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
    pub statistics: Statistics,
    /// The command that makes this report again.
    pub command: Option<String>,
}

/// Which data was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedData {
    pub name: String,
    /// As the caller named it.
    pub path: String,
    /// SHA-256 of the data's manifest, in hexadecimal.
    pub manifest_sha256: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Scores or training would be wrong: the exit code is 1.
    Error,
    /// Deserves a look.
    Warning,
    /// Good to know.
    Info,
}

impl Level {
    /// `error`, `warning` or `info`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
        }
    }
}

/// What was found. The order is that of a report within a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    // Files.
    /// Zero bytes.
    EmptyFile,
    /// The data end before the picture does.
    TruncatedFile,
    /// A picture's name, something else inside.
    NotAPicture,
    /// A picture of a format that is not read (HEIC, AVIF, ...), or of a kind that is not.
    UnsupportedFormat,
    /// Damaged, too large, or forbidden to read.
    UnreadableFile,
    /// A manifest's picture whose pixels are not those that it names.
    ChangedPicture,
    /// A link to nowhere or in a circle.
    BrokenLink,
    /// The extension promises another format than the content is.
    WrongExtension,
    /// A format outside of the accepted list.
    NotAccepted,
    /// More than one picture in a file; only the first is used.
    Animated,
    /// CMYK, or 16 bits a channel: read, but seldom meant.
    UnusualPixels,
    /// Files and folders that are not part of the data set.
    StrayFile,
    /// A class folder without a picture.
    EmptyClass,
    /// A class folder whose name is nearly that of another class.
    MisspeltClass,
    /// A class folder whose name was read as a synonym.
    SynonymousClass,
    // Copies.
    /// The same pixels in more than one split.
    Leak,
    /// The same pixels under more than one label.
    Conflict,
    /// Nearly the same picture in more than one split.
    NearLeak,
    /// Nearly the same picture under more than one label.
    NearConflict,
    /// The same pixels more than once.
    ExactDuplicate,
    /// Nearly the same picture more than once.
    NearDuplicate,
    // Pictures.
    /// One colour and nothing else.
    Blank,
    /// Hardly any contrast.
    Flat,
    /// Too few pixels for a face.
    TooSmall,
    /// Far more pixels than a face needs, or a strip.
    AbsurdSize,
    Dark,
    Bright,
    Blurred,
    /// Another size than nearly all the others.
    OddSize,
    /// Grey in a colour set, or colour in a grey one.
    OddColor,
    // Faces.
    NotAFace,
    SeveralFaces,
    // Labels.
    /// A class that a split lacks.
    MissingClass,
    /// The largest class is many times the smallest.
    Imbalance,
    /// The label is probably wrong.
    SuspectLabel,
}

impl FindingKind {
    /// The name in JSON and in decisions, such as `near_leak`.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => unreachable!("a variant without fields is written as its name"),
        }
    }
}

/// One kind of trouble with everything that has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: FindingKind,
    pub level: Level,
    /// One line, beginning with the count: `12 pictures are blank`.
    pub title: String,
    /// Why it matters, in one or two sentences.
    pub reason: String,
    /// The command that helps, or a key of the recipe; `None` where a person has to look.
    pub command: Option<String>,
    /// All pictures, files or folders concerned, the worst first where there is a worst. For grouped findings the
    /// members of all groups, in the groups' order.
    pub items: Vec<Item>,
    /// For copies: which belong together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// One picture, file or folder of a finding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The sample's id, or the path below the data's root of something that is no sample.
    pub id: String,
    /// `None` for what is no sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
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
    /// The members of each group.
    pub fn grouped(&self) -> impl Iterator<Item = (&Group, &[Item])> {
        self.groups.iter().map(|group| (group, &self.items[group.start..group.start + group.len]))
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
pub struct Statistics {
    /// One for each class, in the order of the labels.
    pub classes: Vec<ClassStatistics>,
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
    /// In pixels.
    pub width: Histogram,
    /// In pixels.
    pub height: Histogram,
    /// Width / height.
    pub aspect: Histogram,
    /// Mean grey value, 0..=255.
    pub brightness: Histogram,
    /// Standard deviation of the grey values.
    pub contrast: Histogram,
    /// Variance of the Laplacian divided by that of the grey values, at no more than 64 pixels a side: low where nothing is sharp.
    pub sharpness: Histogram,
    /// `None` where no picture is left to make a batch of.
    pub batch: Option<BatchStatistics>,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassStatistics {
    pub label: String,
    /// Samples in all.
    pub pictures: usize,
    /// Distinct pictures among them.
    pub distinct: usize,
    pub train: usize,
    pub validation: usize,
    pub test: usize,
    /// Samples in no split.
    pub no_split: usize,
    /// Ids of samples drawn at random, with a fixed seed, of those that are not blank: for a grid of examples. At most 24.
    pub examples: Vec<String>,
    /// The mean of the class' pictures, stretched to `mean_side` x `mean_side` grey values, rows from top to bottom.
    pub mean_picture: Vec<u8>,
    pub mean_side: usize,
}

/// How evenly the classes of the training part (or of everything, where there is none) are filled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// `train` or `all`: what was counted.
    pub of: String,
    /// Samples of the largest class / samples of the smallest one that has any.
    pub imbalance_ratio: f64,
    /// One for each class, in the order of the labels.
    pub classes: Vec<ClassWeight>,
    /// What `train` takes, as `--set` writes it: `loss.class_weights=[...]` in the order of the labels.
    pub setting: String,
}

/// What a class would have to count for the loss to be fair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassWeight {
    pub label: String,
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
pub struct SizeCount {
    pub width: u32,
    pub height: u32,
    pub pictures: usize,
}

/// Counts in equal bins, and the usual marks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// One more than bins, ascending. A bin holds its lower edge, the last one both.
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
    pub least: f64,
    /// 5th percentile.
    pub low: f64,
    pub median: f64,
    /// 95th percentile.
    pub high: f64,
    pub greatest: f64,
    pub mean: f64,
}

/// One batch as a network gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchStatistics {
    /// `[pictures, channels, height, width]`.
    pub shape: [usize; 4],
    /// How a picture became its input.
    pub preprocess: Preprocess,
    /// Raw values, of 0..=255.
    pub least: u8,
    pub greatest: u8,
    pub mean: f64,
    pub deviation: f64,
    /// Pictures of each class in the batch, in the order of the labels.
    pub labels: Vec<usize>,
    /// The pictures of the batch.
    pub ids: Vec<String>,
}
