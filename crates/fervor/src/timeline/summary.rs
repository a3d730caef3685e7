//! The JSON object `fervor.timeline/1`: what a film comes to.

use serde::Serialize;

use super::{Episode, EpisodeOptions, State, Stretch, Timeline, TrackSummary};
use crate::prediction::ModelInfo;

/// The schema's name.
pub const TIMELINE_SCHEMA: &str = "fervor.timeline/1";

/// All but the frames: the JSON object `fervor.timeline/1`. Times are seconds of the film's own clock. Keys are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary<'a> {
    /// Always `fervor.timeline/1`.
    pub schema: &'static str,
    /// The film, as the caller called it.
    pub source: &'a str,
    /// Which model answered.
    pub model: &'a ModelInfo,
    /// Its classes.
    pub labels: &'a [String],
    /// Of the frames, in pixels; absent where it is not known.
    pub width: Option<u32>,
    /// Of the frames, in pixels; absent where it is not known.
    pub height: Option<u32>,
    /// When the first frame begins.
    pub start_s: f64,
    /// When the last frame ends.
    pub end_s: f64,
    /// How many frames were asked for.
    pub frames: usize,
    /// In how many of them a face was seen.
    pub frames_with_faces: usize,
    /// How many of them could not be looked at.
    pub frames_failed: usize,
    /// The time constant of the smoothing that looks both ways; absent where the tracker's stands.
    pub smoothing_s: Option<f64>,
    /// What makes an episode.
    pub episode_options: EpisodeOptions,
    /// Each face over time.
    pub tracks: Vec<TrackSummary>,
    /// From when to when which face looks how.
    pub episodes: Vec<Episode>,
    /// When the answer about which face was uncertain.
    pub uncertain: Vec<Stretch>,
}

impl Timeline {
    /// What the film comes to.
    pub fn summary(&self, options: &EpisodeOptions) -> Summary<'_> {
        let (width, height) = self.size.unzip();
        let states = self.track_numbers().into_iter().flat_map(|track| self.states(track));
        Summary {
            schema: TIMELINE_SCHEMA,
            source: &self.source,
            model: &self.model,
            labels: self.labels.names(),
            width,
            height,
            start_s: self.start(),
            end_s: self.end(),
            frames: self.frames.len(),
            frames_with_faces: self.frames().filter(|frame| frame.faces().len() > 0).count(),
            frames_failed: self.errors.len(),
            smoothing_s: self.smoothing,
            episode_options: *options,
            tracks: self.tracks(),
            episodes: self.episodes(options),
            uncertain: states.filter(|stretch| stretch.state == State::Uncertain).collect(),
        }
    }
}
