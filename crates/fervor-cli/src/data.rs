//! Data sets as several commands take them: opened with progress, what was left out told, the split chosen.

use std::path::{Path, PathBuf};

use fervor::files::WholeFile;
use fervor::{Error, LabelSet, Preprocess, Result};
use fervor_lab::audit;
use fervor_lab::dataset::{Dataset, OpenOptions, Progress, Split, VotesLeftOut, photographs};

use crate::cli::Faces;
use crate::output::{cannot_write, lies_inside, spares};
use crate::{setup, talk};

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
        talk::warn(format_args!("{} pictures or rows in all are left out", dataset.problems().len()));
    }
    let skipped = dataset.skipped();
    for (class, count) in &skipped.other_classes {
        talk::note(format_args!("{count} pictures of class {class:?} are left out: the class is not used"));
    }
    for class in &skipped.empty_classes {
        talk::warn(format_args!("no picture of class {class:?} can be read: it is none of the classes"));
    }
    for folder in &skipped.folders {
        talk::warn(format_args!("not used: the folder {folder}/, which is neither a class nor a part with classes"));
    }
    if skipped.outside_classes > 0 {
        talk::warn(format_args!("not used: {} pictures outside of the class folders", skipped.outside_classes));
    }
}

/// The samples at `indices` as a model takes them: whole, or the face that is found in each. Without a word about it pictures are taken
/// whole (but for those of which a manifest names the face), and where they look like photographs that is told.
///
/// # Errors
/// A detector that does not load or fails.
pub fn faces(dataset: Dataset, asked: Option<Faces>, indices: &[usize], preprocess: &Preprocess) -> Result<Dataset> {
    let dataset = dataset.framed(preprocess);
    let finder = match asked {
        Some(Faces::Whole) => return Ok(dataset.without_faces()),
        Some(found) => setup::finder(found, fervor::DetectorOptions::default().with_threads(1))?,
        None => {
            let [scenes, looked_at] = photographs(&dataset, indices)?;
            if 2 * scenes > looked_at {
                talk::warn(format_args!(
                    "{scenes} of {looked_at} pictures looked at are photographs around a face, and they are taken whole; --faces detect \
                     takes the faces, as `fervor predict` does, and `fervor crop` writes them as a data set"
                ));
            }
            return Ok(dataset);
        }
    };
    let known = dataset.problems().len();
    let bar = talk::bar(0, "faces");
    let (dataset, report) = dataset.with_faces(&*finder, &talk::moves(&bar))?;
    bar.finish_and_clear();
    talk::note(report);
    for problem in dataset.problems()[known..].iter().take(TOLD) {
        talk::warn(format_args!("{}: {}", problem.id, problem.message));
    }
    Ok(dataset)
}

/// The samples with what most voters said as their labels: in the model's order where it knows the same classes.
///
/// # Errors
/// As [`Dataset::labelled_by_votes`].
pub fn by_votes(dataset: &Dataset, labels: &LabelSet) -> Result<(Dataset, VotesLeftOut)> {
    let (voted, left_out) = dataset.labelled_by_votes(None)?;
    let same = labels.len() == voted.labels().len() && labels.names().iter().all(|name| voted.labels().index_of(name).is_some());
    if same { dataset.labelled_by_votes(Some(labels)) } else { Ok((voted, left_out)) }
}

/// The split asked for; without one: test, else validation, else everything, and it is told which.
///
/// # Errors
/// No split has the name, or no sample is in it.
pub fn choose(dataset: &Dataset, asked: Option<&str>) -> Result<(String, Vec<usize>)> {
    let has = |split: Split| !dataset.of_split(split).is_empty();
    let there: Vec<&str> = Split::ALL.into_iter().filter(|&split| has(split)).map(Split::name).collect();
    if let Some(text) = asked {
        if text == "all" {
            return Ok(("all".to_owned(), (0..dataset.len()).collect()));
        }
        let hint =
            format!("the data has: {}", if there.is_empty() { "no splits (--split all)".to_owned() } else { there.join(", ") });
        let split = Split::parse(text).ok_or_else(|| Error::input(format!("not a split: {text:?}")).with_hint(hint.clone()))?;
        if !has(split) {
            return Err(Error::data(format!("the data has no samples in split {text:?}")).with_hint(hint));
        }
        return Ok((split.name().to_owned(), dataset.of_split(split)));
    }
    match [Split::Test, Split::Validation].into_iter().find(|&split| has(split)) {
        Some(split) => {
            talk::note(format_args!("scoring split {split} (the data has: {})", there.join(", ")));
            Ok((split.name().to_owned(), dataset.of_split(split)))
        }
        None => {
            talk::note("scoring all samples: the data has no test or validation split");
            Ok(("all".to_owned(), (0..dataset.len()).collect()))
        }
    }
}

