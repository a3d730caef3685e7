//! [`Manifest`]: what a data set was, with labels, splits and the hash of every picture, as a file that opens as that data set.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::folder::{self, Outcome};
use super::{Cause, Dataset, OpenOptions, Pictures, Problem, Sample, Skipped, Split, ferplus, first_problem};
use fervor::emotion::{LabelSet, canonical_label};
use fervor::error::{Error, Reason, Result};
use fervor::face::{BoundingBox, Face, Landmarks};
use fervor::files::write_whole;
use fervor::picture::ContentHash;

/// The version of the file.
const SCHEMA: &str = "fervor.manifest/1";

/// A data set written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The data set's name.
    pub name: String,
    /// Where the pictures are.
    pub source: Source,
    /// The classes.
    pub labels: LabelSet,
    /// The classes of the votes, where there are votes.
    pub vote_labels: Option<LabelSet>,
    /// What is said of the samples beside their labels.
    pub group_columns: Vec<String>,
    /// The samples, in the data set's order.
    pub samples: Vec<ManifestSample>,
}

/// Where the pictures of a [`Manifest`] are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The folder or the table. In the file it is relative to the manifest's folder where it lies below it, else absolute.
    pub path: PathBuf,
    /// What stands there.
    pub kind: SourceKind,
}

/// What kind of data set the pictures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A folder; ids are paths below it.
    Folder,
    /// A table with the pictures in it, FER-2013's or Parquet; ids are `row:N`.
    Table,
}

/// One sample of a [`Manifest`].
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestSample {
    /// As in [`Sample::id`].
    pub id: String,
    /// Index in the manifest's labels; its name in the file.
    pub label: usize,
    /// As in [`Sample::split`].
    pub split: Option<Split>,
    /// As in [`Sample::hash`]; hexadecimal in the file. `None` where a person wrote the manifest: whatever the picture shows is taken.
    pub hash: Option<ContentHash>,
    /// As in [`Sample::votes`].
    pub votes: Option<Vec<f32>>,
    /// As in [`Sample::groups`]; an object in the file.
    pub groups: Vec<String>,
    /// As in [`Sample::face`].
    pub face: Option<Face>,
}

/// A manifest's head as it stands in the file, before the samples.
#[derive(Serialize, Deserialize)]
struct Head {
    schema: String,
    name: String,
    source: Source,
    labels: LabelSet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vote_labels: Option<LabelSet>,
}

/// The whole file as it is read: of one that a person wrote, only the samples.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "schema")]
    _schema: String,
    name: Option<String>,
    source: Option<Source>,
    labels: Option<LabelSet>,
    #[serde(default)]
    vote_labels: Option<LabelSet>,
    samples: Vec<Line>,
}

/// One sample as it stands in the file. A label's index has no meaning alone, so its name is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split: Option<Split>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    votes: Option<Vec<f32>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    face: Option<LineFace>,
}

/// A face that was detected, as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFace {
    #[serde(rename = "box")]
    bounds: BoundingBox,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    landmarks: Landmarks,
}

impl LineFace {
    fn of(face: &Face) -> Option<Self> {
        Some(Self { bounds: face.bounds, score: face.score, landmarks: face.landmarks? })
    }
}

impl Manifest {
    /// Writes a data set down.
    pub fn of(dataset: &Dataset) -> Self {
        let kind = match dataset.pictures {
            Pictures::Files => SourceKind::Folder,
            Pictures::Gray { .. } => SourceKind::Table,
            #[cfg(feature = "parquet")]
            Pictures::Encoded(_) => SourceKind::Table,
        };
        let samples = dataset.samples.iter().map(|sample| ManifestSample {
            id: sample.id.clone(),
            label: sample.label,
            split: sample.split,
            hash: Some(sample.hash),
            votes: sample.votes.clone(),
            groups: sample.groups.clone(),
            face: sample.face.clone(),
        });
        Self {
            name: dataset.name.clone(),
            source: Source { path: absolute(&dataset.root), kind },
            labels: dataset.labels.clone(),
            vote_labels: dataset.vote_labels.clone(),
            group_columns: dataset.group_columns.clone(),
            samples: samples.collect(),
        }
    }

