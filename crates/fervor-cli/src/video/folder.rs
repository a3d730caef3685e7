//! A film's folder: what it was made from, whether it is whole, and how what a run has made takes the place of what was there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use fervor::files::{WholeFolder, rename, sync_all_of};
use fervor::hash::sha256;
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
/// What could not take its place is kept under this name.
const KEPT: &str = "run.new";

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
    // Earlier versions said their names alone, or did not list them.
    let files = files.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_there = |file: &Value| file["name"].as_str().or(file.as_str()).is_some_and(|name| folder.join(name).is_file());
    // As it would be read back.
    let now = serde_json::from_str::<Value>(&stamp.to_string()).ok();
    Some(known) == now && files.iter().all(is_there)
}

/// What one of a folder's stamps says.
fn read(folder: &Path, name: &str) -> Option<Value> {
    let known: Value = serde_json::from_slice(&fs::read(folder.join(name)).ok()?).ok()?;
    (known["schema"] == SCHEMA).then_some(known)
}

/// What a folder says that it was made from, all or a part of it.
fn known(folder: &Path) -> Option<Value> {
    [STAMP, PARTIAL].into_iter().find_map(|name| read(folder, name))
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

/// Begins what the folder will hold: sees that the folder can be written, that nobody else writes it, that it tells of no other film,
/// and that nobody's own work would be lost, nor stands where a file of these `names` will be.
///
/// # Errors
/// `Output`: it cannot be written, or somebody else writes it. `Input`: it is a file, or holds what another film came to, a file that
/// was changed since it was written, or a folder under a file's name.
pub fn claim(folder: &Path, stamp: &Value, names: impl Iterator<Item = &'static str>) -> Result<Next> {
    is_no_file(folder)?;
    let next = Next::begin(folder)?;
    if let Some(taken) = names.chain([STAMP, PARTIAL]).map(|name| folder.join(name)).find(|place| place.is_dir()) {
        return Err(Error::input(format!("a folder stands where a file will be: {}", taken.display()))
            .because(Reason::WrongType)
            .with_hint("move it away, or give --output another folder"));
    }
    may_be_replaced(folder, stamp)?;
    Ok(next)
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
    let Some(known) = known(folder) else { return Ok(()) };
    let name = |stamp: &Value| Some(Path::new(stamp["film"].as_str()?).file_name()?.to_owned());
    match (name(&known), name(stamp)) {
        (Some(known), Some(now)) if known != now => {
            let place = folder.display();
            Err(Error::input(format!("the folder {place} tells of another film: {}", Path::new(&known).display()))
                .with_hint("give --output another folder, or remove this one"))
        }
        _ => match edited(folder, &known) {
            Some(file) => {
                let message = format!("{} is not as the run before left it, and would be lost", file.display());
                Err(Error::input(message).because(Reason::Exists).with_hint("move it away, or give --output another folder"))
            }
            None => Ok(()),
        },
    }
}

/// A file with one of our names that is not what the stamp lists: somebody works on it. Of a stamp that lists names alone, or nothing,
/// this cannot be known.
fn edited(folder: &Path, stamp: &Value) -> Option<PathBuf> {
    let listed = stamp["files"].as_array().filter(|files| files.iter().all(Value::is_object))?;
    own_files(folder).ok()?.into_iter().find(|file| !described(file).is_ok_and(|now| listed.contains(&now)))
}

/// A file as a stamp lists it. Of the film, which may be long, its length is enough.
fn described(file: &Path) -> io::Result<Value> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let hash = if is_own(&name) { Some(sha256(fs::read(file)?)) } else { None };
    Ok(json!({ "name": name, "bytes": fs::metadata(file)?.len(), "sha256": hash }))
}

/// The files in a folder that have names which this command gives.
fn own_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let own = fs::read_dir(folder)?.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_own) && is_file(entry));
    Ok(own.map(|entry| entry.path()).collect())
}

/// The folder for what is only a part, beside one that is whole: the first that is not whole itself, and holds no other film's and
/// nobody's own work.
pub fn beside(folder: &Path, stamp: &Value) -> PathBuf {
    let named = |end: String| {
        let mut name = folder.file_name().unwrap_or_default().to_owned();
        name.push(format!(".partial{end}"));
        folder.with_file_name(name)
    };
    let mut places = std::iter::once(String::new()).chain((2_u32..).map(|number| format!("-{number}"))).map(named);
    let is_free = |place: &PathBuf| !is_whole(place) && is_no_file(place).and_then(|()| may_be_replaced(place, stamp)).is_ok();
    places.find(is_free).expect("names do not end")
}

