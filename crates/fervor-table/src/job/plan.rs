//! What a job looks at, cut into pieces.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use fervor::error::{Error, Reason, Result};
use fervor::hash::Hex;
use fervor::picture::Format;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::archive::{self, Member, Stopped};
use super::far::{Far, Opened};
use super::list::{ListDigest, ListFacts};
use super::sources;
use super::work::is_address;

/// What becomes one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// Its place in the plan, from 0.
    pub number: usize,
    /// Pictures in it.
    pub pictures: usize,
    /// Where they are.
    pub content: Content,
}

/// Where the pictures of a piece are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Files.
    Files(Vec<Listed>),
    /// Members of a tar archive: name, and where its bytes begin and how many there are.
    Tar {
        /// The archive.
        archive: Stamped,
        /// Its pictures.
        members: Vec<(String, u64, u64)>,
    },
    /// Rows of a Parquet file.
    Rows {
        /// The file.
        table: Stamped,
        /// The column with the pictures.
        column: String,
        /// The row group.
        group: usize,
        /// Rows of that group before these.
        skip: usize,
        /// Rows of the file before these.
        first: u64,
    },
}

/// A file that must not change between plan and work, since the plan says where in it things are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// Its path.
    pub path: PathBuf,
    bytes: u64,
    /// Milliseconds since 1970.
    modified: u64,
}

impl Stamped {
    fn of(path: &Path, far: Option<&Arc<dyn Far>>) -> Result<Self> {
        if let Some(address) = path.to_str().filter(|path| is_address(path)) {
            let far = far.ok_or_else(|| Error::input("addresses are not read here").because(Reason::Unsupported))?;
            let (bytes, modified) = far.stamp(address)?;
            return Ok(Self { path: path.to_owned(), bytes, modified });
        }
        let cannot = |e: std::io::Error| Error::input("it cannot be read").with_source(e).context(path.display());
        let found = std::fs::metadata(path).map_err(cannot)?;
        let modified = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let modified = u64::try_from(modified.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { path: path.to_owned(), bytes: found.len(), modified })
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): it cannot be opened, or it is not what it was when the job was planned
    /// ([`Reason::Changed`]).
    pub(super) fn open(&self, far: Option<&Arc<dyn Far>>) -> Result<Opened> {
        let message = "it is no longer what it was when the job was planned";
        if Self::of(&self.path, far)? != *self {
            return Err(Error::input(message).because(Reason::Changed).context(self.path.display()));
        }
        match (far, self.path.to_str().filter(|path| is_address(path))) {
            (Some(far), Some(address)) => Ok(Opened::far(far, address, self.bytes)),
            _ => Opened::disk(&self.path),
        }
    }
}

/// A file among the inputs, or what was named and is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Listed {
    /// A path.
    Path(String),
    /// A path that is no text.
    Raw {
        /// Its bytes.
        raw: Vec<u8>,
    },
    /// What leads to no picture: its row has this error.
    Refused {
        /// As it was named.
        source: String,
        /// What is wrong.
        message: String,
        /// Why.
        reason: Reason,
    },
}

impl From<PathBuf> for Listed {
    fn from(path: PathBuf) -> Self {
        match path.into_os_string().into_string() {
            Ok(path) => Self::Path(path),
            Err(path) => raw(path),
        }
    }
}

#[cfg(unix)]
fn raw(path: std::ffi::OsString) -> Listed {
    Listed::Raw { raw: std::os::unix::ffi::OsStringExt::into_vec(path) }
}

#[cfg(not(unix))]
fn raw(path: std::ffi::OsString) -> Listed {
    Listed::Path(path.to_string_lossy().into_owned())
}

impl Listed {
    /// The path; `None` where there is none to read.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Path(path) => Some(PathBuf::from(path)),
            #[cfg(unix)]
            Self::Raw { raw } => {
                Some(PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(raw.clone())))
            }
            #[cfg(not(unix))]
            Self::Raw { .. } => None,
            Self::Refused { .. } => None,
        }
    }
}

