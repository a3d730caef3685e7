//! Doubt in time: when a face was seen, and when the answer about it was certain.

use serde::Serialize;

use super::Timeline;

/// What is known of a face for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// It is seen, and one class has at least half of the probability.
    Certain,
    /// It is seen, and no class has.
    Uncertain,
    /// It is not seen, and will be seen again.
    Unseen,
}

impl State {
    /// Its name in JSON and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Uncertain => "uncertain",
            Self::Unseen => "unseen",
        }
    }
}

/// A while in which the state of a track stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stretch {
    /// The track's number.
    pub track: u64,
    /// What is known.
    pub state: State,
    /// When it begins, in seconds.
    pub start_s: f64,
    /// When it ends, in seconds.
    pub end_s: f64,
}

impl Timeline {
    /// The states of a track from its first frame to its last, without a hole.
    pub fn states(&self, track: u64) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut add = |state, start_s: f64, end_s: f64| match stretches.last_mut() {
            Some(last) if last.state == state => last.end_s = end_s,
            _ => stretches.push(Stretch { track, state, start_s, end_s }),
        };
        let mut last = None;
        for (frame, face) in self.of_track(track) {
            if let Some(last) = last.filter(|last| *last < frame.time()) {
                add(State::Unseen, last, frame.time());
            }
            add(if face.is_uncertain() { State::Uncertain } else { State::Certain }, frame.time(), frame.end());
            last = Some(frame.end());
        }
        stretches
    }
}
