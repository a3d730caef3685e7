//! What a film's folder holds.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use fervor::timeline::{EpisodeOptions, Format, Layout, Timeline};
use fervor::{Bundle, Error, Result};
use fervor_draw::timeline::{Page, chart, page};
use serde_json::{Value, json};

use super::Done;
use super::crops::Crops;
use super::films::Film;
use super::seen_from;
use crate::cli::{Video, VideoFormat, VideoLayout};
use crate::output::{cannot_write, write_whole};

/// Says what a folder was made from, and that it is whole; written last.
const STAMP: &str = "run.json";
/// Dots of the chart for each of its units: sharp on a screen and on paper.
const SHARPNESS: f32 = 2.0;

/// A film that was looked at, and where it goes.
pub struct Work<'a> {
    pub args: &'a Video,
    pub folder: &'a Path,
    pub timeline: &'a Timeline,
    pub crops: &'a Crops,
    /// The film, seen from the folder.
    pub path: Option<String>,
    pub options: &'a EpisodeOptions,
}

/// What decides a folder's content: the film, the model, the settings.
pub fn stamp(args: &Video, film: &Film, model: &Bundle) -> Value {
    let meta = fs::metadata(&film.path).ok();
    let changed = meta.as_ref().and_then(|meta| meta.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    json!({
        "schema": "fervor.video-run/1",
        "film": film.name,
        "bytes": meta.map(|meta| meta.len()),
        "changed_s": changed.map(|time| time.as_secs()),
        "model": { "name": model.card().name, "sha256": model.sha256() },
        "formats": args.formats.iter().map(|format| format!("{format:?}").to_lowercase()).collect::<Vec<_>>(),
        "layouts": args.layout.iter().map(|layout| format!("{layout:?}").to_lowercase()).collect::<Vec<_>>(),
        "every_s": args.every.or(args.fps.map(|fps| 1.0 / fps)),
        "start_s": args.start,
        "end_s": args.end,
        "smoothing_s": args.smoothing,
        "episodes": [f64::from(args.reach), f64::from(args.keep), args.least, args.bridge],
        "faces": format!("{:?}", args.analysis.faces).to_lowercase(),
        "detail": args.analysis.detail,
        "look_s": args.look,
        "threshold": args.threshold,
        "copy": args.copy,
    })
}

/// Whether a folder is whole and was made from the same.
pub fn is_finished(folder: &Path, stamp: &Value) -> bool {
    let known = fs::read(folder.join(STAMP)).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    // As it would be read back.
    let now = serde_json::from_str::<Value>(&stamp.to_string()).ok();
    known.is_some() && known == now
}

/// Writes everything; at last the stamp, if the film is whole.
///
/// # Errors
/// `Output`: the folder cannot be written.
pub fn write(work: &Work, stamp: Option<&Value>) -> Result<()> {
    let Work { args, folder, timeline, options, .. } = work;
    // While the folder changes it is not whole.
    if folder.join(STAMP).exists() {
        fs::remove_file(folder.join(STAMP)).map_err(|e| cannot_write(folder, e))?;
    }
    let wants = |format: VideoFormat| args.formats.contains(&format) || args.formats.contains(&VideoFormat::All);
    let mut files: Vec<(String, String)> = Vec::new();
    for (format, wanted, says) in TABLES {
        if wanted.is_none_or(wants) {
            let mut bytes = Vec::new();
            timeline.write(format, options, &mut bytes).map_err(|e| cannot_write(folder, e))?;
            put(work, &mut files, format.file_name(), says, &bytes)?;
        }
    }
    if wants(VideoFormat::Parquet) && cfg!(feature = "batch") {
        put_parquet(work, &mut files)?;
    }
    for layout in &args.layout {
        lay_out(work, &mut files, *layout)?;
    }
    if wants(VideoFormat::Chart) {
        let png = fervor_draw::chart::png(&chart(timeline, options), SHARPNESS)?;
        put(work, &mut files, "timeline.png", "the lanes as a picture", &png)?;
    }
    if wants(VideoFormat::Report) {
        let mut extra = Page::default();
        extra.film = work.path.clone();
        extra.faces = work.crops.encoded();
        extra.files = files;
        let path = folder.join("report.html");
        write_whole(&path, page(timeline, options, &extra).as_bytes())?;
    }
    match stamp {
        Some(stamp) => write_whole(&folder.join(STAMP), format!("{stamp:#}\n").as_bytes()),
        None => Ok(()),
    }
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

fn put(work: &Work, files: &mut Vec<(String, String)>, name: &str, says: &str, bytes: &[u8]) -> Result<()> {
    write_whole(&work.folder.join(name), bytes)?;
    files.push((name.to_owned(), says.to_owned()));
    Ok(())
}

#[cfg(feature = "batch")]
fn put_parquet(work: &Work, files: &mut Vec<(String, String)>) -> Result<()> {
    fervor_table::write_frames(&work.folder.join("frames.parquet"), work.timeline)?;
    files.push(("frames.parquet".to_owned(), "the same rows as a Parquet table".to_owned()));
    Ok(())
}

#[cfg(not(feature = "batch"))]
fn put_parquet(_: &Work, _: &mut Vec<(String, String)>) -> Result<()> {
    Ok(())
}

/// The frames in another program's columns, a table a face where that program knows but one.
fn lay_out(work: &Work, files: &mut Vec<(String, String)>, layout: VideoLayout) -> Result<()> {
    let (layout, name, whose) = match layout {
        VideoLayout::Openface => (Layout::OpenFace, "openface", "OpenFace"),
        VideoLayout::Pyfeat => (Layout::PyFeat, "pyfeat", "Py-Feat"),
        VideoLayout::Imotions => (Layout::IMotions, "imotions", "iMotions"),
        VideoLayout::Facereader => (Layout::FaceReader, "facereader", "FaceReader"),
        VideoLayout::Fer => (Layout::Fer, "fer", "fer"),
    };
    let tracks = if layout.is_of_one_face() { work.timeline.track_numbers() } else { vec![0] };
    for track in tracks {
        let mut bytes = Vec::new();
        work.timeline.write_layout(layout, track, &mut bytes).map_err(|e| cannot_write(work.folder, e))?;
        let face = if track > 0 { format!(".face{track}") } else { String::new() };
        let name = format!("frames.{name}{face}.{}", layout.extension());
        put(work, files, &name, &format!("the frames in columns of {whose}"), &bytes)?;
    }
    Ok(())
}

/// Makes the folder, and says where the film lies, seen from there: beside the page as a copy, or where it was.
///
/// # Errors
/// `Output`: the folder or the copy cannot be written.
pub fn place(args: &Video, film: &Film, folder: &Path) -> Result<Option<String>> {
    fs::create_dir_all(folder).map_err(|e| cannot_write(folder, e))?;
    if film.is_standard_input() {
        return Ok(None);
    }
    if args.copy {
        let name = film.source();
        let copy = folder.join(&name);
        let same = copy.canonicalize().is_ok_and(|copy| film.path.canonicalize().is_ok_and(|path| path == copy));
        if !same {
            fs::copy(&film.path, &copy)
                .map_err(|e| Error::output(format!("cannot copy to {}", copy.display())).with_source(e))?;
        }
        return Ok(Some(name));
    }
    Ok(seen_from(folder, &film.path).map(|path| path.to_string_lossy().replace('\\', "/")))
}
