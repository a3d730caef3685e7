//! [`Tracker`]: faces of successive frames become tracks with smoothed probabilities.

use crate::face::BoundingBox;
use crate::prediction::{Prediction, Probabilities};

/// How faces are followed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrackOptions {
    /// Time constant of the smoothing in seconds: an answer this old counts for 37 % (1 / e). 0 smooths nothing.
    pub smoothing: f64,
    /// A face continues a track when their boxes overlap at least this much (intersection over union, 0..=1).
    pub overlap: f32,
    /// A track ends when a frame shows it no more and its last face is older than this many seconds.
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
    /// A smoothing of half a second, an overlap of 0.25, a patience of one second.
    fn default() -> Self {
        Self { smoothing: 0.5, overlap: 0.25, patience: 1.0 }
    }
}

/// Follows faces from frame to frame: each box continues the track whose last box it overlaps most, best pairs first, as in
/// SORT (Bewley et al. 2016, "Simple online and realtime tracking") without its motion model; probabilities are smoothed by an
/// exponential moving average in time, so that the frame rate does not change the result.
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
    bounds: BoundingBox,
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

    /// The faces of the frame at `time`, in seconds and not before the last frame's; a [`Tracked`] for each face, in order.
    pub fn update(&mut self, faces: &[Prediction], time: f64) -> Vec<Tracked> {
        let patience = self.options.patience;
        // However long ago the last frame was, its faces go on.
        self.tracks.retain(|track| track.seen >= self.last || time - track.seen <= patience);
        self.last = time;
        let followed = self.follow(faces);
        let place = |(face, track): (&Prediction, Option<usize>)| {
            let index = track.unwrap_or_else(|| {
                let (id, probabilities) = (self.next, face.probabilities.clone());
                self.next += 1;
                self.tracks.push(Track { id, bounds: face.face.bounds, smoothed: probabilities, since: time, seen: time });
                self.tracks.len() - 1
            });
            let track = &mut self.tracks[index];
            track.smoothed = track.smoothed.mixed(&face.probabilities, weight(time - track.seen, self.options.smoothing));
            (track.bounds, track.seen) = (face.face.bounds, time);
            Tracked { id: track.id, probabilities: track.smoothed.clone(), age: time - track.since }
        };
        faces.iter().zip(followed).map(place).collect()
    }

    /// The track that each face continues.
    fn follow(&self, faces: &[Prediction]) -> Vec<Option<usize>> {
        let overlaps = |(f, face): (usize, &Prediction)| {
            let bounds = face.face.bounds;
            self.tracks.iter().enumerate().map(move |(t, track)| (bounds.iou(&track.bounds), f, t)).collect::<Vec<_>>()
        };
        let mut pairs: Vec<(f32, usize, usize)> = faces.iter().enumerate().flat_map(overlaps).collect();
        pairs.retain(|(iou, ..)| *iou >= self.options.overlap);
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut followed = vec![None; faces.len()];
        let mut taken = vec![false; self.tracks.len()];
        for (_, face, track) in pairs {
            if followed[face].is_none() && !taken[track] {
                followed[face] = Some(track);
                taken[track] = true;
            }
        }
        followed
    }
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
    fn a_lost_face_keeps_its_number_for_a_moment_only() {
        let mut tracker = Tracker::new(TrackOptions::default());
        tracker.update(&[face(0.0, 0.9)], 0.0);
        assert!(tracker.update(&[], 0.5).is_empty());
        assert_eq!(ids(&tracker.update(&[face(0.0, 0.9)], 0.9)), [1]);
        assert!(tracker.update(&[], 1.5).is_empty());
        assert_eq!(ids(&tracker.update(&[face(0.0, 0.9)], 2.0)), [2]);
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
