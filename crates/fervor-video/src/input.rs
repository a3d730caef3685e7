//! Where a source's bytes come from.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fervor::{Error, Reason, Remedy, Result};

/// Bytes that can be read again: a file, or bytes in memory.
pub(crate) trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// A file's bytes by their place; what lies past the end is missing, not an error. Copies share the file.
#[derive(Clone)]
pub(crate) struct File {
    open: Arc<Mutex<Open>>,
    /// How many there are.
    pub length: u64,
}

struct Open {
    bytes: Box<dyn Bytes>,
    /// Where the next read would begin without a seek.
    at: u64,
}

impl File {
    pub(crate) fn new(mut bytes: Box<dyn Bytes>) -> Result<Self> {
        let length = bytes.seek(SeekFrom::End(0)).map_err(unreadable)?;
        Ok(Self { open: Arc::new(Mutex::new(Open { bytes, at: length })), length })
    }

    /// Reads `length` bytes from `offset` into `out`, or as many as there are.
    pub(crate) fn read(&self, offset: u64, length: u64, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        let length = length.min(self.length.saturating_sub(offset));
        if length == 0 {
            return Ok(());
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.at != offset {
            // Until it is known where the bytes stand.
            open.at = u64::MAX;
            open.bytes.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        }
        let read = open.bytes.by_ref().take(length).read_to_end(out).map_err(unreadable)?;
        open.at = offset + read as u64;
        Ok(())
    }

    /// The bytes themselves, from the first, for whoever reads them in a row; no copy reads meanwhile.
    pub(crate) fn into_reader(self) -> Result<impl Bytes> {
        let mut whole = Whole(self.open);
        whole.rewind().map_err(unreadable)?;
        // A copy that reads later has to seek.
        whole.open().at = u64::MAX;
        Ok(whole)
    }
}

/// All bytes of a file.
struct Whole(Arc<Mutex<Open>>);

impl Whole {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Whole {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.open().bytes.read(out)
    }
}

impl Seek for Whole {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.open().bytes.seek(to)
    }
}

/// The operating system does not give the bytes.
pub(crate) fn unreadable(error: std::io::Error) -> Error {
    Error::input("the video cannot be read").with_source(error)
}

/// The file ends where it should go on.
pub(crate) fn cut_off(message: impl Into<String>) -> Error {
    Error::input(message).because(Reason::Truncated).with_remedy(Remedy::CopyAgain)
}

/// The file contradicts itself.
pub(crate) fn damaged(message: impl Into<String>) -> Error {
    Error::input(message).because(Reason::Damaged).with_remedy(Remedy::CopyAgain)
}

/// The file is of a kind that is not read.
pub(crate) fn unsupported(message: impl Into<String>) -> Error {
    Error::input(message).because(Reason::Unsupported)
}

/// The file is over a limit.
pub(crate) fn too_large(message: impl Into<String>) -> Error {
    Error::input(message).because(Reason::TooLarge).with_remedy(Remedy::Shrink)
}