    /// SHA-256, hexadecimal, of the labels and the samples as JSON: everything but the name and the place of the pictures, so
    /// that the same data has the same hash on every machine.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(json(&(SCHEMA, &self.labels, &self.vote_labels)));
        for sample in &self.samples {
            hasher.update(b"\n");
            hasher.update(json(&self.line(sample)));
        }
        ContentHash(hasher.finalize().into()).to_string()
    }

    /// The pixels' hashes of one split: what an evaluation leaves out to be free of leaks.
    pub fn hashes(&self, split: Split) -> impl Iterator<Item = ContentHash> {
        self.samples.iter().filter(move |sample| sample.split == Some(split)).filter_map(|sample| sample.hash)
    }

    /// Writes the file, one sample a line, by way of a temporary sibling.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let folder = folder_of(path);
        let source = match self.source.path.strip_prefix(&folder) {
            Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
            Ok(below) => below.to_owned(),
            Err(_) => self.source.path.clone(),
        };
        let head = Head {
            schema: SCHEMA.to_owned(),
            name: self.name.clone(),
            source: Source { path: source, kind: self.source.kind },
            labels: self.labels.clone(),
            vote_labels: self.vote_labels.clone(),
        };
        let head = json(&head);
        let head = head.strip_suffix('}').expect("a struct is written as an object");
        let lines: Vec<String> = self.samples.iter().map(|sample| json(&self.line(sample))).collect();
        let text = format!("{head},\n\"samples\":[\n{}\n]}}\n", lines.join(",\n"));

        write_whole(path, text.as_bytes())
            .map_err(|e| Error::output("the manifest cannot be written").with_source(e).context(path.display()))
    }

    /// Reads a file that [`save`](Self::save) wrote, or that a person did: there the name is the file's, the pictures lie beside it, the
    /// labels are those of the samples, and hashes may be left out.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): no such file, not a manifest, another version, an unknown key, an id that occurs twice
    /// or leads out of the source, an unknown label.
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse(path).map_err(|e| e.context(path.display()))
    }

    fn parse(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            schema: Option<String>,
        }
        let text = fs::read_to_string(path).map_err(|e| Error::data("the manifest cannot be read").with_source(e))?;
        // Editors write a mark before the first character.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let not_json = |e: serde_json::Error| Error::data("not a manifest").because(Reason::Damaged).with_source(e);
        match serde_json::from_str::<Version>(text).map_err(not_json)?.schema {
            Some(schema) if schema == SCHEMA => {}
            Some(other) => {
                return Err(Error::data(format!("expected the schema {SCHEMA:?}, found {other:?}"))
                    .because(Reason::Version)
                    .with_hint("use the version of fervor that wrote it, or write it anew from the data"));
            }
            None => {
                return Err(Error::data(format!("expected a manifest with the schema {SCHEMA:?}, found JSON without one"))
                    .because(Reason::WrongType)
                    .with_hint("JSON can also be a row a line, such as {\"path\": \"a.png\", \"label\": \"happy\"}"));
            }
        }
        let document: Document = serde_json::from_str(text).map_err(not_json)?;
        let folder = folder_of(path);
        let source = document.source.unwrap_or_else(|| Source { path: PathBuf::new(), kind: SourceKind::Folder });
        let labels = match document.labels {
            Some(labels) => labels,
            None => LabelSet::new(document.samples.iter().map(|line| canonical_label(&line.label)).collect::<BTreeSet<_>>())?,
        };
        let columns: BTreeSet<&String> = document.samples.iter().flat_map(|line| line.groups.keys()).collect();
        let mut manifest = Self {
            name: document.name.unwrap_or_else(|| super::name_of(path)),
            source: Source { path: folder.join(source.path), kind: source.kind },
            labels,
            vote_labels: document.vote_labels,
            group_columns: columns.into_iter().cloned().collect(),
            samples: Vec::with_capacity(document.samples.len()),
        };
        let mut ids = HashSet::with_capacity(document.samples.len());
        for line in document.samples {
            if !ids.insert(line.id.clone()) {
                return Err(Error::data(format!("a sample occurs twice: {:?}", line.id)));
            }
            let sample = manifest.sample(line)?;
            manifest.samples.push(sample);
        }
        Ok(manifest)
    }

    fn line(&self, sample: &ManifestSample) -> Line {
        Line {
            id: sample.id.clone(),
            label: self.labels.name(sample.label).to_owned(),
            split: sample.split,
            hash: sample.hash.map(|hash| hash.to_string()),
            votes: sample.votes.clone(),
            groups: self
                .group_columns
                .iter()
                .cloned()
                .zip(sample.groups.iter().cloned())
                .filter(|(_, value)| !value.is_empty())
                .collect(),
            face: sample.face.as_ref().and_then(LineFace::of),
        }
    }

    fn sample(&self, line: Line) -> Result<ManifestSample> {
        let Line { id, label, split, hash, votes, mut groups, face } = line;
        let wrong = |what: &str, value: &str| Error::data(format!("sample {id:?} has {what}: {value:?}"));
        if !Path::new(&id).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(wrong("an id that leads out of the data", &id));
        }
        let label = self.labels.index_of(&label).ok_or_else(|| wrong("an unknown label", &label))?;
        let hash =
            hash.map(|hash| hash.parse().map_err(|_| wrong("a hash that is not 64 hexadecimal digits", &hash))).transpose()?;
        let wanted = self.vote_labels.as_ref().map_or(0, LabelSet::len);
        if let Some(votes) =
            votes.as_ref().filter(|votes| votes.len() != wanted || !votes.iter().all(|v| (0.0..=1.0).contains(v)))
        {
            return Err(wrong("votes that do not fit the vote labels", &format!("{votes:?}")));
        }
        let groups = self.group_columns.iter().map(|column| groups.remove(column).unwrap_or_default()).collect();
        let face = face.map(|face| Face { bounds: face.bounds, score: face.score, landmarks: Some(face.landmarks) });
        Ok(ManifestSample { id, label, split, hash, votes, groups, face })
    }
}

