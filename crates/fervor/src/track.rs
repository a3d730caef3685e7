//! [`Tracker`]: faces of successive frames become tracks with smoothed probabilities.

mod assign;
mod colours;
mod motion;
#[cfg(test)]
mod scenes;

use crate::face::BoundingBox;
use crate::prediction::{Prediction, Probabilities};

use assign::assign;
pub use colours::Colours;
use motion::Motion;

/// How faces are followed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrackOptions {
    /// Time constant of the smoothing in seconds: an answer this old counts for 37 % (1 / e). 0 smooths nothing.
    pub smoothing: f64,
    /// A face continues a track that was seen in the frame before when its box overlaps the expected one at least this much
    /// (intersection over union, 0..=1).
    pub overlap: f32,
    /// A track ends when a frame shows it no more and its last face is older than this many seconds. Until then a face that appears
    /// near where it would be by now continues it.
    pub patience: f64,
}

impl TrackOptions {
    /// The same with another time constant of the [`smoothing`](Self::smoothing), in seconds.
    #[must_use]
    pub fn with_smoothing(self, smoothing: f64) -> Self {
        Self { smoothing, ..self }
    }

    /// The same with another least [`overlap`](Self::overlap).
    #[must_use]
    pub fn with_overlap(self, overlap: f32) -> Self {
        Self { overlap, ..self }
    }

    /// The same with another [`patience`](Self::patience), in seconds.
    #[must_use]
    pub fn with_patience(self, patience: f64) -> Self {
        Self { patience, ..self }
    }
}

impl Default for TrackOptions {
    /// A smoothing of half a second, an overlap of 0.25, a patience of two seconds.
    fn default() -> Self {
        Self { smoothing: 0.5, overlap: 0.25, patience: 2.0 }
    }
}

/// A face that was missing for a while continues its track if it is found within so many of its sides from where it was expected,
const ASTRAY: f32 = 0.75;

/// so many more for each second that it was missing,
const ASTRAY_A_SECOND: f32 = 1.0;

/// and is at most so many times as large or small.
const GROWN: f32 = 1.7;

/// What a track that is missing counts beside one that was seen a frame ago.
const MISSING: f32 = 0.7;

/// Colours this alike (Bhattacharyya) may be the same person's: under it a face does not continue a track that was missing.
const ALIKE: f32 = 0.55;

/// What colours count for where they cannot be seen.
const UNSEEN: f32 = 0.85;

/// How fast a track's colours follow those that are seen.
const COLOURS_FOLLOW: f32 = 0.1;

/// Boxes that overlap more than this hide each other's colours.
const HIDDEN: f32 = 0.02;

/// Follows faces from frame to frame, as SORT does (Bewley et al. 2016, "Simple online and realtime tracking"): each track expects
/// its face where its motion leads, and faces are given to tracks so that all together fit best. A face that was missing, turned
/// away or behind something, continues its track if it comes back [in time](TrackOptions::patience), near where it would be by
/// now, and, where [`Colours`] are known, dressed as before; so two that cross each other keep their numbers. Probabilities are
/// smoothed by an exponential moving average in time, so that the frame rate does not change the result.
#[derive(Clone, Debug)]
pub struct Tracker {
    options: TrackOptions,
    tracks: Vec<Track>,
    next: u64,
    /// The time of the last frame.
    last: f64,
}

#[derive(Clone, Debug)]
struct Track {
    id: u64,
    motion: Motion,
    colours: Option<Colours>,
    smoothed: Probabilities,
    since: f64,
    seen: f64,
}

/// What is known of a face by its track.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tracked {
    /// The track's number, from 1, never used again.
    pub id: u64,
    /// The face's probabilities, smoothed over the track's past.
    pub probabilities: Probabilities,
    /// Seconds since the track began.
    pub age: f64,
}

impl Tracker {
    /// A tracker that has seen no frame.
    pub fn new(options: TrackOptions) -> Self {
        Self { options, tracks: Vec::new(), next: 1, last: f64::NEG_INFINITY }
    }

    /// Sets the smoothing's time constant from now on, in seconds; what is not a positive number counts as 0.
    pub fn set_smoothing(&mut self, seconds: f64) {
        self.options.smoothing = seconds;
    }

    /// Ends all tracks: what follows shows other faces, or the same ones elsewhere. [`Shots`](crate::Shots) tells when.
    pub fn new_shot(&mut self) {
        self.tracks.clear();
    }

