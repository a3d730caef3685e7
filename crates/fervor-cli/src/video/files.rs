//! What a film's folder holds.

use std::fs;
use std::path::Path;

use fervor::timeline::{EpisodeOptions, Format, Layout, Timeline};
use fervor::{Error, Result};
use fervor_draw::timeline::{Page, chart, page};
use serde_json::Value;

use super::Done;
use super::crops::Crops;
use super::films::Film;
use super::folder::{Next, is_same};
use super::seen_from;
use crate::cli::{Video, VideoFormat, VideoLayout};
use crate::output::{cannot_write, write_whole};

/// Dots of the chart for each of its units: sharp on a screen and on paper.
const SHARPNESS: f32 = 2.0;

/// A film that was looked at, and where it goes.
pub struct Work<'a> {
    pub args: &'a Video,
    pub film: &'a Film,
    pub folder: &'a Path,
    pub timeline: &'a Timeline,
    pub crops: &'a Crops,
    /// The film, seen from the folder.
    pub path: Option<String>,
    pub options: &'a EpisodeOptions,
    pub stamp: &'a Value,
    /// Whether all of the film was looked at.
    pub whole: bool,
}

/// Files on their way into the folder.
struct Files<'a> {
    folder: &'a Path,
    next: Next,
    /// Their names, and what is in them.
    told: Vec<(String, String)>,
}

impl Files<'_> {
    fn put(&mut self, name: &str, says: &str, bytes: &[u8]) -> Result<()> {
        fs::write(self.next.path().join(name), bytes).map_err(|e| cannot_write(&self.folder.join(name), e))?;
        self.told.push((name.to_owned(), says.to_owned()));
        Ok(())
    }
}

/// Writes everything. What this command had written there before goes once all of it is there.
///
/// # Errors
/// `Output`: the folder cannot be written; then what was in it is as it was. A file in it cannot be replaced: see
/// [`Next::take_place`].
pub fn write(work: &Work, next: Next) -> Result<()> {
    let Work { args, folder, timeline, options, .. } = work;
    let wants = |format| wants(args, format);
    let mut files = Files { folder, next, told: Vec::new() };
    for (format, wanted, says) in TABLES {
        if wanted.is_none_or(wants) {
            let mut bytes = Vec::new();
            timeline.write(format, options, &mut bytes).map_err(|e| cannot_write(folder, e))?;
            files.put(format.file_name(), says, &bytes)?;
        }
    }
    if wants(VideoFormat::Parquet) && cfg!(feature = "batch") {
        put_parquet(&mut files, timeline)?;
    }
    for layout in &args.layout {
        lay_out(work, &mut files, *layout)?;
    }
    if wants(VideoFormat::Chart) {
        let png = fervor_draw::chart::png(&chart(timeline, options), SHARPNESS)?;
        files.put("timeline.png", "the lanes as a picture", &png)?;
    }
    if wants(VideoFormat::Report) {
        let mut extra = Page::default();
        extra.film = work.path.clone();
        extra.faces = work.crops.encoded();
        extra.files = files.told.clone();
        files.put("report.html", "the film with its lanes", page(timeline, options, &extra).as_bytes())?;
    }
    if args.copy {
        put_copy(work, &mut files)?;
    }
    let Files { next, told, .. } = files;
    let names: Vec<String> = told.into_iter().map(|(name, _)| name).collect();
    next.take_place(&names, work.stamp, work.whole)
}

/// Writes films.csv: what became of each film.
///
/// # Errors
/// `Output`: the folder cannot be written.
pub fn write_list(folder: &Path, films: &[(&Film, Done)]) -> Result<()> {
    let path = folder.join("films.csv");
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut row = |cells: [&str; 5]| table.write_record(cells).map_err(|e| cannot_write(&path, e.into()));
    row(["film", "folder", "state", "frames", "error"])?;
    for (film, done) in films {
        let (state, frames, error) = match done {
            Done::Whole { frames } => ("whole", *frames, String::new()),
            Done::InPart { frames, why } => ("in part", Some(*frames), why.clone()),
            Done::Failed(error) => ("failed", None, error.explained()),
            Done::NotBegun => ("not begun", None, String::new()),
        };
        let frames = frames.map(|frames| frames.to_string()).unwrap_or_default();
        row([&film.name, &film.folder.to_string_lossy(), state, &frames, &error])?;
    }
    let bytes = table.into_inner().map_err(|e| cannot_write(&path, e.into_error()))?;
    write_whole(&path, &bytes)
}

fn wants(args: &Video, format: VideoFormat) -> bool {
    args.formats.contains(&format) || args.formats.contains(&VideoFormat::All)
}

/// The names of what will be written, but for layouts: how many files these are, the faces say.
pub fn names(args: &Video) -> impl Iterator<Item = &'static str> {
    let tables = TABLES.iter().filter(|(_, wanted, _)| wanted.is_none_or(|format| wants(args, format)));
    let others = OTHERS.iter().filter(|(format, _)| wants(args, *format));
    tables.map(|(format, ..)| format.file_name()).chain(others.map(|(_, name)| *name))
}

