//! What lies in the tree of a data set: names that lie, files that are not pictures, folders that are no classes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use walkdir::WalkDir;

use super::facts::Facts;
use super::kind::FindingKind;
use super::value::{Finding, Item};
use super::words::item;
use crate::dataset::{Dataset, Problem, Split, is_hidden};
use crate::slips::is_slip;
use fervor::emotion::{Emotion, canonical_label};
use fervor::error::Reason;
use fervor::picture::Format;

/// Which formats a data set may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcceptedFormats {
    /// Everything that is read: JPEG, PNG, BMP, WebP, GIF, TIFF.
    #[default]
    All,
    /// System A's list: jpeg, jpg, bmp, png.
    Strict,
}

/// Findings under way, by kind.
#[derive(Default)]
struct Found(BTreeMap<FindingKind, Vec<Item>>);

impl Found {
    fn add(&mut self, kind: FindingKind, item: Item) {
        self.0.entry(kind).or_default().push(item);
    }

    fn path(&mut self, kind: FindingKind, id: impl Into<String>, detail: impl Into<String>) {
        self.add(kind, Item { id: id.into(), detail: detail.into(), ..Item::default() });
    }
}

/// Findings about files. `root` is the folder of a data set in folder form; none for tables and manifests, where nothing but
/// what they list is looked at.
pub(super) fn findings(dataset: &Dataset, facts: &[Facts], root: Option<&Path>, accepted: AcceptedFormats) -> Vec<Finding> {
    let mut found = Found::default();
    for (index, fact) in facts.iter().enumerate() {
        let Some(container) = fact.container else { continue };
        let sample = &dataset.samples()[index];
        let extension = extension_of(&sample.id);
        let promised = extension.and_then(Format::from_extension);
        let mut add = |kind, detail: String| found.add(kind, Item { detail, ..item(dataset, index) });
        // A picture in a row of a table has no name that could lie.
        if dataset.has_files() && promised != Some(container.format) {
            let named = extension.map_or_else(|| "no extension".to_owned(), |extension| format!("named .{extension}"));
            add(FindingKind::WrongExtension, format!("{} inside, {named}", container.format));
        }
        let strict = matches!(container.format, Format::Jpeg | Format::Png | Format::Bmp)
            && extension.map_or(!dataset.has_files(), |e| ["jpeg", "jpg", "bmp", "png"].contains(&e.to_lowercase().as_str()));
        if accepted == AcceptedFormats::Strict && !strict {
            add(FindingKind::NotAccepted, container.format.name().to_owned());
        }
        if container.animated {
            add(FindingKind::Animated, container.format.name().to_owned());
        }
        if let Some(unusual) = container.unusual {
            add(FindingKind::UnusualPixels, unusual.to_owned());
        }
    }
    // What a table lists twice is told beside the copies.
    for problem in dataset.problems().iter().filter(|problem| problem.listed.is_none()) {
        found.path(kind_of(problem), &problem.id, &problem.message);
    }
    if let Some(root) = root {
        walk(dataset, root, &mut found);
    }
    // What the walk does not know: classes all of whose pictures are damaged.
    for class in &dataset.skipped().empty_classes {
        let told = found.0.get(&FindingKind::EmptyClass).is_some_and(|items| items.iter().any(|item| item.id == *class));
        if !told {
            found.path(FindingKind::EmptyClass, class, "no picture can be read");
        }
    }
    found.0.into_iter().map(|(kind, items)| Finding::of(kind, items)).collect()
}

/// What kind of trouble a picture is that could not be read.
fn kind_of(problem: &Problem) -> FindingKind {
    match problem.reason {
        Reason::Empty => FindingKind::EmptyFile,
        Reason::Truncated => FindingKind::TruncatedFile,
        Reason::NotAPicture => FindingKind::NotAPicture,
        Reason::Unsupported => FindingKind::UnsupportedFormat,
        Reason::Changed => FindingKind::ChangedPicture,
        Reason::BrokenLink => FindingKind::BrokenLink,
        // Damaged, too large, gone, not permitted, a bad row.
        _ => FindingKind::UnreadableFile,
    }
}

/// The first bytes of a file: enough to tell what it is.
fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(64).read_to_end(&mut head).ok()?;
    Some(head)
}

fn extension_of(id: &str) -> Option<&str> {
    Path::new(id).extension().and_then(|extension| extension.to_str())
}

