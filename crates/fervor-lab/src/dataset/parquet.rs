//! Parquet, as Hugging Face's `datasets` writes it: a row a picture, with the picture's file in the row.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fervor_table::{PICTURE_COLUMNS, ParquetFile};
use parquet::basic::{ConvertedType, Type as Physical};
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use rayon::prelude::*;
use serde_json::Value;

use super::stream::{LABELS, SPLITS};
use super::{
    Dataset, OpenOptions, Pictures, Problem, Sample, SeenFile, Skipped, Split, cause, choose_labels, first_problem, name_of,
};
use crate::words::shown;
use fervor::emotion::canonical_label;
use fervor::error::{Error, Reason, Result};
use fervor::picture::{Format, Picture};

/// Rows that are looked at to tell pictures from other bytes.
const LOOKED_AT: usize = 16;

/// Where the columns stand.
struct Columns {
    picture: usize,
    label: usize,
    split: Option<usize>,
}

/// One row, before its picture is looked at.
#[derive(Default)]
struct Entry {
    bytes: Option<Vec<u8>>,
    /// Empty where the row has none.
    label: String,
    split: Option<Split>,
    /// Name and value of each other column.
    groups: Vec<(String, String)>,
    /// Why the row cannot be used, whatever its picture is.
    wrong: Option<String>,
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
    let usable = entries.iter().filter(|entry| entry.wrong.is_none());
    let mut found: Vec<String> = usable.map(|entry| canonical_label(&entry.label)).filter(|label| !label.is_empty()).collect();
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
        let mut problem = |reason, message| dataset.problems.push(Problem::new(id(row), reason, message).in_part(entry.split));
        match (dataset.labels.index_of(&class), outcome) {
            _ if entry.wrong.is_some() => problem(Reason::Invalid, entry.wrong.unwrap_or_default()),
            _ if class.is_empty() => problem(Reason::Invalid, "a row without a label".to_owned()),
            (None, _) => *dataset.skipped.other_classes.entry(class).or_default() += 1,
            (Some(_), Err((reason, message))) => problem(reason, message),
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
    if options.labels.is_none() {
        dataset.drop_unread_classes().map_err(|e| e.context(root.display()))?;
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
    let columns = Columns::find(&reader)?;
    let names = class_names(&reader, root_fields(&reader)[columns.label].name());
    // `train-00000-of-00002.parquet` says its part.
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let part = stem.split(['-', '_', '.']).next().and_then(Split::parse);
    let rows = reader.get_row_iter(None).map_err(damaged)?;
    rows.map(|row| Ok(columns.entry(row.map_err(damaged)?, part, &names))).collect()
}

fn root_fields(reader: &ParquetFile<File>) -> &[Arc<Type>] {
    reader.metadata().file_metadata().schema_descr().root_schema().get_fields()
}

impl Columns {
    /// # Errors
    /// `Data`: no column of labels, or none of pictures.
    fn find(reader: &ParquetFile<File>) -> Result<Self> {
        let fields = root_fields(reader);
        let column = |names: &[&str]| {
            names.iter().find_map(|name| fields.iter().position(|field| field.name().eq_ignore_ascii_case(name)))
        };
        let lacking = |what: &str| {
            let found: Vec<&str> = fields.iter().map(|field| field.name()).collect();
            Error::data(format!("expected {what}, found {}", shown(&found.join(",")))).because(Reason::WrongType)
        };
        let label = column(&LABELS).ok_or_else(|| lacking("a column label beside the pictures"))?;
        let split = column(&SPLITS);
        let able = (0..fields.len()).filter(|&place| place != label && Some(place) != split && may_hold_pictures(&fields[place]));
        let able: Vec<usize> = able.collect();
        let named =
            PICTURE_COLUMNS.iter().find_map(|name| able.iter().find(|&&place| fields[place].name().eq_ignore_ascii_case(name)));
        let picture = named
            .copied()
            .or_else(|| first_of_pictures(reader, &able))
            .ok_or_else(|| lacking("a column of pictures as bytes"))?;
        Ok(Self { picture, label, split })
    }

    /// One row; `part` is the one that the file's name says, `names` are those of the classes.
    fn entry(&self, row: Row, part: Option<Split>, names: &[String]) -> Entry {
        let mut entry = Entry { split: part, ..Entry::default() };
        for (place, (name, cell)) in row.into_columns().into_iter().enumerate() {
            match cell {
                cell if place == self.picture => entry.bytes = bytes_of(cell),
                Field::Null => {}
                cell if place == self.label => match class(&cell, names) {
                    Ok(label) => entry.label = label,
                    Err(wrong) => entry.wrong = Some(wrong),
                },
                cell if Some(place) == self.split => match text(&cell).trim() {
                    "" => {}
                    said => {
                        entry.split = Split::parse(said);
                        if entry.split.is_none() {
                            entry.wrong = Some(format!("a row in an unknown part: {:?}", shown(said)));
                        }
                    }
                },
                Field::Group(_) | Field::Bytes(_) => {}
                cell => entry.groups.push((name, text(&cell))),
            }
        }
        entry
    }
}

/// Of the columns that may hold pictures the first that does.
fn first_of_pictures(reader: &ParquetFile<File>, able: &[usize]) -> Option<usize> {
    if let [only] = able {
        return Some(*only);
    }
    let rows = reader.get_row_iter(None).into_iter().flatten().map_while(std::result::Result::ok).take(LOOKED_AT);
    let mut shows = rows.filter_map(|row| {
        let cells: Vec<Field> = row.into_columns().into_iter().map(|(_, cell)| cell).collect();
        let is_picture = |place: &usize| bytes_of(cells[*place].clone()).is_some_and(|bytes| Format::of(&bytes).is_some());
        able.iter().copied().find(is_picture)
    });
    shows.next().or_else(|| able.first().copied())
}

/// Whether the cells of a column are bytes, or structures with bytes.
fn may_hold_pictures(field: &Type) -> bool {
    let info = field.get_basic_info();
    if info.logical_type_ref().is_some() || info.converted_type() != ConvertedType::NONE {
        return false;
    }
    match field {
        Type::PrimitiveType { physical_type, .. } => *physical_type == Physical::BYTE_ARRAY,
        Type::GroupType { fields, .. } => fields.iter().any(|field| field.is_primitive() && may_hold_pictures(field)),
    }
}

/// A picture's file: the cell itself, or what `datasets` calls `bytes` in `struct<bytes, path>`.
fn bytes_of(cell: Field) -> Option<Vec<u8>> {
    match cell {
        Field::Bytes(bytes) => Some(bytes.data().to_vec()),
        Field::Group(parts) => {
            let mut parts = parts.into_columns();
            parts.sort_by_key(|(name, _)| name != "bytes");
            parts.into_iter().find_map(|(_, part)| match part {
                Field::Bytes(bytes) => Some(bytes.data().to_vec()),
                _ => None,
            })
        }
        _ => None,
    }
}

fn text(cell: &Field) -> String {
    match cell {
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        other => other.to_string(),
    }
}

/// A class as the cell has it, or the one at its place among the names that the file's metadata give. Empty is no label: for that
/// `datasets` writes -1, and pandas makes floats of whole numbers where some are missing.
fn class(cell: &Field, names: &[String]) -> Result<String, String> {
    let text = match cell {
        Field::Float(number) => plain(f64::from(*number)),
        Field::Double(number) => plain(*number),
        other => text(other),
    };
    let said = text.trim();
    match said.parse::<i64>() {
        _ if names.is_empty() || said.is_empty() => Ok(text),
        Ok(-1) => Ok(String::new()),
        Err(_) if names.iter().any(|name| canonical_label(name) == canonical_label(said)) => Ok(text),
        place => {
            let name = place.ok().and_then(|place| names.get(usize::try_from(place).ok()?));
            name.cloned().ok_or_else(|| format!("a label that is none of the {} classes: {:?}", names.len(), shown(said)))
        }
    }
}

/// A number as people write it; empty for none.
fn plain(number: f64) -> String {
    match number {
        number if number.is_nan() => String::new(),
        number if number.fract() == 0.0 && number.abs() < 1e15 => (number as i64).to_string(),
        number => number.to_string(),
    }
}

/// The names of a `ClassLabel`, which stand in the metadata that `datasets` writes.
fn class_names(reader: &ParquetFile<File>, label: &str) -> Vec<String> {
    let pairs = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    let json =
        pairs.filter(|pair| pair.key == "huggingface").find_map(|pair| serde_json::from_str::<Value>(pair.value.as_ref()?).ok());
    let names = json.and_then(|json| json["info"]["features"][label]["names"].as_array().cloned()).unwrap_or_default();
    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}
