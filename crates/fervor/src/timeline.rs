//! [`Timeline`]: the faces of a film, frame by frame, and what they come to: tracks with their coverage, episodes, doubt.
//!
//! ```
//! use fervor::timeline::{EpisodeOptions, Format, Timeline};
//! use fervor::track::{TrackOptions, Tracker};
//! use fervor::{Analyzer, Picture};
//!
//! let analyzer = Analyzer::builtin()?;
//! let mut tracker = Tracker::new(TrackOptions::default());
//! let mut timeline = Timeline::new("clip.gif", analyzer.bundle());
//! for number in 0..25u8 {
//!     let frame = Picture::from_gray(48, 48, &[[number, 160 - number]; 24 * 48].concat())?; // a crop: taken for a face
//!     let time = f64::from(number) / 25.0;
//!     let faces = analyzer.analyze(&frame)?;
//!     let tracked = tracker.update(&faces, time);
//!     timeline.push(number.into(), time, &faces, &tracked)?;
//! }
//! timeline.smooth(0.25);
//! assert_eq!(timeline.tracks()[0].frames, 25);
//! let mut table = Vec::new();
//! timeline.write(Format::Frames, &EpisodeOptions::default(), &mut table).unwrap();
//! # Ok::<(), fervor::Error>(())
//! ```

mod episodes;
mod layout;
mod smooth;
mod states;
mod summary;
mod tracks;
mod write;

use std::collections::HashMap;

use crate::bundle::Bundle;
use crate::emotion::LabelSet;
use crate::error::{Error, Reason, Result};
use crate::face::BoundingBox;
use crate::prediction::{ErrorInfo, ModelInfo, Prediction, Probabilities};
use crate::quality::Flag;
use crate::track::Tracked;

pub use episodes::{Episode, EpisodeOptions};
pub use layout::Layout;
pub use states::{State, Stretch};
pub use summary::{Summary, TIMELINE_SCHEMA};
pub use tracks::{ClassShare, TrackSummary};
pub use write::Format;

/// Everything that was seen in a film, in the film's own clock: each frame with its faces, without a face, or with the reason
/// why it could not be looked at. A frame takes 24 bytes and a face in it 28 and eight for each class: an hour of one face at 30
/// frames a second 12 MB.
#[derive(Clone, Debug)]
pub struct Timeline {
    source: String,
    path: Option<String>,
    model: ModelInfo,
    labels: LabelSet,
    size: Option<(u32, u32)>,
    end: Option<f64>,
    smoothing: Option<f64>,
    frames: Vec<Moment>,
    faces: Vec<Seen>,
    tracks: Vec<TrackFaces>,
    /// Where each track stands in `tracks`.
    places: HashMap<u32, usize>,
    /// One probability for each class of each face: of the frame alone.
    raw: Vec<f32>,
    /// The same, smoothed over time.
    smoothed: Vec<f32>,
    /// By the frame's position, in order.
    errors: Vec<(usize, ErrorInfo)>,
}

/// A track: its number, and the faces that are of it, in order.
#[derive(Clone, Debug)]
struct TrackFaces {
    number: u32,
    faces: Vec<u32>,
}

/// A frame: its number, when it is shown, where its faces begin.
#[derive(Clone, Copy, Debug)]
struct Moment {
    index: u64,
    time: f64,
    first: u32,
}

/// A face in a frame.
#[derive(Clone, Copy, Debug)]
struct Seen {
    track: u32,
    bounds: BoundingBox,
    /// Not a number where the detector did not judge it.
    score: f32,
    /// A bit for each flag of [`Flag::ALL`].
    flags: u16,
}

impl Timeline {
    /// A timeline of the film that the caller calls `source`, answered by this model.
    pub fn new(source: impl Into<String>, bundle: &Bundle) -> Self {
        Self::of_labels(source, ModelInfo::from(bundle), bundle.card().labels.clone())
    }

