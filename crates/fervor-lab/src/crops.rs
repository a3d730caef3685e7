//! A data set of faces cut out of another one.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::dataset::{Dataset, Manifest, Progress, Source, SourceKind};
use crate::names::{free_name, plain};
use fervor::error::{Error, Reason, Result};
use fervor::files::WholeFolder;
use fervor::picture::Format;

/// Columns of the new manifest that say where a crop came from: the sample's id, and the face's box in its pixels as `x,y,width,height`.
const FROM: [&str; 2] = ["source", "source_box"];

/// Writes each sample as [`Dataset::picture`] gives it, which is the detected face where there is one, into the new folder `out`:
/// `SPLIT/CLASS/NAME.png`, and a `manifest.json` whose columns `source` and `source_box` say where each came from. How many were written.
///
/// # Errors
/// [`Output`](fervor::ErrorKind::Output): `out` is there already or cannot be written. [`Data`](fervor::ErrorKind::Data): there is no
/// sample, or one can no longer be read.
pub fn write(dataset: &Dataset, out: &Path, progress: Progress) -> Result<usize> {
    if dataset.is_empty() {
        return Err(Error::data("there is no face to write").because(Reason::Empty).context(dataset.root().display()));
    }
    if out.symlink_metadata().is_ok() {
        return Err(Error::output("it is there already").because(Reason::Exists).context(out.display()));
    }
    let unwritable = |e: std::io::Error| Error::output("the folder cannot be written").with_source(e).context(out.display());
    let folder = WholeFolder::create(out).map_err(unwritable)?;
    let root = folder.path().canonicalize().map_err(unwritable)?;
    let mut manifest = Manifest::of(dataset);
    manifest.name = out.file_name().map_or_else(|| manifest.name.clone(), |name| name.to_string_lossy().into_owned());
    manifest.source = Source { path: root.clone(), kind: SourceKind::Folder };
    let columns: Vec<usize> =
        (0..manifest.group_columns.len()).filter(|&c| !FROM.contains(&&*manifest.group_columns[c])).collect();
    manifest.group_columns = columns.iter().map(|&c| manifest.group_columns[c].clone()).collect();
    manifest.group_columns.extend(FROM.map(str::to_owned));
    let mut taken = HashSet::new();
    for line in &mut manifest.samples {
        let class = plain(dataset.labels().name(line.label));
        let below = line.split.map_or_else(|| class.clone(), |split| format!("{split}/{class}"));
        let mut groups: Vec<String> = columns.iter().map(|&column| line.groups[column].clone()).collect();
        groups.push(line.id.clone());
        groups.push(line.face.take().map_or_else(String::new, |face| {
            let [x, y, width, height] = [face.bounds.x, face.bounds.y, face.bounds.width, face.bounds.height].map(f32::round);
            format!("{x},{y},{width},{height}")
        }));
        line.groups = groups;
        // A new name for every sample: of a picture that becomes PNG, whatever it was.
        let stem = line.id.rsplit_once('.').map_or(line.id.as_str(), |(stem, _)| stem).to_owned() + ".png";
        line.id = free_name(&below, &stem, Some(Format::Png), &mut taken);
    }
    let done = AtomicUsize::new(0);
    let hashes = (0..dataset.len())
        .into_par_iter()
        .map(|index| {
            let picture = dataset.picture(index)?;
            let path = root.join(&manifest.samples[index].id);
            let bytes = picture.encode_png()?;
            fs::create_dir_all(path.parent().unwrap_or(&root)).and_then(|()| fs::write(&path, bytes)).map_err(unwritable)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, dataset.len());
            Ok(picture.content_hash())
        })
        .collect::<Result<Vec<_>>>()?;
    for (line, hash) in manifest.samples.iter_mut().zip(hashes) {
        line.hash = Some(hash);
    }
    manifest.save(&root.join("manifest.json"))?;
    folder.finish().map_err(unwritable)?;
    Ok(dataset.len())
}
