//! From a piece to its part.

use std::io::{self, Write};
use std::iter::Sum;
use std::ops::{Add, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use fervor::analyzer::{Analyzer, Answer};
use fervor::error::{Error, Reason, Result};
use fervor::files::WholeFile;
use fervor::hash::Hex;
use fervor::picture::{self, Limits, Picture};
use fervor::prediction::{ErrorInfo, ModelInfo};
use fervor::{PicturePrediction, Prediction};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::far::{Far, Opened};
use super::plan::{Content, Listed, Piece};
use super::sources;
use crate::part::PartWriter;
use crate::pictures::{Cell, PictureColumn};
use crate::rows::Rows;

/// Pictures that go through the network together, and whose faces lie in memory at once a thread.
const TOGETHER: usize = 8;
/// Pictures whose answers are written together.
const WINDOW: usize = 1024;

/// What came of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Pictures, each with at least one row.
    pub pictures: u64,
    /// Rows.
    pub rows: u64,
    /// Faces.
    pub faces: u64,
    /// Pictures without a face.
    pub without_face: u64,
    /// Pictures without an answer.
    pub errors: u64,
}

impl Counts {
    /// Whether there are pictures, and none of them has an answer.
    pub fn no_answer(&self) -> bool {
        self.pictures > 0 && self.errors == self.pictures
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            pictures: self.pictures + other.pictures,
            rows: self.rows + other.rows,
            faces: self.faces + other.faces,
            without_face: self.without_face + other.without_face,
            errors: self.errors + other.errors,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl Counts {
    fn of(answer: &Result<Answer>) -> Self {
        let faces = answer.as_ref().map_or(0, |answer| answer.faces.len() as u64);
        Self {
            pictures: 1,
            rows: faces.max(1),
            faces,
            without_face: u64::from(answer.is_ok() && faces == 0),
            errors: u64::from(answer.is_err()),
        }
    }
}

/// Writes one answer as text; the first of a part may need a head before it.
pub type RowText<'a> = &'a (dyn Fn(&mut dyn Write, &PicturePrediction, bool) -> io::Result<()> + Sync);

/// How parts are written.
#[derive(Clone, Copy)]
pub enum PartFormat<'a> {
    /// Parquet, rows of [`schema`](crate::schema).
    Parquet,
    /// Text, as this function writes it.
    Text(RowText<'a>),
}

/// What is done with each piece.
pub struct Work<'a> {
    /// What answers. It is asked by many threads at once: its detector and its network should take one thread each.
    pub analyzer: &'a Analyzer,
    /// Which faces are kept.
    pub keep: &'a (dyn Fn(&Prediction) -> bool + Sync),
    /// How large pictures may be.
    pub limits: Limits,
    /// How parts are written.
    pub format: PartFormat<'a>,
    /// Asks to stop: the piece in hand is given up, and is done again the next time.
    pub stop: &'a AtomicBool,
    /// Brings the bytes behind addresses; `None`: such inputs have no answer.
    pub far: Option<Arc<dyn Far>>,
    /// Told of pictures as they are done.
    pub progress: &'a (dyn Fn(Counts) + Sync),
    /// Told of each picture without an answer, in the order of the rows: its source, its row in a table, and why.
    pub failed: &'a (dyn Fn(&str, Option<i64>, &Error) + Sync),
}

/// A picture in hand.
struct Item {
    source: String,
    row: Option<i64>,
    place: Place,
}

impl Item {
    /// A name of its own where only the name is written: a picture of a `table` that has no name there is told by its row.
    fn name(&self, table: Option<&str>) -> String {
        match self.row {
            Some(row) if table == Some(&self.source) => format!("{}#{row}", self.source),
            _ => self.source.clone(),
        }
    }
}

enum Place {
    File(PathBuf),
    /// Behind the address that is its source.
    Address,
    /// Of the archive that is open: where it begins, and its length.
    Member(u64, u64),
    /// Of the batch that is in memory: its row.
    Row(usize),
    Nowhere(String, Reason),
}

/// What items may stand in.
#[derive(Clone, Copy)]
enum Held<'a> {
    Nothing,
    Archive(&'a Opened),
    Column(&'a PictureColumn, &'a Path),
}

impl Work<'_> {
    /// Does a piece: its part appears under `path`, whole. What came of it, the part's length and its SHA-256; `None` where it was
    /// asked to stop.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): the part cannot be written. What is wrong with a picture is its row.
    pub fn run(&self, piece: &Piece, path: &Path) -> Result<Option<(Counts, u64, String)>> {
        let mut out = Out::create(self, path)?;
        let done = match &piece.content {
            Content::Files(files) => {
                let items: Vec<Item> = files.iter().map(file).collect();
                self.all(&items, Held::Nothing, &mut out)?
            }
            Content::Tar { archive, members } => {
                let opened = archive.open(self.far.as_ref());
                let name = archive.path.display();
                let items: Vec<Item> = members
                    .iter()
                    .map(|(member, place, size)| Item {
                        source: format!("{name}/{member}"),
                        row: None,
                        place: match &opened {
                            Ok(_) => Place::Member(*place, *size),
                            Err(error) => Place::Nowhere(error.explained(), error.reason()),
                        },
                    })
                    .collect();
                self.all(&items, opened.as_ref().map_or(Held::Nothing, Held::Archive), &mut out)?
            }
            Content::Rows { table, column, group, skip, first } => {
                out.table = Some(table.path.display().to_string());
                let rows =
                    table.open(self.far.as_ref()).and_then(|file| sources::rows(file, column, *group, *skip, piece.pictures));
                let mut seen = 0;
                let mut broken = Error::input("the row is missing").because(Reason::Truncated);
                match rows {
                    Err(error) => broken = error,
                    Ok(rows) => {
                        for batch in rows {
                            let column = batch.and_then(|batch| PictureColumn::new(batch.column(0)));
                            let column = match column {
                                Ok(column) => column,
                                Err(error) => {
                                    broken = error;
                                    break;
                                }
                            };
                            let name = table.path.display();
                            let items: Vec<Item> = (0..column.len())
                                .map(|row| {
                                    let address = self.address(&table.path, column.cell(row));
                                    let place = if address.is_some() { Place::Address } else { Place::Row(row) };
                                    let named = || column.path(row).map_or_else(|| name.to_string(), str::to_owned);
                                    let row = i64::try_from(first + (seen + row) as u64).ok();
                                    Item { source: address.unwrap_or_else(named), row, place }
                                })
                                .collect();
                            seen += items.len();
                            let folder = table.path.parent().unwrap_or(Path::new(""));
                            if !self.all(&items, Held::Column(&column, folder), &mut out)? {
                                return Ok(None);
                            }
                        }
                    }
                }
                let missing: Vec<Item> = (seen..piece.pictures)
                    .map(|row| Item {
                        source: table.path.display().to_string(),
                        row: i64::try_from(first + row as u64).ok(),
                        place: Place::Nowhere(broken.explained(), broken.reason()),
                    })
                    .collect();
                self.all(&missing, Held::Nothing, &mut out)?
            }
        };
        if done { out.finish().map(Some) } else { Ok(None) }
    }