/// What a folder will hold, until it is whole in a hidden one inside it: what it held stays as it was, and with it what is not ours.
pub struct Next {
    /// Goes before the folder around it does.
    part: WholeFolder,
    folder: Claimed,
}

/// A folder that goes again if nothing is in it.
struct Claimed(PathBuf);

impl Drop for Claimed {
    fn drop(&mut self) {
        // One that holds anything stays.
        let _ = fs::remove_dir(&self.0);
    }
}

impl Next {
    /// Makes the folder where it lacks. Until this is dropped nobody else begins in it.
    ///
    /// # Errors
    /// `Output`: the folder cannot be written, or somebody else writes it.
    pub fn begin(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|e| cannot_write(folder, e))?;
        let part = WholeFolder::create(&folder.join(NEXT)).map_err(|e| cannot_write(folder, e))?;
        Ok(Self { part, folder: Claimed(folder.to_owned()) })
    }

    /// Where the files are written meanwhile.
    pub fn path(&self) -> &Path {
        self.part.path()
    }

    /// The folder that will hold them.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Lets these files take the place of what an earlier run has left, which beside them would tell of other settings; and says
    /// what they were made from, and whether that is all of the film.
    ///
    /// # Errors
    /// `Output`: the disk is full; then all is as it was. A file cannot be replaced or removed, such as one that another program keeps
    /// open; then some files are the new ones, the others of them are kept in a folder that the error names, and what is there does
    /// not count as whole.
    pub fn take_place(self, files: &[String], stamp: &Value, whole: bool) -> Result<()> {
        let (part, folder) = (self.path(), self.folder());
        let listed: io::Result<Vec<Value>> = files.iter().map(|name| described(&part.join(name))).collect();
        let mut last = stamp.clone();
        last["files"] = json!(listed.map_err(|e| cannot_write(folder, e))?);
        let written = fs::write(part.join(STAMP), format!("{last:#}\n")).and_then(|()| sync_all_of(part));
        written.map_err(|e| cannot_write(folder, e))?;
        let earlier = known(folder).is_some();
        // From here on the folder is not whole, whatever stops this, and lists no files: they may be old ones or new ones.
        write_whole(&folder.join(PARTIAL), format!("{stamp:#}\n").as_bytes())?;
        let last = if whole { STAMP } else { PARTIAL };
        replace(folder, part, files, earlier, last).map_err(|error| keep(folder, part, error))
    }
}

/// Moves the new files over the old ones, and the stamp last under this name, once the old ones that are none of the new are gone.
fn replace(folder: &Path, part: &Path, files: &[String], earlier: bool, last: &str) -> Result<()> {
    let give = |name: &str, to: &str| {
        let place = folder.join(to);
        rename(&part.join(name), &place).map_err(|e| cannot_write(&place, e))
    };
    remove(&folder.join(STAMP))?;
    files.iter().try_for_each(|name| give(name, name))?;
    if earlier {
        let own = own_files(folder).map_err(|e| cannot_write(folder, e))?;
        own.iter().filter(|file| !files.iter().any(|name| file.ends_with(name))).try_for_each(|file| remove(file))?;
    }
    give(STAMP, last)?;
    if last == STAMP {
        // Beside the other it says nothing.
        let _ = fs::remove_file(folder.join(PARTIAL));
    }
    Ok(())
}

/// Keeps what has not found its place under a name of its own, which the error says.
fn keep(folder: &Path, part: &Path, error: Error) -> Error {
    let numbered = (2_u32..).map(|number| format!("{KEPT}-{number}"));
    let mut places = std::iter::once(KEPT.to_owned()).chain(numbered).map(|name| folder.join(name));
    let place = places.find(|place| place.symlink_metadata().is_err()).expect("names do not end");
    match rename(part, &place) {
        Ok(()) => error.with_hint(format!("what is new and not in its place is kept in {}", place.display())),
        Err(_) => error,
    }
}

/// Removes a file that need not be there.
fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(cannot_write(file, e)),
        _ => Ok(()),
    }
}
