//! H.264 by `rusty_h264-decoder`.

use std::mem;

use fervor::{Error, Limits, Result};
use rusty_h264_decoder::{DecodeError, Decoder};

use super::sps::Sps;
use super::{Beginning, Decode, Decoded, check, guarded, unknown};
use crate::input::damaged;
use crate::nal::{push_unit, units};
use crate::yuv::{Colour, Yuv};

/// A decoder with what its stream said last.
pub(crate) struct H264 {
    decoder: Decoder,
    limits: Limits,
    /// What the container says of colour, for streams that do not.
    otherwise: Option<Colour>,
    sps: Option<Sps>,
    /// Parameter sets from the container: given again after a panic.
    sets: Vec<u8>,
    /// Whether the last unit failed: it may lie half decoded in the decoder.
    failed: bool,
}

impl H264 {
    /// A decoder that is given these parameter sets first.
    pub(crate) fn new(sets: &[Vec<u8>], colour: Option<Colour>, limits: Limits) -> Result<Self> {
        let mut stream = Vec::new();
        sets.iter().for_each(|unit| push_unit(unit, &mut stream));
        let mut this = Self { decoder: Decoder::new(), limits, otherwise: colour, sps: None, sets: stream, failed: false };
        this.restart()?;
        Ok(this)
    }

    /// What the last sequence parameter set says.
    pub(crate) fn sps(&self) -> Option<&Sps> {
        self.sps.as_ref()
    }

    /// Where the last picture stands in the order of showing, within its group.
    pub(crate) fn order(&self) -> i32 {
        self.decoder.last_poc()
    }

    fn restart(&mut self) -> Result<()> {
        self.decoder = Decoder::new();
        self.failed = false;
        let sets = mem::take(&mut self.sets);
        let read = self.look(&sets).and_then(|()| guarded(|| self.decoder.decode(&sets).map(drop).map_err(words)));
        self.sets = sets;
        read
    }

    /// Reads the parameter sets of a unit before the decoder does, also those behind a slice.
    fn look(&mut self, stream: &[u8]) -> Result<()> {
        for unit in units(stream).filter(|unit| unit[0] & 31 == 7) {
            let sps = Sps::read(unit).ok_or_else(|| damaged("the video's parameter set is damaged"))?;
            check(&self.limits, sps.width, sps.height)?;
            self.sps = Some(sps);
        }
        Ok(())
    }

    /// Hands a unit to the decoder; after a panic to a new one the next time.
    fn feed(&mut self, unit: &[u8]) -> Result<Result<Option<Yuv>, DecodeError>> {
        let colour = colour(self.sps.and_then(|sps| sps.colour), self.otherwise);
        let decoded = guarded(|| {
            let frame = self.decoder.decode(unit);
            Ok(frame.map(|f| f.map(|f| Yuv { width: f.width, height: f.height, y: f.y, u: f.u, v: f.v, colour })))
        });
        decoded.inspect_err(|_| drop(self.restart()))
    }

    fn picture(&mut self, unit: &[u8]) -> Result<Option<Yuv>> {
        self.look(unit)?;
        let failed = mem::replace(&mut self.failed, true);
        let mut decoded = self.feed(unit)?;
        if failed && decoded.is_err() {
            // The decoder noticed only now that the picture before stayed incomplete.
            decoded = self.feed(unit)?;
        }
        let frame = decoded.map_err(words)?;
        self.failed = frame.is_none();
        Ok(frame)
    }

    /// Decodes one access unit: its picture, none if it holds none.
    pub(crate) fn decode_one(&mut self, unit: &[u8]) -> Option<Result<Yuv>> {
        match self.picture(unit) {
            Ok(Some(yuv)) => Some(Ok(yuv)),
            Ok(None) if units(unit).any(is_slice) => Some(Err(damaged("the frame is not whole"))),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl Decode for H264 {
    fn decode(&mut self, unit: &[u8], key: i64, out: &mut Vec<Decoded>) {
        out.push(Decoded { key, picture: self.decode_one(unit) });
    }

    fn flush(&mut self, _: &mut Vec<Decoded>) {}

    fn is_disposable(&self, unit: &[u8]) -> bool {
        units(unit).filter(|unit| is_slice(unit)).all(|unit| unit[0] & 0x60 == 0)
    }

    fn begins(&self, unit: &[u8]) -> Beginning {
        let kinds = || units(unit).map(|unit| unit[0] & 31);
        Beginning { alone: kinds().find(|kind| matches!(kind, 1..=5)) == Some(5), sets: kinds().any(|kind| kind == 7) }
    }
}

/// Whether a unit carries a part of a picture.
pub(crate) fn is_slice(unit: &[u8]) -> bool {
    matches!(unit[0] & 31, 1..=5)
}

/// What stream and container say together: the stream first, as far as it says anything.
pub(super) fn colour(stream: Option<Colour>, container: Option<Colour>) -> Colour {
    match (stream, container) {
        (Some(Colour { matrix: 2, full }), Some(container)) => Colour { full: full || container.full, ..container },
        (Some(stream), _) => stream,
        (None, container) => container.unwrap_or(Colour::UNSAID),
    }
}

/// The decoder's error in our words.
fn words(error: DecodeError) -> Error {
    match error {
        DecodeError::Unsupported(what) => unknown(what),
        error => damaged("the frame is damaged").with_source(error.to_string()),
    }
}
