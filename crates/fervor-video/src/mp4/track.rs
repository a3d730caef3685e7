//! The video track: its codec, its size, how it is turned, its samples.

use fervor::{Error, Reason, Result};

use super::boxes::{Fields, boxes, child};
use super::edits::Edits;
use super::fragments::Defaults;
use super::{Sample, descend, table};
use crate::input::damaged;
use crate::turn::quarters;
use crate::yuv::Colour;

/// How the pictures of a track are compressed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Codec {
    /// H.264, with its parameter sets.
    H264(Config),
    /// HEVC, with its parameter sets.
    Hevc(Config),
    /// Something else, by its four letters.
    Other(String),
}

impl Codec {
    /// Its name, as `h264`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::H264(_) => "h264",
            Self::Hevc(_) => "hevc",
            Self::Other(name) => name,
        }
    }
}

/// What a decoder is told before the first sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Config {
    /// The parameter sets, each a NAL unit.
    pub units: Vec<Vec<u8>>,
    /// How many bytes the length before each unit of a sample has.
    pub width: usize,
    /// Whether samples may bring parameter sets of their own that differ from these.
    pub changes: bool,
}

/// The video track of a file.
#[derive(Debug)]
pub(crate) struct Track {
    pub id: u32,
    pub codec: Codec,
    /// The size of the stored pictures as the container has it.
    pub size: (u32, u32),
    /// By how many quarters, clockwise, pictures are turned to stand upright.
    pub quarters: u8,
    /// What the container says of colour.
    pub colour: Option<Colour>,
    /// Time units a second.
    pub timescale: u32,
    /// In the order of decoding.
    pub samples: Vec<Sample>,
    /// How many samples the file names that lie past its end; only fragments count them, those of the index are in `samples`.
    pub beyond: u64,
    pub(super) defaults: Defaults,
    /// How many bytes samples have of which fragments say no more than their count.
    pub(super) implied: u64,
    edits: Edits,
}

impl Track {
    /// When what stands at `time` in the media is shown, in time units; never if it is cut by the edit list.
    pub(crate) fn shown(&self, time: i64) -> Option<i64> {
        self.edits.shown(time)
    }

    /// When the last frame ends: as long as its sample lasts, unless the edit list ends before.
    pub(crate) fn end(&self) -> Option<i64> {
        let until = |sample: &Sample| self.edits.until(sample.shown, sample.lasts.into());
        self.samples.iter().filter_map(until).max()
    }

    /// Shows the first frame of each stretch of the edit list when the stretch begins.
    pub(super) fn align(&mut self) {
        self.edits.align(&self.samples);
    }

    /// Time units as seconds.
    pub(crate) fn seconds(&self, time: i64) -> f64 {
        time as f64 / f64::from(self.timescale)
    }
}

/// The video track of a `moov` box: the first that is enabled, else the first.
pub(super) fn video(moov: &[u8], file_length: u64) -> Result<Track> {
    let movie = child(moov, b"mvhd").and_then(|content| timescale(content, 8, 16)).unwrap_or(1000);
    let tracks: Vec<&[u8]> = boxes(moov).filter(|(name, _)| name == b"trak").map(|(_, content)| content).collect();
    let shows = |track: &&&[u8]| {
        let handler = descend(track, &[b"mdia", b"hdlr"]).and_then(|content| content.get(8..12));
        handler == Some(b"vide") && !is_cover(track)
    };
    let enabled =
        |track: &&&[u8]| child(track, b"tkhd").is_some_and(|content| content.get(3).is_some_and(|flags| flags & 1 != 0));
    let candidates: Vec<&&[u8]> = tracks.iter().filter(shows).collect();
    let Some(trak) = candidates.iter().copied().find(|track| enabled(track)).or(candidates.first().copied()) else {
        let sound = tracks.iter().any(|track| descend(track, &[b"mdia", b"minf", b"smhd"]).is_some());
        let what = if sound { "the file has no video track, only sound" } else { "the file has no video track" };
        return Err(Error::input(what).because(Reason::Missing));
    };
    read(trak, moov, movie, file_length).unwrap_or_else(|| Err(damaged("the index of the video track is not whole")))
}

/// Whether a track is one still picture that stands for sound: cover art.
fn is_cover(track: &[u8]) -> bool {
    let entry = descend(track, &[b"mdia", b"minf", b"stbl", b"stsd"]).and_then(|content| content.get(12..16));
    matches!(entry, Some(b"jpeg" | b"png " | b"text"))
}

