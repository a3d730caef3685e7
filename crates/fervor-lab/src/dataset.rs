//! Data sets: labelled pictures from folders, tables and manifests, behind one type, [`Dataset`].
//!
//! ```no_run
//! use fervor_lab::dataset::{Dataset, OpenOptions, Split, SplitRule};
//!
//! # fn main() -> fervor::Result<()> {
//! let mut faces = Dataset::open("fer2013.csv.xz".as_ref(), &OpenOptions::default())?;
//! let report = SplitRule::parse("as-given")?.apply(&mut faces)?;
//! eprintln!("{report}");
//! for index in faces.of_split(Split::Train) {
//!     let picture = faces.picture(index)?;
//!     let label = faces.labels().name(faces.samples()[index].label);
//! }
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use fervor::emotion::LabelSet;
use fervor::error::{Error, Reason, Result};
use fervor::face::Face;
use fervor::picture::{self, ContentHash, Limits, Picture};
use fervor::preprocess::Preprocess;

mod duplicates;
mod faces;
mod fer_csv;
mod ferplus;
mod folder;
mod folds;
mod manifest;
#[cfg(feature = "parquet")]
mod parquet;
mod problems;
mod split;
mod stream;
mod table;
mod votes;

use stream::Content;

pub(crate) use duplicates::members_by_hash;
pub use duplicates::{DuplicateGroup, Duplicates, groups};
pub use faces::{FacesReport, photographs};
pub(crate) use folder::is_hidden;
pub use manifest::{Manifest, ManifestSample, Source, SourceKind};
pub(crate) use problems::Listed;
use problems::{Cause, cause, first_problem};
pub use problems::{LeftOut, Problem, Skipped};
pub use split::{SplitReport, SplitRule};
pub use votes::VotesLeftOut;

/// What a sample is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Weights are fitted to it.
    Train,
    /// Models are chosen on it.
    Validation,
    /// Looked at once, at the end.
    Test,
}

impl Split {
    /// All of them, in the order in which they are used.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// `train`, `validation` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    /// Reads a folder's name or a FER-2013 `Usage`, in any case: `Training`, `val`, `PublicTest` (the validation part
    /// of the FER-2013 contest), `PrivateTest` (its test part).
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_lowercase().as_str() {
            "train" | "training" => Split::Train,
            "val" | "valid" | "validation" | "dev" | "publictest" => Split::Validation,
            "test" | "testing" | "privatetest" => Split::Test,
            _ => return None,
        })
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One labelled picture of a [`Dataset`].
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Unique in its data set: the path below the root with `/`, or `row:123` (from 0) for a table.
    pub id: String,
    /// Index in [`Dataset::labels`].
    pub label: usize,
    /// What the data says, or what a [`SplitRule`] decided; `None` is in no split.
    pub split: Option<Split>,
    /// Of the decoded pixels.
    pub hash: ContentHash,
    /// The annotators' votes as shares that sum to 1, one for each of [`Dataset::vote_labels`]; `None` where nobody voted.
    pub votes: Option<Vec<f32>>,
    /// What the data says beside the label (a person, an age, a camera): one for each of [`Dataset::group_columns`], empty where
    /// it says nothing.
    pub groups: Vec<String>,
    /// The face that the label is about, where the picture is a photograph in which it was [detected](Dataset::with_faces);
    /// `None`: all of the picture is taken.
    pub face: Option<Face>,
    /// Row of a table, counted from 0 without the header.
    row: usize,
}

/// A progress callback: done and total, in pictures for folders and in bytes of the file for tables.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// How a data set is opened. The default takes everything.
#[derive(Clone, Default)]
pub struct OpenOptions<'a> {
    /// For each picture.
    pub limits: Limits,
    /// A FER+ table whose votes are joined to the samples by row.
    pub votes: Option<PathBuf>,
    /// A table that says which row each file of a folder was (columns `row` and `kaggle_path`), to join votes to a folder.
    /// Without it, `fer2013-names.csv` beside the votes is used where it exists.
    pub names: Option<PathBuf>,
    /// The classes to use, in this order; samples of others are left out and counted.
    pub labels: Option<LabelSet>,
    /// Called from several threads.
    pub progress: Option<Progress<'a>>,
    /// Shown every picture file while it is decoded anyway, from several threads; rows of tables are no files.
    pub observer: Option<Observer<'a>>,
}

/// Looks at each [`SeenFile`]; what it keeps, it keeps itself.
pub type Observer<'a> = &'a (dyn Fn(SeenFile) + Sync);

/// A picture file that could be decoded, before its pixels are dropped.
#[derive(Clone, Copy, Debug)]
pub struct SeenFile<'a> {
    /// As in [`Sample::id`].
    pub id: &'a str,
    /// The file.
    pub bytes: &'a [u8],
    /// What it shows.
    pub picture: &'a Picture,
}

