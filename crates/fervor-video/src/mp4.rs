//! The index of MP4 and MOV files (ISO/IEC 14496-12 and Apple's QuickTime File Format): which samples the video track has, where
//! they lie, and when they are shown.
//!
//! Written for files of strangers: lengths are believed only as far as there are bytes, so that neither time nor memory exceeds
//! what the file's size justifies.

mod boxes;
mod edits;
mod fragments;
mod table;
mod track;

use fervor::{Error, Reason, Result};

use crate::input::{File, cut_off, damaged};
use boxes::{Header, child};
pub(crate) use track::{Codec, Config, Track};

/// One stored picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Where it lies in the file.
    pub offset: u64,
    /// How many bytes it has.
    pub size: u32,
    /// Whether decoding can begin with it.
    pub sync: bool,
    /// When it is decoded, in the track's time units.
    pub decoded: i64,
    /// When it is shown, in the track's time units, before edits.
    pub shown: i64,
    /// How long it is shown, in the track's time units.
    pub lasts: u32,
}

/// More samples than this are refused: at 60 a second they last 38 hours.
const MOST_SAMPLES: usize = 1 << 23;

/// The largest index that is read. Four hours of 60 frames a second with audio have some 30 MB.
const LARGEST_INDEX: u64 = 256 << 20;

/// The video track of a file, with all of its samples.
pub(crate) fn read(file: &File) -> Result<Track> {
    let mut track: Option<Track> = None;
    let (mut at, mut bytes, mut seen) = (0, Vec::new(), false);
    while at < file.length {
        let Some(header) = Header::at(file, at)? else { break };
        seen = true;
        match &header.name {
            b"moov" if track.is_none() => {
                read_box(file, &header, &mut bytes)?;
                track = Some(track::video(&bytes, file.length)?);
            }
            b"moof" => {
                let track = track.as_mut().ok_or_else(|| damaged("the video's fragments come before its index"))?;
                read_box(file, &header, &mut bytes)?;
                fragments::add(track, &bytes, at, file.length)?;
            }
            _ => {}
        }
        at = header.end;
    }
    match track {
        Some(track) if track.samples.is_empty() => Err(Error::input("the video track has no frames").because(Reason::Empty)),
        Some(mut track) => {
            track.align();
            Ok(track)
        }
        None if seen && at > file.length => Err(cut_off("the file ends before its index: without it no frame can be found")),
        None => Err(damaged("the file has no index: without it no frame can be found")),
    }
}

/// The content of a box, which must be whole.
fn read_box(file: &File, header: &Header, bytes: &mut Vec<u8>) -> Result<()> {
    if header.end > file.length {
        return Err(cut_off("the file ends within its index: without it no frame can be found"));
    }
    let length = header.end - header.content;
    if length > LARGEST_INDEX {
        return Err(crate::input::too_large(format!("the index of the video has more than {LARGEST_INDEX} bytes: {length}")));
    }
    file.read(header.content, length, bytes)
}

/// The path of boxes from `content` down.
fn descend<'a>(content: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(content, |content, name| child(content, name))
}