    /// The faces of the frame at `time`, in seconds and not before the last frame's; a [`Tracked`] for each face, in order. Where a
    /// model with other classes answers from now on, means begin anew.
    pub fn update(&mut self, faces: &[Prediction], time: f64) -> Vec<Tracked> {
        self.update_with(faces, &[], time)
    }

    /// The same with what is around each of the faces.
    pub fn update_with(&mut self, faces: &[Prediction], colours: &[Colours], time: f64) -> Vec<Tracked> {
        let patience = self.options.patience;
        // However long ago the last frame was, its faces go on.
        self.tracks.retain(|track| track.seen >= self.last || time - track.seen <= patience);
        let fit: Vec<Vec<f32>> = (0..faces.len())
            .map(|face| self.tracks.iter().map(|track| self.fit(track, &faces[face], colours.get(face), time)).collect())
            .collect();
        let given = assign(&fit, self.tracks.len());
        self.last = time;
        let alone = |face: usize| {
            let others = faces.iter().enumerate().filter(|(other, _)| *other != face);
            others.map(|(_, other)| other.face.bounds.iou(&faces[face].face.bounds)).all(|overlap| overlap < HIDDEN)
        };
        let place = |(face, track): (usize, Option<usize>)| {
            let (prediction, colours) = (&faces[face], colours.get(face).filter(|_| alone(face)));
            let index = track.unwrap_or_else(|| self.begin(prediction, time));
            let track = &mut self.tracks[index];
            track.see(prediction, colours, time, self.options.smoothing);
            Tracked { id: track.id, probabilities: track.smoothed.clone(), age: time - track.since }
        };
        given.into_iter().enumerate().map(place).collect()
    }

    /// Begins a track with this face; its place among the tracks.
    fn begin(&mut self, face: &Prediction, time: f64) -> usize {
        let (id, motion, smoothed) = (self.next, Motion::new(face.face.bounds), face.probabilities.clone());
        self.next += 1;
        self.tracks.push(Track { id, motion, colours: None, smoothed, since: time, seen: time });
        self.tracks.len() - 1
    }

    /// How well a face continues a track, up to 1; 0 if it does not.
    fn fit(&self, track: &Track, face: &Prediction, colours: Option<&Colours>, time: f64) -> f32 {
        let bounds = &face.face.bounds;
        let missing = track.seen < self.last;
        let expected = track.motion.expected(time - track.seen);
        let overlap = bounds.iou(&expected);
        let size = (bounds.area() / expected.area()).sqrt();
        let size = size.min(1.0 / size);
        let alike = colours.zip(track.colours.as_ref()).and_then(|(now, before)| now.likeness(before));
        let near = if missing {
            let reach = ASTRAY + ASTRAY_A_SECOND * (time - track.seen) as f32;
            let distance = distance(bounds, &expected) / expected.area().sqrt();
            if distance >= reach || size * GROWN < 1.0 || alike.is_some_and(|alike| alike < ALIKE) {
                return 0.0;
            }
            MISSING * (1.0 - distance / reach).max(overlap)
        } else if overlap >= self.options.overlap {
            overlap
        } else {
            return 0.0;
        };
        // What fits at all is worth more than nothing.
        (near * (0.5 + 0.5 * size) * alike.unwrap_or(UNSEEN)).max(1e-3)
    }
}

impl Track {
    /// The face is here now.
    fn see(&mut self, face: &Prediction, colours: Option<&Colours>, time: f64, smoothing: f64) {
        let elapsed = time - self.seen;
        self.motion.see(face.face.bounds, elapsed);
        self.smoothed = if self.smoothed.labels() == face.probabilities.labels() {
            self.smoothed.mixed(&face.probabilities, weight(elapsed, smoothing))
        } else {
            face.probabilities.clone()
        };
        match (&mut self.colours, colours) {
            (Some(known), Some(now)) => known.towards(now, COLOURS_FOLLOW),
            (known @ None, Some(now)) => *known = Some(now.clone()),
            (_, None) => {}
        }
        self.seen = time;
    }
}

/// Between the middles of two boxes.
fn distance(a: &BoundingBox, b: &BoundingBox) -> f32 {
    let middle = |bounds: &BoundingBox| [bounds.x + bounds.width / 2.0, bounds.y + bounds.height / 2.0];
    let ([x, y], [other_x, other_y]) = (middle(a), middle(b));
    (x - other_x).hypot(y - other_y)
}