/// Time units a second of `mvhd` and `mdhd`: after two times of 4 or 8 bytes.
fn timescale(content: &[u8], narrow: usize, wide: usize) -> Option<u32> {
    let mut fields = Fields(content);
    let (version, _) = fields.version()?;
    fields.skip(if version == 1 { wide } else { narrow })?;
    fields.u32().filter(|&units| units > 0)
}

fn read(trak: &[u8], moov: &[u8], movie: u32, file_length: u64) -> Option<Result<Track>> {
    let (id, quarters) = header(child(trak, b"tkhd")?)?;
    let media = child(trak, b"mdia")?;
    let timescale = timescale(child(media, b"mdhd")?, 8, 16)?;
    let table = descend(media, &[b"minf", b"stbl"])?;
    let (codec, size, colour) = description(child(table, b"stsd")?)?;
    let edits =
        descend(trak, &[b"edts", b"elst"]).map_or_else(|| Ok(Edits::default()), |list| Edits::read(list, movie, timescale));
    let defaults = Defaults::of(moov, id);
    Some(edits.and_then(|edits| {
        let samples = table::samples(table, file_length)?;
        Ok(Track { id, codec, size, quarters, colour, timescale, samples, beyond: 0, defaults, implied: 0, edits })
    }))
}

/// Of `tkhd`: the track's number and how its pictures are turned.
fn header(content: &[u8]) -> Option<(u32, u8)> {
    let mut fields = Fields(content);
    let (version, _) = fields.version()?;
    fields.skip(if version == 1 { 16 } else { 8 })?;
    let id = fields.u32()?;
    // Reserved, length, reserved, layer, group, volume, reserved.
    fields.skip(4 + if version == 1 { 8 } else { 4 } + 16)?;
    let mut matrix = [0; 9];
    for value in &mut matrix {
        *value = fields.i32()?;
    }
    Some((id, quarters([matrix[0], matrix[1], matrix[3], matrix[4]])))
}

/// Of `stsd`: codec, size and colour of the first entry.
fn description(content: &[u8]) -> Option<(Codec, (u32, u32), Option<Colour>)> {
    let (name, entry) = boxes(content.get(8..)?).next()?;
    let mut fields = Fields(entry);
    fields.skip(24)?;
    let size = (fields.u16()?.into(), fields.u16()?.into());
    // Resolutions, reserved, frames a sample, the compressor's name, depth, reserved.
    fields.skip(50)?;
    let inner = fields.0;
    let colour = boxes(inner).filter(|(name, _)| name == b"colr").find_map(|(_, content)| colour(content));
    let changes = matches!(&name, b"avc3" | b"avc4" | b"hev1" | b"dvhe");
    let codec = match &name {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => Codec::H264(Config { changes, ..avc(child(inner, b"avcC")?)? }),
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => Codec::Hevc(Config { changes, ..hevc(child(inner, b"hvcC")?)? }),
        other => Codec::Other(String::from_utf8_lossy(other).trim().to_owned()),
    };
    Some((codec, size, colour))
}

fn colour(content: &[u8]) -> Option<Colour> {
    let mut fields = Fields(content);
    let kind = fields.name()?;
    (matches!(&kind, b"nclx" | b"nclc")).then_some(())?;
    fields.skip(4)?;
    let matrix = fields.u16()? as u8;
    let full = &kind == b"nclx" && fields.u8()? & 0x80 != 0;
    Some(Colour { matrix, full })
}

/// An `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3).
fn avc(content: &[u8]) -> Option<Config> {
    let mut fields = Fields(content);
    fields.skip(4)?;
    let width = usize::from(fields.u8()? & 3) + 1;
    let mut units = Vec::new();
    for mask in [0x1F, 0xFF] {
        for _ in 0..fields.u8()? & mask {
            let length = fields.u16()?;
            units.push(fields.bytes(length.into())?.to_vec());
        }
    }
    Some(Config { units, width, changes: false })
}

/// An `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3).
fn hevc(content: &[u8]) -> Option<Config> {
    let mut fields = Fields(content);
    fields.skip(21)?;
    let width = usize::from(fields.u8()? & 3) + 1;
    let mut units = Vec::new();
    for _ in 0..fields.u8()? {
        let kind = fields.u8()? & 0x3F;
        for _ in 0..fields.u16()? {
            let length = fields.u16()?;
            let unit = fields.bytes(length.into())?;
            // Parameter sets; messages are of no use to a decoder.
            if (32..=34).contains(&kind) {
                units.push(unit.to_vec());
            }
        }
    }
    Some(Config { units, width, changes: false })
}
