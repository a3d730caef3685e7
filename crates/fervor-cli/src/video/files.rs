//! What a film's folder holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fervor::files::WholeFile;
use fervor::timeline::{EpisodeOptions, Format, Layout, Timeline};
use fervor::{Bundle, Error, Reason, Result};
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
const SCHEMA: &str = "fervor.video-run/1";
/// So much younger than the stamp may the files of a folder be that was copied.
const COPYING: Duration = Duration::from_secs(2);
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
        "schema": SCHEMA,
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
    let known = known(folder);
    // As it would be read back.
    let now = serde_json::from_str::<Value>(&stamp.to_string()).ok();
    known.is_some() && known == now
}

/// What a folder says that it was made from.
fn known(folder: &Path) -> Option<Value> {
    let known: Value = serde_json::from_slice(&fs::read(folder.join(STAMP)).ok()?).ok()?;
    (known["schema"] == SCHEMA).then_some(known)
}

/// Whether a folder holds all of a film.
pub fn is_whole(folder: &Path) -> bool {
    known(folder).is_some()
}

/// How many frames of its film a folder tells of.
pub fn frames(folder: &Path) -> Option<usize> {
    let summary: Value = serde_json::from_slice(&fs::read(folder.join(Format::Summary.file_name())).ok()?).ok()?;
    summary["frames"].as_u64()?.try_into().ok()
}

/// Makes the folder, and sees that it can be written, tells of no other film, and holds nobody's own work.
///
/// # Errors
/// `Output`: it cannot be written. `Input`: it holds what another film came to, or a file that was changed since it was written.
pub fn claim(folder: &Path, stamp: &Value) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| cannot_write(folder, e))?;
    WholeFile::create(&folder.join(STAMP)).map(drop).map_err(|e| cannot_write(folder, e))?;
    let Some(known) = known(folder) else { return Ok(()) };
    let name = |stamp: &Value| Some(Path::new(stamp["film"].as_str()?).file_name()?.to_owned());
    match (name(&known), name(stamp)) {
        (Some(known), Some(now)) if known != now => {
            let place = folder.display();
            Err(Error::input(format!("the folder {place} tells of another film: {}", Path::new(&known).display()))
                .with_hint("give --output another folder, or remove this one"))
        }
        _ => match edited(folder) {
            Some(file) => {
                let message = format!("{} was changed after the run that wrote it, and would be lost", file.display());
                Err(Error::input(message).because(Reason::Exists).with_hint("move it away, or give --output another folder"))
            }
            None => Ok(()),
        },
    }
}

/// A file of an earlier run that is younger than that run's end: somebody works on it.
fn edited(folder: &Path) -> Option<PathBuf> {
    let changed = |path: &Path| fs::metadata(path).ok()?.modified().ok();
    let end = changed(&folder.join(STAMP))? + COPYING;
    let entries = fs::read_dir(folder).ok()?.flatten();
    let mut own = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_own)).map(|entry| entry.path());
    own.find(|path| changed(path).is_some_and(|time| time > end))
}

/// Takes the folder away again if nothing is in it.
pub fn leave(folder: &Path) {
    // One that holds anything stays.
    let _ = fs::remove_dir(folder);
}

/// The folder for what is only a part, beside one that is whole.
pub fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    folder.with_file_name(name)
}

/// Writes everything; at last the stamp, if the film is whole. What this command had written there before goes.
///
/// # Errors
/// `Output`: the folder cannot be written.
pub fn write(work: &Work, stamp: Option<&Value>) -> Result<()> {
    let Work { args, folder, timeline, options, .. } = work;
    // While the folder changes it is not whole.
    if is_whole(folder) {
        fs::remove_file(folder.join(STAMP)).map_err(|e| cannot_write(folder, e))?;
        remove_earlier(folder)?;
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

/// Removes what an earlier run has written: beside tables of this one they would tell of other settings.
fn remove_earlier(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| cannot_write(folder, e))?.flatten() {
        if entry.file_name().to_str().is_some_and(is_own) {
            fs::remove_file(entry.path()).map_err(|e| cannot_write(&entry.path(), e))?;
        }
    }
    Ok(())
}

/// Whether a file of this name is one that this command writes.
fn is_own(name: &str) -> bool {
    let is_layout = || {
        let layout = name.strip_prefix("frames.").and_then(|rest| rest.split('.').next());
        layout.is_some_and(|layout| LAYOUTS.iter().any(|(_, name, _)| *name == layout))
    };
    let is_table = TABLES.iter().any(|(format, ..)| format.file_name() == name);
    is_table || ["frames.parquet", "timeline.png", "report.html"].contains(&name) || is_layout()
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
