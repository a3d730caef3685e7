//! FER+: ten annotators' votes for each row of FER-2013 (Barsoum et al. 2016, "Training Deep Networks for Facial Expression
//! Recognition with Crowd-Sourced Label Distribution"). Joined by row: 173 of its rows have no image name, some names occur twice.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use csv::StringRecord;

use super::stream::{Table, delimiter, fields, reader};
use super::{Dataset, Pictures, Split};
use crate::lines::{Lines, check_quotes};
use crate::words::shown;
use fervor::emotion::{Emotion, LabelSet, canonical_label};
use fervor::error::{Error, Reason, Result};

/// The table that says which row each file of the folder form was, looked for beside the votes.
const NAMES: &str = "fer2013-names.csv";

struct Votes {
    labels: LabelSet,
    rows: Vec<VoteRow>,
}

struct VoteRow {
    split: Option<Split>,
    shares: Option<Vec<f32>>,
}

/// Joins the votes in `path` to the samples of a data set just opened, whose splits are still those of the data.
///
/// # Errors
/// Another number of rows than the table has, another `Usage` in a row, a file that no row names: nothing is joined then.
pub(super) fn join(dataset: &mut Dataset, path: &Path, names: Option<&Path>) -> Result<()> {
    let votes = Votes::read(path).map_err(|e| e.context(path.display()))?;
    let rows = match &dataset.pictures {
        Pictures::Gray { rows, .. } => rows_of_table(dataset, &votes, rows.len()),
        #[cfg(feature = "parquet")]
        Pictures::Encoded(rows) => rows_of_table(dataset, &votes, rows.len()),
        Pictures::Files => rows_of_files(dataset, &votes, path, names),
    };
    let rows = rows.map_err(|e| e.context(path.display()))?;
    for (sample, row) in dataset.samples.iter_mut().zip(rows) {
        sample.votes = votes.rows[row].shares.clone();
    }
    dataset.vote_labels = Some(votes.labels);
    Ok(())
}

fn rows_of_table(dataset: &Dataset, votes: &Votes, rows: usize) -> Result<Vec<usize>> {
    if votes.rows.len() != rows {
        return Err(Error::data(format!("votes for {} rows, but {} has {rows}", votes.rows.len(), dataset.root.display()))
            .because(Reason::Mismatch)
            .with_hint("votes belong to a table row by row: take those made for this very table"));
    }
    for sample in &dataset.samples {
        if let (Some(ours), Some(theirs)) = (sample.split, votes.rows[sample.row].split)
            && ours != theirs
        {
            return Err(Error::data(format!(
                "the rows don't belong together: {} is in {ours} in the data, in {theirs} here",
                sample.id
            ))
            .because(Reason::Mismatch));
        }
    }
    Ok(dataset.samples.iter().map(|sample| sample.row).collect())
}

fn rows_of_files(dataset: &Dataset, votes: &Votes, path: &Path, names: Option<&Path>) -> Result<Vec<usize>> {
    let beside = path.with_file_name(NAMES);
    let names = match names {
        Some(names) => names,
        None if beside.exists() => &beside,
        None => {
            return Err(Error::data(format!("votes are given by row, and files have no rows; there is no {}", beside.display()))
                .because(Reason::Missing)
                .with_hint("open the table (fer2013.csv) instead, or put a table with the columns row and kaggle_path there"));
        }
    };
    let names = read_names(names).map_err(|e| e.context(names.display()))?;
    if names.len() != votes.rows.len() {
        return Err(
            Error::data(format!("votes for {} rows, but names for {}", votes.rows.len(), names.len())).because(Reason::Mismatch)
        );
    }
    let missing = |id: &str| {
        let found = dataset.samples.iter().filter(|sample| names.contains_key(without_extension(&sample.id))).count();
        Error::data(format!("names of {found} of {} files are known, but not of {id:?}", dataset.len()))
    };
    dataset
        .samples
        .iter()
        .map(|sample| {
            let named = names.get(without_extension(&sample.id)).ok_or_else(|| missing(&sample.id))?;
            let label = dataset.labels.name(sample.label);
            if named.label.as_deref().is_some_and(|theirs| theirs != label) {
                let theirs = named.label.as_deref().unwrap_or_default();
                return Err(Error::data(format!("{:?} is {label} in the data, but row {} is {theirs}", sample.id, named.row)));
            }
            Ok(named.row)
        })
        .collect()
}

struct Named {
    row: usize,
    label: Option<String>,
}