    /// The same for answers that come from elsewhere.
    pub fn of_labels(source: impl Into<String>, model: ModelInfo, labels: LabelSet) -> Self {
        Self {
            source: source.into(),
            path: None,
            model,
            labels,
            size: None,
            end: None,
            smoothing: None,
            frames: Vec::new(),
            faces: Vec::new(),
            tracks: Vec::new(),
            places: HashMap::new(),
            raw: Vec::new(),
            smoothed: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Adds the frame of this number, shown from `time` on (in seconds of the film's clock), with its faces and what is known of
    /// each by its track. No face is a frame, too.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): a time that is no number or before the last frame's, one track too few or too many, or
    /// classes of another model.
    pub fn push(&mut self, index: u64, time: f64, faces: &[Prediction], tracked: &[Tracked]) -> Result<()> {
        if faces.len() != tracked.len() {
            let message = format!("frame {index} has {} faces and {} tracks", faces.len(), tracked.len());
            return Err(Error::input(message).because(Reason::Mismatch));
        }
        let foreign = |probabilities: &Probabilities| *probabilities.labels() != self.labels;
        if faces.iter().any(|face| foreign(&face.probabilities)) || tracked.iter().any(|track| foreign(&track.probabilities)) {
            let message = format!("a face of frame {index} has other classes than {}", self.labels);
            return Err(Error::input(message).because(Reason::Mismatch));
        }
        self.begin(index, time)?;
        for (face, track) in faces.iter().zip(tracked) {
            let bit = |(bit, flag): (usize, &Flag)| u16::from(face.quality.flags.contains(flag)) << bit;
            let number = u32::try_from(track.id).unwrap_or(u32::MAX);
            let place = *self.places.entry(number).or_insert_with(|| {
                self.tracks.push(TrackFaces { number, faces: Vec::new() });
                self.tracks.len() - 1
            });
            self.tracks[place].faces.push(self.faces.len() as u32);
            self.faces.push(Seen {
                track: number,
                bounds: face.face.bounds,
                score: face.face.score.unwrap_or(f32::NAN),
                flags: Flag::ALL.iter().enumerate().map(bit).sum(),
            });
            self.raw.extend_from_slice(face.probabilities.values());
            self.smoothed.extend_from_slice(track.probabilities.values());
        }
        Ok(())
    }

    /// Adds a frame that could not be looked at.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): a time that is no number or before the last frame's.
    pub fn push_failed(&mut self, index: u64, time: f64, error: ErrorInfo) -> Result<()> {
        self.begin(index, time)?;
        self.errors.push((self.frames.len() - 1, error));
        Ok(())
    }

    fn begin(&mut self, index: u64, time: f64) -> Result<()> {
        let last = self.frames.last().map_or(f64::NEG_INFINITY, |frame| frame.time);
        if !(time.is_finite() && time >= last) {
            let message = format!("frame {index} is at {time} s, and the frame before it at {last} s");
            return Err(Error::input(message).with_hint("frames are given in the order in which they are shown"));
        }
        let first = u32::try_from(self.faces.len()).map_err(|_| Error::input("too many faces").because(Reason::TooLarge))?;
        self.frames.push(Moment { index, time, first });
        Ok(())
    }

    /// Says how large the film's frames are: width and height of the upright picture.
    pub fn set_size(&mut self, width: u32, height: u32) {
        self.size = Some((width, height));
    }

    /// Says where the film lies, seen from the folder that files are written into, with `/` between its parts: annotations for
    /// other programs name it. Without it the film is expected beside them.
    pub fn set_path(&mut self, path: impl Into<String>) {
        self.path = Some(path.into());
    }

    /// Says when the film ends, in seconds; without it the last frame lasts as long as most do.
    pub fn set_end(&mut self, seconds: f64) {
        self.end = Some(seconds).filter(|end| end.is_finite());
    }

    /// The film, as the caller called it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Which model answered.
    pub fn model(&self) -> &ModelInfo {
        &self.model
    }

    /// The classes, in the order of all values.
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// Width and height of the frames, where they are known.
    pub fn size(&self) -> Option<(u32, u32)> {
        self.size
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// When the first frame begins, in seconds; 0 without one.
    pub fn start(&self) -> f64 {
        self.frames.first().map_or(0.0, |frame| frame.time)
    }

    /// When the last frame ends, in seconds.
    pub fn end(&self) -> f64 {
        self.frames().next_back().map_or(0.0, |frame| frame.end())
    }

    /// The usual time from one frame to the next, in seconds: the median; 0 with fewer than two frames.
    pub fn step(&self) -> f64 {
        let mut steps: Vec<f64> = self.frames.windows(2).map(|pair| pair[1].time - pair[0].time).collect();
        let middle = steps.len() / 2;
        if steps.is_empty() { 0.0 } else { *steps.select_nth_unstable_by(middle, f64::total_cmp).1 }
    }

    /// The frames, in order.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = Frame<'_>> + ExactSizeIterator {
        (0..self.frames.len()).map(|position| Frame { timeline: self, position })
    }

    /// The numbers of all tracks, in the order in which they began.
    pub fn track_numbers(&self) -> Vec<u64> {
        self.tracks.iter().map(|track| track.number.into()).collect()
    }

    /// The faces of one track, each with its frame.
    fn of_track(&self, track: u64) -> impl Iterator<Item = (Frame<'_>, FaceView<'_>)> {
        self.places_of(track).iter().map(|&face| (self.frame_of(face as usize), self.face(face as usize)))
    }

    /// Where the faces of one track stand.
    fn places_of(&self, track: u64) -> &[u32] {
        let place = u32::try_from(track).ok().and_then(|track| self.places.get(&track));
        place.map_or(&[], |&place| &self.tracks[place].faces)
    }

    /// The frame that a face is in: the last one that begins at it or before, since one without a face begins where the next does.
    fn frame_of(&self, face: usize) -> Frame<'_> {
        let position = self.frames.partition_point(|frame| frame.first as usize <= face) - 1;
        Frame { timeline: self, position }
    }
}

/// One frame of a [`Timeline`].
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    timeline: &'a Timeline,
    position: usize,
}

impl<'a> Frame<'a> {
    /// Its number in the film, from 0.
    pub fn index(&self) -> u64 {
        self.timeline.frames[self.position].index
    }