/// Whether a file of this name is one that this command writes.
pub fn is_own(name: &str) -> bool {
    let is_layout = || {
        let parts = name.strip_prefix("frames.").and_then(|rest| rest.split_once('.'));
        parts.is_some_and(|(layout, _)| LAYOUTS.iter().any(|(_, name, _)| *name == layout))
    };
    let is_table = TABLES.iter().any(|(format, ..)| format.file_name() == name);
    is_table || OTHERS.iter().any(|(_, other)| *other == name) || is_layout()
}

/// Layouts of other programs, what files call them, and people.
const LAYOUTS: [(VideoLayout, &str, &str); 5] = [
    (VideoLayout::Openface, "openface", "OpenFace"),
    (VideoLayout::Pyfeat, "pyfeat", "Py-Feat"),
    (VideoLayout::Imotions, "imotions", "iMotions"),
    (VideoLayout::Facereader, "facereader", "FaceReader"),
    (VideoLayout::Fer, "fer", "fer"),
];

/// Formats of the timeline itself, what asks for them, and what is in them. The summary always is.
const TABLES: [(Format, Option<VideoFormat>, &str); 10] = [
    (Format::Frames, Some(VideoFormat::Csv), "a row a face and frame, and one where there is none"),
    (Format::FrameLines, Some(VideoFormat::Jsonl), "the same rows as JSON lines"),
    (Format::Tracks, Some(VideoFormat::Tracks), "a row a face: shares and their coverage"),
    (Format::Episodes, Some(VideoFormat::Episodes), "onset, apex and offset of each episode"),
    (Format::Summary, None, "all but the frames, as JSON"),
    (Format::WebVtt, Some(VideoFormat::Vtt), "subtitles of web pages"),
    (Format::SubRip, Some(VideoFormat::Srt), "subtitles of players"),
    (Format::Elan, Some(VideoFormat::Elan), "tiers for ELAN"),
    (Format::TextGrid, Some(VideoFormat::Textgrid), "tiers for Praat"),
    (Format::Boris, Some(VideoFormat::Boris), "tabular events as BORIS exports them"),
];

/// What is written beside them.
const OTHERS: [(VideoFormat, &str); 3] =
    [(VideoFormat::Parquet, "frames.parquet"), (VideoFormat::Chart, "timeline.png"), (VideoFormat::Report, "report.html")];

#[cfg(feature = "batch")]
fn put_parquet(files: &mut Files, timeline: &Timeline) -> Result<()> {
    let written = fervor_table::write_frames(&files.next.path().join("frames.parquet"), timeline);
    // By its own name, not by the hidden one that it has until all are there.
    let place = files.folder.join("frames.parquet");
    written.map_err(|e| Error::output(format!("cannot write {}", place.display())).with_source(e.explained()))?;
    files.told.push(("frames.parquet".to_owned(), "the same rows as a Parquet table".to_owned()));
    Ok(())
}

#[cfg(not(feature = "batch"))]
fn put_parquet(_: &mut Files, _: &Timeline) -> Result<()> {
    Ok(())
}

/// The frames in another program's columns, a table a face where that program knows but one.
fn lay_out(work: &Work, files: &mut Files, layout: VideoLayout) -> Result<()> {
    let (name, whose) = LAYOUTS.iter().find(|(of, ..)| *of == layout).map_or(("", ""), |(_, name, whose)| (*name, *whose));
    let layout = match layout {
        VideoLayout::Openface => Layout::OpenFace,
        VideoLayout::Pyfeat => Layout::PyFeat,
        VideoLayout::Imotions => Layout::IMotions,
        VideoLayout::Facereader => Layout::FaceReader,
        VideoLayout::Fer => Layout::Fer,
    };
    let tracks = if layout.is_of_one_face() { work.timeline.track_numbers() } else { vec![0] };
    for track in tracks {
        let mut bytes = Vec::new();
        work.timeline.write_layout(layout, track, &mut bytes).map_err(|e| cannot_write(work.folder, e))?;
        let face = if track > 0 { format!(".face{track}") } else { String::new() };
        let name = format!("frames.{name}{face}.{}", layout.extension());
        files.put(&name, &format!("the frames in columns of {whose}"), &bytes)?;
    }
    Ok(())
}

/// Where the film lies, seen from the folder: beside the page as a copy, or where it was.
pub fn place(args: &Video, film: &Film, folder: &Path) -> Option<String> {
    match args.copy {
        _ if film.is_standard_input() => None,
        true => Some(film.source()),
        false => seen_from(folder, &film.path).map(|path| path.to_string_lossy().replace('\\', "/")),
    }
}

/// A copy of the film, unless it lies there itself.
fn put_copy(work: &Work, files: &mut Files) -> Result<()> {
    let Work { film, folder, .. } = work;
    let name = film.source();
    if film.is_standard_input() || is_same(&folder.join(&name), &film.path) {
        return Ok(());
    }
    fs::copy(&film.path, files.next.path().join(&name))
        .map_err(|e| Error::output(format!("cannot copy to {}", folder.join(&name).display())).with_source(e))?;
    files.told.push((name, "the film".to_owned()));
    Ok(())
}
