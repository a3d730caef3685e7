//! MP4 and MOV files through the decoders inside.

use std::collections::BTreeMap;
use std::sync::Arc;

use fervor::{Error, Limits, Result};

use super::{Frames, GiveFrames, unknown};
use crate::clip::{Clip, Decoder, Frame};
use crate::codec::{Decode, Decoded, H264, Hevc};
use crate::input::{File, cut_off, damaged, unsupported};
use crate::mp4::{self, Codec, Config, Track};
use crate::nal::to_annex_b;
use crate::options::{Chooser, Options, Passed};
use crate::turn::upright;
use crate::yuv::Yuv;

/// Pictures wait for those that are shown before them: 16 are all that a stream may ask for.
const MOST_HELD: usize = 20;

/// Where a sample's picture stands in the order of showing, if it is shown.
const HIDDEN: u32 = u32::MAX;

/// A part has at least so many samples: its first frame is looked at whole, and a decoder begins anew.
const SHORTEST_PART: usize = 24;

/// So many borders are tried for one that decoding can begin with.
const TRIED: usize = 3;

/// What is known of a file's video, shared by those who decode parts of it.
struct Index {
    file: File,
    track: Track,
    limits: Limits,
    /// The place in the order of showing, by sample.
    places: Vec<u32>,
    /// When the frame at each place is shown, and whether it is wanted.
    shown: Vec<(i64, bool)>,
    passed: Passed,
    /// Samples before which everything else is shown before, and after which after: the film may be parted there.
    borders: Vec<usize>,
}

struct Movie {
    index: Arc<Index>,
    decoder: Box<dyn Decode>,
    /// The next sample to decode, and the first of those that are another's.
    sample: usize,
    last_sample: usize,
    /// The next place to give; from the second on nothing is wanted here.
    place: usize,
    end: usize,
    answers: BTreeMap<usize, Option<Result<Yuv>>>,
    /// Whether all samples are decoded, and why not if not.
    drained: bool,
    cut: Option<Error>,
    bytes: Vec<u8>,
    unit: Vec<u8>,
}

/// Opens the video track of a file.
pub(super) fn open(file: File, options: &Options) -> Result<(Clip, Frames)> {
    let track = mp4::read(&file)?;
    let (places, mut shown) = order(&track);
    let mut chooser = Chooser::new(options);
    let mut end = 0;
    for (place, (time, wanted)) in shown.iter_mut().enumerate() {
        *wanted = chooser.takes(track.seconds(*time));
        if *wanted {
            end = place + 1;
        }
    }
    let borders = borders(&track, &places);
    let index = Index { file, limits: options.limits.picture, places, shown, passed: chooser.passed(), borders, track };
    let decoder = index.decoder()?;
    let Index { track, shown, .. } = &index;
    let mut clip = unknown(track.codec.name(), Decoder::Own);
    clip.frames = Some(shown.len() as u64);
    clip.duration = duration(track, shown);
    clip.rate = rate(track, shown);
    clip.rotation = u16::from(track.quarters) * 90;
    let (width_shown, height_shown) = track.size;
    (clip.width, clip.height) = if track.quarters % 2 == 1 { (height_shown, width_shown) } else { track.size };
    let last_sample = track.samples.len();
    Ok((clip, Box::new(Movie::new(Arc::new(index), decoder, [0, last_sample], [0, end]))))
}

impl Index {
    fn config(&self) -> Option<&Config> {
        match &self.track.codec {
            Codec::H264(config) | Codec::Hevc(config) => Some(config),
            Codec::Other(_) => None,
        }
    }

    fn decoder(&self) -> Result<Box<dyn Decode>> {
        let (colour, limits) = (self.track.colour, self.limits);
        let decoder: Box<dyn Decode> = match &self.track.codec {
            Codec::H264(config) => Box::new(H264::new(&config.units, colour, limits)?),
            Codec::Hevc(config) => Box::new(Hevc::new(&config.units, colour, limits)?),
            Codec::Other(name) => {
                return Err(unsupported(format!("the decoders inside do not know how the video is compressed: {name}")));
            }
        };
        Ok(decoder)
    }

    /// A sample with start codes; false if it is not whole.
    fn unit(&self, sample: mp4::Sample, bytes: &mut Vec<u8>, unit: &mut Vec<u8>) -> Result<bool> {
        self.file.read(sample.offset, sample.size.into(), bytes)?;
        Ok(to_annex_b(bytes, self.config().map_or(4, |config| config.width), unit))
    }

    fn is_wanted(&self, place: u32) -> bool {
        self.shown.get(place as usize).is_some_and(|(_, wanted)| *wanted)
    }
}

