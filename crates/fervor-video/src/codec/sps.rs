//! What a sequence parameter set of H.264 says of size, colour and order (ITU-T H.264, 7.3.2.1.1 and E.1.1).

use crate::nal::unescaped;
use crate::yuv::Colour;

/// What is read of a set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sps {
    pub width: u64,
    pub height: u64,
    pub colour: Option<Colour>,
    /// How many pictures may be decoded before and shown after another one.
    pub reorder: usize,
    /// Seconds a frame, where the stream says so.
    pub frame_time: Option<f64>,
}

/// Bits of a payload, the highest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit.into())
    }

    fn flag(&mut self) -> Option<bool> {
        self.bit().map(|bit| bit == 1)
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value: u32, _| Some(value << 1 | self.bit()?))
    }

    /// An Exp-Golomb number.
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.bits(zeros)?)
    }

    fn se(&mut self) -> Option<i32> {
        let value = self.ue()?;
        let half = value.div_ceil(2) as i32;
        Some(if value % 2 == 1 { half } else { -half })
    }
}

impl Sps {
    /// Reads a unit whose type is 7.
    pub(crate) fn read(unit: &[u8]) -> Option<Self> {
        // Scaling lists are the longest part: some 700 bytes at most.
        let payload = unescaped(unit.get(1..)?, 4096);
        let mut bits = Bits { bytes: &payload, at: 0 };
        let profile = bits.bits(8)?;
        bits.bits(8)?;
        let level = bits.bits(8)?;
        bits.ue()?;
        let mut chroma = 1;
        if [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(&profile) {
            chroma = bits.ue()?;
            if chroma == 3 {
                bits.bit()?;
            }
            bits.ue()?;
            bits.ue()?;
            bits.bit()?;
            if bits.flag()? {
                for list in 0..if chroma == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        bits.ue()?;
        let order_kind = bits.ue()?;
        match order_kind {
            0 => {
                bits.ue()?;
            }
            1 => {
                bits.bit()?;
                bits.se()?;
                bits.se()?;
                let count = bits.ue()?;
                for _ in 0..count.min(256) {
                    bits.se()?;
                }
            }
            _ => {}
        }
        let references = bits.ue()?;
        bits.bit()?;
        let (columns, rows) = (u64::from(bits.ue()?) + 1, u64::from(bits.ue()?) + 1);
        let frames_only = bits.bit()?;
        if frames_only == 0 {
            bits.bit()?;
        }
        bits.bit()?;
        let mut crop = [0; 4];
        if bits.flag()? {
            for side in &mut crop {
                *side = u64::from(bits.ue()?);
            }
        }
        let fields = 2 - u64::from(frames_only);
        let (unit_x, unit_y) = match chroma {
            1 => (2, 2 * fields),
            2 => (2, fields),
            _ => (1, fields),
        };
        let (coded_width, coded_height) = (columns * 16, rows * fields * 16);
        let width = coded_width.checked_sub(unit_x * (crop[0] + crop[1]))?;
        let height = coded_height.checked_sub(unit_y * (crop[2] + crop[3]))?;
        let mut sps = Self { width, height, colour: None, reorder: 0, frame_time: None };
        let deepest = buffered(level, columns * rows * fields).max(references as usize).min(16);
        // In these nothing is shown in another order than it is decoded.
        let in_order = order_kind == 2 || profile == 66;
        sps.reorder = if in_order { 0 } else { deepest };
        if bits.flag()? {
            // What is not whole says nothing.
            sps.usability(&mut bits, in_order);
        }
        Some(sps)
    }

    /// The video usability information.
    fn usability(&mut self, bits: &mut Bits<'_>, in_order: bool) -> Option<()> {
        if bits.flag()? && bits.bits(8)? == 255 {
            bits.bits(32)?;
        }
        if bits.flag()? {
            bits.bit()?;
        }
        if bits.flag()? {
            bits.bits(3)?;
            let full = bits.flag()?;
            let mut matrix = 2;
            if bits.flag()? {
                bits.bits(16)?;
                matrix = bits.bits(8)? as u8;
            }
            self.colour = Some(Colour { matrix, full });
        }
        if bits.flag()? {
            bits.ue()?;
            bits.ue()?;
        }
        if bits.flag()? {
            let (units, scale) = (bits.bits(32)?, bits.bits(32)?);
            bits.bit()?;
            // Two fields a frame.
            self.frame_time = (units > 0 && scale > 0).then(|| 2.0 * f64::from(units) / f64::from(scale));
        }
        let (nal, vcl) = (bits.flag()?.then(|| skip_buffering(bits)), bits.flag()?.then(|| skip_buffering(bits)));
        for described in [nal, vcl].into_iter().flatten() {
            described?;
        }
        if nal.or(vcl).is_some() {
            bits.bit()?;
        }
        bits.bit()?;
        if bits.flag()? {
            bits.bit()?;
            for _ in 0..4 {
                bits.ue()?;
            }
            let reorder = bits.ue()? as usize;
            if !in_order {
                self.reorder = reorder.min(16);
            }
        }
        Some(())
    }
}

fn skip_scaling_list(bits: &mut Bits<'_>, length: usize) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..length {
        if next != 0 {
            next = (last + bits.se()? + 256).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

fn skip_buffering(bits: &mut Bits<'_>) -> Option<()> {
    let count = bits.ue()?;
    bits.bits(8)?;
    for _ in 0..=count.min(31) {
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
    }
    bits.bits(20).map(drop)
}

/// How many pictures of so many macroblocks a decoder of this level holds (table A-1).
fn buffered(level: u32, macroblocks: u64) -> usize {
    let held: u64 = match level {
        ..=10 => 396,
        11 => 900,
        12 | 13 | 20 => 2_376,
        21 => 4_752,
        22 | 30 => 8_100,
        31 => 18_000,
        32 => 20_480,
        40 | 41 => 32_768,
        42 => 34_816,
        50 => 110_400,
        _ => 184_320,
    };
    (held / macroblocks.max(1)).clamp(1, 16) as usize
}
