//! A film's folder: what it was made from, whether it is whole, and how what a run has made takes the place of what was there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fervor::files::{WholeFile, WholeFolder, rename, sync_all_of};
use fervor::timeline::Format;
use fervor::{Bundle, Error, Reason, Result};
use serde_json::{Value, json};

use super::files::is_own;
use super::films::Film;
use crate::cli::Video;
use crate::output::{cannot_write, write_whole};

/// Says what a folder was made from, and that it is whole; it comes last.
const STAMP: &str = "run.json";
/// Says what a folder was made from that is not whole.
const PARTIAL: &str = "run.partial.json";
const SCHEMA: &str = "fervor.video-run/1";
/// What a folder will hold has a hidden place in it, after this name.
const NEXT: &str = ".fervor-video";
/// So much younger than the stamp may the files of a folder be that was copied.
const COPYING: Duration = Duration::from_secs(2);

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

/// Whether a folder is whole, was made from the same, and still has each of its files.
pub fn is_finished(folder: &Path, stamp: &Value) -> bool {
    let Some(mut known) = read(folder, STAMP) else { return false };
    let files = known.as_object_mut().and_then(|known| known.remove("files"));
    // Earlier versions did not name them.
    let files = files.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_there = |file: &Value| file.as_str().is_some_and(|file| folder.join(file).is_file());
    // As it would be read back.
    let now = serde_json::from_str::<Value>(&stamp.to_string()).ok();
    Some(known) == now && files.iter().all(is_there)
}

/// What one of a folder's stamps says.
fn read(folder: &Path, name: &str) -> Option<Value> {
    let known: Value = serde_json::from_slice(&fs::read(folder.join(name)).ok()?).ok()?;
    (known["schema"] == SCHEMA).then_some(known)
}

/// What a folder says that it was made from, all or a part of it, and which of its stamps does.
fn known(folder: &Path) -> Option<(Value, &'static str)> {
    [STAMP, PARTIAL].into_iter().find_map(|name| Some((read(folder, name)?, name)))
}

/// Whether a folder holds all of a film.
pub fn is_whole(folder: &Path) -> bool {
    read(folder, STAMP).is_some()
}

/// How many frames of its film a folder tells of.
pub fn frames(folder: &Path) -> Option<usize> {
    let summary: Value = serde_json::from_slice(&fs::read(folder.join(Format::Summary.file_name())).ok()?).ok()?;
    summary["frames"].as_u64()?.try_into().ok()
}

/// Makes the folder, and sees that it can be written, tells of no other film, and holds nobody's own work.
///
/// # Errors
/// `Output`: it cannot be written. `Input`: it is a file, or holds what another film came to, or a file that was changed since it was
/// written.
pub fn claim(folder: &Path, stamp: &Value) -> Result<()> {
    is_no_file(folder)?;
    fs::create_dir_all(folder).map_err(|e| cannot_write(folder, e))?;
    WholeFile::create(&folder.join(STAMP)).map(drop).map_err(|e| cannot_write(folder, e))?;
    may_be_replaced(folder, stamp)
}

/// Refuses a file where a folder is needed.
///
/// # Errors
/// `Input`: it is one.
pub fn is_no_file(folder: &Path) -> Result<()> {
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(Error::input(format!("a folder is needed, this is a file: {}", folder.display()))
            .because(Reason::WrongType)
            .with_hint("give --output another name, or move the file away")),
        _ => Ok(()),
    }
}

/// Whether two names lead to the same place.
pub fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Sees that what a folder holds tells of the same film, and is nobody's own work.
fn may_be_replaced(folder: &Path, stamp: &Value) -> Result<()> {
    let Some((known, _)) = known(folder) else { return Ok(()) };
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
    let (_, stamp) = known(folder)?;
    let end = changed(&folder.join(stamp))? + COPYING;
    own_files(folder).ok()?.into_iter().find(|path| changed(path).is_some_and(|time| time > end))
}

/// The files in a folder that have names which this command gives.
fn own_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.flatten();
    let own = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_own));
    Ok(own.map(|entry| entry.path()).collect())
}

/// Takes the folder away again if nothing is in it.
pub fn leave(folder: &Path) {
    // One that holds anything stays.
    let _ = fs::remove_dir(folder);
}

/// The folder for what is only a part, beside one that is whole: the first that holds no other film's and nobody's own work.
pub fn beside(folder: &Path, stamp: &Value) -> PathBuf {
    let named = |end: String| {
        let mut name = folder.file_name().unwrap_or_default().to_owned();
        name.push(format!(".partial{end}"));
        folder.with_file_name(name)
    };
    let places = std::iter::once(String::new()).chain((2_u32..).map(|number| format!("-{number}"))).map(named);
    let mut free = places.filter(|place| is_no_file(place).and_then(|()| may_be_replaced(place, stamp)).is_ok());
    free.next().expect("names do not end")
}

/// What a folder will hold, until it is whole in a hidden one inside it: what it held stays as it was, and with it what is not ours.
pub struct Next {
    folder: PathBuf,
    part: WholeFolder,
}

impl Next {
    /// # Errors
    /// `Output`: the folder cannot be written, or somebody else writes it.
    pub fn begin(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|e| cannot_write(folder, e))?;
        let part = WholeFolder::create(&folder.join(NEXT)).map_err(|e| cannot_write(folder, e))?;
        Ok(Self { folder: folder.to_owned(), part })
    }

    /// Where the files are written meanwhile.
    pub fn path(&self) -> &Path {
        self.part.path()
    }

    /// Lets these files take the place of what an earlier run has left, which beside them would tell of other settings; and says
    /// what they were made from, and whether that is all of the film.
    ///
    /// # Errors
    /// `Output`: the disk is full; then all is as it was.
    pub fn take_place(self, files: &[String], stamp: &Value, whole: bool) -> Result<()> {
        let Self { folder, part } = self;
        let mut stamp = stamp.clone();
        stamp["files"] = json!(files);
        let text = format!("{stamp:#}\n");
        fs::write(part.path().join(STAMP), &text).map_err(|e| cannot_write(&folder, e))?;
        sync_all_of(part.path()).map_err(|e| cannot_write(&folder, e))?;
        let earlier = known(&folder).is_some();
        // From here on the folder is not whole, whatever stops this.
        write_whole(&folder.join(PARTIAL), text.as_bytes())?;
        remove(&folder.join(STAMP))?;
        if earlier {
            own_files(&folder).map_err(|e| cannot_write(&folder, e))?.iter().try_for_each(|file| remove(file))?;
        }
        let give = |name: &str| {
            let place = folder.join(name);
            rename(&part.path().join(name), &place).map_err(|e| cannot_write(&place, e))
        };
        files.iter().try_for_each(|name| give(name))?;
        if whole {
            give(STAMP)?;
            remove(&folder.join(PARTIAL))?;
        }
        Ok(())
    }
}

/// Removes a file that need not be there.
fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(cannot_write(file, e)),
        _ => Ok(()),
    }
}
