//! Which films: files as they are named, the films of folders.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use fervor::{Error, Reason, Result};
use walkdir::WalkDir;

use super::folder;
use crate::cli::Video;
use crate::talk;

/// Endings of films; of folders only these are taken, since a folder holds much else.
const ENDINGS: [&str; 25] = [
    "mp4", "m4v", "mov", "qt", "mkv", "webm", "avi", "wmv", "flv", "mpg", "mpeg", "ts", "mts", "m2ts", "3gp", "ogv", "gif",
    "apng", "h264", "264", "h265", "hevc", "mjpeg", "mjpg", "y4m",
];

/// A film to look at.
pub struct Film {
    /// As it was named.
    pub name: String,
    pub path: PathBuf,
    /// Its folder below that of all; empty where it is the only one.
    pub folder: PathBuf,
    /// Why it cannot be looked at, where that is known already.
    pub refused: Option<String>,
}

impl Film {
    /// Its name without folders: what tables call it.
    pub fn source(&self) -> String {
        self.path.file_name().map_or_else(|| self.name.clone(), |name| name.to_string_lossy().into_owned())
    }

    pub fn is_standard_input(&self) -> bool {
        self.name == "-"
    }
}

/// The films that were named, and those of the folders that were.
///
/// # Errors
/// A folder without a film.
pub fn find(args: &Video) -> Result<Vec<Film>> {
    let mut films = Vec::new();
    let mut alone = args.input.len() == 1;
    for input in &args.input {
        let path = Path::new(input);
        if !path.is_dir() {
            let folder = path.file_name().map_or_else(|| PathBuf::from("film"), PathBuf::from);
            let folder = if input == "-" { PathBuf::from("standard-input") } else { folder };
            films.push(Film { name: path.display().to_string(), path: path.to_owned(), folder, refused: None });
            continue;
        }
        alone = false;
        let (found, others) = below(path, args);
        if found.is_empty() {
            let hint =
                if args.recursive { "films end in .mp4, .mov, .mkv, .gif, ..." } else { "--recursive looks into its folders" };
            return Err(Error::input("no films in the folder").because(Reason::Empty).context(path.display()).with_hint(hint));
        }
        if others > 0 {
            talk::note(format_args!("{}: passed over {others} files that are no films", path.display()));
        }
        films.extend(found);
    }
    if alone {
        films[0].folder = PathBuf::new();
    }
    keep_apart(&mut films);
    Ok(films)
}

/// Refuses an output that is a file, and one in which a film's folder would have the film's own name.
///
/// # Errors
/// `Input`: it is such a one.
pub fn spare_their_folder(output: &Path, films: &[Film]) -> Result<()> {
    folder::is_no_file(output)?;
    match films.iter().any(|film| folder::is_same(&output.join(&film.folder), &film.path)) {
        true => Err(Error::input(format!("--output is the folder of the films: {}", output.display()))
            .because(Reason::Exists)
            .with_hint("name another")),
        false => Ok(()),
    }
}

/// The films below a folder in name order, and how many files are none.
fn below(root: &Path, args: &Video) -> (Vec<Film>, usize) {
    let depth = if args.recursive { usize::MAX } else { 1 };
    let own = args.output.canonicalize().ok();
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let walk = WalkDir::new(root).follow_links(true).min_depth(1).max_depth(depth).sort_by_file_name().into_iter();
    // What this command writes is none of its inputs.
    let wanted =
        walk.filter_entry(|entry| !hidden(entry.file_name()) && (own.is_none() || entry.path().canonicalize().ok() != own));
    let (mut films, mut others) = (Vec::new(), 0);
    let mut film = |path: PathBuf, refused: Option<String>| {
        let folder = path.strip_prefix(root).unwrap_or(&path).to_owned();
        films.push(Film { name: path.display().to_string(), path, folder, refused });
    };
    let is_film = |path: &Path| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        ENDINGS.contains(&ending.as_str())
    };
    for entry in wanted {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if entry.file_type().is_file() && is_film(entry.path()) => film(entry.into_path(), None),
            Ok(_) => others += 1,
            // A folder that may not be read, and a link that leads nowhere. A link that leads back is no film.
            Err(error) => match error.path().map(Path::to_owned) {
                Some(path) if error.loop_ancestor().is_none() && (path.is_dir() || is_film(&path)) => {
                    let why = error.io_error().map_or_else(|| error.to_string(), |e| format!("it cannot be read: {e}"));
                    film(path, Some(why));
                }
                _ => others += 1,
            },
        }
    }
    (films, others)
}

/// Films of one name from several places: their folders must not meet.
fn keep_apart(films: &mut [Film]) {
    let mut taken = HashSet::new();
    for film in films {
        let (plain, mut number) = (film.folder.clone(), 1);
        while !taken.insert(film.folder.clone()) {
            number += 1;
            let mut name = plain.file_name().unwrap_or_default().to_owned();
            name.push(format!("-{number}"));
            film.folder = plain.with_file_name(name);
        }
    }
}
