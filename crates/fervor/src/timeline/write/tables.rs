//! Tracks and episodes as tables.

use std::io::{self, Write};

use super::{Table, number, seconds};
use crate::quality::Flag;
use crate::timeline::{EpisodeOptions, Timeline};

/// A share to four decimals: a hundredth of a percent.
fn share(share: f64) -> String {
    format!("{share:.4}")
}

pub(super) fn tracks(timeline: &Timeline, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::csv(out);
    let names = timeline.labels().names();
    let fixed = "source,track,first_s,last_s,frames,seen_s,seen,trusted,dominant,uncertain".split(',').map(str::to_owned);
    let classes = ["share", "mean"].into_iter().flat_map(|kind| names.iter().map(move |name| format!("{kind}_{name}")));
    table.row(fixed.chain(classes).chain(["flags".to_owned()]))?;
    for track in timeline.tracks() {
        let flags: Vec<&str> = track.flags.iter().map(|(flag, _)| Flag::name(*flag)).collect();
        let mut cells = vec![
            timeline.source().to_owned(),
            track.track.to_string(),
            seconds(track.first_s),
            seconds(track.last_s),
            track.frames.to_string(),
            seconds(track.seen_s),
            share(track.seen),
            share(track.trusted),
            track.dominant.clone().unwrap_or_default(),
            share(track.uncertain),
        ];
        cells.extend(track.classes.iter().map(|class| share(class.share)));
        cells.extend(track.classes.iter().map(|class| share(class.mean)));
        cells.push(flags.join(" "));
        table.row(cells)?;
    }
    Ok(())
}

pub(super) fn episodes(timeline: &Timeline, options: &EpisodeOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::csv(out);
    let head = "source,track,label,onset_s,apex_s,offset_s,duration_s,onset_frame,apex_frame,offset_frame,mean,peak,trusted";
    table.row(head.split(','))?;
    for episode in timeline.episodes(options) {
        table.row([
            timeline.source().to_owned(),
            episode.track.to_string(),
            episode.label.clone(),
            seconds(episode.onset_s),
            seconds(episode.apex_s),
            seconds(episode.offset_s),
            seconds(episode.duration()),
            episode.onset_frame.to_string(),
            episode.apex_frame.to_string(),
            episode.offset_frame.to_string(),
            number(episode.mean),
            number(episode.peak),
            share(episode.trusted.into()),
        ])?;
    }
    Ok(())
}