/// Opens the pictures that a manifest lists, and no others. A picture whose pixels are not those of its hash is a problem.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let manifest = Manifest::load(path)?;
    if !manifest.source.path.exists() {
        return Err(Error::data(format!("the pictures are gone from {}", manifest.source.path.display()))
            .because(Reason::Missing)
            .context(path.display())
            .with_hint("put them back, or change \"path\" under \"source\" in the manifest"));
    }
    let labels = super::choose_labels(manifest.labels.names().to_vec(), options.labels.as_ref())?;
    let table = match manifest.source.kind {
        SourceKind::Folder => None,
        SourceKind::Table => Some(open_table(&manifest.source.path, options)?),
    };
    let found = match &table {
        None => hashes_of_files(&manifest, options),
        Some(table) => hashes_of_table(&manifest, table),
    };
    let mut dataset = Dataset {
        name: manifest.name,
        root: manifest.source.path,
        labels,
        vote_labels: manifest.vote_labels,
        group_columns: manifest.group_columns,
        samples: Vec::with_capacity(manifest.samples.len()),
        problems: Vec::new(),
        skipped: Skipped::default(),
        pictures: table.as_ref().map_or(Pictures::Files, |table| table.pictures.clone()),
        limits: options.limits,
        framing: None,
    };
    for (ManifestSample { id, label, split, hash, votes, groups, face }, found) in manifest.samples.into_iter().zip(found) {
        let class = manifest.labels.name(label);
        let Some(label) = dataset.labels.index_of(class) else {
            *dataset.skipped.other_classes.entry(class.to_owned()).or_default() += 1;
            continue;
        };
        match found {
            Ok((row, found)) if hash.is_none_or(|hash| found == hash) => {
                dataset.samples.push(Sample { id, label, split, hash: found, votes, groups, face, row });
            }
            Ok(_) => {
                let problem = Problem::new(id, Reason::Changed, "not the picture that it was: its pixels changed");
                dataset.problems.push(problem.in_part(split));
            }
            Err((reason, message)) => dataset.problems.push(Problem::new(id, reason, message).in_part(split)),
        }
    }
    if dataset.samples.is_empty() {
        let first = first_problem(&dataset.problems);
        return Err(Error::data(format!("none of the manifest's pictures could be read{first}"))
            .because(Reason::Empty)
            .context(path.display()));
    }
    match (&options.votes, table) {
        (None, _) => {}
        (Some(votes), None) => ferplus::join(&mut dataset, votes, options.names.as_deref())?,
        (Some(_), Some(table)) => {
            let mut votes: HashMap<usize, _> = table.samples.into_iter().map(|sample| (sample.row, sample.votes)).collect();
            for sample in &mut dataset.samples {
                sample.votes = votes.remove(&sample.row).flatten();
            }
            dataset.vote_labels = table.vote_labels;
        }
    }
    Ok(dataset)
}

/// A row, or 0 for files, and the hash that the pixels have now.
type Found = Result<(usize, ContentHash), Cause>;

fn hashes_of_files(manifest: &Manifest, options: &OpenOptions) -> Vec<Found> {
    let ids: Vec<&str> = manifest.samples.iter().map(|sample| sample.id.as_str()).collect();
    let outcomes = folder::read_all(&manifest.source.path, &ids, options);
    let found = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Picture(hash) => Ok((0, hash)),
        Outcome::OtherFile => Err((Reason::NotAPicture, "not a picture".to_owned())),
        Outcome::Unreadable(cause) => Err(cause),
    });
    found.collect()
}

fn open_table(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    // All classes, because the manifest's labels and the ids count.
    let open = OpenOptions { labels: None, votes: None, ..options.clone() };
    #[cfg(feature = "parquet")]
    let open_it = || Dataset::open(path, &open);
    #[cfg(not(feature = "parquet"))]
    let open_it = || super::fer_csv::open(path, &open);
    let mut table = open_it()?;
    if let Some(votes) = &options.votes {
        ferplus::join(&mut table, votes, options.names.as_deref())?;
    }
    Ok(table)
}

fn hashes_of_table(manifest: &Manifest, table: &Dataset) -> Vec<Found> {
    let rows: HashMap<&str, &Sample> = table.samples.iter().map(|sample| (sample.id.as_str(), sample)).collect();
    let problems: HashMap<&str, &Problem> = table.problems.iter().map(|problem| (problem.id.as_str(), problem)).collect();
    let found = manifest.samples.iter().map(|sample| match rows.get(sample.id.as_str()) {
        Some(row) => Ok((row.row, row.hash)),
        None => Err(match problems.get(sample.id.as_str()) {
            Some(problem) => (problem.reason, problem.message.clone()),
            None => (Reason::Missing, "the table has no such row".to_owned()),
        }),
    });
    found.collect()
}

/// The folder that a file lies in, or will.
fn folder_of(path: &Path) -> PathBuf {
    absolute(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain strings and finite numbers are JSON")
}
