//! Where a source's bytes come from.

use std::io::{Read, Seek, SeekFrom};

use fervor::{Error, Reason, Remedy, Result};

/// Bytes that can be read again: a file, or bytes in memory.
pub(crate) trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// A file's bytes by their place; what lies past the end is missing, not an error.
pub(crate) struct File {
    bytes: Box<dyn Bytes>,
    /// How many there are.
    pub length: u64,
    /// Where the next read would begin without a seek.
    at: u64,
}

impl File {
    pub(crate) fn new(mut bytes: Box<dyn Bytes>) -> Result<Self> {
        let length = bytes.seek(SeekFrom::End(0)).map_err(unreadable)?;
        Ok(Self { bytes, length, at: length })
    }

    /// Reads `length` bytes from `offset` into `out`, or as many as there are.
    pub(crate) fn read(&mut self, offset: u64, length: u64, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        let length = length.min(self.length.saturating_sub(offset));
        if length == 0 {
            return Ok(());
        }
        if self.at != offset {
            self.bytes.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        }
        let read = self.bytes.by_ref().take(length).read_to_end(out).map_err(unreadable)?;
        self.at = offset + read as u64;
        Ok(())
    }

    /// The bytes themselves, from the first.
    pub(crate) fn into_reader(mut self) -> Result<Box<dyn Bytes>> {
        self.bytes.rewind().map_err(unreadable)?;
        Ok(self.bytes)
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
