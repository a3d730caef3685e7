//! `fervor video`: films in, a folder of tables, charts and a page out of each; one bad film never stops the others.

mod annotate;
mod crops;
mod files;
mod films;
mod folder;
mod look;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fervor::timeline::{EpisodeOptions, Timeline};
use fervor::{Error, Result};

use crate::cli::{Video, VideoFormat};
use crate::verdict::Verdict;
use crate::{interrupt, output, setup, talk};
use films::Film;
use look::{Eye, Looked};

/// Runs the command.
///
/// # Errors
/// Usage, a model that does not load, a folder that cannot be written. A film that fails is told, and the others go on.
pub fn run(args: &Video) -> Result<Verdict> {
    setup::threads(args.analysis.threads);
    if cfg!(not(feature = "batch")) && args.formats.contains(&VideoFormat::Parquet) {
        return Err(Error::input("this program was built without Parquet")
            .because(fervor::Reason::Unsupported)
            .with_remedy(fervor::Remedy::BuildWith { feature: "batch".into() }));
    }
    let films = films::find(args)?;
    if args.annotate.is_some() && films.len() != 1 {
        return Err(Error::input(format!("--annotate names one film, here are {}", films.len()))
            .with_hint("look at each by itself, with its own --annotate and --output"));
    }
    films::spare_their_folder(&args.output, &films)?;
    if let Some(path) = &args.annotate {
        output::spares("--annotate", path, films.iter().map(|film| film.path.as_path()))?;
    }
    if let (Some(start), Some(end)) = (args.start, args.end)
        && start >= end
    {
        return Err(Error::input(format!("--start {start} is not before --end {end}: no frame lies between")));
    }
    let stop = interrupt::flag("stopping; what was looked at is kept")?;
    let model = setup::model(&args.analysis.model, args.analysis.threads)?;
    let eye = Eye::new(args, model, Arc::clone(&stop))?;
    let options =
        EpisodeOptions::default().with_reach(args.reach).with_keep(args.keep).with_least(args.least).with_bridge(args.bridge);
    if options.keep > options.reach {
        return Err(Error::input(format!("--keep {} is above --reach {}: no episode could begin", args.keep, args.reach)));
    }
    let mut rows = Vec::with_capacity(films.len());
    for film in &films {
        // What was not begun has its row, too.
        let stopped = stop.load(Ordering::Relaxed);
        let done = if stopped { Done::NotBegun } else { work(args, film, &eye, &options).unwrap_or_else(Done::Failed) };
        if let Done::Failed(error) = &done {
            talk::warn(talk::at(&film.name, error));
        }
        rows.push((film, done));
    }
    if films.len() > 1 {
        files::write_list(&args.output, &rows)?;
    }
    if stop.load(Ordering::Relaxed) {
        return Ok(Verdict::Interrupted);
    }
    let count = |is: fn(&Done) -> bool| rows.iter().filter(|(_, done)| is(done)).count();
    Ok(match (count(|done| matches!(done, Done::Failed(_))), count(|done| matches!(done, Done::Whole { .. }))) {
        (_, whole) if whole == rows.len() => Verdict::Yes,
        (failed, _) if failed == rows.len() => Verdict::Failed,
        _ => Verdict::No,
    })
}

/// What became of a film.
pub enum Done {
    /// All of it was looked at.
    Whole { frames: Option<usize> },
    /// It ended early, or frames of it are broken: why. What could be seen is in its folder.
    InPart { frames: usize, why: String },
    /// It could not be looked at.
    Failed(Error),
    /// The program was asked to stop before.
    NotBegun,
}

