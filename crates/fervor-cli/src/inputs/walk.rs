//! Walks through folders: pictures are told by name or content, everything else has a row or is counted.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use fervor::picture::Format;
use fervor::{Limits, Picture, Reason};
use walkdir::WalkDir;

use super::Source;

/// Names of photographs whose formats are not read: each has its row, which says so.
const UNREAD: [&str; 14] = ["heic", "heif", "avif", "jxl", "jp2", "cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2", "psd"];

/// Drawings are no photographs; without this, each icon of a site would be a row.
const DRAWINGS: [&str; 2] = ["svg", "ico"];

/// Folders in which systems and storage boxes keep previews, snapshots and what was thrown away.
const SYSTEM: [&str; 8] =
    ["@eaDir", "#recycle", "#snapshot", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found", "@Recycle"];

/// One thing that a walk meets.
enum Met {
    File(PathBuf),
    Folder(PathBuf),
    /// A link that leads nowhere, a folder that may not be read.
    Refused(Source),
    Passed(Passed),
}

/// Why something is passed over.
enum Passed {
    Hidden,
    System(String),
    /// A folder that this command writes into.
    Own,
    /// A pipe, a socket, a device.
    Special,
}

/// What was passed over on the way, counted.
#[derive(Default)]
struct Counts {
    hidden: usize,
    system: (usize, BTreeSet<String>),
    own: usize,
    others: (usize, BTreeSet<String>),
    special: usize,
    folders: usize,
}

/// Looks for pictures.
pub(super) struct Search {
    recursive: bool,
    /// Whether archives and tables that hold pictures are wanted, too.
    holders: bool,
    own: Option<PathBuf>,
    notes: Vec<String>,
}

impl Search {
    pub fn new(recursive: bool, holders: bool, own: Option<&Path>) -> Self {
        Self { recursive, holders, own: own.and_then(|own| own.canonicalize().ok()), notes: Vec::new() }
    }

    /// What was passed over, a line for each walk.
    pub fn notes(self) -> Vec<String> {
        self.notes
    }

    /// The pictures of a folder; one without any is an error row.
    pub fn folder(&mut self, root: &Path) -> Vec<Source> {
        let mut sources = Vec::new();
        let done: Result<(), std::convert::Infallible> = self.each_of_folder(root, &mut |source| {
            sources.push(source);
            Ok(())
        });
        let Ok(()) = done;
        sources
    }

    /// The pictures of a folder, one after the other as they are found; one without any is an error row.
    ///
    /// # Errors
    /// What `each` fails with: it is asked for no more then.
    pub fn each_of_folder<E>(&mut self, root: &Path, each: &mut dyn FnMut(Source) -> Result<(), E>) -> Result<(), E> {
        let mut counts = Counts::default();
        let (mut none, recursive, holders) = (true, self.recursive, self.holders);
        self.walk(root, if self.recursive { usize::MAX } else { 1 }, &mut |met| {
            let source = match met {
                Met::File(path) if is_picture(&path) || holders && holds_pictures(&path) => {
                    Some(Source::File { relative: path.strip_prefix(root).unwrap_or(&path).to_owned(), path })
                }
                Met::Refused(source) => Some(source),
                Met::File(path) => {
                    counts.other(&path);
                    None
                }
                Met::Folder(_) => {
                    counts.folders += usize::from(!recursive);
                    None
                }
                Met::Passed(passed) => {
                    counts.passed(passed);
                    None
                }
            };
            none &= source.is_none();
            source.map_or(Ok(()), &mut *each)
        })?;
        if none {
            let hint = match counts.folders {
                0 => "pictures end in .jpg, .png, .bmp, .webp, .gif or .tiff, or begin as these do",
                _ => "--recursive looks into its folders",
            };
            each(Source::refused(root, Reason::Empty, "no pictures in the folder", Some(hint)))?;
        }
        self.notes.extend(counts.words().map(|words| format!("{}: passed over {words}", root.display())));
        Ok(())
    }

    /// The files that fit a pattern, whatever they are, and the pictures of folders that fit, as a shell would hand them over.
    /// Nothing that fits is an error row.
    pub fn pattern(&mut self, text: &str) -> Vec<Source> {
        let missing = |message: String| vec![Source::refused(text, Reason::Missing, message, None)];
        // What exists is a name, whatever characters are in it; the pattern begins where nothing has the name.
        let (mut root, mut rest) = (PathBuf::new(), Path::new(text).components());
        loop {
            let mut ahead = rest.clone();
            match ahead.next() {
                Some(part) if root.join(part).exists() => (root, rest) = (root.join(part), ahead),
                _ => break,
            }
        }
        let rest = rest.as_path();
        let Some(pattern) = rest.to_str().map(pattern) else { return missing("no such file".to_owned()) };
        if let Err(error) = fast_glob::validate(&pattern) {
            return missing(format!("no such file, and not a pattern: {error}"));
        }
        let fits = |path: &Path| fast_glob::glob_match(&pattern, path.as_os_str().as_encoded_bytes());
        let anywhere = rest.components().any(|part| part.as_os_str() == "**");
        let depth = if anywhere { usize::MAX } else { rest.components().count() };
        let start = if root.as_os_str().is_empty() { Path::new(".") } else { root.as_path() };
        let below = |path: &Path| path.strip_prefix(start).unwrap_or(path).to_owned();
        let (mut sources, mut folders) = (Vec::new(), Vec::new());
        let walked: Result<(), std::convert::Infallible> = self.walk(start, depth, &mut |met| {
            match met {
                Met::File(path) if fits(&below(&path)) => {
                    let relative = below(&path);
                    sources.push(Source::File { path: root.join(&relative), relative });
                }
                Met::Folder(path) if !anywhere && fits(&below(&path)) => folders.push(root.join(below(&path))),
                Met::Refused(Source::Refused { path, refusal }) if fits(&below(&path)) => {
                    sources.push(Source::Refused { path: root.join(below(&path)), refusal });
                }
                // As in a shell, hidden names do not fit, and what does not fit was not asked for.
                _ => {}
            }
            Ok(())
        });
        let Ok(()) = walked;
        for folder in folders {
            sources.extend(self.folder(&folder));
        }
        match sources.is_empty() {
            true if text.contains(['*', '?']) => missing("no file fits the pattern".to_owned()),
            true => missing("no such file, and none fits it as a pattern".to_owned()),
            false => sources,
        }
    }

    /// Everything below a folder, in name order.
    fn walk<E>(&self, root: &Path, depth: usize, each: &mut dyn FnMut(Met) -> Result<(), E>) -> Result<(), E> {
        let mut entries = WalkDir::new(root).follow_links(true).max_depth(depth).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) if entry.depth() == 0 => continue,
                Ok(entry) => entry,
                Err(e) => {
                    let path = e.path().unwrap_or(root);
                    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) && path != root;
                    each(if hidden { Met::Passed(Passed::Hidden) } else { Met::Refused(refused(path, &e)) })?;
                    continue;
                }
            };
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type().is_dir();
            let is_own = || self.own.is_some() && entry.path().canonicalize().ok() == self.own;
            let passed = if name.starts_with('.') {
                Some(Passed::Hidden)
            } else if is_folder && SYSTEM.contains(&name.as_str()) {
                Some(Passed::System(name))
            } else if is_folder && is_own() {
                Some(Passed::Own)
            } else if !is_folder && !entry.file_type().is_file() {
                Some(Passed::Special)
            } else {
                None
            };
            each(match passed {
                Some(passed) => {
                    if is_folder {
                        entries.skip_current_dir();
                    }
                    Met::Passed(passed)
                }
                None if is_folder => Met::Folder(entry.into_path()),
                None => Met::File(entry.into_path()),
            })?;
        }
        Ok(())
    }
}

