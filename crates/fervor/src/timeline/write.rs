//! A timeline as files, a room for each format. Times are those of the film's own clock.

mod boris;
mod elan;
mod frames;
mod subtitles;
mod tables;
mod text;
mod textgrid;

use std::io::{self, Write};

use super::{EpisodeOptions, Timeline};

pub(super) use text::{Table, clock, number, optional, seconds};

/// The formats that a timeline is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// CSV, a row a face and frame, and a row for a frame without a face or with an error.
    Frames,
    /// JSON lines of the same rows.
    FrameLines,
    /// CSV, a row a track.
    Tracks,
    /// CSV, a row an episode.
    Episodes,
    /// The JSON object `fervor.timeline/1`.
    Summary,
    /// WebVTT: subtitles of web pages, a cue an episode.
    WebVtt,
    /// SubRip: subtitles of players, one an episode.
    SubRip,
    /// ELAN: two tiers a track, of its episodes and of the certainty of the answer.
    Elan,
    /// Praat's TextGrid, with the same tiers.
    TextGrid,
    /// BORIS' tabular events, a start and a stop for each episode.
    Boris,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 10] = [
        Format::Frames,
        Format::FrameLines,
        Format::Tracks,
        Format::Episodes,
        Format::Summary,
        Format::WebVtt,
        Format::SubRip,
        Format::Elan,
        Format::TextGrid,
        Format::Boris,
    ];

    /// The name that its file usually has, without a folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Frames => "frames.csv",
            Self::FrameLines => "frames.jsonl",
            Self::Tracks => "tracks.csv",
            Self::Episodes => "episodes.csv",
            Self::Summary => "summary.json",
            Self::WebVtt => "episodes.vtt",
            Self::SubRip => "episodes.srt",
            Self::Elan => "episodes.eaf",
            Self::TextGrid => "episodes.TextGrid",
            Self::Boris => "episodes.boris.tsv",
        }
    }
}

impl Timeline {
    /// Writes the timeline in a format; the options decide what an episode is, where the format has some.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&self, format: Format, options: &EpisodeOptions, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Frames => frames::csv(self, out),
            Format::FrameLines => frames::lines(self, out),
            Format::Tracks => tables::tracks(self, out),
            Format::Episodes => tables::episodes(self, options, out),
            Format::Summary => {
                serde_json::to_writer_pretty(&mut *out, &self.summary(options))?;
                writeln!(out)
            }
            Format::WebVtt => subtitles::web_vtt(self, options, out),
            Format::SubRip => subtitles::sub_rip(self, options, out),
            Format::Elan => elan::write(self, options, out),
            Format::TextGrid => textgrid::write(self, options, out),
            Format::Boris => boris::write(self, options, out),
        }
    }
}
