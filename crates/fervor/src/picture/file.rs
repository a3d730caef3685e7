//! Picture files on disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::refusal::{is_no_picture, over_bytes};
use super::{Limits, Picture};
use crate::error::{Error, Reason, Result};

/// Bytes by which a file that is too large may be known for something else than a picture.
const START: u64 = 512;

/// Reads and decodes one file. Its size is checked before it is read.
///
/// # Errors
/// [`Input`](crate::ErrorKind::Input), with the path as its [context](Error::contexts): no such file, not a file, or what [`Picture::decode`] refuses.
pub fn read(path: &Path, limits: &Limits) -> Result<Picture> {
    Picture::decode(&read_bytes(path, limits)?, limits).map_err(|e| e.context(path.display()))
}

impl Picture {
    /// Reads and decodes one file within the usual [`Limits`].
    ///
    /// # Errors
    /// As [`read`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        read(path.as_ref(), &Limits::default())
    }
}

/// Reads one file's bytes, if there are no more than the limit allows: for callers who also want them.
///
/// # Errors
/// [`Input`](crate::ErrorKind::Input), with the path as its [context](Error::contexts): no such file, not a file, or too large.
pub fn read_bytes(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let unreadable = |e: io::Error| Error::input("the file cannot be read").with_source(e).context(path.display());
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Error::input("a picture file was expected, this is a folder")
            .because(Reason::WrongType)
            .context(path.display()));
    }
    let too_large = |bytes: u64| over_bytes(bytes, limits).context(path.display());
    if metadata.len() > limits.bytes as u64 {
        let mut start = Vec::new();
        (&file).take(START).read_to_end(&mut start).map_err(unreadable)?;
        return Err(is_no_picture(&start).map_or_else(|| too_large(metadata.len()), |error| error.context(path.display())));
    }
    // A pipe has no length beforehand, and a file can grow: what is read is bounded too.
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    file.take((limits.bytes as u64).saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > limits.bytes {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}