/// The new answer's share after `elapsed` seconds: `1 - exp(-elapsed / constant)`.
fn weight(elapsed: f64, constant: f64) -> f32 {
    if constant > 0.0 { -(-elapsed / constant).exp_m1() as f32 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emotion::LabelSet;
    use crate::face::Face;
    use crate::quality::Quality;

    fn face(x: f32, happy: f32) -> Prediction {
        let labels = LabelSet::new(["happy", "sad"]).unwrap();
        Prediction {
            face: Face { bounds: BoundingBox { x, y: 0.0, width: 100.0, height: 100.0 }, score: Some(0.9), landmarks: None },
            probabilities: Probabilities::from_logits(&labels, &[(happy / (1.0 - happy)).ln(), 0.0], 1.0),
            plausible: None,
            quality: Quality::default(),
        }
    }

    fn ids(tracked: &[Tracked]) -> Vec<u64> {
        tracked.iter().map(|t| t.id).collect()
    }

    #[test]
    fn a_face_that_moves_a_little_keeps_its_number() {
        let mut tracker = Tracker::new(TrackOptions::default());
        assert_eq!(ids(&tracker.update(&[face(0.0, 0.9), face(300.0, 0.9)], 0.0)), [1, 2]);
        assert_eq!(ids(&tracker.update(&[face(320.0, 0.9), face(20.0, 0.9)], 0.1)), [2, 1]);
        assert_eq!(ids(&tracker.update(&[face(600.0, 0.9), face(40.0, 0.9)], 0.2)), [3, 1]);
    }

    #[test]
    fn a_face_that_another_model_answers_keeps_its_number_and_begins_its_mean_anew() {
        let mut tracker = Tracker::new(TrackOptions::default());
        tracker.update(&[face(0.0, 0.9)], 0.0);
        let labels = LabelSet::new(["calm", "cross", "glad"]).unwrap();
        let other = Prediction { probabilities: Probabilities::from_logits(&labels, &[0.0, 1.0, 0.0], 1.0), ..face(0.0, 0.9) };
        let tracked = tracker.update(std::slice::from_ref(&other), 0.1);
        assert_eq!(ids(&tracked), [1]);
        assert_eq!(tracked[0].probabilities, other.probabilities);
    }

    #[test]
    fn a_lost_face_keeps_its_number_for_a_moment_only() {
        let mut tracker = Tracker::new(TrackOptions::default());
        tracker.update(&[face(0.0, 0.9)], 0.0);
        assert!(tracker.update(&[], 0.5).is_empty());
        assert_eq!(ids(&tracker.update(&[face(0.0, 0.9)], 0.9)), [1]);
        assert_eq!(ids(&tracker.update(&[face(0.0, 0.9)], 2.8)), [1]);
        assert!(tracker.update(&[], 3.5).is_empty());
        assert!(tracker.update(&[], 4.5).is_empty());
        assert_eq!(ids(&tracker.update(&[face(0.0, 0.9)], 5.0)), [2]);
        assert_eq!(ids(&tracker.update(&[face(0.0, 0.9)], 9.0)), [2], "frames may be far apart");
    }

    #[test]
    fn smoothing_depends_on_time_and_not_on_the_frame_rate() {
        let after_half_a_second = |frames: u32| {
            let mut tracker = Tracker::new(TrackOptions::default());
            tracker.update(&[face(0.0, 0.9)], 0.0);
            let step = |i: u32| tracker.update(&[face(0.0, 0.1)], 0.5 * f64::from(i) / f64::from(frames)).remove(0);
            (1..=frames).map(step).last().unwrap().probabilities.get("happy").unwrap()
        };
        // 0.1 + (0.9 - 0.1) / e
        assert!((after_half_a_second(1) - 0.394).abs() < 1e-3);
        assert!((after_half_a_second(1) - after_half_a_second(25)).abs() < 1e-3);
    }

    #[test]
    fn without_smoothing_the_last_frame_is_the_answer() {
        let mut tracker = Tracker::new(TrackOptions { smoothing: 0.0, ..TrackOptions::default() });
        tracker.update(&[face(0.0, 0.9)], 0.0);
        let now = tracker.update(&[face(0.0, 0.2)], 0.01).remove(0);
        assert!((now.probabilities.get("happy").unwrap() - 0.2).abs() < 1e-5);
        assert!((now.age - 0.01).abs() < 1e-9);
    }
}
