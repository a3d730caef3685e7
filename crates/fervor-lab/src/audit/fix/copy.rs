//! The clean tree: pictures under names that say what they are.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::Decision;
use crate::dataset::{Dataset, Manifest, Source, SourceKind};
use crate::names::{free_name, plain};
use fervor::error::{Error, Result};
use fervor::picture::Format;

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
            // As the manifest's hash and box have it: with all that surrounds a detected face.
            dataset.whole_picture(index)?.encode_png()?
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
        let row = dataset.samples().iter().position(|sample| sample.id == decision.id).filter(|_| !dataset.has_files());
        match row {
            Some(row) => {
                let name = format!("{}.png", decision.id.replace(':', "-"));
                save(&part.join("quarantine").join(name), &dataset.whole_picture(row)?.encode_png()?)?;
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

fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    // It is the folder around it that appears whole or not at all.
    let unwritable = |e: std::io::Error| Error::output("the picture cannot be written").with_source(e).context(path.display());
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).and_then(|()| fs::write(path, bytes)).map_err(unwritable)
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|e| Error::output("the folder is gone").with_source(e).context(path.display()))
}
