//! What is known of a source before its first frame, and a frame.

use std::fmt;

use fervor::{Picture, Result};

/// What turns a source's bytes into pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decoder {
    /// The decoders inside this program.
    Own,
    /// An `ffmpeg` process.
    Ffmpeg,
}

impl Decoder {
    /// Its name: `own`, `ffmpeg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Ffmpeg => "ffmpeg",
        }
    }
}

impl fmt::Display for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known of a source before its first frame.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Clip {
    /// Width of the upright frames in pixels.
    pub width: u32,
    /// Height of the upright frames in pixels.
    pub height: u32,
    /// Seconds from the first frame to the end of the last, where the source says so.
    pub duration: Option<f64>,
    /// How many frames the source has, where it says so: all of them, whichever are asked for.
    pub frames: Option<u64>,
    /// Frames a second on average, where the source says it.
    pub rate: Option<f64>,
    /// By how many degrees the stored pictures are turned clockwise to stand upright: 0, 90, 180 or 270. It is done already.
    pub rotation: u16,
    /// How the pictures are compressed, as `h264`, `hevc`, `gif`, `mjpeg`.
    pub codec: String,
    /// What decodes them.
    pub decoder: Decoder,
    /// Whether the source has no end of its own: a camera, a stream.
    pub live: bool,
}

/// One frame: its place and time, and its picture or why there is none.
#[derive(Debug)]
#[non_exhaustive]
pub struct Frame {
    /// The frame's number in the whole source, from 0, in the order of showing.
    pub index: u64,
    /// When it is shown, in seconds of the source's own clock.
    pub time: f64,
    /// The upright picture; or why this one frame could not be decoded, others follow.
    pub picture: Result<Picture>,
}