/// Refuses a place for results inside the data set's folder: they would be taken for data the next time.
///
/// # Errors
/// `path` lies in the folder `data`, wherever links lead.
pub fn outside(data: &Path, flag: &str, path: &Path) -> Result<()> {
    if lies_inside(data, path) {
        return Err(Error::input(format!("{flag} lies inside the data set: {}", path.display()))
            .with_hint("name a place beside the data: what lies inside would be read as data the next time"));
    }
    Ok(())
}

/// The file of a model that a user names: of a training run's folder its best one.
pub fn model_file(name: &str) -> PathBuf {
    let path = Path::new(name);
    if path.is_dir() { path.join("best.onnx") } else { path.to_owned() }
}

/// Refuses a folder for a report before there is anything to write: inside the data set's folder, a file, one that cannot be written, or one
/// in which one of the report's files would take the place of one that is read.
///
/// # Errors
/// As [`outside`] and [`spares`]; `Output`: the folder cannot be made or written.
pub fn check_report(dir: &Path, files: &[&str], data: Option<&Path>, inputs: &[&Path]) -> Result<()> {
    data.map_or(Ok(()), |data| outside(data, "--report", dir))?;
    if dir.exists() && !dir.is_dir() {
        return Err(Error::input(format!("--report needs a folder, this is a file: {}", dir.display())));
    }
    files.iter().try_for_each(|file| spares("--report", &dir.join(file), inputs.iter().copied()))?;
    check_folder(dir)
}

/// Refuses a file for results before there is anything to write: inside the data set's folder, a folder, one of what is read, or one that
/// cannot be written.
///
/// # Errors
/// As [`outside`] and [`spares`]; `Output`: the file cannot be written.
pub fn check_file(flag: &str, path: &Path, data: &Path, inputs: &[&Path]) -> Result<()> {
    outside(data, flag, path)?;
    if path.is_dir() {
        return Err(Error::input(format!("{flag} needs a file, this is a folder: {}", path.display())));
    }
    spares(flag, path, inputs.iter().copied())?;
    // A pipe or a device is written straight, whatever lies around it; a link is followed.
    if path.exists() && !path.is_file() {
        return Ok(());
    }
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    place.parent().map_or(Ok(()), check_folder)
}

/// Refuses a folder that cannot be written, or made where it lacks; nothing is left there.
fn check_folder(folder: &Path) -> Result<()> {
    let there = |above: &&Path| above.as_os_str().is_empty() || above.symlink_metadata().is_ok();
    let above = folder.ancestors().find(there).unwrap_or(Path::new(""));
    let probe = above.join(format!("fervor-{}", std::process::id()));
    WholeFile::create(&probe).map(drop).map_err(|e| cannot_write(folder, e))
}

/// Refuses an output that is the table or one of the pictures of a data set: a manifest or a list may lead to it.
///
/// # Errors
/// As [`spares`].
pub fn keeps(dataset: &Dataset, flag: &str, output: &Path) -> Result<()> {
    let Ok(place) = output.canonicalize() else { return Ok(()) };
    let of_that_name =
        dataset.samples().iter().map(|sample| Path::new(&sample.id)).filter(|id| id.file_name() == place.file_name());
    let files: Vec<PathBuf> = of_that_name.map(|id| dataset.root().join(id)).collect();
    spares(flag, output, files.iter().map(PathBuf::as_path).chain([dataset.root()]))
}