    /// Answers and writes items in their order; whether it was not asked to stop.
    fn all(&self, items: &[Item], held: Held, out: &mut Out) -> Result<bool> {
        for window in items.chunks(WINDOW) {
            let answers: Vec<Option<Vec<Result<Answer>>>> = window
                .par_chunks(TOGETHER)
                .map(|some| {
                    if self.stop.load(Ordering::Relaxed) {
                        return None;
                    }
                    let fetched = self.fetched(some, held);
                    let numbered: Vec<usize> = (0..some.len()).collect();
                    let mut answers = self.analyzer.answer_all(&numbered, |&number| match &fetched[number] {
                        Some(bytes) => bytes.as_ref().map_err(again).and_then(|bytes| Picture::decode(bytes, &self.limits)),
                        None => self.read(&some[number], held),
                    });
                    for answer in answers.iter_mut().flatten() {
                        answer.faces.retain(|face| (self.keep)(face));
                    }
                    (self.progress)(answers.iter().map(Counts::of).sum());
                    Some(answers)
                })
                .collect();
            let Some(answers) = answers.into_iter().collect::<Option<Vec<_>>>() else { return Ok(false) };
            for (item, answer) in window.iter().zip(answers.into_iter().flatten()) {
                if let Err(error) = &answer {
                    (self.failed)(&item.source, item.row, error);
                }
                out.write(item, answer)?;
            }
            out.flush()?;
        }
        Ok(true)
    }

