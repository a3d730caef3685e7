//! Episodes: from when to when a face looks how.

use serde::Serialize;

use super::Timeline;

/// What makes an episode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EpisodeOptions {
    /// The smoothed probability that an episode reaches somewhere.
    pub reach: f32,
    /// The smoothed probability that it keeps from its onset to its offset. Two thresholds and not one: a probability that
    /// wavers about a single one would make an episode of every flicker.
    pub keep: f32,
    /// The least length, in seconds. Most expressions last half a second to four; what is shorter than a third of a second is
    /// either a micro-expression, which a network that looks at single frames cannot tell from an error, or that error.
    pub least: f64,
    /// An interruption up to this long, in seconds, does not end an episode: the detector loses a face for a frame or two in
    /// a blink or a fast movement.
    pub bridge: f64,
}

impl Default for EpisodeOptions {
    /// Reaches 0.6, keeps 0.4, lasts at least 0.3 s, bridges 0.2 s.
    fn default() -> Self {
        Self { reach: 0.6, keep: 0.4, least: 0.3, bridge: 0.2 }
    }
}

impl EpisodeOptions {
    /// The same with another probability to [`reach`](Self::reach).
    #[must_use]
    pub fn with_reach(self, reach: f32) -> Self {
        Self { reach, ..self }
    }

    /// The same with another probability to [`keep`](Self::keep).
    #[must_use]
    pub fn with_keep(self, keep: f32) -> Self {
        Self { keep, ..self }
    }

    /// The same with another [`least`](Self::least) length, in seconds.
    #[must_use]
    pub fn with_least(self, least: f64) -> Self {
        Self { least, ..self }
    }

    /// The same with other interruptions [bridged](Self::bridge), in seconds.
    #[must_use]
    pub fn with_bridge(self, bridge: f64) -> Self {
        Self { bridge, ..self }
    }
}

/// A stretch in which one class is the most probable of a face and keeps its probability. Those of one track never overlap.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Episode {
    /// The track's number.
    pub track: u64,
    /// The class.
    pub label: String,
    /// When it begins, in seconds.
    pub onset_s: f64,
    /// When it is strongest: the first frame with the peak.
    pub apex_s: f64,
    /// When its last frame ends.
    pub offset_s: f64,
    /// The number of the first frame.
    pub onset_frame: u64,
    /// The number of the strongest frame.
    pub apex_frame: u64,
    /// The number of the last frame.
    pub offset_frame: u64,
    /// The smoothed probability's mean over the time in which the face was seen.
    pub mean: f32,
    /// The highest smoothed probability.
    pub peak: f32,
    /// The share of its time in which the answer was certain and nothing spoke against it.
    pub trusted: f32,
}

impl Episode {
    /// How long it lasts, in seconds.
    pub fn duration(&self) -> f64 {
        self.offset_s - self.onset_s
    }
}

/// An episode that goes on.
struct Run {
    class: usize,
    episode: Episode,
    /// Of the time in which the face was seen: probability times time, time, trusted time.
    sums: [f64; 3],
}

impl Timeline {
    /// The episodes of all tracks, by onset.
    pub fn episodes(&self, options: &EpisodeOptions) -> Vec<Episode> {
        let mut episodes: Vec<Episode> =
            self.track_numbers().into_iter().flat_map(|track| self.episodes_of(track, options)).collect();
        episodes.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.track.cmp(&b.track)));
        episodes
    }

    fn episodes_of(&self, track: u64, options: &EpisodeOptions) -> Vec<Episode> {
        let mut runs: Vec<Run> = Vec::new();
        for (frame, face) in self.of_track(track) {
            let (class, p, end) = (face.top(), face.confidence(), frame.end());
            if p < options.keep {
                continue;
            }
            let goes_on = |run: &&mut Run| run.class == class && frame.time() - run.episode.offset_s <= options.bridge + 1e-9;
            let run = match runs.last_mut().filter(goes_on) {
                Some(_) => runs.last_mut().expect("there is a last one"),
                None => {
                    runs.push(Run {
                        class,
                        episode: Episode {
                            track,
                            label: face.label().to_owned(),
                            onset_s: frame.time(),
                            apex_s: frame.time(),
                            offset_s: end,
                            onset_frame: frame.index(),
                            apex_frame: frame.index(),
                            offset_frame: frame.index(),
                            mean: p,
                            peak: p,
                            trusted: 0.0,
                        },
                        sums: [0.0; 3],
                    });
                    runs.last_mut().expect("one was pushed")
                }
            };
            let episode = &mut run.episode;
            (episode.offset_s, episode.offset_frame) = (end, frame.index());
            if p > episode.peak {
                (episode.peak, episode.apex_s, episode.apex_frame) = (p, frame.time(), frame.index());
            }
            let trusted = if face.is_trusted() { frame.duration() } else { 0.0 };
            let parts = [f64::from(p) * frame.duration(), frame.duration(), trusted];
            run.sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
        let whole = runs.into_iter().map(|Run { mut episode, sums: [weighed, time, trusted], .. }| {
            if time > 0.0 {
                episode.mean = (weighed / time) as f32;
                episode.trusted = (trusted / time) as f32;
            }
            episode
        });
        whole.filter(|episode| episode.peak >= options.reach && episode.duration() >= options.least - 1e-9).collect()
    }
}
