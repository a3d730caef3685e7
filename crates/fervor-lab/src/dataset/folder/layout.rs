//! Which folders are classes and which are parts: what cannot be told apart is refused, and what is neither is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Entries, Listing, has_picture_extension, is_hidden, may_be_picture};
use crate::dataset::Split;
use crate::slips::is_slip;
use fervor::emotion::{Emotion, canonical_label};
use fervor::error::{Error, Reason, Result};

/// The class folders: what class each is, and in which part.
pub(super) type ClassFolders = BTreeMap<PathBuf, (String, Option<Split>)>;

/// Finds the class folders of a data set.
///
/// - Without `train/`, `validation/` or `test/`, every folder is a class.
/// - Beside `test/` or `validation/` with class folders in them, folders with the same names are the training part.
/// - Beside such parts, a folder of class folders under a name that is no part's is refused, and so are classes beside `train/`.
/// - A part without class folders is passed over where it is empty, and refused beside classes where it holds pictures: nobody can
///   tell whether it is a class, too.
///
/// # Errors
/// `Data`: it cannot be told, or not read.
pub(super) fn of(root: &Path, top: &Entries, listing: &mut Listing) -> Result<ClassFolders> {
    let mut found = ClassFolders::new();
    let (named, others): (Vec<&String>, Vec<&String>) = top.folders.iter().partition(|name| Split::parse(name).is_some());
    let mut parts: Vec<(&String, Vec<String>)> = Vec::new();
    let mut loose: Vec<(&String, usize)> = Vec::new();
    for name in named {
        let inside = Entries::of(&root.join(name), listing)?;
        let pictures = inside.pictures.len() + inside.others.iter().filter(|other| may_be_picture(Path::new(other))).count();
        if !inside.folders.is_empty() {
            listing.skipped.outside_classes += inside.pictures.len();
            listing.skipped.other_files += inside.others.len();
            parts.push((name, inside.folders));
        } else if pictures > 0 {
            loose.push((name, pictures));
        } else {
            listing.skipped.other_files += inside.others.len();
            listing.skipped.folders.push(name.clone());
        }
    }
    if parts.is_empty() {
        if let (Some((name, count)), Some(class)) = (loose.first(), others.iter().find(|name| holds_pictures(&root.join(name)))) {
            return Err(Error::data(format!(
                "{name}/ lies beside the class folders ({class}/, ...) and holds {count} pictures without class folders: is it a class, or the \
                 {name} part?"
            ))
            .because(Reason::Mismatch)
            .context(root.display())
            .with_hint("rename it if it is a class; if it is a part, give it a folder for each class, or take it away"));
        }
        listing.skipped.folders.extend(loose.into_iter().map(|(name, _)| name.clone()));
        found.extend(others.into_iter().map(|class| (root.join(class), (class.clone(), None))));
        return Ok(found);
    }
    for (name, count) in loose {
        listing.skipped.outside_classes += count;
        listing.skipped.folders.push(name.clone());
    }
    let classes: BTreeSet<String> = parts.iter().flat_map(|(_, classes)| classes).map(|class| canonical_label(class)).collect();
    let is_class = |name: &str| classes.contains(&canonical_label(name)) || Emotion::parse(name).is_some();
    let mut beside = Vec::new();
    for name in others {
        let inside = Entries::of(&root.join(name), listing)?;
        let below = inside.folders.iter().filter(|below| is_class(below)).count();
        if below > 0 && !is_class(name) {
            return Err(unknown_part(root, name, &parts));
        }
        if holds_pictures(&root.join(name)) && is_class(name) {
            beside.push(name);
        } else {
            listing.skipped.folders.push(name.clone());
        }
    }
    if let Some(class) = beside.first() {
        if let Some((train, _)) = parts.iter().find(|(name, _)| Split::parse(name) == Some(Split::Train)) {
            return Err(Error::data(format!(
                "class folders ({}/) lie beside {train}/, which holds class folders, too: which of them are to be trained on?",
                names(&beside)
            ))
            .because(Reason::Mismatch)
            .context(root.display())
            .with_hint(format!(
                "put their pictures into {train}/, or take them away, or give {} alone",
                root.join(train).display()
            )));
        }
        if beside.len() < 2 {
            return Err(Error::data(format!("one class folder, {class}/, lies beside {}/: is it to be trained on?", parts[0].0))
                .because(Reason::Mismatch)
                .context(root.display())
                .with_hint(format!("put the classes to train on into train/, or take {class}/ away")));
        }
    }
    found.extend(beside.into_iter().map(|class| (root.join(class), (class.clone(), Some(Split::Train)))));
    for (name, classes) in parts {
        found.extend(classes.into_iter().map(|class| (root.join(name).join(&class), (class, Split::parse(name)))));
    }
    Ok(found)
}

fn unknown_part(root: &Path, name: &str, parts: &[(&String, Vec<String>)]) -> Error {
    let known = ["train", "training", "validation", "valid", "test", "testing"];
    let meant = known.iter().find(|known| is_slip(&name.to_lowercase(), known));
    let hint = match meant {
        Some(meant) => format!("rename {name}/ to {meant}/, or take it away"),
        None => format!("rename {name}/ to train/, validation/ or test/, or take it away"),
    };
    Error::data(format!(
        "{name}/ lies beside {}/ and holds class folders, but is not called train, validation or test",
        parts[0].0
    ))
    .because(Reason::Mismatch)
    .context(root.display())
    .with_hint(hint)
}

/// Whether a picture lies anywhere below a folder, by name alone.
fn holds_pictures(folder: &Path) -> bool {
    let visible = |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_hidden(entry.file_name());
    let mut files = WalkDir::new(folder).follow_links(true).into_iter().filter_entry(visible).flatten();
    files.any(|entry| entry.file_type().is_file() && (has_picture_extension(entry.path()) || may_be_picture(entry.path())))
}

fn names(folders: &[&String]) -> String {
    folders.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("/, ")
}
