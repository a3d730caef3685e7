//! One folder for each class, with or without `train/`, `validation/` and `test/` above them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use walkdir::WalkDir;

use super::{
    Cause, Dataset, OpenOptions, Pictures, Problem, Sample, SeenFile, Skipped, Split, cause, choose_labels, first_problem,
    name_of,
};
use fervor::emotion::{Emotion, LabelSet, canonical_label};
use fervor::error::{Error, Reason, Result};
use fervor::picture::{self, ContentHash, Format, Picture};

mod layout;

/// Names of pictures whose formats are not read: to be told so, rather than be passed over.
const UNREAD_EXTENSIONS: [&str; 4] = ["heic", "heif", "avif", "jp2"];

/// What is wrong with a link in a circle.
const BACK_UP: &str = "a link that leads back up";

/// A file that may be a picture, before it is read.
pub(super) struct Candidate {
    pub id: String,
    pub class: String,
    pub split: Option<Split>,
    pub groups: Vec<String>,
}

/// What became of a file.
pub(super) enum Outcome {
    Picture(ContentHash),
    /// No extension, and nothing that looks like a picture inside.
    OtherFile,
    Unreadable(Cause),
}

/// The files of a data set, before they are read.
#[derive(Default)]
pub(super) struct Listing {
    pub candidates: Vec<Candidate>,
    pub problems: Vec<Problem>,
    pub skipped: Skipped,
    pub group_columns: Vec<String>,
}

pub(super) fn open(root: &Path, options: &OpenOptions) -> Result<Dataset> {
    let mut listing = list(root)?;
    listing.candidates.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    listing.read(root, root, options)
}

impl Listing {
    /// Reads the files below `root`: the data set of those that are pictures, called as `source` is, the folder or table that lists them.
    ///
    /// # Errors
    /// `Data`: a class that was asked for is not there, or fewer than two, or nothing can be read.
    pub fn read(self, root: &Path, source: &Path, options: &OpenOptions) -> Result<Dataset> {
        let Self { mut candidates, problems, mut skipped, group_columns } = self;
        let classes: BTreeSet<&String> = candidates.iter().map(|candidate| &candidate.class).collect();
        if let (Some(class), 1, None) = (classes.first(), classes.len(), &options.labels) {
            return Err(one_class(class, &problems).context(source.display()));
        }
        let labels = choose_labels(classes.into_iter().cloned().collect(), options.labels.as_ref())
            .map_err(|e| e.context(source.display()))?;
        candidates.retain(|candidate| {
            let used = labels.index_of(&candidate.class).is_some();
            if !used {
                *skipped.other_classes.entry(candidate.class.clone()).or_default() += 1;
            }
            used
        });
        let ids: Vec<&str> = candidates.iter().map(|candidate| candidate.id.as_str()).collect();
        let outcomes = read_all(root, &ids, options);
        let mut dataset = Dataset {
            name: name_of(source),
            root: root.to_owned(),
            labels,
            vote_labels: None,
            group_columns,
            samples: Vec::with_capacity(candidates.len()),
            problems,
            skipped,
            pictures: Pictures::Files,
            limits: options.limits,
            framing: None,
        };
        for (Candidate { id, class, split, groups }, outcome) in candidates.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Picture(hash) => {
                    let label = dataset.labels.index_of(&class).expect("candidates of other classes are gone");
                    dataset.samples.push(Sample { id, label, split, hash, votes: None, groups, face: None, row: 0 });
                }
                Outcome::OtherFile => dataset.skipped.other_files += 1,
                Outcome::Unreadable((reason, message)) => {
                    dataset.problems.push(Problem::new(id, reason, message).in_part(split));
                }
            }
        }
        if dataset.samples.is_empty() {
            let (count, first) = (dataset.problems.len(), first_problem(&dataset.problems));
            return Err(Error::data(format!("none of {count} files could be read{first}"))
                .because(Reason::Empty)
                .context(source.display()));
        }
        if options.labels.is_none() {
            dataset.drop_unread_classes().map_err(|e| e.context(source.display()))?;
        }
        Ok(dataset)
    }
}

impl Dataset {
    /// A class of which no picture can be read is no class: a network would have an answer that it never learns.
    pub(super) fn drop_unread_classes(&mut self) -> Result<()> {
        let counts = self.class_counts(None);
        let (left, gone): (Vec<usize>, Vec<usize>) = (0..counts.len()).partition(|&label| counts[label] > 0);
        if gone.is_empty() {
            return Ok(());
        }
        self.skipped.empty_classes.extend(gone.iter().map(|&label| self.labels.name(label).to_owned()));
        let labels = LabelSet::new(left.iter().map(|&label| self.labels.name(label)))
            .map_err(|_| one_class(self.labels.name(left[0]), &self.problems))?;
        for sample in &mut self.samples {
            sample.label = labels.index_of(self.labels.name(sample.label)).expect("classes with samples stay");
        }
        self.labels = labels;
        Ok(())
    }
}

