//! The rows of an evaluation as a table with commas, for other programs and for comparisons, and the way back.

use std::collections::HashMap;
use std::path::Path;

use csv::StringRecord;

use super::{DataInfo, Evaluation, ModelInfo, Row};
use crate::lines::{Lines, check_quotes};
use crate::metrics::argmax;
use crate::words::shown;
use fervor::emotion::LabelSet;
use fervor::error::{Error, Reason, Result};
use fervor::hash;
use fervor::quality::Flag;

/// What the names of the columns of probabilities and of groups begin with: a class or a group may have any name.
const PROBABILITY: &str = "p_";
const GROUP: &str = "group_";
/// The first columns.
const FIXED: [&str; 6] = ["id", "truth", "prediction", "confidence", "in_training", "flags"];

/// The rows as CSV: `id, truth, prediction, confidence, in_training, flags`, then `p_CLASS` for each class and `group_NAME` for
/// all that the rows are grouped by. `in_training` is empty where it is not known what was trained on. Flags are parted by blanks.
/// Probabilities read back as the very same.
pub fn write_predictions(rows: &Evaluation) -> Vec<u8> {
    let (labels, columns) = (rows.labels(), rows.columns());
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: Vec<String>| table.write_record(cells).expect("rows of one length go into memory");
    let probabilities = labels.names().iter().map(|name| format!("{PROBABILITY}{name}"));
    let groups = columns.iter().map(|name| format!("{GROUP}{name}"));
    write(FIXED.map(str::to_owned).into_iter().chain(probabilities).chain(groups).collect());
    for row in rows.rows() {
        let answer = argmax(&row.probabilities);
        let flags: Vec<&str> = row.flags.iter().map(|flag| flag.name()).collect();
        let fixed = [
            row.id.clone(),
            labels.name(row.truth).to_owned(),
            labels.name(answer).to_owned(),
            row.probabilities[answer].to_string(),
            if rows.training_known { row.in_training.to_string() } else { String::new() },
            flags.join(" "),
        ];
        let probabilities = row.probabilities.iter().map(f32::to_string);
        let groups = columns.iter().map(|column| row.groups.get(*column).cloned().unwrap_or_default());
        write(fixed.into_iter().chain(probabilities).chain(groups).collect());
    }
    table.into_inner().expect("memory takes all")
}

/// Reads what [`write_predictions`] wrote, or another program in this form: `id`, `truth` and a column `p_CLASS` for each class are
/// enough. The model is called what the file is; which data it was asked about the file does not say.
///
/// # Errors
/// [`Data`](fervor::ErrorKind::Data): no such file, not such a table, or two rows about one picture; the message says where. As
/// [`Evaluation::push`] of a row.
pub fn read_predictions(path: &Path) -> Result<Evaluation> {
    let bytes = std::fs::read(path).map_err(|e| Error::data("the predictions cannot be read").with_source(e));
    bytes.and_then(|bytes| read(path, &bytes)).map_err(|e| e.context(path.display()))
}

fn read(path: &Path, bytes: &[u8]) -> Result<Evaluation> {
    check_quotes(bytes, b',')?;
    let mut table = csv::Reader::from_reader(bytes);
    let head = table.headers().map_err(|e| not_a_table().with_source(e))?.clone();
    let place = |name: &str| head.iter().position(|cell| cell.trim() == name);
    let named =
        |start: &'static str| head.iter().enumerate().filter_map(move |(at, cell)| Some((at, cell.trim().strip_prefix(start)?)));
    let probabilities: Vec<(usize, &str)> = named(PROBABILITY).collect();
    let (Some(id), Some(truth), false) = (place("id"), place("truth"), probabilities.is_empty()) else {
        return Err(not_a_table());
    };
    let labels = LabelSet::new(probabilities.iter().map(|(_, name)| name))?;
    let name = path.file_stem().map_or_else(|| "predictions".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let model = ModelInfo { name, sha256: hash::sha256(bytes) };
    let data = DataInfo { name: "the rows' data".to_owned(), manifest_sha256: String::new() };
    let mut evaluation = Evaluation::new(labels.clone(), model, data, "as predicted");
    let (training, flags) = (place("in_training"), place("flags"));
    let mut training_known = training.is_some();
    let (mut lines, mut known) = (Lines::of(bytes), HashMap::new());
    for record in table.records() {
        let record = record.map_err(|e| not_a_table().with_source(e))?;
        let line = lines.of_row(record.position());
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default();
        let row = (|| {
            let truth = labels.index_of(cell(Some(truth)));
            let truth = truth.ok_or_else(|| Error::data(format!("the truth is none of {labels}")))?;
            let row = Row::new(cell(Some(id)), truth, numbers(&record, &probabilities)?);
            let groups = named(GROUP).map(|(at, name)| (name.to_owned(), cell(Some(at)).to_owned()));
            let groups = groups.filter(|(_, group)| !group.is_empty()).collect();
            let flags = cell(flags).split_whitespace().filter_map(flag).collect();
            let in_training = truth_value(cell(training))?;
            training_known &= in_training.is_some();
            Ok(Row { in_training: in_training.unwrap_or(false), flags, groups, ..row })
        })();
        let row = row.and_then(|row| match known.insert(row.id.clone(), line) {
            Some(before) if !row.id.is_empty() => Err(Error::data(format!("{} is in line {before} already", shown(&row.id)))
                .because(Reason::Exists)
                .with_hint("keep one row for each picture")),
            _ => Ok(row),
        });
        row.and_then(|row| evaluation.push(row)).map_err(|e: Error| e.context(format!("line {line}")))?;
    }
    evaluation.training_known = training_known;
    Ok(evaluation)
}

/// Whether a picture was trained on, as programs write it; nothing where that is not known.
fn truth_value(cell: &str) -> Result<Option<bool>> {
    match cell.trim().to_lowercase().as_str() {
        "" => Ok(None),
        "true" | "1" | "1.0" => Ok(Some(true)),
        "false" | "0" | "0.0" => Ok(Some(false)),
        _ => {
            Err(Error::data(format!("in_training must be true or false, or empty where it is not known, got {:?}", shown(cell))))
        }
    }
}

fn numbers(record: &StringRecord, places: &[(usize, &str)]) -> Result<Vec<f32>> {
    let number = |&(at, name): &(usize, &str)| {
        let text = record.get(at).unwrap_or_default().trim();
        text.parse::<f32>()
            .map_err(|e| Error::data(format!("the probability of {name} is no number: {:?}", shown(text))).with_source(e))
    };
    places.iter().map(number).collect()
}

/// A flag by its name; one of a later version is passed over.
fn flag(name: &str) -> Option<Flag> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

fn not_a_table() -> Error {
    Error::data("not a table of predictions")
        .because(Reason::Unsupported)
        .with_hint("it needs the columns id, truth and p_CLASS for each class, as an evaluation writes them")
}