    /// The address that a cell of a table names: as it stands there, or beside the table, where that has one.
    fn address(&self, table: &Path, cell: Cell) -> Option<String> {
        match cell {
            Cell::Path(path) if is_address(path) => Some(path.to_owned()),
            Cell::Path(path) => {
                let (folder, _) = table.to_str().filter(|table| is_address(table))?.rsplit_once('/')?;
                Some(format!("{folder}/{path}"))
            }
            _ => None,
        }
    }

    /// What is far, for those items that are: all of them at once, since each takes its time to begin.
    fn fetched(&self, items: &[Item], held: Held) -> Vec<Option<Result<Bytes>>> {
        let Some(far) = &self.far else { return items.iter().map(|_| None).collect() };
        let is_far = |item: &&Item| matches!(item.place, Place::Address);
        let addresses: Vec<&str> = items.iter().filter(is_far).map(|item| item.source.as_str()).collect();
        let bytes = if addresses.is_empty() { Vec::new() } else { far.fetch(&addresses) };
        let range = |item: &Item| match item.place {
            Place::Member(start, length) if length <= self.limits.bytes as u64 => Some(start..start + length),
            _ => None,
        };
        let ranges: Vec<Range<u64>> = items.iter().filter_map(range).collect();
        let members = match held {
            Held::Archive(archive) if !ranges.is_empty() => archive.ranges(&ranges),
            _ => None,
        };
        let (mut bytes, mut members) = (bytes.into_iter(), members.map(|members| members.map(Vec::into_iter)));
        let one = |item| match (is_far(&item), range(item), &mut members) {
            (true, ..) => bytes.next().map(|bytes| bytes.map(Bytes::from)),
            (_, Some(_), Some(Ok(members))) => members.next().map(Ok),
            (_, Some(_), Some(Err(error))) => Some(Err(again(error))),
            _ => None,
        };
        items.iter().map(one).collect()
    }

    fn read(&self, item: &Item, held: Held) -> Result<Picture> {
        match (&item.place, held) {
            (Place::File(path), _) => {
                // A job that goes on after a stop would not find it again, and one that waits for a pipe hears of no stop.
                let special = std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
                if special {
                    let error =
                        Error::input("a job reads files, this is a pipe, a socket or a device").because(Reason::WrongType);
                    return Err(error.context(path.display()));
                }
                picture::read(path, &self.limits)
            }
            (Place::Member(start, length), Held::Archive(archive)) => {
                if *length > self.limits.bytes as u64 {
                    let message = format!("{length} bytes are more than the {} that are read", self.limits.bytes);
                    return Err(Error::input(message).because(Reason::TooLarge));
                }
                Picture::decode(&archive.range(*start..start + length)?, &self.limits)
            }
            (Place::Row(row), Held::Column(column, folder)) => match column.cell(*row) {
                // A table's paths are of the table's folder, where they are not of the working directory's.
                Cell::Path(path) if !Path::new(path).exists() && folder.join(path).exists() => {
                    picture::read(&folder.join(path), &self.limits)
                }
                cell => cell.read(&self.limits),
            },
            (Place::Address, _) => Err(Error::input("addresses are not read here").because(Reason::Unsupported)),
            (Place::Nowhere(message, reason), _) => Err(Error::input(message).because(*reason)),
            _ => Err(Error::input("nothing to read").because(Reason::Missing)),
        }
    }
}

