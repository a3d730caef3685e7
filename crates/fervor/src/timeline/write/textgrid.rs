//! Praat's TextGrid in its long form: two interval tiers a track, without a hole from the film's start to its end.

use std::io::{self, Write};

use super::seconds;
use crate::timeline::{EpisodeOptions, State, Timeline};

/// A tier: its name, and intervals (from, to, text) in order.
pub(super) type Tier = (String, Vec<(f64, f64, String)>);

/// The tiers of all tracks: what a face shows, and how certain that is. Nothing is said where the face is not seen.
pub(super) fn tiers(timeline: &Timeline, options: &EpisodeOptions) -> Vec<Tier> {
    let episodes = timeline.episodes(options);
    let of_track = |track: u64| {
        let own = episodes.iter().filter(|episode| episode.track == track);
        let shown = own.map(|episode| (episode.onset_s, episode.offset_s, episode.label.clone())).collect();
        let states = timeline.states(track).into_iter().filter(|stretch| stretch.state != State::Unseen);
        let states = states.map(|stretch| (stretch.start_s, stretch.end_s, stretch.state.name().to_owned())).collect();
        [(format!("face {track}"), shown), (format!("face {track} certainty"), states)]
    };
    timeline.track_numbers().into_iter().flat_map(of_track).collect()
}

pub(super) fn write(timeline: &Timeline, options: &EpisodeOptions, out: &mut dyn Write) -> io::Result<()> {
    // Praat wants time to pass and at least one tier.
    let start = timeline.start().min(0.0);
    let end = timeline.end().max(start + 1e-3);
    let mut tiers = tiers(timeline, options);
    if tiers.is_empty() {
        tiers.push(("no face".to_owned(), Vec::new()));
    }
    let range = |out: &mut dyn Write, indent: &str, from: f64, to: f64| {
        writeln!(out, "{indent}xmin = {} \n{indent}xmax = {} ", seconds(from), seconds(to))
    };
    write!(out, "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n")?;
    range(out, "", start, end)?;
    writeln!(out, "tiers? <exists> \nsize = {} \nitem []: ", tiers.len())?;
    for (index, (name, intervals)) in tiers.iter().enumerate() {
        let intervals = gapless(intervals, start, end);
        writeln!(out, "    item [{}]:\n        class = \"IntervalTier\" \n        name = {} ", index + 1, quoted(name))?;
        range(out, "        ", start, end)?;
        writeln!(out, "        intervals: size = {} ", intervals.len())?;
        for (index, (from, to, text)) in intervals.iter().enumerate() {
            writeln!(out, "        intervals [{}]:", index + 1)?;
            range(out, "            ", *from, *to)?;
            writeln!(out, "            text = {} ", quoted(text))?;
        }
    }
    Ok(())
}

/// The intervals with empty ones between them.
fn gapless(intervals: &[(f64, f64, String)], start: f64, end: f64) -> Vec<(f64, f64, &str)> {
    let mut whole = Vec::new();
    let mut last = start;
    // As they are written, so that no interval has the same start and end.
    let same = |a: f64, b: f64| seconds(a) == seconds(b);
    for (from, to, text) in intervals {
        let (from, to) = (from.max(last), to.min(end));
        if from >= to || same(from, to) {
            continue;
        }
        if from > last && !same(from, last) {
            whole.push((last, from, ""));
        }
        whole.push((from, to, text.as_str()));
        last = to;
    }
    if whole.is_empty() || (last < end && !same(last, end)) {
        whole.push((last, end, ""));
    }
    whole
}

/// A text in quotes, those inside doubled.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace(['\n', '\r'], " "))
}
