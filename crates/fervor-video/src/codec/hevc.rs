//! HEVC by `rusty_h265`.

use std::collections::BTreeSet;

use fervor::{Error, Limits, Result};
use rusty_h265::ps::{Sps, parse_sps};
use rusty_h265::{Decoder, Plane};

use super::h264::colour;
use super::{Beginning, Decode, Decoded, check, guarded, unknown};
use crate::input::damaged;
use crate::nal::{push_unit, unescaped, units};
use crate::yuv::{Colour, Yuv};

/// No stream holds back more pictures than 16.
const MOST_WAITING: usize = 24;

/// A decoder with what its stream said last.
pub(crate) struct Hevc {
    decoder: Decoder,
    limits: Limits,
    otherwise: Option<Colour>,
    sps: Option<Sps>,
    /// Keys of units whose pictures have not come yet.
    waiting: BTreeSet<i64>,
}

impl Hevc {
    /// A decoder that is given these parameter sets first.
    pub(crate) fn new(sets: &[Vec<u8>], colour: Option<Colour>, limits: Limits) -> Result<Self> {
        let mut stream = Vec::new();
        sets.iter().for_each(|unit| push_unit(unit, &mut stream));
        let mut this = Self { decoder: Decoder::new(), limits, otherwise: colour, sps: None, waiting: BTreeSet::new() };
        this.push(&stream, None)?;
        Ok(this)
    }

    /// Seconds a frame, where the stream says so.
    pub(crate) fn frame_time(&self) -> Option<f64> {
        let vui = self.sps.as_ref()?.vui.as_ref()?;
        let said = vui.timing_info_present && vui.num_units_in_tick > 0 && vui.time_scale > 0;
        said.then(|| f64::from(vui.num_units_in_tick) / f64::from(vui.time_scale))
    }

    fn push(&mut self, stream: &[u8], key: Option<i64>) -> Result<()> {
        for unit in units(stream).filter(|unit| unit.len() > 2 && unit[0] >> 1 & 63 == 33) {
            let sps = guarded(|| parse_sps(&unescaped(&unit[2..], 1 << 16)).map_err(words))?;
            check(&self.limits, sps.width.into(), sps.height.into())?;
            self.sps = Some(sps);
        }
        guarded(|| self.decoder.push_annexb(stream, key).map_err(words))
    }

    /// Takes what is ready.
    fn take(&mut self, out: &mut Vec<Decoded>) {
        while let Ok(frame) = self.decoder.next_frame() {
            let Some(key) = frame.pts else { continue };
            self.waiting.remove(&key);
            let picture = guarded(|| self.narrow(&frame));
            out.push(Decoded { key, picture: Some(picture) });
        }
    }

    /// Answers for the first picture that is waited for, which does not come.
    fn give_up(&mut self, out: &mut Vec<Decoded>) {
        let answer = |key| Decoded { key, picture: Some(Err(damaged("the frame is not whole"))) };
        out.extend(self.waiting.pop_first().map(answer));
    }

    /// The visible part of a picture in 8 bits.
    fn narrow(&self, frame: &rusty_h265::Frame) -> Result<Yuv> {
        let picture = &frame.picture;
        if !matches!(picture.chroma_format_idc, 0 | 1) {
            return Err(unknown("HEVC with more chroma than 4:2:0"));
        }
        let (left, top, width, height) = picture.crop;
        let stream = self.sps.as_ref().and_then(|sps| sps.vui.as_ref());
        let stream = stream.map(|vui| Colour { matrix: vui.matrix_coeffs, full: vui.video_full_range_flag });
        // Nothing written reads as the identity matrix, which no 4:2:0 picture has.
        let stream = stream.map(|said| if said.matrix == 0 { Colour { matrix: 2, ..said } } else { said });
        let colour = colour(stream, self.otherwise);
        let [y, u, v] = &picture.planes;
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let chroma = |plane| match picture.chroma_format_idc {
            0 => vec![128; half_width * half_height],
            _ => cut(plane, (left / 2, top / 2), (half_width, half_height), picture.bit_depth_chroma),
        };
        let y = cut(y, (left, top), (width, height), picture.bit_depth_luma);
        Ok(Yuv { width, height, y, u: chroma(u), v: chroma(v), colour })
    }
}

impl Decode for Hevc {
    fn decode(&mut self, unit: &[u8], key: i64, out: &mut Vec<Decoded>) {
        if !units(unit).any(is_slice) {
            let picture = self.push(unit, None).err().map(Err);
            out.push(Decoded { key, picture });
            return;
        }
        let left_out = self.decoder.stats.skipped_rasl;
        match self.push(unit, Some(key)) {
            // Pictures that lead to the first one refer to what is not there: no decoder shows them.
            Ok(()) if self.decoder.stats.skipped_rasl > left_out => out.push(Decoded { key, picture: None }),
            Ok(()) => drop(self.waiting.insert(key)),
            // What was damaged may still come, with holes: the first answer counts.
            Err(error) => out.push(Decoded { key, picture: Some(Err(error)) }),
        }
        self.take(out);
        // Bounded whatever the stream does.
        while self.waiting.len() > MOST_WAITING {
            self.give_up(out);
        }
    }

    fn flush(&mut self, out: &mut Vec<Decoded>) {
        let flushed = guarded(|| {
            self.decoder.flush();
            Ok(())
        });
        if flushed.is_ok() {
            self.take(out);
        }
        while !self.waiting.is_empty() {
            self.give_up(out);
        }
    }

    fn is_disposable(&self, unit: &[u8]) -> bool {
        // Sub-layer non-reference pictures are even types below 16: of the highest layer nothing is predicted from them. Which
        // layer is the highest is not looked up, so only streams with one are skipped in.
        let single = self.sps.as_ref().is_some_and(|sps| sps.max_sub_layers_minus1 == 0);
        single && units(unit).filter(|unit| is_slice(unit)).all(|unit| (unit[0] >> 1 & 63) < 16 && unit[0] >> 1 & 1 == 0)
    }

    fn begins(&self, unit: &[u8]) -> Beginning {
        // IDR: pictures that lead to one need nothing from before it, those that lead to a CRA do.
        let kinds = || units(unit).map(|unit| unit[0] >> 1 & 63);
        let alone = kinds().find(|&kind| kind < 32).is_some_and(|kind| matches!(kind, 19 | 20));
        Beginning { alone, sets: kinds().any(|kind| kind == 33) }
    }
}

/// Whether a unit carries a part of a picture.
pub(crate) fn is_slice(unit: &[u8]) -> bool {
    unit[0] >> 1 & 63 < 32
}

/// A part of a plane, its values shifted to 8 bits.
fn cut(plane: &Plane, (left, top): (usize, usize), (width, height): (usize, usize), depth: u8) -> Vec<u8> {
    let shift = u32::from(depth.saturating_sub(8));
    let mut out = Vec::with_capacity(width * height);
    for row in top..top + height {
        let values = &plane.row(row)[left..left + width];
        out.extend(values.iter().map(|&value| (value >> shift) as u8));
    }
    out
}

/// The decoder's error in our words.
fn words(error: rusty_h265::Error) -> Error {
    match error {
        rusty_h265::Error::Unsupported(what) => unknown(&what),
        rusty_h265::Error::Unimplemented(what) => unknown(what),
        error => damaged("the frame is damaged").with_source(error.to_string()),
    }
}