/// A pattern as the matcher reads it, to which a first `!` would mean all that does not fit.
fn pattern(text: &str) -> String {
    if text.starts_with('!') { format!("\\{text}") } else { text.to_owned() }
}

/// What cannot be walked on.
fn refused(path: &Path, error: &walkdir::Error) -> Source {
    if error.loop_ancestor().is_some() {
        return Source::refused(path, Reason::BrokenLink, "a link that leads back up", None);
    }
    match std::fs::read_link(path) {
        Ok(target) if !path.exists() => {
            Source::refused(path, Reason::BrokenLink, format!("a link that leads nowhere: to {}", target.display()), None)
        }
        _ => {
            let cause = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            Source::refused(path, Reason::Inaccessible, format!("it cannot be read: {cause}"), None)
        }
    }
}

/// Whether a file's name is that of an archive or a table of pictures.
fn holds_pictures(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["tar", "parquet"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Whether a file is a picture, or should be one: by its name, else by its content. What cannot be read has its row.
fn is_picture(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let is_one_of = |names: &[&str]| extension.as_deref().is_some_and(|extension| names.contains(&extension));
    if extension.as_deref().is_some_and(|extension| Format::from_extension(extension).is_some()) || is_one_of(&UNREAD) {
        return true;
    }
    let mut start = Vec::new();
    match File::open(path).and_then(|file| file.take(512).read_to_end(&mut start)) {
        Err(_) => true,
        Ok(_) if start.is_empty() => false,
        Ok(_) if Format::of(&start).is_some() => true,
        // Of no format that is read; the refusal says whether it is of another.
        Ok(_) => {
            let refused = Picture::decode(&start, &Limits::default());
            !is_one_of(&DRAWINGS) && refused.is_err_and(|error| error.reason() == Reason::Unsupported)
        }
    }
}

impl Counts {
    fn passed(&mut self, passed: Passed) {
        match passed {
            Passed::Hidden => self.hidden += 1,
            Passed::System(name) => {
                self.system.0 += 1;
                self.system.1.insert(name);
            }
            Passed::Own => self.own += 1,
            Passed::Special => self.special += 1,
        }
    }

    fn other(&mut self, path: &Path) {
        self.others.0 += 1;
        let kind =
            path.extension().map_or_else(|| "no extension".to_owned(), |e| format!(".{}", e.to_string_lossy().to_lowercase()));
        self.others.1.insert(kind);
    }

    /// What was passed over, if anything was.
    fn words(&self) -> Option<String> {
        let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let list = |names: &BTreeSet<String>| {
            let shown: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
            format!("({}{})", shown.join(", "), if names.len() > 5 { ", ..." } else { "" })
        };
        let mut parts = Vec::new();
        let mut say = |n: usize, words: &dyn Fn() -> String| {
            if n > 0 {
                parts.push(words());
            }
        };
        let (others, kinds) = &self.others;
        say(*others, &|| format!("{} {}", count(*others, "file that is no picture", "files that are no pictures"), list(kinds)));
        say(self.hidden, &|| format!("{} hidden", self.hidden));
        let (system, names) = &self.system;
        say(*system, &|| format!("{} {}", count(*system, "folder of a system", "folders of a system"), list(names)));
        say(self.own, &|| "the folder that this command writes into".to_owned());
        say(self.special, &|| format!("{} (a pipe, socket or device)", count(self.special, "special file", "special files")));
        say(self.folders, &|| {
            format!("{} (--recursive looks into them)", count(self.folders, "folder inside", "folders inside"))
        });
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
