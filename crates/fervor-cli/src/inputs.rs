//! What `predict` and `explain` are given: files, folders, patterns, lists and standard input become a list of sources.
//! Nothing that was named or found goes missing: it is a source, an error row, or counted in a note.

mod list;
mod walk;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use fervor::{Error, Limits, Picture, Reason, Result};

use walk::Search;

/// Sources that lie in memory at once, some hundred bytes each.
const MOST: usize = 5_000_000;

/// Where a picture comes from.
#[derive(Debug)]
pub enum Source {
    File {
        path: PathBuf,
        /// The path below the folder or pattern that led to it: the place of its annotated copy.
        relative: PathBuf,
    },
    StandardInput,
    /// What leads to no picture: its answer is an error row.
    Refused {
        path: PathBuf,
        refusal: Refusal,
    },
}

/// Why something that was named or found is no picture to read.
#[derive(Debug)]
pub struct Refusal {
    pub reason: Reason,
    pub message: String,
    pub hint: Option<&'static str>,
}

impl Source {
    /// The name in the answer.
    pub fn name(&self) -> String {
        match self {
            Self::File { path, .. } | Self::Refused { path, .. } => path.display().to_string(),
            Self::StandardInput => "-".to_owned(),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::StandardInput | Self::Refused { .. } => None,
        }
    }

    /// The path that the annotated copy gets inside its folder.
    pub fn relative(&self) -> PathBuf {
        match self {
            Self::File { relative, .. } => relative.clone(),
            Self::StandardInput | Self::Refused { .. } => PathBuf::from("stdin"),
        }
    }

    /// Reads and decodes the picture.
    ///
    /// # Errors
    /// A file that cannot be read, or is no picture.
    pub fn read(&self, limits: &Limits) -> Result<Picture> {
        match self {
            Self::File { path, .. } => fervor::picture::read(path, limits).map_err(|error| helped(error, path)),
            Self::StandardInput => {
                let mut bytes = Vec::new();
                let read = std::io::stdin().lock().take(limits.bytes as u64 + 1).read_to_end(&mut bytes);
                read.map_err(|e| Error::input("standard input cannot be read").with_source(e))?;
                Picture::decode(&bytes, limits)
            }
            Self::Refused { path, refusal: Refusal { reason, message, hint } } => {
                let error = Error::input(message).because(*reason).context(path.display());
                Err(hint.iter().fold(error, |error, hint| error.with_hint(*hint)))
            }
        }
    }

    /// A file that was named: its annotated copy has its name, below no folder.
    fn named(path: &Path) -> Self {
        let relative = path.file_name().map_or_else(|| PathBuf::from("picture"), PathBuf::from);
        Self::File { path: path.to_owned(), relative }
    }

    fn refused(path: impl Into<PathBuf>, reason: Reason, message: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self::Refused { path: path.into(), refusal: Refusal { reason, message: message.into(), hint } }
    }
}

/// An error with what this program has instead for what was named.
fn helped(error: Error, path: &Path) -> Error {
    let name = path.to_string_lossy();
    match error.reason() {
        Reason::Missing if name.starts_with("camera:") => error.with_hint("fervor watch looks through cameras"),
        Reason::Missing if name.contains("://") => {
            error.with_hint("pictures behind addresses are for fervor batch, in a build with the feature store: download it")
        }
        _ => error,
    }
}

/// The sources of a command, and what there is to say about them.
#[derive(Debug)]
pub struct Inputs {
    /// In the order given, folders and patterns in name order. What is named twice is there twice.
    pub sources: Vec<Source>,
    /// Whether one picture was asked for, and not a list of however many.
    pub one: bool,
    /// What was passed over, counted.
    pub notes: Vec<String>,
}

/// What is looked for, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub input: &'a [OsString],
    /// A file with a path a line; `-` is standard input.
    pub list: Option<&'a Path>,
    pub recursive: bool,
    /// Whether the archives and tables of a folder are sources, too: what holds pictures, and is none.
    pub holders: bool,
    /// The folder that this command writes pictures into: on a walk they are none of its inputs.
    pub own: Option<&'a Path>,
}

/// Finds the sources. What does not exist, an empty folder or a pattern that nothing fits is a source all the same: it becomes
/// an error row.
///
/// # Errors
/// A list that cannot be read, that names nothing, or that should come by the same standard input as a picture.
pub fn expand(wanted: Wanted) -> Result<Inputs> {
    let mut sources = Vec::new();
    let notes = each(wanted, &mut |source| {
        if sources.len() == MOST {
            return Err(Error::input(format!("more than {MOST} pictures"))
                .because(Reason::TooLarge)
                .with_hint("fervor batch takes any number, and goes on after it was stopped"));
        }
        sources.push(source);
        Ok(())
    })?;
    let one = match (wanted.list, wanted.input) {
        (None, [input]) => {
            let path = Path::new(input);
            // A name that is there is a name; brackets are part of many a file's.
            let is_name = path.symlink_metadata().is_ok() || !input.to_str().is_some_and(|text| text.contains(['*', '?']));
            !path.is_dir() && is_name && (matches!(sources[..], [Source::Refused { .. }]) || !is_pattern(input))
        }
        _ => false,
    };
    keep_apart(&mut sources);
    Ok(Inputs { sources, one, notes })
}

