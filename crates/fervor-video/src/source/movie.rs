//! MP4 and MOV files through the decoders inside.

use std::collections::BTreeMap;

use fervor::{Error, Result};

use super::{Frames, unknown};
use crate::clip::{Clip, Decoder, Frame};
use crate::codec::{Decode, Decoded, H264, Hevc};
use crate::input::{File, cut_off, damaged, unsupported};
use crate::mp4::{self, Codec, Track};
use crate::nal::to_annex_b;
use crate::options::{Chooser, Options};
use crate::turn::upright;
use crate::yuv::Yuv;

/// Pictures wait for those that are shown before them: 16 are all that a stream may ask for.
const MOST_HELD: usize = 20;

/// Where a sample's picture stands in the order of showing, if it is shown.
const HIDDEN: u32 = u32::MAX;

struct Movie {
    file: File,
    track: Track,
    width: usize,
    decoder: Box<dyn Decode>,
    /// The place in the order of showing, by sample.
    places: Vec<u32>,
    /// When the frame at each place is shown, and whether it is wanted.
    shown: Vec<(i64, bool)>,
    /// Beyond this place nothing is wanted.
    end: usize,
    /// The next sample to decode.
    sample: usize,
    /// The next place to give.
    place: usize,
    answers: BTreeMap<usize, Option<Result<Yuv>>>,
    /// Whether all samples are decoded, and why not if not.
    drained: bool,
    cut: Option<Error>,
    bytes: Vec<u8>,
    unit: Vec<u8>,
}

/// Opens the video track of a file.
pub(super) fn open(mut file: File, options: &Options) -> Result<(Clip, Frames)> {
    let track = mp4::read(&mut file)?;
    let limits = options.limits.picture;
    let (decoder, name, width): (Box<dyn Decode>, _, _) = match &track.codec {
        Codec::H264(config) => (Box::new(H264::new(&config.units, track.colour, limits)?), "h264", config.width),
        Codec::Hevc(config) => (Box::new(Hevc::new(&config.units, track.colour, limits)?), "hevc", config.width),
        Codec::Other(name) => {
            return Err(unsupported(format!("the decoders inside do not know how the video is compressed: {name}")));
        }
    };
    let (places, mut shown) = order(&track);
    let mut chooser = Chooser::new(options);
    let mut end = 0;
    for (place, (time, wanted)) in shown.iter_mut().enumerate() {
        *wanted = chooser.takes(track.seconds(*time));
        if *wanted {
            end = place + 1;
        }
    }
    let mut clip = unknown(name, Decoder::Own);
    clip.frames = Some(shown.len() as u64);
    clip.duration = duration(&track, &shown);
    clip.rate = rate(&track, &shown);
    clip.rotation = u16::from(track.quarters) * 90;
    let (width_shown, height_shown) = track.size;
    (clip.width, clip.height) = if track.quarters % 2 == 1 { (height_shown, width_shown) } else { track.size };
    let movie = Movie {
        file,
        width,
        decoder,
        places,
        shown,
        end,
        sample: 0,
        place: 0,
        answers: BTreeMap::new(),
        drained: false,
        cut: None,
        bytes: Vec::new(),
        unit: Vec::new(),
        track,
    };
    Ok((clip, Box::new(movie)))
}

/// The place of each sample in the order of showing; and the times of the places, none wanted yet.
fn order(track: &Track) -> (Vec<u32>, Vec<(i64, bool)>) {
    let time = |(number, sample): (usize, &mp4::Sample)| Some((track.shown(sample.shown)?, number));
    let mut times: Vec<(i64, usize)> = track.samples.iter().enumerate().filter_map(time).collect();
    times.sort_unstable();
    let mut places = vec![HIDDEN; track.samples.len()];
    for (place, &(_, number)) in times.iter().enumerate() {
        places[number] = place as u32;
    }
    (places, times.into_iter().map(|(time, _)| (time, false)).collect())
}

/// From the first frame to the end of the last; which lasts as long as most.
fn duration(track: &Track, shown: &[(i64, bool)]) -> Option<f64> {
    let [(first, _), .., (last, _)] = shown else { return None };
    let lasts = track.samples.last().map_or(0, |sample| sample.lasts);
    Some(track.seconds(last - first + i64::from(lasts)))
}

/// By the distance of the first frame from the last.
fn rate(track: &Track, shown: &[(i64, bool)]) -> Option<f64> {
    let [(first, _), .., (last, _)] = shown else { return None };
    let seconds = track.seconds(last - first);
    (seconds > 0.0).then(|| (shown.len() - 1) as f64 / seconds)
}

