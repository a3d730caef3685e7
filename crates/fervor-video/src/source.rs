//! [`Source`]: whatever gives frames.

mod animation;
#[cfg(feature = "decoders")]
mod elementary;
mod jpegs;
#[cfg(feature = "decoders")]
mod movie;
mod place;

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use fervor::{Error, Reason, Remedy, Result};

use crate::clip::{Clip, Decoder, Frame};
use crate::ffmpeg::{self, Input};
use crate::input::{Bytes, File, too_large, unreadable, unsupported};
use crate::options::{Decoders, Options, Passed, VideoLimits};
use crate::sniff::{self, Kind};
pub(crate) use jpegs::RATE;
use place::Place;

/// Frames, one after the other.
pub(crate) type Frames = Box<dyn GiveFrames>;

/// What frames come from.
pub(crate) trait GiveFrames: Iterator<Item = Result<Frame>> + Send {
    /// Leaves the later part of the frames to another, which can begin with it at once; none where they have to come in a row.
    fn split(&mut self) -> Option<Frames> {
        None
    }

    /// The frames so far that lay outside of what was asked for.
    fn passed(&self) -> Passed;
}

/// A video file, an animation, a stream or a camera: an iterator of its frames.
///
/// An item that is an error is the last one and says why nothing follows: the file was cut off, a limit was reached. A frame that
/// alone cannot be decoded is an item like the others, with its index, its time and [the reason](Frame::picture).
pub struct Source {
    clip: Clip,
    frames: Frames,
    /// The first frame, which was decoded to see whether it can be.
    first: Option<Result<Frame>>,
    limits: VideoLimits,
    given: u64,
    ended: bool,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("clip", &self.clip).finish_non_exhaustive()
    }
}

impl Source {
    /// Opens a file by its path, standard input by `-`, a camera by `camera:0` or `camera:NAME`, a stream by its address
    /// (`rtsp://`, `http://`).
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): nothing is there, it cannot be read, it is no video, or of a kind that no decoder at
    /// hand knows; its remedy says which would. No frame of it lies between [`Options::start`] and [`Options::end`].
    pub fn open(name: impl AsRef<Path>, options: &Options) -> Result<Self> {
        match Place::of(name.as_ref()) {
            Place::StandardInput => Self::piped("standard input", std::io::stdin(), options),
            Place::Camera(name) => Self::elsewhere(Input::Camera(name), "a camera is read by ffmpeg", options),
            Place::Address(address) => {
                Self::elsewhere(Input::Address(address), "a stream on the network is read by ffmpeg", options)
            }
            Place::File(path) => {
                let file = std::fs::File::open(&path).map_err(unreadable)?;
                if file.metadata().map_err(unreadable)?.is_dir() {
                    return Err(Error::input("a folder, not a video").because(Reason::WrongType));
                }
                Self::seekable(Box::new(file), options, || Ok(Input::File(path, None)))
            }
        }
    }

    /// Opens a video that lies in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(bytes: impl AsRef<[u8]> + Send + Sync + 'static, options: &Options) -> Result<Self> {
        // Shared, should ffmpeg have to read it after all.
        let bytes = Shared(Arc::new(bytes));
        let again = bytes.clone();
        let in_a_file = || place::in_a_file(&mut again.as_ref(), again.as_ref().len() as u64);
        Self::seekable(Box::new(Cursor::new(bytes)), options, in_a_file)
    }

    /// Opens a video whose bytes come one after the other, as from a pipe. Formats that have to be read from more than one place
    /// lie in a temporary file meanwhile.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn stream(bytes: impl Read + Send + 'static, options: &Options) -> Result<Self> {
        Self::piped("the stream", bytes, options)
    }

    /// Opens what comes through the pipe of this name.
    fn piped(name: &str, mut bytes: impl Read + Send + 'static, options: &Options) -> Result<Self> {
        let mut start = Vec::new();
        bytes.by_ref().take(sniff::LOOK as u64).read_to_end(&mut start).map_err(unreadable)?;
        if start.is_empty() {
            let hint = "see whether the program that should write the video has failed";
            return Err(Error::input(format!("{name} is empty: 0 bytes")).because(Reason::Empty).with_hint(hint));
        }
        let kind = own(&start, options);
        let mut all: Box<dyn Read + Send> = Box::new(Cursor::new(start).chain(bytes));
        match kind {
            #[cfg(feature = "decoders")]
            Some(kind @ (Kind::H264 | Kind::Hevc)) => {
                let (clip, frames) = elementary::open(all, kind == Kind::Hevc, options)?;
                Self::begin(clip, frames, options)
            }
            Some(Kind::Jpeg) => {
                let (clip, frames) = jpegs::open(all, options);
                Self::begin(clip, frames, options)
            }
            Some(_) => match place::in_a_file(&mut all, options.limits.spooled)? {
                Input::File(path, kept) => {
                    let file = std::fs::File::open(&path).map_err(unreadable)?;
                    Self::seekable(Box::new(file), options, || Ok(Input::File(path, kept)))
                }
                input => Self::elsewhere(input, "", options),
            },
            None => Self::elsewhere(Input::Stream(all), UNKNOWN, options),
        }
    }

    /// What is known of the source.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// Opens bytes that can be read again; `again` is how ffmpeg reads them.
    fn seekable(bytes: Box<dyn Bytes>, options: &Options, again: impl FnOnce() -> Result<Input>) -> Result<Self> {
        let file = File::new(bytes)?;
        if file.length == 0 {
            return Err(Error::input("the video is empty: 0 bytes").because(Reason::Empty).with_remedy(Remedy::CopyAgain));
        }
        let mut start = Vec::new();
        file.read(0, sniff::LOOK as u64, &mut start)?;
        let opened = match own(&start, options) {
            Some(kind) => Self::inside(file, kind, options),
            None => Err(unsupported(UNKNOWN)),
        };
        match opened {
            Err(error) if error.reason() == Reason::Unsupported => {
                let ffmpeg = ffmpeg::instead(error, options)?;
                let (clip, frames) = ffmpeg::open(&ffmpeg, again()?, options)?;
                Self::begin(clip, frames, options)
            }
            opened => opened,
        }
    }

    /// Opens a file with the decoders inside.
    fn inside(file: File, kind: Kind, options: &Options) -> Result<Self> {
        let (clip, frames) = match kind {
            #[cfg(feature = "decoders")]
            Kind::Mp4 => movie::open(file, options)?,
            #[cfg(feature = "decoders")]
            Kind::H264 | Kind::Hevc => elementary::open(Box::new(file.into_reader()?), kind == Kind::Hevc, options)?,
            #[cfg(not(feature = "decoders"))]
            Kind::Mp4 | Kind::H264 | Kind::Hevc => return Err(unsupported("this program was built without video decoders")),
            Kind::Jpeg => jpegs::open(Box::new(file.into_reader()?), options),
            Kind::Gif | Kind::WebP | Kind::Png => animation::open(file, kind, options)?,
        };
        Self::begin(clip, frames, options)
    }

    /// Opens what only ffmpeg reads.
    fn elsewhere(input: Input, why: &str, options: &Options) -> Result<Self> {
        let ffmpeg = ffmpeg::instead(unsupported(why), options)?;
        let (clip, frames) = ffmpeg::open(&ffmpeg, input, options)?;
        Self::begin(clip, frames, options)
    }

    /// Decodes the first frame: what cannot be decoded at all is found out here, whether any was asked for, and how large frames are.
    fn begin(mut clip: Clip, mut frames: Frames, options: &Options) -> Result<Self> {
        let first = match frames.next() {
            Some(Ok(Frame { picture: Err(error), .. })) if error.reason() == Reason::Unsupported => return Err(error),
            None if options.start.is_some() || options.end.is_some() => return Err(none_between(options, frames.passed())),
            first => first,
        };
        if let Some(Ok(Frame { picture: Ok(picture), .. })) = &first {
            (clip.width, clip.height) = (picture.width(), picture.height());
        }
        let ended = first.is_none();
        Ok(Self { clip, frames, first, limits: options.limits, given: 0, ended })
    }

    /// Leaves the later part of the frames to another source, which can be gone through at the same time; none where that cannot be,
    /// or where a limit asks for one count.
    pub(crate) fn split(&mut self) -> Option<Self> {
        let unlimited = self.limits.frames.is_none() && self.limits.seconds.is_none();
        let frames = if unlimited && !self.ended { self.frames.split()? } else { return None };
        Some(Self { clip: self.clip.clone(), frames, first: None, limits: self.limits, given: 0, ended: false })
    }

    /// The limit that a frame at this time is over, if it is.
    fn over(&self, time: f64) -> Option<Error> {
        let frames = self.limits.frames.filter(|&frames| self.given >= frames);
        let seconds = self.limits.seconds.filter(|&seconds| time >= seconds);
        let over = |what: String| too_large(format!("the video has more than {what}, which is the limit"));
        frames.map(|frames| over(format!("{frames} frames"))).or(seconds.map(|seconds| over(format!("{seconds} seconds"))))
    }
}