/// Hands out the sources as [`expand`] finds them, one after the other, and says what was passed over. Copies of theirs may meet.
///
/// # Errors
/// As [`expand`], and what `found` fails with.
pub fn each(wanted: Wanted, found: &mut dyn FnMut(Source) -> Result<()>) -> Result<Vec<String>> {
    let mut search = Search::new(wanted.recursive, wanted.holders, wanted.own);
    let mut standard_input = false;
    for input in wanted.input {
        let path = Path::new(input);
        let special = input.to_str().filter(|_| is_pattern(input));
        if input == "-" {
            let again = std::mem::replace(&mut standard_input, true);
            found(match again {
                false => Source::StandardInput,
                true => Source::refused("-", Reason::Exists, "standard input was read already: it is named twice", None),
            })?;
        } else if path.is_dir() {
            search.each_of_folder(path, found)?;
        } else if let Some(text) = special {
            search.pattern(text).into_iter().try_for_each(&mut *found)?;
        } else {
            found(Source::named(path))?;
        }
    }
    let mut notes = search.notes();
    if let Some(list) = wanted.list {
        if list == OsStr::new("-") && standard_input {
            return Err(Error::input("standard input cannot be a picture and the list of pictures")
                .with_hint("write the list into a file: --list FILE"));
        }
        let (mut folders, mut files) = (0_usize, 0_usize);
        list::each(list, &mut |path| {
            if path.is_dir() {
                folders += 1;
                return Ok(());
            }
            files += 1;
            found(match stays_inside(&path) {
                true => Source::File { relative: path.clone(), path },
                false => Source::named(&path),
            })
        })?;
        if files == 0 {
            return Err(Error::input(format!("the list names no picture: {}", list.display()))
                .because(Reason::Empty)
                .with_hint("a list has the path of a picture a line; folders are named as arguments"));
        }
        if folders > 0 {
            let words = if folders == 1 { "folder" } else { "folders" };
            notes.push(format!("{}: passed over {folders} {words}: a list names pictures", list.display()));
        }
    }
    Ok(notes)
}

/// Whether it is a pattern: nothing has it as a name, and it could fit names.
fn is_pattern(input: &OsStr) -> bool {
    Path::new(input).symlink_metadata().is_err() && input.to_str().is_some_and(|text| text.contains(['*', '?', '[', '{']))
}

/// Whether a path can be repeated below another folder.
fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) && path.file_name().is_some()
}

