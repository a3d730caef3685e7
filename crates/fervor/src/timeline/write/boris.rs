//! The tabular events of BORIS 8: a row where an episode starts, and one where it stops.

use std::io::{self, Write};

use super::{Table, seconds};
use crate::timeline::{EpisodeOptions, Timeline};

const COLUMNS: [&str; 18] = [
    "Observation id",
    "Observation date",
    "Description",
    "Observation duration",
    "Observation type",
    "Source",
    "Time offset (s)",
    "Media duration (s)",
    "FPS",
    "Subject",
    "Behavior",
    "Behavioral category",
    "Behavior type",
    "Time",
    "Media file name",
    "Image index",
    "Image file path",
    "Comment",
];

/// What comes first of what happens at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// Of what began before: it stops where another starts.
    Stop,
    Start,
    /// Of what has no length.
    StopAtOnce,
}

pub(super) fn write(timeline: &Timeline, options: &EpisodeOptions, out: &mut dyn Write) -> io::Result<()> {
    let (source, step) = (timeline.source(), timeline.step());
    let round = |value: f64| format!("{value:.3}");
    let (duration, end) = (round(timeline.end() - timeline.start()), round(timeline.end()));
    let rate = if step > 0.0 { round(1.0 / step) } else { "NA".to_owned() };
    let mut events: Vec<(f64, Order, u64, _)> = Vec::new();
    for episode in timeline.episodes(options) {
        let ends = if episode.offset_s > episode.onset_s { Order::Stop } else { Order::StopAtOnce };
        events.push((episode.onset_s, Order::Start, episode.onset_frame, episode.clone()));
        events.push((episode.offset_s, ends, episode.offset_frame, episode));
    }
    events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut table = Table::tsv(out);
    table.row(COLUMNS)?;
    for (time, order, frame, episode) in events {
        table.row([
            source.to_owned(),
            String::new(),
            String::new(),
            duration.clone(),
            "Media file(s)".to_owned(),
            format!("player #1:{source}"),
            "0.0".to_owned(),
            end.clone(),
            rate.clone(),
            format!("face {}", episode.track),
            episode.label,
            String::new(),
            if order == Order::Start { "START" } else { "STOP" }.to_owned(),
            seconds(time),
            source.to_owned(),
            frame.to_string(),
            "NA".to_owned(),
            String::new(),
        ])?;
    }
    Ok(())
}