/// Why a Parquet file is no input.
#[derive(Debug)]
pub enum NoInput {
    /// It holds answers of this program, under this schema.
    Answers(String),
    /// No column holds pictures, or not the one that was named.
    NoPictures(Error),
}

impl NoInput {
    /// The same as an error that says what to do.
    pub fn error(self) -> Error {
        match self {
            Self::Answers(schema) => Error::input(format!(
                "it holds answers ({schema}), not pictures: name the pictures themselves, or the column that has their paths"
            ))
            .because(Reason::NotAPicture),
            Self::NoPictures(error) => error,
        }
    }
}

/// Cuts inputs into pieces as they are named, and writes the pieces down, one a line: a plan of any length takes the memory of one.
pub struct Planner<'a> {
    out: &'a mut dyn Write,
    /// Pictures of a piece.
    size: usize,
    files: Vec<Listed>,
    hash: Sha256,
    pieces: usize,
    pictures: u64,
    notes: Vec<String>,
    list: Option<ListDigest>,
    far: Option<Arc<dyn Far>>,
}

/// What a plan came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Planned {
    pub pieces: usize,
    pub pictures: u64,
    pub sha256: String,
}

impl<'a> Planner<'a> {
    pub(super) fn new(out: &'a mut dyn Write, size: usize) -> Self {
        let (files, notes) = (Vec::new(), Vec::new());
        Self { out, size: size.max(1), files, hash: Sha256::new(), pieces: 0, pictures: 0, notes, list: None, far: None }
    }

    /// What brings archives and tables from behind addresses; without it, they are rows with errors.
    pub fn reaches(&mut self, far: Arc<dyn Far>) {
        self.far = Some(far);
    }

    /// Notes a path that a list names, beside what it leads to: the job keeps a digest of them, and goes on with no other list.
    pub fn listed(&mut self, path: &Path) {
        self.list.get_or_insert_default().add(path);
    }

    /// The next input: a file.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): the plan cannot be written.
    pub fn file(&mut self, file: Listed) -> Result<()> {
        self.files.push(file);
        if self.files.len() == self.size { self.files_end() } else { Ok(()) }
    }

