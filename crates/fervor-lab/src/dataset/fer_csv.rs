//! FER-2013 as a table: columns `emotion`, `pixels` and `Usage` in any order (`fer2013.csv` and `icml_face_data.csv`
//! differ in it), a picture a row, its grey values separated by spaces.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::stream::{Table, delimiter, fields, reader};
use super::{Dataset, OpenOptions, Pictures, Problem, Sample, Skipped, Split, choose_labels, name_of};
use fervor::emotion::LabelSet;
use fervor::error::{Error, Reason, Result};
use fervor::picture::{ContentHash, Picture};

/// Where the columns stand.
struct Columns {
    emotion: usize,
    pixels: usize,
    usage: Option<usize>,
    /// How many there are.
    count: usize,
    /// What parts them.
    delimiter: u8,
}

/// A readable row. Its side is that of the square picture.
struct Row {
    emotion: usize,
    split: Option<Split>,
    side: usize,
    hash: ContentHash,
    gray: Box<[u8]>,
}

/// The rows of one block with their lines, counted from the block's start, and how many lines it has.
struct Parsed {
    rows: Vec<(usize, Result<Row, String>)>,
    lines: usize,
}

pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let mut table = Table::open(path)?;
    let columns = Columns::find(&table.line()?.unwrap_or_default()).map_err(|e| e.context(path.display()))?;
    let rows = read_rows(table, &columns, options)?;
    let side = usual_side(&rows).ok_or_else(|| no_row(path, &rows))?;
    let classes = LabelSet::fer2013();
    let labels = choose_labels(classes.names().to_vec(), options.labels.as_ref())?;

    let mut dataset = Dataset {
        name: name_of(path),
        root: path.to_owned(),
        labels,
        vote_labels: None,
        group_columns: Vec::new(),
        samples: Vec::with_capacity(rows.len()),
        problems: Vec::new(),
        skipped: Skipped::default(),
        pictures: Pictures::Gray { side: side as u32, rows: Arc::default() },
        limits: options.limits,
        framing: None,
    };
    let mut pixels = Vec::with_capacity(rows.len());
    for (index, (line, row)) in rows.into_iter().enumerate() {
        let id = format!("row:{index}");
        let row = row.and_then(|row| {
            let fits = row.side == side;
            if fits { Ok(row) } else { Err(format!("{} pixels where the other rows have {}", row.gray.len(), side * side)) }
        });
        match row {
            Ok(row) => {
                let class = classes.name(row.emotion);
                if let Some(label) = dataset.labels.index_of(class) {
                    dataset.samples.push(Sample {
                        id,
                        label,
                        split: row.split,
                        hash: row.hash,
                        votes: None,
                        groups: Vec::new(),
                        face: None,
                        row: index,
                    });
                    pixels.push(row.gray);
                } else {
                    *dataset.skipped.other_classes.entry(class.to_owned()).or_default() += 1;
                    pixels.push(Box::default());
                }
            }
            Err(message) => {
                dataset.problems.push(Problem::new(id, Reason::Invalid, format!("line {line}: {message}")));
                pixels.push(Box::default());
            }
        }
    }
    dataset.pictures = Pictures::Gray { side: side as u32, rows: Arc::new(pixels) };
    Ok(dataset)
}

/// All rows with their line numbers, in the table's order. Unpacking is one thread's work; the others parse and hash meanwhile.
fn read_rows(table: Table, columns: &Columns, options: &OpenOptions) -> Result<Vec<(usize, Result<Row, String>)>> {
    let progress = options.progress;
    let mut blocks = table.blocks();
    let blocks = std::iter::from_fn(|| {
        let block = blocks.next();
        if let Some(progress) = progress {
            let (done, total) = blocks.progress();
            progress(done, total);
        }
        block
    });
    let mut parsed = blocks
        .enumerate()
        .par_bridge()
        .map(|(index, block)| Ok((index, parse_block(&block?, columns))))
        .collect::<Result<Vec<_>>>()?;
    parsed.sort_unstable_by_key(|(index, _)| *index);
    let mut first_line = 2; // after the header, counted as editors do
    let mut rows = Vec::new();
    for (_, block) in parsed {
        rows.extend(block.rows.into_iter().map(|(line, row)| (first_line + line, row)));
        first_line += block.lines;
    }
    Ok(rows)
}

fn parse_block(block: &[u8], columns: &Columns) -> Parsed {
    let mut rows = Vec::new();
    let mut lines = 0;
    for line in block.split_inclusive(|&byte| byte == b'\n') {
        let text = line.trim_ascii();
        if !text.is_empty() {
            rows.push((lines, columns.parse(text)));
        }
        lines += 1;
    }
    Parsed { rows, lines }
}