/// The row of each path; paths without their extensions, because the pictures are found as JPEG and as PNG.
fn read_names(path: &Path) -> Result<HashMap<String, Named>> {
    let table = Csv::open(path)?;
    let path_column = table.need("kaggle_path", &["kaggle_path", "path"])?;
    let row_column = table.column(&["row"]);
    let label_column = table.column(&["label"]);
    let mut names = HashMap::new();
    let mut taken = HashSet::new();
    for fields in table.rows() {
        let fields = fields?;
        let row = match row_column {
            Some(column) => number(&fields, column, names.len())?,
            None => names.len(),
        };
        let label = label_column.map(|column| canonical_label(&fields[column]));
        let path = &fields[path_column];
        if !taken.insert(row) {
            return Err(Error::data(format!("two paths have the same row: row {row}, the second is {:?}", shown(path)))
                .because(Reason::Exists)
                .with_hint("each row of the votes belongs to one picture"));
        }
        if names.insert(without_extension(path).to_owned(), Named { row, label }).is_some() {
            return Err(Error::data(format!("two rows have the same path: {path:?}")));
        }
    }
    if let Some(named) = names.values().find(|named| named.row >= names.len()) {
        return Err(Error::data(format!("{} rows, but one of them is row {}", names.len(), named.row)));
    }
    Ok(names)
}

impl Votes {
    /// Reads `fer2013new.csv` or a table like it: a column of counts for each class, others (`Usage`, `Image name`, `row`) as they come.
    fn read(path: &Path) -> Result<Self> {
        let table = Csv::open(path)?;
        let is_class = |name: &str| Emotion::parse(name).is_some() || ["unknown", "nf"].contains(&name);
        let columns: Vec<usize> = (0..table.header.len()).filter(|&column| is_class(&table.header[column])).collect();
        if columns.len() < 2 {
            return Err(Error::data(format!(
                "expected FER+ votes with the columns neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF, \
                 found {}",
                shown(&table.header.join(","))
            ))
            .because(Reason::WrongType));
        }
        let labels = LabelSet::new(columns.iter().map(|&column| &table.header[column]))?;
        let usage_column = table.column(&["usage"]);
        let row_column = table.column(&["row"]);
        let mut rows = Vec::new();
        for fields in table.rows() {
            let fields = fields?;
            let row = rows.len();
            if let Some(column) = row_column
                && number(&fields, column, row)? != row
            {
                return Err(Error::data(format!("rows must be in order: row {row} is numbered {:?}", &fields[column])));
            }
            let counts = columns.iter().map(|&column| number(&fields, column, row)).collect::<Result<Vec<_>>>()?;
            let sum: usize = counts.iter().sum();
            let shares = (sum > 0).then(|| counts.iter().map(|&count| count as f32 / sum as f32).collect());
            rows.push(VoteRow { split: usage_column.and_then(|column| Split::parse(&fields[column])), shares });
        }
        Ok(Self { labels, rows })
    }
}

/// A whole number; some programs write `4` as `4.0`.
fn number(fields: &StringRecord, column: usize, row: usize) -> Result<usize> {
    let field = &fields[column];
    let number = field.strip_suffix(".0").unwrap_or(field).parse::<u32>().map(|number| number as usize);
    number.map_err(|_| Error::data(format!("row {row}: expected a count, found {:?}", shown(field))))
}

/// A small table with its header.
struct Csv {
    text: String,
    delimiter: u8,
    /// In lower case.
    header: Vec<String>,
}

impl Csv {
    fn open(path: &Path) -> Result<Self> {
        let text = Table::open(path)?.text()?;
        let first = text.lines().next().unwrap_or_default();
        let delimiter = delimiter(first);
        check_quotes(text.as_bytes(), delimiter)?;
        let header = fields(first, delimiter).iter().map(|name| name.to_lowercase()).collect();
        Ok(Self { text, delimiter, header })
    }

    /// The first column with one of these names.
    fn column(&self, names: &[&str]) -> Option<usize> {
        self.header.iter().position(|found| names.contains(&found.as_str()))
    }

    fn need(&self, what: &str, names: &[&str]) -> Result<usize> {
        self.column(names).ok_or_else(|| {
            Error::data(format!("expected a column {what}, found {}", shown(&self.header.join(",")))).because(Reason::WrongType)
        })
    }

    /// The rows after the header, each with as many fields as that.
    fn rows(&self) -> impl Iterator<Item = Result<StringRecord>> {
        let mut lines = Lines::of(self.text.as_bytes());
        let rows = reader(self.delimiter).from_reader(self.text.as_bytes()).into_records().skip(1);
        // A line of blanks is no row.
        let rows = rows.filter(|row| !row.as_ref().is_ok_and(|row| row.len() == 1 && row[0].is_empty()));
        rows.map(move |row| {
            let row = row.map_err(|e| Error::data("the table cannot be read").because(Reason::Damaged).with_source(e))?;
            let line = lines.of_row(row.position());
            let (expected, found) = (self.header.len(), row.len());
            if found == expected {
                Ok(row)
            } else {
                Err(Error::data(format!("line {line}: expected {expected} columns, found {found}")).because(Reason::Damaged))
            }
        })
    }
}

fn without_extension(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') => stem,
        _ => path,
    }
}
