//! [`Source`]: whatever gives frames.

mod movie;

use std::io::Cursor;
use std::path::Path;

use fervor::{Error, Reason, Remedy, Result};

use crate::clip::{Clip, Decoder, Frame};
use crate::input::{Bytes, File, unreadable, unsupported};
use crate::options::{Decoders, Options};
use crate::sniff::{self, Kind};

/// Frames, one after the other.
pub(crate) type Frames = Box<dyn Iterator<Item = Result<Frame>> + Send>;

/// A video file, an animation, a stream or a camera: an iterator of its frames.
///
/// An item that is an error is the last one and says why nothing follows: the file was cut off, a limit was reached. A frame that
/// alone cannot be decoded is an item like the others, with its index, its time and [the reason](Frame::picture).
pub struct Source {
    clip: Clip,
    frames: std::iter::Fuse<Frames>,
    /// The first frame, which was decoded to see whether it can be.
    first: Option<Result<Frame>>,
    ended: bool,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("clip", &self.clip).finish_non_exhaustive()
    }
}

impl Source {
    /// Opens a file by its path, standard input by `-`, a camera by `camera:0`, a stream by its address.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): nothing is there, it cannot be read, it is no video, or of a kind that no decoder at
    /// hand knows.
    pub fn open(name: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let path = name.as_ref();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Error::input("a folder, not a video").because(Reason::WrongType));
        }
        Self::seekable(Box::new(file), options)
    }

    /// Opens a video that lies in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(bytes: Vec<u8>, options: &Options) -> Result<Self> {
        Self::seekable(Box::new(Cursor::new(bytes)), options)
    }

    /// What is known of the source.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    fn seekable(bytes: Box<dyn Bytes>, options: &Options) -> Result<Self> {
        let mut file = File::new(bytes)?;
        if file.length == 0 {
            return Err(Error::input("the video is empty: 0 bytes").because(Reason::Empty).with_remedy(Remedy::CopyAgain));
        }
        let mut start = Vec::new();
        file.read(0, sniff::LOOK as u64, &mut start)?;
        match sniff::kind(&start) {
            Some(Kind::Mp4) if options.decoders != Decoders::Ffmpeg => {
                let (clip, frames) = movie::open(file, options)?;
                Self::begin(clip, frames)
            }
            _ => Err(unsupported("the video is of a kind that is not read yet")),
        }
    }

    /// Decodes the first frame: what cannot be decoded at all is found out here, and how large frames are.
    fn begin(mut clip: Clip, frames: Frames) -> Result<Self> {
        let mut frames = frames.fuse();
        let first = frames.next();
        if let Some(Ok(Frame { picture, .. })) = &first {
            match picture {
                Ok(picture) => (clip.width, clip.height) = (picture.width(), picture.height()),
                Err(error) if error.reason() == Reason::Unsupported => {
                    if let Some(Ok(Frame { picture: Err(error), .. })) = first {
                        return Err(error);
                    }
                }
                Err(_) => {}
            }
        }
        Ok(Self { clip, frames, first, ended: false })
    }
}

impl Iterator for Source {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.first.take().or_else(|| self.frames.next());
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// A clip that knows no more than its codec and its decoder.
pub(crate) fn unknown(codec: impl Into<String>, decoder: Decoder) -> Clip {
    Clip { width: 0, height: 0, duration: None, frames: None, rotation: 0, codec: codec.into(), decoder, live: false }
}
