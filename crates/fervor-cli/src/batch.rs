//! `fervor batch`: any number of pictures become a folder of tables.

mod pace;
#[cfg(feature = "store")]
mod store;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use fervor::{Bundle, DetectorOptions, Error, Limits, Reason, Result};
use fervor_table::job::{
    Counts, Far, Job, ListDigest, Listed, NoInput, PartFormat, Planner, Spec, TellList, Work, is_address, is_job,
};
use serde_json::{Map, Value, json};

use crate::answers::Writer;
use crate::cli::{Batch, BatchFormat, PredictFormat};
use crate::inputs::{self, Source, Wanted};
use crate::verdict::Verdict;
use crate::{interrupt, setup, talk};
use pace::Pace;

/// Runs the command.
///
/// # Errors
/// A model that does not load, a folder that holds another job, a part that cannot be written.
pub fn run(args: &Batch) -> Result<Verdict> {
    setup::threads(args.analysis.threads);
    // Many pictures are looked at side by side, each on one thread.
    let bundle = setup::model(&args.analysis.model, None)?.with_lanes(rayon::current_num_threads());
    let spec = spec(args, &bundle)?;
    let detector = DetectorOptions::default().with_threads(1).with_detail(args.analysis.detail).with_threshold(args.threshold);
    let labels = bundle.card().labels.clone();
    let analyzer = setup::analyzer(args.analysis.faces, Arc::new(bundle), detector)?;
    #[cfg(feature = "store")]
    let stores = Arc::new(store::Stores::new(&Limits::default())?);
    #[cfg(feature = "store")]
    let far: Option<Arc<dyn Far>> = Some(Arc::clone(&stores) as _);
    #[cfg(not(feature = "store"))]
    let far: Option<Arc<dyn Far>> = None;
    let planning = talk::spinner("listing the inputs");
    let plan = |planner: &mut Planner| {
        if let Some(far) = &far {
            planner.reaches(Arc::clone(far));
        }
        plan(args, planner, &|address, planner| {
            #[cfg(feature = "store")]
            return addresses(&stores, address, args, planner);
            #[cfg(not(feature = "store"))]
            planner.file(not_built(address))
        })
    };
    let tell = args.list.as_deref().map(|list| move |digest: &mut ListDigest| tell(list, digest));
    let tell = tell.as_ref().map(|tell| tell as TellList);
    let opened = Job::open_listed(&args.output, &spec, args.shard.unwrap_or_default(), plan, tell);
    planning.finish_and_clear();
    let mut job = opened?;
    job.notes().iter().for_each(talk::note);
    let before = job.before();
    let here = job.pictures_here()?;
    if before.pictures > 0 {
        talk::note(format_args!("{} of {here} pictures are done already", before.pictures));
    }
    let stop = interrupt::flag("stopping; what is done is kept, and the same command goes on")?;
    let pace = Pace::new(here, before);
    let text = match args.format {
        BatchFormat::Parquet => None,
        BatchFormat::Jsonl => Some(PredictFormat::Jsonl),
        BatchFormat::Csv => Some(PredictFormat::Csv),
    };
    let write = |out: &mut dyn std::io::Write, row: &fervor::PicturePrediction, first: bool| match text {
        Some(format) => Writer::going_on(format, labels.clone(), !first).write(out, row),
        None => Ok(()),
    };
    let minimum = args.minimum_face as f32;
    let work = Work {
        analyzer: &analyzer,
        keep: &|face| face.face.bounds.width.min(face.face.bounds.height) >= minimum,
        limits: Limits::default(),
        format: if text.is_some() { PartFormat::Text(&write) } else { PartFormat::Parquet },
        stop: &stop,
        far,
        progress: &|counts| pace.moved(counts),
        failed: &|source, row, error| pace.failed(source, row, error),
    };
    for todo in job.todo()? {
        let (piece, path) = todo?;
        let started = Instant::now();
        let Some((counts, bytes, sha256)) = work.run(&piece, &path)? else { break };
        job.done(&piece, &path, counts, bytes, sha256, started.elapsed().as_secs_f64())?;
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    pace.end();
    let (all, whole) = job.finish()?;
    let mine = job.before();
    if mine.pictures < here {
        talk::note(format_args!("interrupted: {} of {here} pictures are done; the same command goes on", mine.pictures));
        return Ok(Verdict::Interrupted);
    }
    talk::answer(summary(&all, &job, whole, &args.output))?;
    Ok(match mine.errors {
        0 => Verdict::Yes,
        errors if errors == mine.pictures => Verdict::Failed,
        _ => Verdict::No,
    })
}

/// What decides the job's rows.
fn spec(args: &Batch, bundle: &Bundle) -> Result<Spec> {
    let directory = std::env::current_dir().map_err(|e| Error::input("the working directory is gone").with_source(e))?;
    let format = match args.format {
        BatchFormat::Parquet => "parquet",
        BatchFormat::Jsonl => "jsonl",
        BatchFormat::Csv => "csv",
    };
    let settings = json!({
        "model": bundle.card().name,
        "model_sha256": bundle.sha256(),
        "faces": format!("{:?}", args.analysis.faces).to_lowercase(),
        "detail": args.analysis.detail,
        "threshold": args.threshold,
        "minimum_face": args.minimum_face,
        "column": args.column,
    });
    let settings: Map<String, Value> = settings.as_object().cloned().unwrap_or_default();
    let list = args.list.iter().map(|list| format!("--list {}", list.display()));
    let inputs = args.input.iter().map(|input| input.to_string_lossy().into_owned()).chain(list).collect();
    Ok(Spec { settings, inputs, directory: directory.display().to_string(), part: args.part, format: format.to_owned() })
}

/// Names an address to the plan.
type Addressed<'a> = &'a dyn Fn(&str, &mut Planner) -> Result<()>;

/// Names the inputs to the plan, one after the other as they are found.
fn plan(args: &Batch, planner: &mut Planner, address: Addressed) -> Result<()> {
    for input in &args.input {
        match input.to_str().filter(|input| is_address(input)) {
            Some(input) => address(input, planner)?,
            None if is_job(Path::new(input)) => {
                let message = "the folder of an earlier job, whose rows are no pictures: name the folder of the pictures";
                planner.file(refused(Path::new(input), message, Reason::NotAPicture))?;
            }
            None => found(args, input, planner, address)?,
        }
    }
    let Some(list) = &args.list else { return Ok(()) };
    let notes = inputs::each(of_list(list), &mut |source| {
        source.file().into_iter().for_each(|path| planner.listed(path));
        named(args, source, planner, address)
    })?;
    notes.iter().for_each(talk::note);
    Ok(())
}

/// What is read of a list.
fn of_list(list: &Path) -> Wanted<'_> {
    Wanted { input: &[], list: Some(list), recursive: true, holders: true, own: None }
}