    /// The next input: the pictures in a tar archive, on the disk or behind an address, and those that links in it lead to. One that
    /// cannot be read, or not to its end, is a row with an error, and so is a link to a picture that is not in it.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn archive(&mut self, path: &Path) -> Result<()> {
        self.files_end()?;
        let opened = Stamped::of(path, self.far.as_ref()).and_then(|archive| Ok((archive.open(self.far.as_ref())?, archive)));
        let (file, archive) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.refused(path, &error),
        };
        let (mut members, mut others, mut broken) = (Vec::new(), 0_usize, None);
        let ended = archive::members(&file, path, &mut |member| {
            match member {
                Member::Picture(name, place, size) => members.push((name, place, size)),
                Member::Refused(name, error) => self.refused(Path::new(&format!("{}/{name}", path.display())), &error)?,
                Member::Other => others += 1,
            }
            if members.len() < self.size {
                return Ok(());
            }
            let members = std::mem::take(&mut members);
            self.piece(members.len(), Content::Tar { archive: archive.clone(), members })
        });
        match ended {
            Ok(()) => {}
            Err(Stopped::Broken(error)) => broken = Some(error),
            Err(Stopped::ByCaller(error)) => return Err(error),
        }
        if !members.is_empty() {
            self.piece(members.len(), Content::Tar { archive, members })?;
        }
        if others > 0 {
            self.notes.push(format!("{}: passed over {others} members that are no pictures", path.display()));
        }
        broken.map_or(Ok(()), |error| self.refused(path, &error))
    }

    /// The next input: the rows of a Parquet file, on the disk or behind an address. Without a column's name, the one that holds
    /// pictures. A file that cannot be read, has no such column, or holds answers of this program is a row with an error; a column of
    /// answers is read if it is named.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn table(&mut self, path: &Path, column: Option<&str>) -> Result<()> {
        match self.rows(path, column, column.is_some())? {
            Some(no_input) => {
                let error = no_input.error();
                let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                self.refuse(path, error.explained() + &hint, error.reason())
            }
            None => Ok(()),
        }
    }

    /// As [`table`](Self::table), of a file that nobody named: one that is no input is passed over, and the caller told why.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn table_met(&mut self, path: &Path, column: Option<&str>) -> Result<Option<NoInput>> {
        self.rows(path, column, false)
    }

    fn rows(&mut self, path: &Path, column: Option<&str>, of_answers: bool) -> Result<Option<NoInput>> {
        self.files_end()?;
        let opened = Stamped::of(path, self.far.as_ref()).and_then(|table| {
            let file = table.open(self.far.as_ref())?;
            Ok((table, sources::groups(file).map_err(|e| e.context(path.display()))?))
        });
        let (table, (schema, groups)) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.refused(path, &error).map(|()| None),
        };
        if let Some(answers) = sources::answers(&schema).filter(|_| !of_answers) {
            return Ok(Some(NoInput::Answers(answers.to_owned())));
        }
        let column = match sources::column(&schema, column) {
            Ok(column) => column,
            Err(error) => return Ok(Some(NoInput::NoPictures(error))),
        };
        let mut first = 0;
        for (group, rows) in groups.into_iter().enumerate() {
            for skip in (0..rows).step_by(self.size) {
                let count = self.size.min(rows - skip);
                let (table, column) = (table.clone(), column.clone());
                self.piece(count, Content::Rows { table, column, group, skip, first })?;
                first += count as u64;
            }
        }
        Ok(None)
    }

    fn refused(&mut self, path: &Path, error: &Error) -> Result<()> {
        self.refuse(path, error.explained(), error.reason())
    }

    fn refuse(&mut self, path: &Path, message: String, reason: Reason) -> Result<()> {
        self.file(Listed::Refused { source: path.display().to_string(), message, reason })
    }

    fn files_end(&mut self) -> Result<()> {
        let files = std::mem::take(&mut self.files);
        if files.is_empty() { Ok(()) } else { self.piece(files.len(), Content::Files(files)) }
    }

    fn piece(&mut self, pictures: usize, content: Content) -> Result<()> {
        let unwritable = |e: std::io::Error| Error::output("the plan cannot be written").with_source(e);
        let mut line = serde_json::to_vec(&Piece { number: self.pieces, pictures, content })
            .map_err(|e| Error::output("the plan cannot be written").with_source(e))?;
        line.push(b'\n');
        self.hash.update(&line);
        self.pieces += 1;
        self.pictures += pictures as u64;
        self.out.write_all(&line).map_err(unwritable)
    }

    pub(super) fn finish(mut self) -> Result<(Planned, Option<ListFacts>, Vec<String>)> {
        self.files_end()?;
        let sha256 = Hex(&self.hash.finalize()).to_string();
        let planned = Planned { pieces: self.pieces, pictures: self.pictures, sha256 };
        Ok((planned, self.list.map(ListDigest::finish), self.notes))
    }
}

/// Whether a member of an archive is a picture, by its name or its first bytes.
pub(super) fn is_picture(name: &str, start: &[u8]) -> bool {
    let by_name = name.rsplit_once('.').is_some_and(|(_, extension)| Format::from_extension(extension).is_some());
    by_name || Format::of(start).is_some()
}

/// The pieces of a written plan, one after the other.
///
/// # Errors
/// [`Input`](fervor::ErrorKind::Input): it is gone or damaged.
pub(super) fn pieces(path: &Path) -> Result<impl Iterator<Item = Result<(Piece, String)>> + use<>> {
    let place = path.to_owned();
    let cannot =
        |e: std::io::Error, place: &Path| Error::input("the job's plan cannot be read").with_source(e).context(place.display());
    let file = File::open(path).map_err(|e| cannot(e, path))?;
    Ok(std::io::BufRead::lines(BufReader::new(file)).map(move |line| {
        let line = line.map_err(|e| cannot(e, &place))?;
        let piece = serde_json::from_str(&line).map_err(|e| {
            Error::input("the job's plan is damaged").because(Reason::Damaged).with_source(e).context(place.display())
        })?;
        let key = fervor::hash::sha256(line.as_bytes());
        Ok((piece, key[..8].to_owned()))
    }))
}
