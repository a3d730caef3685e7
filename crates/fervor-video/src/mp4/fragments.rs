//! Movie fragments: samples that the index at the front does not list.

use fervor::Result;

use super::boxes::{Fields, boxes, child};
use super::{MOST_SAMPLES, Sample, Track};
use crate::input::{damaged, too_large};

/// What a sample is if its fragment says nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    pub lasts: u32,
    pub size: u32,
    pub flags: u32,
}

impl Defaults {
    /// Of the `trex` box of this track, in the index.
    pub(super) fn of(moov: &[u8], track: u32) -> Self {
        let all = child(moov, b"mvex").into_iter().flat_map(boxes).filter(|(name, _)| name == b"trex");
        let read = |content| {
            let mut fields = Fields(content);
            fields.skip(4)?;
            (fields.u32()? == track).then_some(())?;
            fields.skip(4)?;
            Some(Self { lasts: fields.u32()?, size: fields.u32()?, flags: fields.u32()? })
        };
        all.filter_map(|(_, content)| read(content)).next().unwrap_or_default()
    }
}

/// Appends the samples of a `moof` box that begins at `start`. What of it is not whole is left out.
pub(super) fn add(track: &mut Track, moof: &[u8], start: u64, file_length: u64) -> Result<()> {
    for (_, traf) in boxes(moof).filter(|(name, _)| name == b"traf") {
        let Some((mut defaults, base)) = child(traf, b"tfhd").and_then(|content| head(content, track, start)) else { continue };
        let mut decoded = child(traf, b"tfdt").and_then(decode_time).unwrap_or_else(|| end(&track.samples));
        let mut offset = base;
        for (_, trun) in boxes(traf).filter(|(name, _)| name == b"trun") {
            run(track, trun, &mut defaults, base, &mut offset, &mut decoded, file_length);
        }
        if track.samples.len() > MOST_SAMPLES {
            return Err(too_large(format!("the video has more than {MOST_SAMPLES} samples")));
        }
        if track.implied > file_length {
            return Err(damaged("the video's fragments count more samples than the file has bytes for"));
        }
    }
    Ok(())
}

/// When the last sample's time of decoding ends.
fn end(samples: &[Sample]) -> i64 {
    samples.last().map_or(0, |last| last.decoded.saturating_add(last.lasts.into()))
}

/// Of `tfhd`: the defaults, and from where data are counted; none if it is another track's.
fn head(content: &[u8], track: &Track, start: u64) -> Option<(Defaults, u64)> {
    let mut fields = Fields(content);
    let (_, flags) = fields.version()?;
    (fields.u32()? == track.id).then_some(())?;
    let mut defaults = track.defaults;
    let mut base = start;
    if flags & 1 != 0 {
        base = fields.u64()?;
    }
    if flags & 2 != 0 {
        fields.skip(4)?;
    }
    for (bit, value) in [(0x08, &mut defaults.lasts), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)] {
        if flags & bit != 0 {
            *value = fields.u32()?;
        }
    }
    Some((defaults, base))
}

fn decode_time(content: &[u8]) -> Option<i64> {
    let mut fields = Fields(content);
    let (version, _) = fields.version()?;
    fields.sized(version == 1).map(|time| time.min(i64::MAX as u64 / 4) as i64)
}

/// The samples of one `trun`.
fn run(
    track: &mut Track,
    content: &[u8],
    defaults: &mut Defaults,
    base: u64,
    offset: &mut u64,
    decoded: &mut i64,
    file_length: u64,
) -> Option<()> {
    let mut fields = Fields(content);
    let (_, flags) = fields.version()?;
    let count = fields.u32()?;
    if flags & 1 != 0 {
        *offset = base.saturating_add_signed(fields.i32()?.into());
    }
    let first = if flags & 4 != 0 { Some(fields.u32()?) } else { None };
    for number in 0..count {
        // Counts are believed as far as the file reaches; what lies past its end was cut off.
        if *offset >= file_length || track.samples.len() > MOST_SAMPLES {
            track.beyond += u64::from(count - number);
            return None;
        }
        let mut field = |bit, otherwise| if flags & bit != 0 { fields.u32() } else { Some(otherwise) };
        let lasts = field(0x100, defaults.lasts)?;
        let size = field(0x200, defaults.size)?;
        let kind = field(0x400, first.filter(|_| number == 0).unwrap_or(defaults.flags))?;
        let delay = field(0x800, 0)?.cast_signed();
        if size == 0 && flags & 0x200 == 0 {
            return None;
        }
        if flags & 0xF00 == 0 {
            // Nothing stands behind such a count, and the next one may begin at the same place again.
            track.implied += u64::from(size).min(file_length - *offset);
            if track.implied > file_length {
                return None;
            }
        }
        // Bit 16: not a sample to begin with.
        let sync = kind & 0x1_0000 == 0;
        let shown = decoded.saturating_add(delay.into());
        track.samples.push(Sample { offset: *offset, size, sync, decoded: *decoded, shown, lasts });
        *offset = offset.saturating_add(size.into());
        *decoded = decoded.saturating_add(lasts.into());
    }
    Some(())
}