/// Tells what a list says, to see whether it is the one that a job was begun with.
fn tell(list: &Path, digest: &mut ListDigest) -> Result<()> {
    let notes = inputs::each(of_list(list), &mut |source| {
        source.file().into_iter().for_each(|path| digest.add(path));
        Ok(())
    });
    notes.map(drop)
}

/// An input, and all that is below it. Answers of earlier jobs and tables without pictures are passed over and counted, unless they
/// are the input itself.
fn found(args: &Batch, input: &OsStr, planner: &mut Planner, address: Addressed) -> Result<()> {
    let input = [input.to_owned()];
    let wanted = Wanted { input: &input, list: None, recursive: true, holders: true, own: Some(&args.output) };
    let (mut passed, mut planned) = (Passed::default(), false);
    let notes = inputs::each(wanted, &mut |source| {
        match source {
            Source::File { path, .. } if path.as_os_str() != input[0] => planned |= met(args, &path, planner, &mut passed)?,
            source => {
                planned = true;
                named(args, source, planner, address)?;
            }
        }
        Ok(())
    })?;
    notes.iter().for_each(talk::note);
    passed.end(Path::new(&input[0]), planned, planner)
}

/// What was named: a file, an address, or what leads to nothing.
fn named(args: &Batch, source: Source, planner: &mut Planner, address: Addressed) -> Result<()> {
    match source {
        Source::File { path, .. } if path.to_str().is_some_and(is_address) => address(&path.to_string_lossy(), planner),
        Source::File { path, .. } => file(args, &path, planner),
        Source::StandardInput => {
            Err(Error::input("a job has no picture from standard input")
                .with_hint("name files, or a list of files with --list -"))
        }
        Source::Refused { path, refusal } => planner.file(refused(&path, &refusal.message, refusal.reason)),
    }
}

/// A file by what its name says it is, on the disk or behind an address.
fn file(args: &Batch, path: &Path, planner: &mut Planner) -> Result<()> {
    match kind(path) {
        Kind::Tar => planner.archive(path),
        Kind::Parquet => planner.table(path, args.column.as_deref()),
        Kind::Packed => planner.file(refused(path, "a packed archive: unpack it to .tar, or into a folder", Reason::Unsupported)),
        Kind::Picture => planner.file(path.to_owned().into()),
    }
}

/// A file that was met below an input; whether it is planned, and not passed over.
fn met(args: &Batch, path: &Path, planner: &mut Planner, passed: &mut Passed) -> Result<bool> {
    if passed.is_of_job(path) {
        passed.answers += 1;
        return Ok(false);
    }
    let Kind::Parquet = kind(path) else { return file(args, path, planner).map(|()| true) };
    let no_input = planner.table_met(path, args.column.as_deref())?;
    let planned = no_input.is_none();
    no_input.into_iter().for_each(|why| passed.table(path, why));
    Ok(planned)
}