/// Files of one name from several places: their annotated copies must not meet.
fn keep_apart(sources: &mut [Source]) {
    let mut taken = HashSet::new();
    for source in sources {
        let Source::File { relative, .. } = source else { continue };
        let (plain, mut number) = (relative.clone(), 1);
        while !taken.insert(relative.clone()) {
            number += 1;
            let mut name = plain.file_stem().unwrap_or_default().to_owned();
            name.push(format!("-{number}"));
            if let Some(extension) = plain.extension() {
                name.push(".");
                name.push(extension);
            }
            *relative = plain.with_file_name(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01";

    fn world(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        dir
    }

    fn found(inputs: &[String], recursive: bool) -> Inputs {
        let input: Vec<OsString> = inputs.iter().map(OsString::from).collect();
        expand(Wanted { input: &input, list: None, recursive, holders: false, own: None }).unwrap()
    }

    /// The places of copies; what is refused with its reason.
    fn names(inputs: &Inputs) -> Vec<String> {
        let name = |source: &Source| match source {
            Source::File { relative, .. } => relative.display().to_string(),
            Source::StandardInput => "-".to_owned(),
            Source::Refused { path, refusal } => {
                format!("{}: {:?}", path.file_name().unwrap_or_default().to_string_lossy(), refusal.reason)
            }
        };
        inputs.sources.iter().map(name).collect()
    }

    #[test]
    fn folders_and_patterns_are_expanded_in_name_order() {
        let dir = world(&[("b.png", b""), ("a.JPG", b""), ("notes.txt", b"x"), (".hidden.png", b""), ("deep/c.webp", b"")]);
        let root = dir.path().display().to_string();
        let one = |input: String, recursive| names(&found(&[input], recursive));
        assert_eq!(one(root.clone(), false), ["a.JPG", "b.png"]);
        assert_eq!(one(root.clone(), true), ["a.JPG", "b.png", "deep/c.webp"]);
        assert_eq!(one(format!("{root}/*.png"), false), ["b.png"]);
        assert_eq!(one(format!("{root}/**/*.webp"), false), ["deep/c.webp"]);
        assert_eq!(one(format!("{root}/*.gif"), false), ["*.gif: Missing"]);
        assert_eq!(one(format!("{root}/d*"), false), ["c.webp"], "as a shell hands folders over");
        assert_eq!(names(&found(&[root.clone(), format!("{root}/b.png")], false)), ["a.JPG", "b.png", "b-2.png"], "named twice");
        std::fs::write(dir.path().join("deep/b.png"), b"").unwrap();
        assert_eq!(names(&found(&[root.clone(), format!("{root}/deep")], false)), ["a.JPG", "b.png", "b-2.png", "c.webp"]);
    }

    #[test]
    fn a_name_with_brackets_is_a_name_first() {
        let dir = world(&[("here [2].jpg", b""), ("album [x]/a.png", b"")]);
        let root = dir.path().display().to_string();
        assert_eq!(names(&found(&[format!("{root}/here [2].jpg")], false)), ["here [2].jpg"]);
        assert_eq!(names(&found(&[format!("{root}/album [x]/*.png")], false)), ["a.png"]);
        let gone = found(&[format!("{root}/gone [2].jpg")], false);
        assert_eq!((names(&gone), gone.one), (vec!["gone [2].jpg: Missing".to_owned()], true));
        assert_eq!(names(&found(&[format!("{root}/gone [.jpg")], false)), ["gone [.jpg: Missing"]);
    }

    #[test]
    fn what_a_folder_holds_is_told_by_content_and_the_rest_is_counted() {
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0";
        let dir = world(&[
            ("3f2a9c", JPEG),
            ("wrong.txt", JPEG),
            ("IMG_1.HEIC", heic),
            ("film.mp4", b"\0\0\0\x1Cftypisom"),
            ("notes.txt", b"words"),
            (".DS_Store", b"x"),
            ("@eaDir/a.jpg", JPEG),
            ("deep/b.jpg", JPEG),
            ("empty/.keep", b""),
        ]);
        let root = dir.path().display().to_string();
        let flat = found(std::slice::from_ref(&root), false);
        assert_eq!(names(&flat), ["3f2a9c", "IMG_1.HEIC", "wrong.txt"]);
        let note = &flat.notes[0];
        for part in ["2 files that are no pictures (.mp4, .txt)", "1 hidden", "1 folder of a system (@eaDir)", "2 folders inside"]
        {
            assert!(note.contains(part), "{note}");
        }
        assert_eq!(names(&found(std::slice::from_ref(&root), true)), ["3f2a9c", "IMG_1.HEIC", "deep/b.jpg", "wrong.txt"]);
        assert_eq!(names(&found(&[format!("{root}/empty")], false)), ["empty: Empty"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_nowhere_or_in_circles_are_rows() {
        let dir = world(&[("a.jpg", JPEG)]);
        std::os::unix::fs::symlink("nowhere.jpg", dir.path().join("link.jpg")).unwrap();
        std::os::unix::fs::symlink(".", dir.path().join("loop")).unwrap();
        let root = dir.path().display().to_string();
        assert_eq!(names(&found(&[root], true)), ["a.jpg", "link.jpg: BrokenLink", "loop: BrokenLink"]);
    }

    #[test]
    fn what_the_command_wrote_itself_is_not_found_again() {
        let dir = world(&[("a.jpg", JPEG), ("drawn/a.jpg", JPEG)]);
        let (root, own) = (dir.path().to_owned(), dir.path().join("drawn"));
        let input = [root.into_os_string()];
        let inputs = expand(Wanted { input: &input, list: None, recursive: true, holders: false, own: Some(&own) }).unwrap();
        assert_eq!(names(&inputs), ["a.jpg"]);
        assert!(inputs.notes[0].contains("this command writes"), "{:?}", inputs.notes);
    }

    #[test]
    fn a_list_names_pictures_below_the_working_directory() {
        let dir = world(&[("list.txt", b"a/x.png\n\nb/x.png\n../y.png\n")]);
        let list = dir.path().join("list.txt");
        let inputs = expand(Wanted { input: &[], list: Some(&list), recursive: false, holders: false, own: None }).unwrap();
        assert_eq!((names(&inputs), inputs.one), (["a/x.png", "b/x.png", "y.png"].map(str::to_owned).into(), false));
        std::fs::write(&list, "\n").unwrap();
        assert!(expand(Wanted { input: &[], list: Some(&list), recursive: false, holders: false, own: None }).is_err());
    }
}
