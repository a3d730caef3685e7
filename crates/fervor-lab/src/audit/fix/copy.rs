//! The clean tree: pictures under names that say what they are.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::Decision;
use crate::dataset::{Dataset, Manifest, Source, SourceKind};
use fervor::error::{Error, Result};
use fervor::picture::Format;

/// Longest name of a file, in bytes, that is kept as it is: most file systems end at 255.
const LONGEST_NAME: usize = 200;

/// Copies the samples below `part/pictures` and makes the manifest point there. Files are copied byte by byte, with an extension
/// that is true; rows of tables become PNG.
pub(super) fn pictures(dataset: &Dataset, part: &Path, manifest: &mut Manifest) -> Result<()> {
    let root = part.join("pictures");
    let from_files = manifest.source.kind == SourceKind::Folder;
    let mut taken = HashSet::new();
    for (index, line) in manifest.samples.iter_mut().enumerate() {
        let bytes = if from_files {
            let path = dataset.root().join(&line.id);
            fs::read(&path).map_err(|e| Error::data("gone while it was copied").with_source(e).context(path.display()))?
        } else {
            dataset.picture(index)?.encode_png()?
        };
        let folder = match line.split {
            Some(split) => format!("{split}/{}", plain(dataset.labels().name(line.label))),
            None => plain(dataset.labels().name(line.label)),
        };
        let id = free_name(&folder, &line.id, Format::of(&bytes), &mut taken);
        save(&root.join(&id), &bytes)?;
        line.id = id;
    }
    manifest.source = Source { path: canonical(&root)?, kind: SourceKind::Folder };
    Ok(())
}

/// Copies what was set aside and can be read below `part/quarantine`, under its old name.
pub(super) fn quarantine(dataset: &Dataset, part: &Path, decisions: &[&Decision]) -> Result<()> {
    for decision in decisions {
        let below: PathBuf = Path::new(&decision.id).components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let path = dataset.root().join(&below);
        let row = dataset.samples().iter().position(|sample| sample.id == decision.id).filter(|_| !dataset.root().is_dir());
        match row {
            Some(row) => {
                let name = format!("{}.png", decision.id.replace(':', "-"));
                save(&part.join("quarantine").join(name), &dataset.picture(row)?.encode_png()?)?;
            }
            // What cannot be read cannot be copied either: the list names it.
            None if path.is_file() => {
                if let Ok(bytes) = fs::read(&path) {
                    save(&part.join("quarantine").join(below), &bytes)?;
                }
            }
            None => {}
        }
    }
    Ok(())
}

/// `folder/NAME.EXTENSION` from an id, with a number where that name is taken. Names are compared without case, as some file
/// systems do.
fn free_name(folder: &str, id: &str, format: Option<Format>, taken: &mut HashSet<String>) -> String {
    let name = id.rsplit('/').next().unwrap_or(id).replace(':', "-");
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, Some(extension)),
        _ => (name.as_str(), None),
    };
    let promised = extension.and_then(Format::from_extension);
    let (stem, extension) = match (format, extension) {
        (Some(format), Some(extension)) if promised == Some(format) => (stem, extension.to_owned()),
        // An extension that is none of a picture's may be a part of the name.
        (Some(format), Some(_)) if promised.is_some() => (stem, format.extensions()[0].to_owned()),
        (Some(format), _) => (name.as_str(), format.extensions()[0].to_owned()),
        (None, _) => (stem, "png".to_owned()),
    };
    let mut end = stem.len().min(LONGEST_NAME);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let stem = &stem[..end];
    let mut name = format!("{folder}/{stem}.{extension}");
    let mut number = 1;
    while !taken.insert(name.to_lowercase()) {
        number += 1;
        name = format!("{folder}/{stem}-{number}.{extension}");
    }
    name
}

/// A class as a folder's name.
fn plain(label: &str) -> String {
    let name: String = label.chars().map(|c| if c.is_control() || "/\\:".contains(c) { '_' } else { c }).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    // It is the folder around it that appears whole or not at all.
    let unwritable = |e: std::io::Error| Error::output("the picture cannot be written").with_source(e).context(path.display());
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).and_then(|()| fs::write(path, bytes)).map_err(unwritable)
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|e| Error::output("the folder is gone").with_source(e).context(path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_true_short_and_used_once() {
        let mut taken = HashSet::new();
        let mut name = |id: &str, format| free_name("happy", id, Some(format), &mut taken);
        assert_eq!(name("a/x.png", Format::Png), "happy/x.png");
        assert_eq!(name("b/X.PNG", Format::Png), "happy/X-2.PNG");
        assert_eq!(name("b/x.jpg", Format::Png), "happy/x-3.png");
        assert_eq!(name("row:7", Format::Png), "happy/row-7.png");
        assert_eq!(name("v1.2", Format::Jpeg), "happy/v1.2.jpg");
        assert!(name(&"笑".repeat(90), Format::Png).len() < 255);
    }
}