/// The samples with which decoding may begin and that part the order of showing as they part that of decoding.
fn borders(track: &Track, places: &[u32]) -> Vec<usize> {
    // From the last on: the least place from here to the end.
    let mut least = HIDDEN;
    let mut after: Vec<(usize, u32)> = Vec::new();
    for (number, sample) in track.samples.iter().enumerate().rev() {
        least = least.min(places[number]);
        if sample.sync && number > 0 {
            after.push((number, least));
        }
    }
    let mut before = (0, None);
    let mut borders = Vec::new();
    for (number, least) in after.into_iter().rev() {
        let passed = places[before.0..number].iter().copied().filter(|&place| place != HIDDEN).max();
        before = (number, before.1.max(passed));
        // Where nothing is shown after it, there is nothing to part.
        if least != HIDDEN && before.1.is_none_or(|most| most < least) {
            borders.push(number);
        }
    }
    borders
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

/// From the first frame to the end of the last.
fn duration(track: &Track, shown: &[(i64, bool)]) -> Option<f64> {
    let (first, _) = shown.first()?;
    Some(track.seconds(track.end()?.saturating_sub(*first)))
}

/// By the distance of the first frame from the last.
fn rate(track: &Track, shown: &[(i64, bool)]) -> Option<f64> {
    let [(first, _), .., (last, _)] = shown else { return None };
    let seconds = track.seconds(last - first);
    (seconds > 0.0).then(|| (shown.len() - 1) as f64 / seconds)
}

impl Movie {
    fn new(index: Arc<Index>, decoder: Box<dyn Decode>, [sample, last_sample]: [usize; 2], [place, end]: [usize; 2]) -> Self {
        let (answers, bytes, unit) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { index, decoder, sample, last_sample, place, end, answers, drained: false, cut: None, bytes, unit }
    }

    /// Decodes until the next wanted frame has its answer, or nothing is left to decode.
    fn advance(&mut self) {
        while !self.drained && !self.answers.contains_key(&self.place) && self.answers.len() < MOST_HELD {
            self.skip_needless();
            let sample = self.index.track.samples.get(self.sample).filter(|_| self.sample < self.last_sample).copied();
            let Some(sample) = sample else {
                self.drain();
                return;
            };
            if sample.offset.saturating_add(sample.size.into()) > self.index.file.length {
                let shown = self.index.shown.len() as u64 + self.index.track.beyond;
                self.cut = Some(cut_off(format!("the file ends after {} of its {shown} frames", self.sample)));
                self.drain();
                return;
            }
            let place = self.index.places[self.sample];
            self.sample += 1;
            let mut decoded = Vec::new();
            let key = if place == HIDDEN { -1 } else { i64::from(place) };
            if let Err(error) = self.decode(sample, key, self.index.is_wanted(place), &mut decoded) {
                decoded.push(Decoded { key, picture: Some(Err(error)) });
            }
            self.keep(decoded);
        }
    }

    fn decode(&mut self, sample: mp4::Sample, key: i64, wanted: bool, out: &mut Vec<Decoded>) -> Result<()> {
        let whole = self.index.unit(sample, &mut self.bytes, &mut self.unit)?;
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
        let samples = &self.index.track.samples[..self.last_sample];
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
        let Index { track, places, .. } = &*self.index;
        let key = track.samples[next].shown;
        // A picture leads to the last one before it with which decoding may begin, to no other.
        let leading = track.samples[next..].iter().zip(&places[next..]).skip(1);
        let mut leading = leading.take_while(|(sample, _)| !sample.sync && sample.shown < key);
        places[start..next].iter().any(|&place| self.index.is_wanted(place))
            || leading.any(|(_, &place)| self.index.is_wanted(place))
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
            let Ok(place) = u32::try_from(key) else { continue };
            if place as usize >= self.place && self.index.is_wanted(place) {
                self.answers.entry(place as usize).or_insert(picture);
            }
        }
    }

    fn frame(&self, place: usize, picture: Result<Yuv>) -> Frame {
        let Index { track, shown, .. } = &*self.index;
        let picture = picture.and_then(Yuv::into_picture).map(|picture| upright(picture, track.quarters));
        Frame { index: place as u64, time: track.seconds(shown[place].0), picture }
    }

    /// Whether another decoder could begin with this sample and give the same.
    fn begins(&mut self, sample: usize) -> bool {
        let Some(&sample) = self.index.track.samples.get(sample) else { return false };
        let changes = self.index.config().is_none_or(|config| config.changes);
        let whole = self.index.unit(sample, &mut self.bytes, &mut self.unit);
        let beginning = self.decoder.begins(&self.unit);
        matches!(whole, Ok(true)) && beginning.alone && (beginning.sets || !changes)
    }
}

impl GiveFrames for Movie {
    fn split(&mut self) -> Option<Frames> {
        let index = Arc::clone(&self.index);
        let borders = &index.borders;
        let first = borders.partition_point(|&border| border < self.sample + SHORTEST_PART);
        let last = self.last_sample;
        let later = borders[first..].iter().copied().take_while(|&border| border < last);
        // Where some do not begin anew, the film's others will not either.
        let (number, border) = (first..).zip(later).take(TRIED).find(|&(_, border)| self.begins(border))?;
        let next = borders.get(number + 1).map_or(last, |&next| next.min(last));
        let place = index.places[border..next].iter().copied().min().filter(|&place| place != HIDDEN)? as usize;
        let decoder = index.decoder().ok()?;
        let rest = Movie::new(index, decoder, [border, last], [place, self.end]);
        (self.last_sample, self.end) = (border, self.end.min(place));
        Some(Box::new(rest))
    }

    fn passed(&self) -> Passed {
        self.index.passed
    }
}

impl Iterator for Movie {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.place < self.end {
            if !self.index.shown[self.place].1 {
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
