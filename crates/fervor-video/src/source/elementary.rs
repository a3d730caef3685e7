//! H.264 and HEVC as they stand, with start codes (Annex B): from a file, or as they come from a pipe.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

use fervor::{Error, Result};

use super::{Frames, GiveFrames, RATE, unknown};
use crate::clip::{Clip, Decoder, Frame};
use crate::codec::{Decode, Decoded, H264, Hevc, is_h264_slice, is_hevc_slice};
use crate::input::{too_large, unreadable};
use crate::nal::{start_code, units};
use crate::options::{Chooser, Options, Passed};
use crate::yuv::Yuv;

/// A unit is at most so long; a picture of 8K compressed by a fifth has as much.
const LONGEST_UNIT: usize = 32 << 20;

/// Cuts a stream into access units: what belongs to one picture.
struct Splitter {
    stream: Box<dyn Read + Send>,
    hevc: bool,
    /// What was read and not yet given.
    bytes: Vec<u8>,
    /// Where in it the unit begins that was looked at last, and whether the picture's data have begun before.
    at: usize,
    begun: bool,
    over: bool,
}

impl Splitter {
    /// The next access unit, with its start codes; none at the end.
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        loop {
            // A unit's kind and its first bits have to be there.
            while let Some(next) = start_code(self.bytes.get(self.at..).unwrap_or_default()).map(|next| self.at + next) {
                let Some(unit) = self.bytes.get(next + 3..next + 6).or(self.over.then(|| &self.bytes[next + 3..])) else { break };
                let (data, first) = self.kind(unit);
                if self.begun && first {
                    out.clear();
                    out.extend(self.bytes.drain(..next));
                    (self.at, self.begun) = (0, false);
                    return Ok(true);
                }
                self.begun |= data;
                self.at = next + 3;
            }
            if self.over {
                out.clear();
                out.append(&mut self.bytes);
                self.at = 0;
                return Ok(!out.is_empty());
            }
            if self.bytes.len() > LONGEST_UNIT {
                return Err(too_large(format!("the stream has no frame within {LONGEST_UNIT} bytes")));
            }
            if start_code(self.bytes.get(self.at..).unwrap_or_default()).is_none() {
                // What was searched is not searched again, but for a start code across the border.
                self.at = self.at.max(self.bytes.len().saturating_sub(2));
            }
            self.over = self.read()? == 0;
        }
    }

    fn read(&mut self) -> Result<usize> {
        let mut chunk = [0; 1 << 14];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(count) => {
                    self.bytes.extend(&chunk[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
    }

    /// Whether a unit carries a part of a picture, and whether it is the first of one or comes before all of its parts.
    fn kind(&self, unit: &[u8]) -> (bool, bool) {
        let Some(&head) = unit.first() else { return (false, false) };
        let byte = |at: usize| unit.get(at).is_some_and(|byte| byte & 0x80 != 0);
        if self.hevc {
            let data = is_hevc_slice(unit);
            (data, if data { byte(2) } else { matches!(head >> 1 & 63, 32..=35 | 39 | 41..=44 | 48..=55) })
        } else {
            let data = is_h264_slice(unit);
            (data, if data { byte(1) } else { matches!(head & 31, 6..=9 | 14..=18) })
        }
    }
}

/// Puts H.264 pictures into the order of showing; HEVC's come in it.
enum Codec {
    H264 { decoder: Box<H264>, waiting: BTreeMap<(u64, i32, u64), Option<Result<Yuv>>>, group: u64 },
    Hevc(Box<Hevc>),
}

struct Elementary {
    splitter: Splitter,
    codec: Codec,
    chooser: Chooser,
    unit: Vec<u8>,
    /// Units' numbers and pictures, in the order of showing.
    ready: VecDeque<(u64, Option<Result<Yuv>>)>,
    decoded: u64,
    index: u64,
    /// How many seconds the picture of a unit lasts, by the unit's number.
    lasts: BTreeMap<u64, f64>,
    clock: Clock,
    ended: bool,
    error: Option<Error>,
}

/// Opens a stream.
pub(super) fn open(stream: Box<dyn Read + Send>, hevc: bool, options: &Options) -> Result<(Clip, Frames)> {
    let limits = options.limits.picture;
    let codec = if hevc {
        Codec::Hevc(Box::new(Hevc::new(&[], None, limits)?))
    } else {
        Codec::H264 { decoder: Box::new(H264::new(&[], None, limits)?), waiting: BTreeMap::new(), group: 0 }
    };
    let splitter = Splitter { stream, hevc, bytes: Vec::new(), at: 0, begun: false, over: false };
    let mut clip = unknown(if hevc { "hevc" } else { "h264" }, Decoder::Own);
    let mut frames = Elementary {
        splitter,
        codec,
        chooser: Chooser::new(options),
        unit: Vec::new(),
        ready: VecDeque::new(),
        decoded: 0,
        index: 0,
        lasts: BTreeMap::new(),
        clock: Clock::default(),
        ended: false,
        error: None,
    };
    // The stream says it before its first picture.
    frames.advance();
    clip.rate = Some(1.0 / frames.frame_time());
    Ok((clip, Box::new(frames)))
}

/// A unit's number and its picture.
fn numbered(Decoded { key, picture }: Decoded) -> (u64, Option<Result<Yuv>>) {
    (key as u64, picture)
}

/// The times of frames of which it is known how long each lasts. Streams that are laid end to end may have other lengths each.
#[derive(Default)]
struct Clock {
    /// When the first frame of this length was shown, and how many there were.
    from: f64,
    count: u64,
    lasts: f64,
}

impl Clock {
    /// When the next frame is shown, which lasts so long.
    fn next(&mut self, lasts: f64) -> f64 {
        // A product, not a sum: no error adds up.
        let time = self.from + self.count as f64 * self.lasts;
        if lasts.to_bits() != self.lasts.to_bits() {
            *self = Self { from: time, count: 0, lasts };
        }
        self.count += 1;
        time
    }
}

impl Elementary {
    /// Decodes until a picture is ready or the stream ends.
    fn advance(&mut self) {
        while self.ready.is_empty() && !self.ended {
            match self.splitter.next(&mut self.unit) {
                Ok(true) => self.decode(),
                Ok(false) => self.flush(),
                Err(error) => {
                    self.flush();
                    self.error = Some(error);
                }
            }
        }
    }

    fn decode(&mut self) {
        let number = self.decoded;
        self.decoded += 1;
        match &mut self.codec {
            Codec::H264 { decoder, waiting, group } => {
                let picture = decoder.decode_one(&self.unit);
                if picture.is_none() {
                    return;
                }
                // After a picture that refers to none before it the count begins anew.
                *group += u64::from(units(&self.unit).any(|unit| unit[0] & 31 == 5));
                waiting.insert((*group, decoder.order(), number), picture);
                let held = decoder.sps().map_or(0, |sps| sps.reorder);
                let from_before = |key: &(u64, i32, u64)| key.0 < *group;
                while waiting.len() > held || waiting.keys().next().is_some_and(from_before) {
                    self.ready.extend(waiting.pop_first().map(|((.., number), picture)| (number, picture)));
                }
            }
            Codec::Hevc(decoder) => {
                let mut decoded = Vec::new();
                decoder.decode(&self.unit, number as i64, &mut decoded);
                self.ready.extend(decoded.into_iter().map(numbered));
            }
        }
        self.lasts.insert(number, self.frame_time());
    }

    fn flush(&mut self) {
        self.ended = true;
        match &mut self.codec {
            Codec::H264 { waiting, .. } => {
                self.ready.extend(std::mem::take(waiting).into_iter().map(|((.., number), picture)| (number, picture)));
            }
            Codec::Hevc(decoder) => {
                let mut decoded = Vec::new();
                decoder.flush(&mut decoded);
                self.ready.extend(decoded.into_iter().map(numbered));
            }
        }
    }

    /// Seconds a frame: as the stream says it.
    fn frame_time(&self) -> f64 {
        let said = match &self.codec {
            Codec::H264 { decoder, .. } => decoder.sps().and_then(|sps| sps.frame_time),
            Codec::Hevc(decoder) => decoder.frame_time(),
        };
        said.filter(|time| (1e-3..=10.0).contains(time)).unwrap_or(1.0 / RATE)
    }
}

impl GiveFrames for Elementary {
    fn passed(&self) -> Passed {
        self.chooser.passed()
    }
}

impl Iterator for Elementary {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.advance();
            let Some((number, picture)) = self.ready.pop_front() else { return self.error.take().map(Err) };
            let lasts = self.lasts.remove(&number);
            let Some(picture) = picture else { continue };
            let (index, time) = (self.index, self.clock.next(lasts.unwrap_or_else(|| self.frame_time())));
            self.index += 1;
            if self.chooser.is_over(time) {
                return None;
            }
            if self.chooser.takes(time) {
                return Some(Ok(Frame { index, time, picture: picture.and_then(Yuv::into_picture) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_another_length_go_on_where_the_last_one_ends() {
        let mut clock = Clock::default();
        assert_eq!([0.5, 0.5, 0.5, 0.25, 0.25, 2.0, 2.0].map(|lasts| clock.next(lasts)), [0.0, 0.5, 1.0, 1.5, 1.75, 2.0, 4.0]);
        let mut clock = Clock::default();
        assert_eq!((0..=100_000).map(|_| clock.next(0.04)).last(), Some(4000.0));
    }
}