    /// From when on it is shown, in seconds.
    pub fn time(&self) -> f64 {
        self.timeline.frames[self.position].time
    }

    /// Until when it is shown: to the next frame, or to the end of the film.
    pub fn end(&self) -> f64 {
        let Timeline { frames, end, .. } = self.timeline;
        match (frames.get(self.position + 1), end) {
            (Some(next), _) => next.time,
            (None, Some(end)) if *end > self.time() => *end,
            (None, _) => self.time() + self.timeline.step(),
        }
    }

    /// How long it is shown, in seconds.
    pub fn duration(&self) -> f64 {
        self.end() - self.time()
    }

    /// Why it could not be looked at.
    pub fn error(&self) -> Option<&'a ErrorInfo> {
        let errors = &self.timeline.errors;
        errors.binary_search_by_key(&self.position, |(position, _)| *position).ok().map(|found| &errors[found].1)
    }

    /// Its faces, the largest first.
    pub fn faces(&self) -> impl ExactSizeIterator<Item = FaceView<'a>> + use<'a> {
        let timeline = self.timeline;
        let first = timeline.frames[self.position].first as usize;
        let next = timeline.frames.get(self.position + 1).map_or(timeline.faces.len(), |next| next.first as usize);
        (first..next).map(move |face| timeline.face(face))
    }
}

/// One face in one frame of a [`Timeline`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FaceView<'a> {
    /// The track's number.
    pub track: u64,
    /// Where it is, in pixels of the upright frame.
    pub bounds: BoundingBox,
    /// How sure the detector is, absent where it did not judge the face.
    pub score: Option<f32>,
    /// The probabilities of this frame alone, in the order of the labels.
    pub raw: &'a [f32],
    /// The same, smoothed over time: what the label, episodes and shares are made of.
    pub smoothed: &'a [f32],
    labels: &'a LabelSet,
    flags: u16,
}

impl<'a> FaceView<'a> {
    /// The index of the most probable class.
    pub fn top(&self) -> usize {
        // The first of equal ones, as a prediction names it.
        (1..self.smoothed.len()).fold(0, |top, class| if self.smoothed[class] > self.smoothed[top] { class } else { top })
    }

    /// The most probable class.
    pub fn label(&self) -> &'a str {
        self.labels.name(self.top())
    }

    /// Its smoothed probability.
    pub fn confidence(&self) -> f32 {
        self.smoothed[self.top()]
    }

    /// Whether no class reaches [`Probabilities::UNCERTAIN`].
    pub fn is_uncertain(&self) -> bool {
        self.confidence() < Probabilities::UNCERTAIN
    }

    /// Whether the answer is certain, and nothing about the face's picture lowers the trust in it.
    pub fn is_trusted(&self) -> bool {
        !self.is_uncertain() && self.flags == 0
    }

    /// Reasons to trust the answer less.
    pub fn flags(&self) -> impl Iterator<Item = Flag> + use<> {
        let flags = self.flags;
        Flag::ALL.into_iter().enumerate().filter(move |(bit, _)| flags >> bit & 1 == 1).map(|(_, flag)| flag)
    }
}

impl Timeline {
    fn face(&self, index: usize) -> FaceView<'_> {
        let Seen { track, bounds, score, flags } = self.faces[index];
        let values = index * self.labels.len()..(index + 1) * self.labels.len();
        FaceView {
            track: track.into(),
            bounds,
            score: Some(score).filter(|score| !score.is_nan()),
            raw: &self.raw[values.clone()],
            smoothed: &self.smoothed[values],
            labels: &self.labels,
            flags,
        }
    }
}

#[cfg(test)]
mod tests;
