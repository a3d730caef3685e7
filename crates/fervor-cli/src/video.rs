//! `fervor video`: films in, a folder of tables, charts and a page out of each; one bad film never stops the others.

mod crops;
mod files;
mod films;
mod look;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fervor::timeline::{EpisodeOptions, Timeline};
use fervor::{Error, Result};

use crate::cli::Video;
use crate::verdict::Verdict;
use crate::{interrupt, setup, talk};
use films::Film;
use look::{Eye, Looked};

/// Runs the command.
///
/// # Errors
/// Usage, a model that does not load, a folder that cannot be written. A film that fails is told, and the others go on.
pub fn run(args: &Video) -> Result<Verdict> {
    setup::threads(args.threads);
    let films = films::find(args)?;
    let stop = interrupt::flag("stopping; what was looked at is kept")?;
    let model = setup::model(&args.model, args.threads)?;
    let eye = Eye::new(args, model, Arc::clone(&stop))?;
    let options =
        EpisodeOptions::default().with_reach(args.reach).with_keep(args.keep).with_least(args.least).with_bridge(args.bridge);
    if options.keep > options.reach {
        return Err(Error::input(format!("--keep {} is above --reach {}: no episode could begin", args.keep, args.reach)));
    }
    let (mut failed, mut poor) = (0, 0);
    for film in &films {
        match work(args, film, &eye, &options) {
            Ok(true) => {}
            Ok(false) => poor += 1,
            Err(error) => {
                talk::warn(talk::at(&film.name, &error));
                failed += 1;
            }
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(Verdict::Interrupted);
        }
    }
    Ok(match (failed, poor) {
        (0, 0) => Verdict::Yes,
        (all, _) if all == films.len() => Verdict::Failed,
        _ => Verdict::No,
    })
}

/// One film, from its frames to its folder; whether all of it could be looked at.
fn work(args: &Video, film: &Film, eye: &Eye, options: &EpisodeOptions) -> Result<bool> {
    let folder = args.output.join(&film.folder);
    let stamp = files::stamp(args, film, eye.model());
    if args.resume && files::is_finished(&folder, &stamp) {
        talk::note(format_args!("{}: finished before", talk::name(&film.name)));
        return Ok(true);
    }
    let Looked { mut timeline, crops, ended, seconds } = eye.look_at(film)?;
    timeline.smooth(args.smoothing);
    if let Some(error) = &ended {
        talk::warn(talk::at(&film.name, error));
    }
    let broken = timeline.frames().filter(|frame| frame.error().is_some()).count();
    if broken > 0 {
        let frames = if broken == 1 { "a frame".to_owned() } else { format!("{broken} frames") };
        talk::warn(format_args!("{}: {frames} could not be looked at; the table names them", talk::name(&film.name)));
    }
    let interrupted = eye.is_stopped();
    let whole = ended.is_none() && !interrupted;
    files::write(
        &files::Work { args, film, folder: &folder, timeline: &timeline, crops: &crops, options },
        whole.then_some(&stamp),
    )?;
    tell(&timeline, options, &folder, film, seconds)?;
    if interrupted {
        talk::note(format_args!("interrupted: {} ends at {:.1} s", folder.display(), timeline.end()));
    }
    Ok(ended.is_none() && broken == 0)
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
    let rate = if seconds > 0.0 { format!(", {:.0} frames a second", timeline.len() as f64 / seconds) } else { String::new() };
    text += &format!("\n  in {}{rate}", folder.display());
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