/// Everything that lies in the tree and is no sample.
fn walk(dataset: &Dataset, root: &Path, found: &mut Found) {
    let samples: HashSet<&str> = dataset.samples().iter().map(|sample| sample.id.as_str()).collect();
    let problems: HashSet<&str> = dataset.problems().iter().map(|problem| problem.id.as_str()).collect();
    let mut folders: Vec<String> = Vec::new();
    let mut used: HashSet<&str> = HashSet::new();
    for id in samples.iter().chain(&problems) {
        let mut folder = *id;
        while let Some((above, _)) = folder.rsplit_once('/') {
            used.insert(above);
            folder = above;
        }
    }
    let entries = WalkDir::new(root).min_depth(1).follow_links(true).sort_by_file_name().into_iter();
    // What a walk cannot enter, the reader told as a problem where it belongs to a class.
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name())).flatten() {
        let Ok(below) = entry.path().strip_prefix(root) else { continue };
        let id = below.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
        if entry.file_type().is_dir() {
            folders.push(id);
        } else if !samples.contains(id.as_str()) && !problems.contains(id.as_str()) {
            match entry.file_type().is_file().then(|| head(entry.path())).flatten().as_deref().map(Format::of) {
                Some(Some(format)) if id.contains('/') && used.contains(id.rsplit_once('/').map_or("", |(above, _)| above)) => {
                    let named = extension_of(&id).map_or_else(|| "no extension".to_owned(), |e| format!("named .{e}"));
                    found.path(FindingKind::WrongExtension, id, format!("{format} inside, {named}: not used"));
                }
                Some(Some(format)) => {
                    found.path(FindingKind::StrayFile, id, format!("a {format} picture outside of the classes"))
                }
                _ => found.path(FindingKind::StrayFile, id, "no picture"),
            }
        }
    }
    classes(&folders, &used, found);
}

/// Folders that should be classes: empty, misspelt, named by synonyms.
fn classes(folders: &[String], used: &HashSet<&str>, found: &mut Found) {
    let splits: BTreeSet<&String> = folders.iter().filter(|f| !f.contains('/') && Split::parse(f).is_some()).collect();
    let is_class = |folder: &&String| match folder.split_once('/') {
        // Beside a test part class folders are the training part; beside others they are not used.
        None => {
            !splits.contains(folder)
                && (used.contains(folder.as_str()) || splits.iter().all(|split| !used.contains(split.as_str())))
        }
        Some((above, below)) => !below.contains('/') && splits.iter().any(|split| *split == above),
    };
    let stray = folders.iter().filter(|folder| !folder.contains('/') && !used.contains(folder.as_str()) && !is_class(folder));
    stray.for_each(|folder| {
        found.path(FindingKind::StrayFile, folder, "a folder that is neither a class nor a part with classes")
    });
    // How many class folders have a name: one that stands alone beside a near twin is the misspelt one.
    let mut spellings: HashMap<String, Vec<&String>> = HashMap::new();
    for folder in folders.iter().filter(is_class) {
        if !used.contains(folder.as_str()) {
            found.path(FindingKind::EmptyClass, folder, "no picture");
            continue;
        }
        let name = folder.rsplit('/').next().unwrap_or(folder);
        spellings.entry(name.trim().to_lowercase()).or_default().push(folder);
    }
    let mut names: Vec<(&String, &Vec<&String>)> = spellings.iter().collect();
    names.sort_unstable();
    for (name, places) in &names {
        let canonical = canonical_label(name);
        if Emotion::parse(name).is_some() {
            if canonical != **name {
                places.iter().for_each(|place| {
                    found.path(FindingKind::SynonymousClass, *place, format!("read as {canonical}"));
                });
            }
            continue;
        }
        let others = names.iter().filter(|(_, theirs)| theirs.len() > places.len()).map(|(other, _)| other.as_str());
        let known = Emotion::ALL.iter().map(|emotion| emotion.name());
        if let Some(meant) = known.chain(others).find(|other| is_slip(name, other)) {
            places.iter().for_each(|place| {
                found.add(
                    FindingKind::MisspeltClass,
                    Item {
                        id: (*place).clone(),
                        detail: format!("meant {meant}?"),
                        suggestion: Some(meant.to_owned()),
                        ..Item::default()
                    },
                );
            });
        }
    }
}