/// Where the pixels of a data set are.
#[derive(Clone)]
enum Pictures {
    /// Files below the root, decoded each time.
    Files,
    /// Grey square pictures of a table, one byte a pixel, indexed by [`Sample::row`]; empty for a bad row.
    Gray { side: u32, rows: Arc<Vec<Box<[u8]>>> },
    /// Files of pictures in the rows of a table, indexed by [`Sample::row`].
    #[cfg(feature = "parquet")]
    Encoded(Arc<Vec<Box<[u8]>>>),
}

/// Labelled pictures with unique ids. A clone or a subset of a table shares its pixels.
#[derive(Clone)]
pub struct Dataset {
    name: String,
    root: PathBuf,
    labels: LabelSet,
    vote_labels: Option<LabelSet>,
    group_columns: Vec<String>,
    samples: Vec<Sample>,
    problems: Vec<Problem>,
    skipped: Skipped,
    pictures: Pictures,
    limits: Limits,
    /// How detected faces are cut out; `None`: as the box says.
    framing: Option<Preprocess>,
}

impl Dataset {
    /// Opens a folder with one folder for each class (with or without `train/`, `validation/`, `test/` above them), a folder with a
    /// `metadata.csv` or `metadata.jsonl` as Hugging Face's image folders have it, a FER-2013 table, a table of paths and labels (CSV, TSV,
    /// JSON with a row a line; tables also as `.xz` or `.gz`), Parquet with the pictures in it (feature `parquet`), or a [`Manifest`]. What a file is, its content tells.
    ///
    /// Every picture is decoded once and hashed, in parallel. Pictures of folders are not kept in memory.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): nothing there, not a data set (the message says what was expected and what was
    /// found), fewer than two classes, a class that [`OpenOptions::labels`] names and the data lacks, votes that do not fit.
    /// A single picture that cannot be read is one of the [`problems`](Self::problems) instead.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Dataset> {
        let found = std::fs::metadata(path)
            .map_err(|e| Error::data(format!("there is no data set at {}", path.display())).with_source(e))?;
        let mut dataset = if found.is_dir() {
            table::open_folder(path, options)?
        } else {
            match stream::content(path)? {
                Content::Manifest => return manifest::open(path, options),
                Content::Pixels => fer_csv::open(path, options)?,
                Content::Rows(form) => table::open(path, form, options)?,
                #[cfg(feature = "parquet")]
                Content::Parquet => parquet::open(path, &[path.to_owned()], options)?,
            }
        };
        if let Some(votes) = &options.votes {
            ferplus::join(&mut dataset, votes, options.names.as_deref())?;
        }
        Ok(dataset)
    }

    /// The folder's or the file's name without its extensions.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder, or the table's file.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The classes. Folders: alphabetical by canonical name; FER-2013 tables: [`LabelSet::fer2013`]; or as asked.
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// What the annotators could vote for, where there are votes. For FER+: the eight expressions, `unknown`, and `nf` (not a face).
    pub fn vote_labels(&self) -> Option<&LabelSet> {
        self.vote_labels.as_ref()
    }

    /// What the data says of its samples beside their labels: the other columns of a table, such as `person` or `camera`.
    pub fn group_columns(&self) -> &[String] {
        &self.group_columns
    }

    /// What the data says of sample `index` in one of its [`group_columns`](Self::group_columns); `None` where there is no such column, or
    /// nothing in it.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn group(&self, column: &str, index: usize) -> Option<&str> {
        let sample = &self.samples[index];
        let place = self.group_columns.iter().position(|name| name == column)?;
        sample.groups.get(place).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The samples: folders by path, tables by row.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// How many samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are no samples; a data set just opened has some.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Whether each picture is a file of its own, with a name, and not part of a table.
    pub(crate) fn has_files(&self) -> bool {
        matches!(self.pictures, Pictures::Files)
    }

    /// The pixels of sample `index`, decoded anew for files; of a photograph with a [detected face](Sample::face) that face alone.
    ///
    /// # Errors
    /// The file is gone since it was opened, or is no longer a picture.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn picture(&self, index: usize) -> Result<Picture> {
        let picture = self.whole_picture(index)?;
        match &self.samples[index].face {
            Some(face) => Ok(self.cut_out(&picture, face)),
            None => Ok(picture),
        }
    }

    /// The same, with all that surrounds a detected face.
    ///
    /// # Errors
    /// As [`picture`](Self::picture).
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn whole_picture(&self, index: usize) -> Result<Picture> {
        let sample = &self.samples[index];
        match &self.pictures {
            Pictures::Files => picture::read(&self.root.join(&sample.id), &self.limits),
            Pictures::Gray { side, rows } => Picture::from_gray(*side, *side, &rows[sample.row]),
            #[cfg(feature = "parquet")]
            Pictures::Encoded(rows) => Picture::decode(&rows[sample.row], &self.limits).map_err(|e| e.context(&sample.id)),
        }
    }

    /// The votes of sample `index` as a distribution over [`labels`](Self::labels): votes for anything else (unknown, not
    /// a face, a class that is not used) are left out and the rest scaled to sum to 1. `None` when no vote is left.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn soft_label(&self, index: usize) -> Option<Vec<f32>> {
        let votes = self.samples[index].votes.as_ref()?;
        let vote_labels = self.vote_labels.as_ref()?;
        let mut soft: Vec<f32> =
            self.labels.names().iter().map(|name| vote_labels.index_of(name).map_or(0.0, |column| votes[column])).collect();
        let sum: f32 = soft.iter().sum();
        (sum > 0.0).then(|| {
            soft.iter_mut().for_each(|share| *share /= sum);
            soft
        })
    }

    /// The share of all votes for sample `index` that are for one of [`labels`](Self::labels): what
    /// [`soft_label`](Self::soft_label) scales to 1. 0 without votes.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn votes_kept(&self, index: usize) -> f32 {
        let (Some(votes), Some(vote_labels)) = (&self.samples[index].votes, &self.vote_labels) else { return 0.0 };
        self.labels.names().iter().filter_map(|name| vote_labels.index_of(name)).map(|column| votes[column]).sum()
    }

    /// The indices of a split's samples, in order.
    pub fn of_split(&self, split: Split) -> Vec<usize> {
        (0..self.len()).filter(|&index| self.samples[index].split == Some(split)).collect()
    }

    /// Whether any sample is in a split.
    pub fn has_splits(&self) -> bool {
        self.samples.iter().any(|sample| sample.split.is_some())
    }

    /// How many samples of each class: of one split, or of all.
    pub fn class_counts(&self, split: Option<Split>) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        for sample in self.samples.iter().filter(|sample| split.is_none() || sample.split == split) {
            counts[sample.label] += 1;
        }
        counts
    }

    /// Puts sample `index` into a split, or into none.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn set_split(&mut self, index: usize, split: Option<Split>) {
        self.samples[index].split = split;
    }

    /// Gives sample `index` another of the [`labels`](Self::labels).
    ///
    /// # Panics
    /// If there is no such sample or label.
    pub fn set_label(&mut self, index: usize, label: usize) {
        assert!(label < self.labels.len(), "label {label} of {}", self.labels.len());
        self.samples[index].label = label;
    }

    /// The samples at `indices`, in that order, with the same labels.
    ///
    /// # Panics
    /// If an index has no sample. Ids stay unique only if the indices are.
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Dataset {
        Dataset { samples: indices.iter().map(|&index| self.samples[index].clone()).collect(), ..self.without_samples() }
    }

    /// The samples that `keep` says yes to, with the same labels.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&Sample) -> bool) -> Dataset {
        let samples = self.samples.iter().filter(|sample| keep(sample)).cloned().collect();
        Dataset { samples, ..self.without_samples() }
    }

    fn without_samples(&self) -> Dataset {
        Dataset {
            name: self.name.clone(),
            root: self.root.clone(),
            labels: self.labels.clone(),
            vote_labels: self.vote_labels.clone(),
            group_columns: self.group_columns.clone(),
            samples: Vec::new(),
            problems: self.problems.clone(),
            skipped: self.skipped.clone(),
            pictures: self.pictures.clone(),
            limits: self.limits,
            framing: self.framing.clone(),
        }
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dataset({}, {} samples of {})", self.name, self.len(), self.labels)
    }
}

/// Which class of the data becomes which index: all of `found` in its order, or those that were asked for.
///
/// # Errors
/// A class that was asked for and is not there.
fn choose_labels(found: Vec<String>, asked: Option<&LabelSet>) -> Result<LabelSet> {
    let Some(asked) = asked else { return LabelSet::new(found) };
    match asked.names().iter().find(|name| !found.contains(name)) {
        Some(missing) => {
            Err(Error::data(format!("the data has no class {missing:?}; it has {}", found.join(", "))).because(Reason::Mismatch))
        }
        None => Ok(asked.clone()),
    }
}

/// The name of a file or folder without the extensions of tables and manifests: `data/fer2013.csv.xz` is `fer2013`.
fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut name = full.file_name().unwrap_or(full.as_os_str()).to_string_lossy().into_owned();
    for extension in [".xz", ".gz", ".csv", ".tsv", ".jsonl", ".json", ".parquet"] {
        if let Some(stem) = name.strip_suffix(extension).filter(|stem| !stem.is_empty()) {
            name.truncate(stem.len());
        }
    }
    name
}