/// The error of data of which one class alone can be read, and why the rest cannot.
fn one_class(class: &str, problems: &[Problem]) -> Error {
    let error = Error::data(format!("pictures of only one class can be read: {class}{}", first_problem(problems)));
    let error = error.because(Reason::Empty);
    if problems.is_empty() { error.with_hint("a data set has at least two classes") } else { error }
}

/// Decodes and hashes files below `root`, in parallel. One picture a thread is in memory at a time.
pub(super) fn read_all(root: &Path, ids: &[&str], options: &OpenOptions) -> Vec<Outcome> {
    let done = AtomicUsize::new(0);
    ids.par_iter()
        .map(|id| {
            let outcome = read_one(root, id, options);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(progress) = options.progress {
                progress(done, ids.len());
            }
            outcome
        })
        .collect()
}

fn read_one(root: &Path, id: &str, options: &OpenOptions) -> Outcome {
    let path = &root.join(id);
    let bytes = match picture::read_bytes(path, &options.limits) {
        Ok(bytes) => bytes,
        Err(error) => return Outcome::Unreadable(cause(&error)),
    };
    match Picture::decode(&bytes, &options.limits) {
        Ok(picture) => {
            if let Some(observer) = options.observer {
                observer(SeenFile { id, bytes: &bytes, picture: &picture });
            }
            Outcome::Picture(picture.content_hash())
        }
        // Nothing says that it should be a picture, neither its name nor its content.
        Err(error) if path.extension().is_none() && matches!(error.reason(), Reason::NotAPicture | Reason::Empty) => {
            Outcome::OtherFile
        }
        Err(error) => Outcome::Unreadable(cause(&error)),
    }
}

/// Finds the files below the class folders.
fn list(root: &Path) -> Result<Listing> {
    let mut listing = Listing::default();
    let top = Entries::of(root, &mut listing)?;
    listing.skipped.outside_classes += top.pictures.len();
    listing.skipped.other_files += top.others.len();
    let class_folders = layout::of(root, &top, &mut listing)?;
    for (folder, (class, split)) in &class_folders {
        let before = (listing.candidates.len(), listing.problems.len());
        list_class(root, folder, &canonical_label(class), *split, &mut listing)?;
        if (listing.candidates.len(), listing.problems.len()) == before {
            listing.skipped.empty_classes.push(id_of(root, folder).unwrap_or_else(|lossy| lossy));
        }
    }
    let classes: BTreeSet<&str> = listing.candidates.iter().map(|candidate| candidate.class.as_str()).collect();
    if classes.len() < 2 {
        return Err(not_a_data_set(root, &top, &classes, class_folders.len()));
    }
    Ok(listing)
}

/// Finds the files of one class, at any depth; links are followed, loops are not.
fn list_class(root: &Path, folder: &Path, class: &str, split: Option<Split>, listing: &mut Listing) -> Result<()> {
    let visible = |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_hidden(entry.file_name());
    let mut hidden = 0;
    let mut circles = Vec::new();
    let top = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(|entry| {
        let visible = visible(entry);
        hidden += usize::from(!visible);
        // The walk itself notices links to folders that it came through, but not to those above where it began.
        let up = visible && entry.path_is_symlink() && entry.path().canonicalize().is_ok_and(|to| top.starts_with(to));
        if up {
            circles.push(entry.path().to_owned());
        }
        visible && !up
    });
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(folder);
                let id = id_of(root, path).unwrap_or_else(|lossy| lossy);
                let problem = if error.loop_ancestor().is_some() {
                    Problem::new(id, Reason::BrokenLink, BACK_UP)
                } else if path.is_symlink() && !path.exists() {
                    Problem::new(id, Reason::BrokenLink, "a link that leads nowhere")
                } else {
                    Problem::new(id, Reason::Inaccessible, error.to_string())
                };
                listing.problems.push(problem.in_part(split));
                continue;
            }
        };
        if entry.file_type().is_dir() {
            refuse_nested_set(&entry, root)?;
            continue;
        }
        match id_of(root, entry.path()) {
            // A pipe or a device would be waited for.
            _ if !entry.file_type().is_file() || !may_be_picture(entry.path()) => listing.skipped.other_files += 1,
            Ok(id) => listing.candidates.push(Candidate { id, class: class.to_owned(), split, groups: Vec::new() }),
            Err(id) => {
                let problem = Problem::new(id, Reason::Invalid, "the file's name is not Unicode: rename it");
                listing.problems.push(problem.in_part(split));
            }
        }
    }
    for link in circles {
        let id = id_of(root, &link).unwrap_or_else(|lossy| lossy);
        listing.problems.push(Problem::new(id, Reason::BrokenLink, BACK_UP).in_part(split));
    }
    listing.skipped.hidden += hidden;
    Ok(())
}

