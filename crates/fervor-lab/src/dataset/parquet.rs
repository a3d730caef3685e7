//! Parquet, as Hugging Face's `datasets` writes it: a row a picture, with the picture's file in the row.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fervor_table::ParquetFile;
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use rayon::prelude::*;
use serde_json::Value;

use super::stream::{LABELS, SPLITS};
use super::{
    Dataset, OpenOptions, Pictures, Problem, Sample, SeenFile, Skipped, Split, cause, choose_labels, first_problem, name_of,
};
use fervor::emotion::canonical_label;
use fervor::error::{Error, Reason, Result};
use fervor::picture::Picture;

/// One row, before its picture is looked at.
struct Entry {
    bytes: Option<Vec<u8>>,
    label: String,
    split: Option<Split>,
    /// Name and value of each other column.
    groups: Vec<(String, String)>,
}

/// The Parquet files of a folder as `datasets` lays it out: directly in it, or in `data/`.
pub(super) fn files(root: &Path) -> Vec<PathBuf> {
    let of = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect();
        files.sort_unstable();
        files
    };
    let here = of(root.to_owned());
    if here.is_empty() { of(root.join("data")) } else { here }
}

/// Opens one Parquet file, or all of a folder; rows are numbered through all of them. The pictures stay in memory as they are stored.
pub(super) fn open(root: &Path, files: &[PathBuf], options: &OpenOptions) -> Result<Dataset> {
    let mut entries = Vec::new();
    for file in files {
        entries.extend(read(file).map_err(|e| e.context(file.display()))?);
    }
    let mut found: Vec<String> =
        entries.iter().map(|entry| canonical_label(&entry.label)).filter(|label| !label.is_empty()).collect();
    found.sort_unstable();
    found.dedup();
    let labels = choose_labels(found, options.labels.as_ref()).map_err(|e| e.context(root.display()))?;
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in entries.iter().flat_map(|entry| &entry.groups) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let done = AtomicUsize::new(0);
    let outcomes: Vec<_> = entries
        .par_iter()
        .enumerate()
        .map(|(row, entry)| {
            let outcome = match &entry.bytes {
                None => Err((Reason::Empty, "a row without the bytes of a picture".to_owned())),
                Some(bytes) => Picture::decode(bytes, &options.limits).map_err(|e| cause(&e)).map(|picture| {
                    if let Some(observer) = options.observer {
                        observer(SeenFile { id: &id(row), bytes, picture: &picture });
                    }
                    picture.content_hash()
                }),
            };
            if let Some(progress) = options.progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, entries.len());
            }
            outcome
        })
        .collect();
    let mut dataset = Dataset {
        name: name_of(root),
        root: root.to_owned(),
        labels,
        vote_labels: None,
        group_columns: columns,
        samples: Vec::with_capacity(entries.len()),
        problems: Vec::new(),
        skipped: Skipped::default(),
        pictures: Pictures::Files,
        limits: options.limits,
        framing: None,
    };
    let mut pictures = Vec::with_capacity(entries.len());
    for (row, (entry, outcome)) in entries.into_iter().zip(outcomes).enumerate() {
        let class = canonical_label(&entry.label);
        let groups = dataset.group_columns.iter().map(|column| {
            entry.groups.iter().find(|(name, _)| name == column).map_or_else(String::new, |(_, value)| value.clone())
        });
        let groups = groups.collect();
        pictures.push(entry.bytes.unwrap_or_default().into_boxed_slice());
        match (dataset.labels.index_of(&class), outcome) {
            _ if class.is_empty() => dataset.problems.push(Problem::new(id(row), Reason::Invalid, "a row without a label")),
            (None, _) => *dataset.skipped.other_classes.entry(class).or_default() += 1,
            (Some(_), Err((reason, message))) => dataset.problems.push(Problem::new(id(row), reason, message)),
            (Some(label), Ok(hash)) => {
                dataset.samples.push(Sample {
                    id: id(row),
                    label,
                    split: entry.split,
                    hash,
                    votes: None,
                    groups,
                    face: None,
                    row,
                });
            }
        }
    }
    dataset.pictures = Pictures::Encoded(Arc::new(pictures));
    if dataset.samples.is_empty() {
        let first = first_problem(&dataset.problems);
        return Err(Error::data(format!("expected a row with a picture and a label, found none{first}"))
            .because(Reason::Empty)
            .context(root.display()));
    }
    Ok(dataset)
}

fn id(row: usize) -> String {
    format!("row:{row}")
}

fn read(path: &Path) -> Result<Vec<Entry>> {
    let damaged =
        |e: parquet::errors::ParquetError| Error::data("the Parquet file cannot be read").because(Reason::Damaged).with_source(e);
    let file = File::open(path).map_err(|e| Error::data("the file cannot be read").with_source(e))?;
    let reader = ParquetFile::open(file).map_err(damaged)?;
    let metadata = reader.metadata().file_metadata();
    let columns: Vec<String> =
        metadata.schema_descr().root_schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
    let column = |names: &[&str]| names.iter().find_map(|name| columns.iter().position(|found| found.eq_ignore_ascii_case(name)));
    let label = column(&LABELS).ok_or_else(|| {
        Error::data(format!("expected a column label beside the pictures, found {}", columns.join(",")))
            .because(Reason::WrongType)
    })?;
    let split = column(&SPLITS);
    let names = class_names(&reader, &columns[label]);
    // `train-00000-of-00002.parquet` says its part.
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let part = stem.split(['-', '_', '.']).next().and_then(Split::parse);
    let mut entries = Vec::new();
    for row in reader.get_row_iter(None).map_err(damaged)? {
        let row: Row = row.map_err(damaged)?;
        let mut entry = Entry { bytes: None, label: String::new(), split: part, groups: Vec::new() };
        for (place, (name, field)) in row.into_columns().into_iter().enumerate() {
            match field {
                Field::Group(picture) => entry.bytes = bytes_of(picture).or(entry.bytes),
                Field::Bytes(bytes) => entry.bytes = Some(bytes.data().to_vec()),
                Field::Null => {}
                field if place == label => entry.label = class(&field, &names),
                field if Some(place) == split => entry.split = Split::parse(&text(&field)).or(part),
                field => entry.groups.push((name, text(&field))),
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The file inside `struct<bytes, path>`.
fn bytes_of(picture: Row) -> Option<Vec<u8>> {
    picture.into_columns().into_iter().find_map(|(_, field)| match field {
        Field::Bytes(bytes) => Some(bytes.data().to_vec()),
        _ => None,
    })
}

fn text(field: &Field) -> String {
    match field {
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A class: its name, or its place among the names that the file's metadata give.
fn class(field: &Field, names: &[String]) -> String {
    let text = text(field);
    text.parse::<usize>().ok().and_then(|place| names.get(place).cloned()).unwrap_or(text)
}

/// The names of a `ClassLabel`, which stand in the metadata that `datasets` writes.
fn class_names(reader: &ParquetFile<File>, label: &str) -> Vec<String> {
    let pairs = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    let json =
        pairs.filter(|pair| pair.key == "huggingface").find_map(|pair| serde_json::from_str::<Value>(pair.value.as_ref()?).ok());
    let names = json.and_then(|json| json["info"]["features"][label]["names"].as_array().cloned()).unwrap_or_default();
    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}
