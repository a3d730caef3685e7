//! What each track comes to, and how much of its time that rests on.

use serde::Serialize;

use super::Timeline;
use crate::quality::Flag;

/// One face over time. All shares are of time, not of frames.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TrackSummary {
    /// The track's number.
    pub track: u64,
    /// When its first frame begins, in seconds.
    pub first_s: f64,
    /// When its last frame ends, in seconds.
    pub last_s: f64,
    /// In how many frames it was seen.
    pub frames: usize,
    /// For how many seconds it was seen.
    pub seen_s: f64,
    /// Coverage: in which share of the time from first to last it was seen.
    pub seen: f64,
    /// Coverage: in which share of the time from first to last it was seen, with a certain answer and without a quality flag.
    pub trusted: f64,
    /// In which share of the time that it was seen no class reached one half.
    pub uncertain: f64,
    /// The class with the greatest share; absent where the answer never was certain.
    pub dominant: Option<String>,
    /// Each class; the shares and `uncertain` sum to 1.
    pub classes: Vec<ClassShare>,
    /// Each quality flag that was raised, with the share of the time that it was seen.
    pub flags: Vec<(Flag, f64)>,
}

/// How much of a track is one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassShare {
    /// The class.
    pub label: String,
    /// In which share of the time that the face was seen it certainly looked so.
    pub share: f64,
    /// The mean of its probability over the time that the face was seen.
    pub mean: f64,
}

impl Timeline {
    /// Each track's summary, in the order in which they began.
    pub fn tracks(&self) -> Vec<TrackSummary> {
        self.track_numbers().into_iter().map(|track| self.track(track)).collect()
    }

    fn track(&self, track: u64) -> TrackSummary {
        let classes = self.labels.len();
        // A film of one frame has no length: then frames count alike.
        let has_length = self.end() > self.start();
        let (mut first, mut last, mut frames) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        let (mut seen, mut trusted, mut uncertain) = (0.0, 0.0, 0.0);
        let (mut shares, mut means, mut flags) = (vec![0.0; classes], vec![0.0; classes], [0.0; Flag::ALL.len()]);
        for (frame, face) in self.of_track(track) {
            let time = if has_length { frame.duration() } else { 1.0 };
            (first, last, frames) = (first.min(frame.time()), last.max(frame.end()), frames + 1);
            seen += time;
            trusted += if face.is_trusted() { time } else { 0.0 };
            match face.is_uncertain() {
                true => uncertain += time,
                false => shares[face.top()] += time,
            }
            means.iter_mut().zip(face.smoothed).for_each(|(mean, &p)| *mean += time * f64::from(p));
            for flag in face.flags() {
                flags[Flag::ALL.iter().position(|known| *known == flag).expect("a known flag")] += time;
            }
        }
        let span = if last > first { last - first } else { seen };
        let of = |part: f64, whole: f64| if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 };
        let dominant = (0..classes).filter(|&class| shares[class] > 0.0).max_by(|&a, &b| shares[a].total_cmp(&shares[b]));
        let class = |class: usize| ClassShare {
            label: self.labels.name(class).to_owned(),
            share: of(shares[class], seen),
            mean: of(means[class], seen),
        };
        TrackSummary {
            track,
            first_s: first,
            last_s: last,
            frames,
            seen_s: if has_length { seen } else { 0.0 },
            seen: of(seen, span),
            trusted: of(trusted, span),
            uncertain: of(uncertain, seen),
            dominant: dominant.map(|class| self.labels.name(class).to_owned()),
            classes: (0..classes).map(class).collect(),
            flags: Flag::ALL
                .into_iter()
                .zip(flags)
                .filter(|(_, time)| *time > 0.0)
                .map(|(flag, time)| (flag, of(time, seen)))
                .collect(),
        }
    }
}
