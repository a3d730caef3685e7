//! The decoders inside the program: access units in, pictures out.

mod h264;
mod hevc;
mod sps;

use std::panic::{AssertUnwindSafe, catch_unwind};

use fervor::{Error, Limits, Result};

use crate::input::{damaged, too_large};
use crate::yuv::Yuv;

pub(crate) use h264::{H264, is_slice as is_h264_slice};
pub(crate) use hevc::{Hevc, is_slice as is_hevc_slice};

/// What became of an access unit, by its key.
pub(crate) struct Decoded {
    pub key: i64,
    /// Its picture, or why it has none; absent if it holds none that can be shown.
    pub picture: Option<Result<Yuv>>,
}

/// Whether decoding can begin with an access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    /// No picture from here on is predicted from one before.
    pub alone: bool,
    /// With its own parameter sets.
    pub sets: bool,
}

/// Turns access units, in the order of decoding and with start codes, into pictures.
pub(crate) trait Decode: Send {
    /// Decodes one access unit. Each key is answered at least once, in this call or a later one, at the latest in
    /// [`flush`](Self::flush); the first answer counts.
    fn decode(&mut self, unit: &[u8], key: i64, out: &mut Vec<Decoded>);

    /// Gives what is still held back. The next unit begins anew.
    fn flush(&mut self, out: &mut Vec<Decoded>);

    /// Whether no other picture is predicted from this unit's.
    fn is_disposable(&self, unit: &[u8]) -> bool;

    /// Whether nothing from this unit on is predicted from what lies before it, and whether it brings parameter sets of its own.
    fn begins(&self, unit: &[u8]) -> Beginning;
}

/// Runs a decoder, which was written for files of friends as well as of strangers: should it panic, this one picture is lost.
fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(damaged("the decoder gave up on this frame")))
}

/// Checks the size that a stream states, before memory is taken for it.
fn check(limits: &Limits, width: u64, height: u64) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(damaged(format!("the video's frames have no pixels: {width} x {height}")));
    }
    if width.max(height) > limits.side.into() || width.saturating_mul(height) > limits.pixels {
        let Limits { side, pixels, .. } = limits;
        return Err(too_large(format!(
            "the video's frames have more than {side} pixels a side or {pixels} in all: {width} x {height}"
        )));
    }
    Ok(())
}

/// A decoder's own words for what it does not know.
fn unknown(what: &str) -> Error {
    crate::input::unsupported(format!("the video is of a kind that the decoders inside cannot decode: {what}"))
}
