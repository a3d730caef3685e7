//! Motion JPEG: JPEGs, one after the other, as cameras and pipes give them.

use std::io::{BufRead, BufReader, ErrorKind, Read};

use fervor::{Picture, Result};

use super::{Frames, GiveFrames, unknown};
use crate::clip::{Clip, Decoder, Frame};
use crate::input::{cut_off, too_large, unreadable};
use crate::options::{Chooser, Options, Passed};

/// Frames a second, where nothing says it: as ffmpeg takes it.
pub(crate) const RATE: f64 = 25.0;

struct Jpegs {
    bytes: BufReader<Box<dyn Read + Send>>,
    limits: fervor::Limits,
    chooser: Chooser,
    index: u64,
    ended: bool,
}

/// Opens a stream of JPEGs.
pub(super) fn open(bytes: Box<dyn Read + Send>, options: &Options) -> (Clip, Frames) {
    let bytes = BufReader::with_capacity(1 << 16, bytes);
    let jpegs = Jpegs { bytes, limits: options.limits.picture, chooser: Chooser::new(options), index: 0, ended: false };
    let clip = Clip { rate: Some(RATE), ..unknown("mjpeg", Decoder::Own) };
    (clip, Box::new(jpegs))
}

/// How a JPEG ended.
enum End {
    /// With its last marker.
    Whole,
    /// With the stream.
    Cut,
    /// It has more bytes than a picture may have.
    TooLarge,
}

impl Jpegs {
    /// Reads up to the next picture's first marker; false at the end.
    fn find(&mut self) -> Result<bool> {
        let mut last = 0;
        loop {
            let buffer = self.fill()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let mut used = 0;
            for &byte in buffer {
                used += 1;
                if last == 0xFF && byte == 0xD8 {
                    self.bytes.consume(used);
                    return Ok(true);
                }
                last = byte;
            }
            self.bytes.consume(used);
        }
    }

    fn fill(&mut self) -> Result<&[u8]> {
        loop {
            match self.bytes.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        Ok(self.bytes.buffer())
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.fill()?.first().copied();
        self.bytes.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// Reads a picture whose first marker was read. Its parts are walked through: previews inside them have marks of their own.
    fn picture(&mut self, jpeg: &mut Vec<u8>) -> Result<End> {
        jpeg.clear();
        jpeg.extend([0xFF, 0xD8]);
        loop {
            if jpeg.len() > self.limits.bytes {
                return Ok(End::TooLarge);
            }
            let Some(byte) = self.byte()? else { return Ok(End::Cut) };
            jpeg.push(byte);
            // Within the data of a scan, or astray: on to what may be a marker.
            if byte != 0xFF {
                continue;
            }
            let mut marker = 0xFF;
            while marker == 0xFF {
                let Some(byte) = self.byte()? else { return Ok(End::Cut) };
                jpeg.push(byte);
                marker = byte;
            }
            match marker {
                0xD9 => return Ok(End::Whole),
                // A value of the data, a restart, and what else has no length.
                0x00 | 0x01 | 0xD0..=0xD8 => {}
                _ => {
                    let (Some(high), Some(low)) = (self.byte()?, self.byte()?) else { return Ok(End::Cut) };
                    jpeg.extend([high, low]);
                    let length = u64::from(u16::from_be_bytes([high, low])).saturating_sub(2);
                    let before = jpeg.len() as u64;
                    self.bytes.by_ref().take(length).read_to_end(jpeg).map_err(unreadable)?;
                    if jpeg.len() as u64 - before < length {
                        return Ok(End::Cut);
                    }
                }
            }
        }
    }

    fn frame(&mut self) -> Result<Option<Frame>> {
        let mut jpeg = Vec::new();
        loop {
            if !self.find()? {
                return Ok(None);
            }
            let end = self.picture(&mut jpeg)?;
            let (index, time) = (self.index, self.index as f64 / RATE);
            self.index += 1;
            if self.chooser.is_over(time) {
                return Ok(None);
            }
            match end {
                End::Whole if !self.chooser.takes(time) => {}
                End::Whole => {
                    let picture = Picture::decode(&jpeg, &self.limits);
                    return Ok(Some(Frame { index, time, picture }));
                }
                End::Cut => return Err(cut_off(format!("the video ends within frame {index}"))),
                End::TooLarge => return Err(too_large(format!("frame {index} has more than {} bytes", self.limits.bytes))),
            }
        }
    }
}

impl GiveFrames for Jpegs {
    fn passed(&self) -> Passed {
        self.chooser.passed()
    }
}

impl Iterator for Jpegs {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.frame().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: Vec<u8>) -> Vec<Result<Frame>> {
        open(Box::new(std::io::Cursor::new(bytes)), &Options::default()).1.collect()
    }

    #[test]
    fn jpegs_follow_each_other_and_a_broken_one_is_a_frame() {
        let jpeg = |value: u8| Picture::from_gray(16, 16, &[value; 256]).unwrap().encode_jpeg(90).unwrap();
        let mut preview = jpeg(9);
        // A preview inside a segment ends no picture.
        let segment: Vec<u8> = [&[0xFF, 0xE1][..], &(preview.len() as u16 + 2).to_be_bytes(), &preview].concat();
        preview.splice(2..2, segment);
        let mut broken = jpeg(50);
        let middle = broken.len() - 8;
        broken[middle] = 0xFF;
        broken[middle + 1] = 0x05;
        let mut bytes = [preview, jpeg(100), b"between".to_vec(), jpeg(200)].concat();
        let all = frames(bytes.clone());
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|frame| frame.as_ref().is_ok_and(|frame| frame.picture.is_ok())));
        assert_eq!(all[2].as_ref().unwrap().time, 0.08);
        bytes.truncate(bytes.len() - 4);
        let cut = frames(bytes);
        assert_eq!(cut.len(), 3);
        assert_eq!(cut[2].as_ref().unwrap_err().reason(), fervor::Reason::Truncated);
    }

    /// Each said everything twice, and was damaged whatever it was.
    #[test]
    fn a_frame_that_cannot_be_decoded_says_why_once() {
        let jpeg =
            |side: u32| Picture::from_gray(side, side, &vec![50; (side * side) as usize]).unwrap().encode_jpeg(90).unwrap();
        let bytes = [jpeg(16), jpeg(64), jpeg(16)].concat();
        let limits = fervor::Limits::default().with_side(32);
        let alone = Picture::decode(&jpeg(64), &limits).unwrap_err();
        let options = Options::default().with_limits(crate::VideoLimits::default().with_picture(limits));
        let frames: Vec<Frame> = open(Box::new(std::io::Cursor::new(bytes)), &options).1.map(Result::unwrap).collect();
        let told = frames[1].picture.as_ref().unwrap_err();
        assert_eq!((frames.len(), told.reason()), (3, fervor::Reason::TooLarge));
        assert_eq!((told.explained(), told.hint()), (alone.explained(), alone.hint()));
    }
}
