//! Opening a data set with progress, and telling what was left out.

use std::path::Path;

use fervor::{Error, Result};
use fervor_lab::audit;
use fervor_lab::dataset::{Dataset, OpenOptions, Progress};

use crate::talk;

/// Problems that are told one by one; the others are counted.
const TOLD: usize = 5;

/// Opens a data set; what could not be read is told on standard error.
///
/// # Errors
/// As [`Dataset::open`].
pub fn open(path: &Path, options: OpenOptions) -> Result<Dataset> {
    let dataset = reading(|progress| Dataset::open(path, &OpenOptions { progress: Some(progress), ..options }))?;
    tell(&dataset);
    Ok(dataset)
}

/// Opens a data set as [`open`] does, with the groups of its near-duplicates of at least this similarity, 0..=1.
///
/// # Errors
/// As [`Dataset::open`].
pub fn open_with_families(path: &Path, options: OpenOptions, similarity: f32) -> Result<(Dataset, Vec<Vec<usize>>)> {
    let opened =
        reading(|progress| audit::open_with_families(path, &OpenOptions { progress: Some(progress), ..options }, similarity))?;
    tell(&opened.0);
    Ok(opened)
}

/// Shows a bar while a data set is read.
pub fn reading<T>(read: impl FnOnce(Progress) -> Result<T>) -> Result<T> {
    let bar = talk::bar(0, "reading");
    let found = read(&|done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    found
}

/// Tells what of a data set could not be read or is not used.
fn tell(dataset: &Dataset) {
    for problem in dataset.problems().iter().take(TOLD) {
        talk::warn(format_args!("{}: {}", problem.id, problem.message));
    }
    if dataset.problems().len() > TOLD {
        talk::warn(format_args!("{} pictures in all could not be read and are left out", dataset.problems().len()));
    }
    for (class, count) in &dataset.skipped().other_classes {
        talk::note(format_args!("{count} pictures of class {class:?} are left out: the class is not used"));
    }
}

/// Refuses a place for results inside the data set's folder: they would be taken for data the next time.
///
/// # Errors
/// `path` lies in the folder `data`, wherever links lead.
pub fn outside(data: &Path, flag: &str, path: &Path) -> Result<()> {
    // What does not exist yet lies where its nearest folder lies.
    let place = path.ancestors().find_map(|above| match above.as_os_str().is_empty() {
        true => Path::new(".").canonicalize().ok(),
        false => above.canonicalize().ok(),
    });
    match (data.is_dir().then(|| data.canonicalize().ok()).flatten(), place) {
        (Some(data), Some(place)) if place.starts_with(&data) => {
            Err(Error::input(format!("{flag} lies inside the data set: {}", path.display()))
                .with_hint("name a place beside the data: what lies inside would be read as data the next time"))
        }
        _ => Ok(()),
    }
}