/// No frame is shown in the time that was asked for: which ones are nearest.
fn none_between(options: &Options, Passed { before, after }: Passed) -> Error {
    let asked = match (options.start, options.end) {
        (Some(start), Some(end)) => format!("between {start} and {end} s"),
        (Some(start), None) => format!("at {start} s or later"),
        (None, end) => format!("before {} s", end.unwrap_or_default()),
    };
    // To the microsecond, as tables have them.
    let [before, after] = [before, after].map(|time| time.map(|time| (time * 1e6).round() / 1e6));
    let nearest = match (before, after) {
        (Some(before), Some(after)) => format!("; those beside it begin at {before} and {after} s"),
        (Some(last), None) => format!("; the last one begins at {last} s"),
        (None, Some(first)) => format!("; the first one begins at {first} s"),
        (None, None) => String::new(),
    };
    Error::input(format!("no frame begins {asked}{nearest}")).because(Reason::Empty)
}

const UNKNOWN: &str = "no video that the decoders inside know";

/// The kind, where it is ours to decode.
fn own(start: &[u8], options: &Options) -> Option<Kind> {
    sniff::kind(start).filter(|kind| match options.decoders {
        Decoders::Ffmpeg => false,
        _ => cfg!(feature = "decoders") || !matches!(kind, Kind::H264 | Kind::Hevc),
    })
}

impl Iterator for Source {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut item = self.first.take().or_else(|| self.frames.next());
        if let Some(Ok(frame)) = &item
            && let Some(error) = self.over(frame.time)
        {
            item = Some(Err(error));
        }
        self.given += 1;
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Bytes with more than one owner.
#[derive(Clone)]
struct Shared(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

/// A clip that knows no more than its codec and its decoder.
pub(crate) fn unknown(codec: impl Into<String>, decoder: Decoder) -> Clip {
    Clip { width: 0, height: 0, duration: None, frames: None, rate: None, rotation: 0, codec: codec.into(), decoder, live: false }
}
