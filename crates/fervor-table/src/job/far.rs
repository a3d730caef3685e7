//! Archives and tables on the disk and behind addresses, of which parts are read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fervor::error::{Error, Reason, Result};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// So much is asked for at once where things are read one after the other: long beside the time that an answer takes to begin, and
/// all that a far file takes of the memory.
const BLOCK: u64 = 8 << 20;

/// What brings bytes from behind addresses.
pub trait Far: Send + Sync {
    /// All that lies behind each of some addresses, or why there is nothing.
    fn fetch(&self, addresses: &[&str]) -> Vec<Result<Vec<u8>>>;

    /// How many bytes lie behind an address, and when they were written, in milliseconds since 1970.
    ///
    /// # Errors
    /// Nothing lies there, or it cannot be asked.
    fn stamp(&self, address: &str) -> Result<(u64, u64)>;

    /// Some ranges of what lies behind an address.
    ///
    /// # Errors
    /// They cannot be had.
    fn ranges(&self, address: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>>;
}

/// A file that is open, wherever it is.
pub(super) enum Opened {
    Disk(File),
    Far(Arc<FarFile>),
}

pub(super) struct FarFile {
    far: Arc<dyn Far>,
    address: String,
    size: u64,
    /// What was asked for last, and where it begins.
    block: Mutex<(u64, Bytes)>,
}

impl Opened {
    pub fn disk(path: &Path) -> Result<Self> {
        let cannot = |e: io::Error| Error::input("it cannot be read").with_source(e).context(path.display());
        File::open(path).map(Self::Disk).map_err(cannot)
    }

    pub fn far(far: &Arc<dyn Far>, address: &str, size: u64) -> Self {
        let block = Mutex::new((0, Bytes::new()));
        Self::Far(Arc::new(FarFile { far: Arc::clone(far), address: address.to_owned(), size, block }))
    }

    /// A range of it.
    pub fn range(&self, range: Range<u64>) -> Result<Bytes> {
        match self {
            Self::Disk(file) => {
                let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
                let cannot = |e| Error::input("the member cannot be read").because(Reason::Truncated).with_source(e);
                read_at(file, &mut bytes, range.start).map_err(cannot)?;
                Ok(bytes.into())
            }
            Self::Far(file) => file.exactly(range.start, usize::try_from(range.end - range.start).unwrap_or(usize::MAX)),
        }
    }

    /// Several ranges at once, of what is far; `None` on the disk, where one after the other is as quick and takes less memory.
    pub fn ranges(&self, ranges: &[Range<u64>]) -> Option<Result<Vec<Bytes>>> {
        match self {
            Self::Disk(_) => None,
            Self::Far(file) => Some(file.far.ranges(&file.address, ranges)),
        }
    }

    /// Its bytes from the first on; what is passed over is not read.
    pub fn cursor(&self) -> io::Result<Box<dyn Seeks>> {
        Ok(match self {
            Self::Disk(file) => {
                // A clone shares its place with those before it.
                let mut file = file.try_clone()?;
                file.rewind()?;
                Box::new(io::BufReader::new(file))
            }
            Self::Far(file) => Box::new(Cursor { file: Arc::clone(file), place: 0 }),
        })
    }
}

/// What is read from place to place.
pub(super) trait Seeks: Read + Seek + Send {}
impl<T: Read + Seek + Send> Seeks for T {}

impl FarFile {
    /// Bytes from a place on, at least one and at most so many; none at its end.
    fn some(&self, place: u64, most: usize) -> Result<Bytes> {
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        let there = |(start, bytes): &(u64, Bytes)| (*start..*start + bytes.len() as u64).contains(&place);
        if place >= self.size {
            return Ok(Bytes::new());
        }
        if !there(&block) {
            let range = place..(place + BLOCK).min(self.size);
            let bytes = self.far.ranges(&self.address, std::slice::from_ref(&range))?.pop().unwrap_or_default();
            *block = (place, bytes);
        }
        let (start, bytes) = &*block;
        let from = usize::try_from(place - start).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.slice(from..bytes.len().min(from.saturating_add(most))))
    }

    fn exactly(&self, place: u64, length: usize) -> Result<Bytes> {
        let some = self.some(place, length)?;
        if some.len() == length {
            return Ok(some);
        }
        let rest = place + some.len() as u64..(place + length as u64).min(self.size);
        let rest = self.far.ranges(&self.address, std::slice::from_ref(&rest))?.pop().unwrap_or_default();
        let whole: Bytes = [&some[..], &rest[..]].concat().into();
        match whole.len() == length {
            true => Ok(whole),
            false => Err(Error::input("it ends too early").because(Reason::Truncated)),
        }
    }
}

struct Cursor {
    file: Arc<FarFile>,
    place: u64,
}

impl Read for Cursor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.some(self.place, into.len()).map_err(io::Error::other)?;
        into[..bytes.len()].copy_from_slice(&bytes);
        self.place += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
            SeekFrom::End(by) => self.file.size.checked_add_signed(by),
        };
        self.place = place.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the first byte"))?;
        Ok(self.place)
    }
}

impl Length for Opened {
    fn len(&self) -> u64 {
        match self {
            Self::Disk(file) => Length::len(file),
            Self::Far(file) => file.size,
        }
    }
}

impl ChunkReader for Opened {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(match self {
            Self::Disk(file) => Box::new(file.get_read(start)?),
            Self::Far(file) => Box::new(Cursor { file: Arc::clone(file), place: start }),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        match self {
            Self::Disk(file) => file.get_bytes(start, length),
            Self::Far(file) => file.exactly(start, length).map_err(|e| ParquetError::External(e.into())),
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(not(unix))]
fn read_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    // A handle's place is shared between threads: only one may move it.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file = file;
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(bytes)
}