/// One film, from its frames to its folder.
fn work(args: &Video, film: &Film, eye: &Eye, options: &EpisodeOptions) -> Result<Done> {
    let folder = args.output.join(&film.folder);
    let stamp = folder::stamp(args, film, eye.model());
    let is_annotated = args.annotate.as_ref().is_none_or(|path| path.is_file());
    if args.resume && is_annotated && folder::is_finished(&folder, &stamp) {
        talk::note(format_args!("{}: finished before", talk::name(&film.name)));
        return Ok(Done::Whole { frames: folder::frames(&folder) });
    }
    // Before the work, so that it is not for nothing.
    let next = folder::claim(&folder, &stamp, files::names(args))?;
    let Looked { mut timeline, crops, ended, seconds } = eye.look_at(film)?;
    timeline.smooth(args.smoothing);
    let broken = timeline.frames().filter(|frame| frame.error().is_some()).count();
    let why = match &ended {
        Some(error) => Some(error.explained()),
        None if eye.is_stopped() => Some(format!("interrupted at {:.1} s", timeline.end())),
        None if broken > 0 => Some(format!("{broken} of {} frames could not be looked at; the table says why", timeline.len())),
        None => None,
    };
    if let Some(why) = &why {
        talk::warn(format_args!("{}: {why}", talk::name(&film.name)));
    }
    // One that ended early, or was interrupted, is looked at again.
    let whole = ended.is_none() && !eye.is_stopped();
    // What is whole stays where only a part would take its place.
    let next = if whole || !folder::is_whole(&folder) { next } else { folder::Next::begin(&folder::beside(&folder, &stamp))? };
    let folder = next.folder().to_owned();
    let path = files::place(args, film, &folder);
    path.iter().for_each(|path| timeline.set_path(path));
    let (timeline, crops, stamp) = (&timeline, &crops, &stamp);
    let work = files::Work { args, film, folder: &folder, timeline, crops, path, options, stamp, whole };
    files::write(&work, next)?;
    tell(timeline, options, &folder, film, seconds)?;
    let frames = timeline.len();
    Ok(why.map_or(Done::Whole { frames: Some(frames) }, |why| Done::InPart { frames, why }))
}

/// What people want to know at once.
fn tell(timeline: &Timeline, options: &EpisodeOptions, folder: &Path, film: &Film, seconds: f64) -> Result<()> {
    let tracks = timeline.tracks();
    let count = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let mut text = format!(
        "{}  {:.1} s, {}, {}, {}",
        talk::name(&film.name),
        timeline.end() - timeline.start(),
        count(timeline.len(), "frame"),
        count(tracks.len(), "face"),
        count(timeline.episodes(options).len(), "episode")
    );
    for track in tracks.iter().take(MOST_TOLD) {
        let mut classes: Vec<_> = track.classes.iter().filter(|class| class.share >= 0.05).collect();
        classes.sort_by(|a, b| b.share.total_cmp(&a.share));
        let mut shares: Vec<String> = classes
            .iter()
            .take(3)
            .map(|class| format!("{} {:.0} %", fervor::prediction::adjective(&class.label), 100.0 * class.share))
            .collect();
        if track.uncertain >= 0.05 {
            shares.push(format!("uncertain {:.0} %", 100.0 * track.uncertain));
        }
        text += &format!(
            "\n  face {}  {:.2} to {:.2} s, seen {:.0} %, trusted {:.0} %: {}",
            track.track,
            track.first_s,
            track.last_s,
            100.0 * track.seen,
            100.0 * track.trusted,
            shares.join(", ")
        );
    }
    if tracks.len() > MOST_TOLD {
        text += &format!("\n  and {} more", tracks.len() - MOST_TOLD);
    }
    let rate = if seconds > 0.0 { format!(" ({:.0} frames a second)", timeline.len() as f64 / seconds) } else { String::new() };
    let place = folder.display().to_string();
    text += &format!("\n  in {}, after {seconds:.1} s{rate}", talk::name(&place));
    talk::answer(text)
}

/// Faces of a film that are told on the screen; the tables hold all.
const MOST_TOLD: usize = 8;

/// A path from a folder to a file, both as they were given; nothing where there is none, as between two drives.
fn seen_from(folder: &Path, file: &Path) -> Option<PathBuf> {
    let (folder, file) = (folder.canonicalize().ok()?, file.canonicalize().ok()?);
    let common = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return None;
    }
    let up = folder.components().skip(common).map(|_| std::path::Component::ParentDir);
    Some(up.chain(file.components().skip(common)).collect())
}