impl Columns {
    fn find(header: &str) -> Result<Self> {
        let delimiter = delimiter(header);
        let names: Vec<String> = fields(header, delimiter).iter().map(|name| name.to_lowercase()).collect();
        let column = |name: &str| names.iter().position(|found| found == name);
        match (column("emotion"), column("pixels")) {
            (Some(emotion), Some(pixels)) => Ok(Self { emotion, pixels, usage: column("usage"), count: names.len(), delimiter }),
            _ => {
                let found: String = header.chars().filter(|c| !c.is_control()).take(80).collect();
                Err(Error::data(format!("expected a table with the columns emotion,pixels,Usage, found {found:?}"))
                    .because(Reason::WrongType)
                    .with_hint("give a folder with one folder of pictures for each class, a FER-2013 table (.csv, .csv.xz, .csv.gz), or a manifest (.json)"))
            }
        }
    }

    /// Reads one row. Blocks of lines are read on all cores, and lines without a quote (all those of the known tables) are split where
    /// they stand; only the others go through the `csv` crate, whose rows are copies.
    fn parse(&self, line: &[u8]) -> Result<Row, String> {
        if line.contains(&b'"') {
            let mut record = csv::ByteRecord::new();
            let read = reader(self.delimiter).from_reader(line).read_byte_record(&mut record);
            read.map_err(|e| e.to_string())?;
            self.row(record.iter())
        } else {
            self.row(line.split(|&byte| byte == self.delimiter))
        }
    }

    fn row<'a>(&self, fields: impl Iterator<Item = &'a [u8]>) -> Result<Row, String> {
        let (mut emotion, mut pixels, mut usage) = (None, None, None);
        let mut count = 0;
        for (index, field) in fields.enumerate() {
            let field = field.trim_ascii();
            if index == self.emotion {
                emotion = Some(field);
            } else if index == self.pixels {
                pixels = Some(field);
            } else if Some(index) == self.usage {
                usage = Some(field);
            } else if index >= self.count && !field.is_empty() {
                // A name with a comma and without quotes, for example: every column after it would be taken for the one before.
                return Err(format!("a row of more than {} columns, found {:?} after them", self.count, shown(field)));
            }
            count = index + 1;
        }
        let (Some(emotion), Some(pixels)) = (emotion, pixels) else {
            return Err(format!("a row of {count} columns lacks emotion or pixels"));
        };
        if self.usage.is_some() && usage.is_none() {
            return Err(format!("a row of {count} columns lacks Usage"));
        }
        let emotion = parse_emotion(emotion)?;
        let split = match String::from_utf8_lossy(usage.unwrap_or_default()) {
            text if text.is_empty() => None,
            text => Some(Split::parse(&text).ok_or_else(|| format!("unknown Usage {:?}", shown(text.as_bytes())))?),
        };
        let gray = parse_pixels(pixels)?.into_boxed_slice();
        let side = gray.len().isqrt();
        if side == 0 || side * side != gray.len() {
            return Err(format!("{} pixels are no square picture", gray.len()));
        }
        let picture = Picture::from_gray(side as u32, side as u32, &gray).map_err(|e| e.message().to_owned())?;
        Ok(Row { emotion, split, side, hash: picture.content_hash(), gray })
    }
}

/// An index in the FER-2013 order; `3.0`, as some programs write whole numbers, is 3.
fn parse_emotion(field: &[u8]) -> Result<usize, String> {
    match field.strip_suffix(b".0").unwrap_or(field) {
        [digit @ b'0'..=b'6'] => Ok(usize::from(digit - b'0')),
        _ => Err(format!("emotion must be 0 to 6, got {:?}", shown(field))),
    }
}

/// Grey values separated by spaces.
fn parse_pixels(field: &[u8]) -> Result<Vec<u8>, String> {
    let mut gray = Vec::with_capacity(48 * 48);
    let mut rest = field.iter();
    loop {
        // One number: the blanks before it, its digits, and the blank or the end after it.
        let mut value = match rest.next() {
            Some(digit @ b'0'..=b'9') => u32::from(digit - b'0'),
            Some(b' ' | b'\t') => continue,
            Some(&other) => return Err(format!("a pixel is no number: {:?}", shown(&[other]))),
            None => return Ok(gray),
        };
        loop {
            match rest.next() {
                Some(digit @ b'0'..=b'9') => {
                    value = value * 10 + u32::from(digit - b'0');
                    if value > 255 {
                        return Err(format!("a pixel is above 255: {value}"));
                    }
                }
                Some(b' ' | b'\t') | None => break,
                Some(&other) => return Err(format!("a pixel is no number: {:?}", shown(&[other]))),
            }
        }
        gray.push(value as u8);
    }
}

/// The start of some bytes, for a message.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned()
}

/// The side that most readable rows have.
fn usual_side(rows: &[(usize, Result<Row, String>)]) -> Option<usize> {
    let mut counts = std::collections::BTreeMap::new();
    for row in rows.iter().filter_map(|(_, row)| row.as_ref().ok()) {
        *counts.entry(row.side).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|&(_, count)| count).map(|(side, _)| side)
}

fn no_row(path: &Path, rows: &[(usize, Result<Row, String>)]) -> Error {
    let found = match rows.iter().find_map(|(line, row)| row.as_ref().err().map(|message| (line, message))) {
        Some((line, message)) => format!("{} rows, none of them readable; line {line}: {message}", rows.len()),
        None => "no rows".to_owned(),
    };
    Error::data(format!("expected a row for each picture, found {found}")).because(Reason::Empty).context(path.display())
}