/// What was met below an input and passed over, counted.
#[derive(Default)]
struct Passed {
    answers: usize,
    tables: usize,
    /// The first of the tables, and what is wrong with it.
    first: String,
    /// The folder that was looked at last, and whether it is that of a job.
    folder: Option<(PathBuf, bool)>,
}

impl Passed {
    /// Whether a file lies in the folder of an earlier job.
    fn is_of_job(&mut self, path: &Path) -> bool {
        let Some(folder) = path.parent().filter(|_| !is_address(&path.to_string_lossy())) else { return false };
        match &self.folder {
            Some((last, is_job)) if last == folder => *is_job,
            _ => self.folder.insert((folder.to_owned(), is_job(folder))).1,
        }
    }

    fn table(&mut self, path: &Path, why: NoInput) {
        match why {
            NoInput::Answers(_) => self.answers += 1,
            NoInput::NoPictures(error) => {
                if self.tables == 0 {
                    self.first = format!("{}: {}", path.display(), error.explained());
                }
                self.tables += 1;
            }
        }
    }

    /// Says what was passed over; an input of which nothing is left has a row that says so.
    fn end(self, input: &Path, planned: bool, planner: &mut Planner) -> Result<()> {
        let count = |n: usize, one: &str, many: &str| (n > 0).then(|| format!("{n} {}", if n == 1 { one } else { many }));
        let answers = count(self.answers, "file of an earlier job", "files of earlier jobs");
        let tables = count(self.tables, "table without pictures", "tables without pictures");
        let tables = tables.map(|tables| format!("{tables} ({})", self.first));
        let parts: Vec<String> = answers.into_iter().chain(tables).collect();
        if parts.is_empty() {
            return Ok(());
        }
        let parts = parts.join(", ");
        talk::note(format_args!("{}: passed over {parts}", input.display()));
        match planned {
            true => Ok(()),
            false => planner.file(refused(input, &format!("no pictures in it, only {parts}"), Reason::Empty)),
        }
    }
}

/// An address of a picture, an archive or a table, or of what lies below it.
#[cfg(feature = "store")]
fn addresses(stores: &store::Stores, address: &str, args: &Batch, planner: &mut Planner) -> Result<()> {
    if store::is_picture(address) || holds(address) || address.starts_with("http") {
        return file(args, Path::new(address), planner);
    }
    let mut of_plan = false;
    let (mut passed, mut planned) = (Passed::default(), false);
    let found = stores.each(address, &|name| store::is_picture(name) || holds(name), &mut |address| {
        let done = met(args, Path::new(&address), planner, &mut passed);
        of_plan = done.is_err();
        planned |= done?;
        Ok(())
    });
    match found {
        Ok(others) => {
            if others > 0 {
                talk::note(format_args!("{address}: passed over {others} that are no pictures by their names"));
            }
            passed.end(Path::new(address), planned, planner)
        }
        Err(error) if of_plan => Err(error),
        Err(error) => planner.file(refused(Path::new(address), &error.explained(), error.reason())),
    }
}

/// Whether a name is that of an archive or a table of pictures.
#[cfg(feature = "store")]
fn holds(address: &str) -> bool {
    matches!(kind(Path::new(address)), Kind::Tar | Kind::Parquet)
}

#[cfg(not(feature = "store"))]
fn not_built(address: &str) -> Listed {
    let message = "this program was built without addresses: cargo build --release --features store";
    refused(Path::new(address), message, Reason::Unsupported)
}

fn refused(path: &Path, message: &str, reason: Reason) -> Listed {
    Listed::Refused { source: path.display().to_string(), message: message.to_owned(), reason }
}

enum Kind {
    Picture,
    Tar,
    Parquet,
    Packed,
}

fn kind(path: &Path) -> Kind {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match name.rsplit('.').next() {
        Some("tar") => Kind::Tar,
        Some("parquet" | "parq" | "pq") => Kind::Parquet,
        Some("zip" | "tgz" | "7z" | "rar" | "zst") => Kind::Packed,
        Some("gz" | "xz" | "bz2") if name.contains(".tar.") => Kind::Packed,
        _ => Kind::Picture,
    }
}

/// What a job came to, in a line for each thing.
fn summary(all: &Counts, job: &Job, whole: bool, folder: &Path) -> String {
    let Counts { pictures, rows, faces, without_face, errors } = all;
    let state = match whole {
        true if all.no_answer() => "no picture has an answer, the same command tries again",
        true => "all of it is there",
        false => "other shards are not done yet",
    };
    format!(
        "{pictures} pictures: {faces} faces, {without_face} pictures without a face, {errors} without an answer\n{rows} rows, parts: {}, {state}: {}",
        job.parts(),
        folder.display()
    )
}