/// A class folder that holds `train/` or `happy/` is a data set by itself: its pictures must not become one class.
fn refuse_nested_set(entry: &walkdir::DirEntry, root: &Path) -> Result<()> {
    let name = entry.file_name().to_string_lossy();
    if entry.depth() == 0 || (Split::parse(&name).is_none() && Emotion::parse(&name).is_none()) {
        return Ok(());
    }
    let parent = entry.path().parent().unwrap_or(root);
    let found = id_of(root, entry.path()).unwrap_or_else(|lossy| lossy);
    Err(Error::data(format!("expected pictures in the class folders, found a folder of a data set in one of them: {found}/"))
        .context(root.display())
        .with_hint(format!("give the folder that holds the classes or train/ and test/: {}", parent.display())))
}

/// What lies in one folder.
struct Entries {
    folders: Vec<String>,
    pictures: Vec<String>,
    others: Vec<String>,
}

impl Entries {
    fn of(folder: &Path, listing: &mut Listing) -> Result<Self> {
        let unreadable = |e: std::io::Error| Error::data("the folder cannot be read").with_source(e).context(folder.display());
        let mut entries = Self { folders: Vec::new(), pictures: Vec::new(), others: Vec::new() };
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_hidden(&entry.file_name()) {
                listing.skipped.hidden += 1;
            } else if fs::metadata(entry.path()).is_ok_and(|found| found.is_dir()) {
                entries.folders.push(name);
            } else if has_picture_extension(&entry.path()) {
                entries.pictures.push(name);
            } else {
                entries.others.push(name);
            }
        }
        for names in [&mut entries.folders, &mut entries.pictures, &mut entries.others] {
            names.sort_unstable();
        }
        Ok(entries)
    }
}

fn not_a_data_set(root: &Path, top: &Entries, classes: &BTreeSet<&str>, class_folders: usize) -> Error {
    let is_table = |name: &&String| {
        [".csv", ".csv.xz", ".csv.gz", ".tsv", ".jsonl", ".parquet"].iter().any(|end| name.to_lowercase().ends_with(end))
    };
    let table = top.others.iter().find(is_table);
    let found = if let Some(class) = classes.first() {
        format!("pictures of only one class: {class}")
    } else if class_folders > 0 {
        let names: Vec<&str> = top.folders.iter().take(8).map(String::as_str).collect();
        format!("folders without pictures: {}", names.join(", "))
    } else if !top.pictures.is_empty() {
        format!("{} picture files that lie directly in it, such as {}", top.pictures.len(), top.pictures[0])
    } else if let Some(table) = table {
        format!("no folders but a table: {table}")
    } else if !top.folders.is_empty() {
        format!("no class folders in {}", top.folders.join(", "))
    } else if let Some(other) = top.others.first() {
        format!("{} files that are no pictures, such as {other}", top.others.len())
    } else {
        "nothing".to_owned()
    };
    let error = Error::data(format!(
        "expected one folder of pictures for each of at least two classes (angry/, happy/, ...), with or without train/, \
         validation/ and test/ above them; found {found}"
    ))
    .because(Reason::WrongType)
    .context(root.display());
    match table {
        Some(table) => error.with_hint(format!("to open the table, give its path: {}", root.join(table).display())),
        None => error,
    }
}

/// The path below the root with `/`; a lossy one as the error where it is not Unicode.
fn id_of(root: &Path, path: &Path) -> Result<String, String> {
    let parts: Vec<&OsStr> = path.strip_prefix(root).unwrap_or(path).iter().collect();
    let unicode: Option<Vec<&str>> = parts.iter().map(|part| part.to_str()).collect();
    unicode.map(|parts| parts.join("/")).ok_or_else(|| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned())
}

pub(crate) fn is_hidden(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || ["thumbs.db", "desktop.ini", "__macosx"].contains(&name.to_lowercase().as_str())
}

fn has_picture_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        let extension = extension.to_string_lossy();
        Format::from_extension(&extension).is_some() || UNREAD_EXTENSIONS.contains(&extension.to_lowercase().as_str())
    })
}

/// By name alone: a picture's extension, or none.
fn may_be_picture(path: &Path) -> bool {
    path.extension().is_none() || has_picture_extension(path)
}