impl Movie {
    /// Decodes until the next wanted frame has its answer, or nothing is left to decode.
    fn advance(&mut self) {
        while !self.drained && !self.answers.contains_key(&self.place) && self.answers.len() < MOST_HELD {
            self.skip_needless();
            let Some(sample) = self.track.samples.get(self.sample).copied() else {
                self.drain();
                return;
            };
            if sample.offset.saturating_add(sample.size.into()) > self.file.length {
                let shown = self.shown.len() as u64 + self.track.beyond;
                self.cut = Some(cut_off(format!("the file ends after {} of its {shown} frames", self.sample)));
                self.drain();
                return;
            }
            let place = self.places[self.sample];
            self.sample += 1;
            let wanted = self.shown.get(place as usize).is_some_and(|(_, wanted)| *wanted);
            let mut decoded = Vec::new();
            let key = if place == HIDDEN { -1 } else { i64::from(place) };
            if let Err(error) = self.decode(sample, key, wanted, &mut decoded) {
                decoded.push(Decoded { key, picture: Some(Err(error)) });
            }
            self.keep(decoded);
        }
    }

    fn decode(&mut self, sample: mp4::Sample, key: i64, wanted: bool, out: &mut Vec<Decoded>) -> Result<()> {
        self.file.read(sample.offset, sample.size.into(), &mut self.bytes)?;
        let whole = to_annex_b(&self.bytes, self.width, &mut self.unit);
        if self.unit.is_empty() {
            return Err(damaged("the frame has no data"));
        }
        if wanted || !self.decoder.is_disposable(&self.unit) {
            self.decoder.decode(&self.unit, key, out);
        }
        if whole { Ok(()) } else { Err(damaged("the frame is not whole")) }
    }

    /// Jumps over samples that nobody waits for, to the next one with which decoding can begin.
    fn skip_needless(&mut self) {
        let samples = &self.track.samples;
        if self.sample > 0 && !samples.get(self.sample).is_some_and(|sample| sample.sync) {
            return;
        }
        let from = self.sample;
        let mut start = from;
        loop {
            let next = samples.iter().skip(start + 1).position(|sample| sample.sync).map_or(samples.len(), |at| start + 1 + at);
            if next >= samples.len() || self.is_needed(start, next) {
                break;
            }
            start = next;
        }
        if start > from {
            self.sample = start;
            let mut decoded = Vec::new();
            self.decoder.flush(&mut decoded);
            self.keep(decoded);
        }
    }

    /// Whether any sample of this group, or one that leads to the next group's first, is wanted.
    fn is_needed(&self, start: usize, next: usize) -> bool {
        let wanted = |place: u32| self.shown.get(place as usize).is_some_and(|(_, wanted)| *wanted);
        let key = self.track.samples[next].shown;
        let leading = self.track.samples[next..].iter().zip(&self.places[next..]).skip(1);
        self.places[start..next].iter().any(|&place| wanted(place))
            || leading.take_while(|(sample, _)| sample.shown < key).any(|(_, &place)| wanted(place))
    }

    fn drain(&mut self) {
        let mut decoded = Vec::new();
        self.decoder.flush(&mut decoded);
        self.keep(decoded);
        self.drained = true;
    }

    /// Keeps the answers that somebody waits for; the first one for each place.
    fn keep(&mut self, decoded: Vec<Decoded>) {
        for Decoded { key, picture } in decoded {
            let Ok(place) = usize::try_from(key) else { continue };
            if place >= self.place && self.shown.get(place).is_some_and(|(_, wanted)| *wanted) {
                self.answers.entry(place).or_insert(picture);
            }
        }
    }

    fn frame(&self, place: usize, picture: Result<Yuv>) -> Frame {
        let picture = picture.and_then(|yuv| yuv.to_picture()).map(|picture| upright(picture, self.track.quarters));
        Frame { index: place as u64, time: self.track.seconds(self.shown[place].0), picture }
    }
}

impl Iterator for Movie {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.place < self.end {
            if !self.shown[self.place].1 {
                self.place += 1;
                continue;
            }
            self.advance();
            let place = self.place;
            let answer = self.answers.remove(&place);
            self.place += 1;
            match answer {
                Some(Some(picture)) => return Some(Ok(self.frame(place, picture))),
                // Nothing that can be shown.
                Some(None) => {}
                // Its sample lies past the end, which is said once.
                None if self.cut.is_some() => {}
                None => return Some(Ok(self.frame(place, Err(damaged("the frame did not come when it was to be shown"))))),
            }
        }
        self.cut.take().map(Err)
    }
}