fn file(listed: &Listed) -> Item {
    let (source, place) = match (listed, listed.path()) {
        (Listed::Refused { source, message, reason }, _) => (source.clone(), Place::Nowhere(message.clone(), *reason)),
        (Listed::Path(address), _) if is_address(address) => (address.clone(), Place::Address),
        (_, Some(path)) => (path.display().to_string(), Place::File(path)),
        (_, None) => (String::new(), Place::Nowhere("the name is no text".to_owned(), Reason::Unsupported)),
    };
    Item { source, row: None, place }
}

/// Whether an input is an address and no path.
pub fn is_address(input: &str) -> bool {
    input.split_once("://").is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// An error that says the same once more.
fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.explained()).because(error.reason())
}

/// A part on its way.
struct Out<'a> {
    counts: Counts,
    model: ModelInfo,
    /// The table whose rows they are, if they are rows of one.
    table: Option<String>,
    to: To<'a>,
    path: PathBuf,
}

enum To<'a> {
    Parquet(Box<(Rows, PartWriter)>),
    Text { file: WholeFile, text: Vec<u8>, hash: Sha256, bytes: u64, write: RowText<'a> },
}

impl<'a> Out<'a> {
    fn create(work: &Work<'a>, path: &Path) -> Result<Self> {
        let bundle = work.analyzer.bundle();
        let to = match work.format {
            PartFormat::Parquet => {
                let rows = Rows::new(bundle);
                let part = PartWriter::create(path, &Arc::clone(rows.schema()))?;
                To::Parquet(Box::new((rows, part)))
            }
            PartFormat::Text(write) => {
                let file = WholeFile::create(path).map_err(|e| unwritable(path, e))?;
                To::Text { file, text: Vec::new(), hash: Sha256::new(), bytes: 0, write }
            }
        };
        Ok(Self { counts: Counts::default(), model: ModelInfo::from(bundle), table: None, to, path: path.to_owned() })
    }

    fn write(&mut self, item: &Item, answer: Result<Answer>) -> Result<()> {
        let first = self.counts.pictures == 0;
        self.counts = self.counts + Counts::of(&answer);
        match &mut self.to {
            To::Parquet(parquet) => parquet.0.push(&item.source, item.row, answer.as_ref()),
            To::Text { text, write, .. } => {
                let source = item.name(self.table.as_deref());
                let row = match answer {
                    Ok(Answer { size, faces }) => PicturePrediction::answered(source, size, self.model.clone(), faces),
                    Err(error) => PicturePrediction::failed(source, None, self.model.clone(), ErrorInfo::from(&error)),
                };
                write(text, &row, first).map_err(|e| unwritable(&self.path, e))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        match &mut self.to {
            To::Parquet(parquet) => {
                let (rows, part) = &mut **parquet;
                part.write(&rows.finish()?)
            }
            To::Text { file, text, hash, bytes, .. } => {
                hash.update(&text[..]);
                *bytes += text.len() as u64;
                file.write_all(text).map_err(|e| unwritable(&self.path, e))?;
                text.clear();
                Ok(())
            }
        }
    }

    fn finish(mut self) -> Result<(Counts, u64, String)> {
        self.flush()?;
        match self.to {
            To::Parquet(parquet) => {
                let part = parquet.1.finish()?;
                Ok((self.counts, part.bytes, part.sha256))
            }
            To::Text { file, hash, bytes, .. } => {
                file.finish().map_err(|e| unwritable(&self.path, e))?;
                Ok((self.counts, bytes, Hex(&hash.finalize()).to_string()))
            }
        }
    }
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::output("the part cannot be written").with_source(error).context(path.display())
}
