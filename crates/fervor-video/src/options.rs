//! What is asked of a source.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use fervor::{Error, Limits, Result};

/// Which decoders may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decoders {
    /// Those inside the program for what they know, else an `ffmpeg` process.
    #[default]
    Auto,
    /// Only those inside the program: no other program is started.
    Own,
    /// An `ffmpeg` process for everything.
    Ffmpeg,
}

impl Decoders {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Own, Self::Ffmpeg];

    /// Its name: `auto`, `own`, `ffmpeg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own => "own",
            Self::Ffmpeg => "ffmpeg",
        }
    }
}

impl fmt::Display for Decoders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Decoders {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|choice| choice.name() == name);
        known.ok_or_else(|| Error::input(format!("expected auto, own or ffmpeg as decoder, got {name:?}")))
    }
}

/// What a source may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct VideoLimits {
    /// Greatest size of a frame.
    pub picture: Limits,
    /// How many frames are given before the source ends with an error. None by default: memory does not grow with them.
    pub frames: Option<u64>,
    /// Until which second of the source's clock frames are given before it ends with an error. None by default.
    pub seconds: Option<f64>,
    /// How many bytes of a source that cannot be read twice, such as standard input, are kept in a temporary file where its
    /// format needs that. 4 GiB by default.
    pub spooled: u64,
}

impl Default for VideoLimits {
    /// 8,192 pixels a side, 36 million pixels a frame (8K), any length, 4 GiB.
    fn default() -> Self {
        let picture = Limits::default().with_side(8_192).with_pixels(36_000_000);
        Self { picture, frames: None, seconds: None, spooled: 4 << 30 }
    }
}

impl VideoLimits {
    /// The same with another greatest size of a frame.
    #[must_use]
    pub fn with_picture(self, picture: Limits) -> Self {
        Self { picture, ..self }
    }

    /// The same with a greatest count of frames.
    #[must_use]
    pub fn with_frames(self, frames: u64) -> Self {
        Self { frames: Some(frames), ..self }
    }

    /// The same with a last second.
    #[must_use]
    pub fn with_seconds(self, seconds: f64) -> Self {
        Self { seconds: Some(seconds), ..self }
    }

    /// The same with another greatest size of a temporary file in bytes.
    #[must_use]
    pub fn with_spooled(self, bytes: u64) -> Self {
        Self { spooled: bytes, ..self }
    }
}

/// What is asked of a source: by default every frame, from beginning to end, within [`VideoLimits`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Which decoders may be used.
    pub decoders: Decoders,
    /// What the source may cost.
    pub limits: VideoLimits,
    /// Seconds between the frames that are given, at least; 0 gives every frame. The first frame of each such stretch is taken.
    pub every: f64,
    /// Frames before this second are left out.
    pub start: Option<f64>,
    /// Frames at this second and after it are left out.
    pub end: Option<f64>,
    /// Where `ffmpeg` is, if it is not found by its name.
    pub ffmpeg: Option<PathBuf>,
}

impl Options {
    /// The same with other [`decoders`](Self::decoders).
    #[must_use]
    pub fn with_decoders(self, decoders: Decoders) -> Self {
        Self { decoders, ..self }
    }

    /// The same with other [`limits`](Self::limits).
    #[must_use]
    pub fn with_limits(self, limits: VideoLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same with another [distance between frames](Self::every), in seconds.
    #[must_use]
    pub fn with_every(self, every: f64) -> Self {
        Self { every, ..self }
    }

    /// The same with a [`start`](Self::start), in seconds.
    #[must_use]
    pub fn with_start(self, start: f64) -> Self {
        Self { start: Some(start), ..self }
    }

    /// The same with an [`end`](Self::end), in seconds.
    #[must_use]
    pub fn with_end(self, end: f64) -> Self {
        Self { end: Some(end), ..self }
    }

    /// The same with the place of `ffmpeg`.
    #[must_use]
    pub fn with_ffmpeg(self, ffmpeg: impl Into<PathBuf>) -> Self {
        Self { ffmpeg: Some(ffmpeg.into()), ..self }
    }
}

/// Chooses frames by their times, in the order of showing.
#[derive(Clone, Debug)]
pub(crate) struct Chooser {
    every: f64,
    start: f64,
    end: f64,
    /// The next frame that is wanted has at least this time.
    due: f64,
    passed: Passed,
}

/// The frames on both sides of what is wanted: when the last one before it was shown, and the first one after it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Passed {
    pub before: Option<f64>,
    pub after: Option<f64>,
}

impl Chooser {
    pub(crate) fn new(options: &Options) -> Self {
        let start = options.start.unwrap_or(f64::NEG_INFINITY);
        Self { every: options.every, start, end: options.end.unwrap_or(f64::INFINITY), due: start, passed: Passed::default() }
    }

    /// Whether nothing that is shown at `time` or later is wanted.
    pub(crate) fn is_over(&mut self, time: f64) -> bool {
        let over = time >= self.end;
        if over {
            self.passed.after.get_or_insert(time);
        }
        over
    }

    /// What lay outside so far.
    pub(crate) fn passed(&self) -> Passed {
        self.passed
    }

    /// Whether the frame shown at `time` is wanted. To be asked once of each frame, in order.
    pub(crate) fn takes(&mut self, time: f64) -> bool {
        // Times are rounded to the clock of the container: a frame a hair before its stretch belongs to it.
        const HAIR: f64 = 1e-6;
        if time < self.start {
            self.passed.before = Some(time);
            return false;
        }
        if self.is_over(time) || time + HAIR < self.due {
            return false;
        }
        if self.every > 0.0 {
            let origin = if self.start.is_finite() { self.start } else { 0.0 };
            self.due = origin + (((time - origin + HAIR) / self.every).floor() + 1.0) * self.every;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(options: &Options, times: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut chooser = Chooser::new(options);
        times.into_iter().filter(|&time| chooser.takes(time)).collect()
    }

    #[test]
    fn one_frame_of_each_stretch_is_taken() {
        let times = || (0..10).map(|i| f64::from(i) * 0.1);
        assert_eq!(taken(&Options::default(), times()).len(), 10);
        assert_eq!(taken(&Options::default().with_every(0.5), times()), [0.0, 0.5]);
        let half = Options::default().with_every(0.25).with_start(0.25).with_end(0.8);
        let expected = [0.3, 0.5, 0.8];
        let some = taken(&half, times());
        assert!(some.len() == 2 && some.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{some:?}");
        // A gap loses the stretches inside it, and none after it.
        assert_eq!(taken(&Options::default().with_every(1.0), [0.0, 0.9, 7.5, 7.9, 8.0]), [0.0, 7.5, 8.0]);
    }

    #[test]
    fn a_rate_above_the_sources_own_gives_every_frame() {
        let thirtieths: Vec<f64> = (0..90).map(|i| f64::from(i) / 30.0).collect();
        let options = Options::default().with_every(1.0 / 30.0);
        assert_eq!(taken(&options, thirtieths.iter().copied()).len(), 90);
    }

    #[test]
    fn a_choice_of_decoders_is_read_as_it_is_written() {
        for choice in Decoders::ALL {
            assert_eq!(choice.to_string().parse::<Decoders>().unwrap(), choice);
        }
        assert!("vlc".parse::<Decoders>().is_err());
    }
}
