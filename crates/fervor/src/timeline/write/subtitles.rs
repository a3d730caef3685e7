//! WebVTT and SubRip: what an episode shows, while it lasts.

use std::io::{self, Write};

use super::clock;
use crate::prediction::{adjective, percent};
use crate::timeline::{Episode, EpisodeOptions, Timeline};

/// Web Video Text Tracks (W3C): a head, and cues in the order of their starts.
pub(super) fn web_vtt(timeline: &Timeline, options: &EpisodeOptions, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "WEBVTT")?;
    for (from, to, episode) in cues(timeline, options) {
        let label = adjective(&episode.label);
        // What a cue's text may not hold as it stands.
        let label = label.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(['\n', '\r'], " ");
        let (track, peak) = (episode.track, percent(episode.mean));
        write!(out, "\n{} --> {}\n<v Face {track}>Face {track} looks {label}, {peak}\n", clock(from, '.'), clock(to, '.'))?;
    }
    Ok(())
}

/// SubRip: numbered from 1, a comma before the milliseconds, an empty line after each.
pub(super) fn sub_rip(timeline: &Timeline, options: &EpisodeOptions, out: &mut dyn Write) -> io::Result<()> {
    for (index, (from, to, episode)) in cues(timeline, options).enumerate() {
        let label = adjective(&episode.label).replace(['\n', '\r'], " ");
        let (number, track, mean) = (index + 1, episode.track, percent(episode.mean));
        write!(out, "{number}\n{} --> {}\nFace {track} looks {label}, {mean}\n\n", clock(from, ','), clock(to, ','))?;
    }
    Ok(())
}

/// When each episode begins and ends, at least a millisecond apart, as both formats want it.
fn cues(timeline: &Timeline, options: &EpisodeOptions) -> impl Iterator<Item = (f64, f64, Episode)> {
    let episodes = timeline.episodes(options).into_iter();
    episodes.map(|episode| (episode.onset_s, episode.offset_s.max(episode.onset_s + 1e-3), episode))
}
