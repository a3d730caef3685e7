//! The folder of a job: what was asked for, what is done, and who works in it.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use fervor::error::{Error, Reason, Result};
use fervor::files::{WholeFile, write_whole};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::list::{ListDigest, ListFacts};
use super::plan::{Piece, Planned, Planner, pieces};
use super::sources;
use super::work::Counts;

const SCHEMA: &str = "fervor.job/1";
const JOB: &str = "_job.json";
const PLAN: &str = "_plan.jsonl";
const SUCCESS: &str = "_SUCCESS";

/// What decides the rows of a job, beside the inputs themselves. Two jobs with the same are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Every setting by its name, the model and its hash among them.
    pub settings: Map<String, Value>,
    /// The inputs as they were named.
    pub inputs: Vec<String>,
    /// The folder below which relative inputs lie.
    pub directory: String,
    /// Pictures of a part.
    pub part: usize,
    /// How parts end: `parquet`, `jsonl`, `csv`.
    pub format: String,
}

#[derive(Serialize, Deserialize)]
struct Written {
    schema: String,
    /// The version that planned it.
    fervor: String,
    #[serde(flatten)]
    spec: Spec,
    #[serde(flatten)]
    planned: Planned,
    /// Of the list that named inputs, if one did; jobs of earlier versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<ListFacts>,
}

/// Which share of the parts is done here, 1-based: `3/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Default for Shard {
    /// All of them.
    fn default() -> Self {
        Self { number: 1, of: 1 }
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parsed {
            Some((number, of)) if 1 <= number && number <= of => Ok(Self { number, of }),
            _ => Err(Error::input(format!("not a shard, of which the third of sixteen is 3/16: {text:?}"))),
        }
    }
}

impl Shard {
    /// Whether a piece is of this share.
    fn has(self, piece: usize) -> bool {
        piece % self.of == self.number - 1
    }

    fn manifest(self) -> String {
        if self.of == 1 { "_manifest.jsonl".to_owned() } else { format!("_manifest-{}-of-{}.jsonl", self.number, self.of) }
    }

    fn lock(self) -> String {
        format!("._lock-{}-of-{}", self.number, self.of)
    }
}

/// A part that is done, as a manifest has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Done {
    part: String,
    number: usize,
    #[serde(flatten)]
    counts: Counts,
    bytes: u64,
    sha256: String,
    seconds: f64,
}

/// Tells what the list says that names a job's inputs.
pub type TellList<'a> = &'a dyn Fn(&mut ListDigest) -> Result<()>;

/// A job's folder, held for one shard.
#[derive(Debug)]
pub struct Job {
    folder: PathBuf,
    shard: Shard,
    planned: Planned,
    format: String,
    /// Parts that were done before, by number.
    done: HashMap<usize, Counts>,
    manifest: File,
    /// What the planner passed over; of a plan that was there already, what is not known of it.
    notes: Vec<String>,
    _lock: File,
}

impl Job {
    /// Opens the folder for a job: a new one is planned by `plan`, one that was begun goes on with the plan that it has. A part in which no
    /// picture has an answer is to be done again.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): the folder cannot be written. [`Input`](fervor::ErrorKind::Input): it holds another
    /// job ([`Reason::Mismatch`]) or other things ([`Reason::Exists`]), or somebody works at this shard; and what `plan` fails with.
    pub fn open(folder: &Path, spec: &Spec, shard: Shard, plan: impl FnOnce(&mut Planner) -> Result<()>) -> Result<Self> {
        Self::open_listed(folder, spec, shard, plan, None)
    }

    /// As [`open`](Self::open), where a list names inputs: `plan` says [what it names](Planner::listed), or `list` does where the job was
    /// begun before.
    ///
    /// # Errors
    /// As [`open`](Self::open), also where the list is another one than the job was begun with; and what `list` fails with.
    pub fn open_listed(
        folder: &Path,
        spec: &Spec,
        shard: Shard,
        plan: impl FnOnce(&mut Planner) -> Result<()>,
        list: Option<TellList>,
    ) -> Result<Self> {
        let unwritable =
            |e: std::io::Error| Error::output("the job's folder cannot be written").with_source(e).context(folder.display());
        fs::create_dir_all(folder).map_err(unwritable)?;
        refuse_others(folder)?;
        let lock = lock(folder, shard)?;
        // Several shards may begin at once; one of them plans.
        let planning = open_lock(&folder.join("._lock-plan")).map_err(unwritable)?;
        let _ = planning.lock();
        let (planned, notes) = match read_job(folder)? {
            Some(written) => {
                refuse_another(&written.spec, spec, folder)?;
                let mut notes = Vec::new();
                match (&written.list, list) {
                    (Some(there), Some(list)) => {
                        let mut here = ListDigest::default();
                        list(&mut here)?;
                        there.refuse_another(&here.finish(), folder)?;
                    }
                    (None, Some(_)) => notes.push(format!(
                        "{}: the version that began this job kept no digest of its list, so the list is not read again: \
                         it goes on with the {} pictures that were planned",
                        folder.display(),
                        written.planned.pictures
                    )),
                    (_, None) => {}
                }
                (written.planned, notes)
            }
            None => {
                let mut file = WholeFile::create(&folder.join(PLAN)).map_err(unwritable)?;
                let mut buffered = std::io::BufWriter::new(&mut file);
                let mut planner = Planner::new(&mut buffered, spec.part);
                plan(&mut planner)?;
                let (planned, list, notes) = planner.finish()?;
                buffered.flush().map_err(unwritable)?;
                drop(buffered);
                file.finish().map_err(unwritable)?;
                let written = Written {
                    schema: SCHEMA.to_owned(),
                    fervor: env!("CARGO_PKG_VERSION").to_owned(),
                    spec: spec.clone(),
                    planned: planned.clone(),
                    list,
                };
                let mut text = serde_json::to_vec_pretty(&written).map_err(|e| Error::output("no job").with_source(e))?;
                text.push(b'\n');
                write_whole(&folder.join(JOB), &text).map_err(unwritable)?;
                (planned, notes)
            }
        };
        drop(planning);
        let manifest = open_manifest(&folder.join(shard.manifest())).map_err(unwritable)?;
        let mut job = Self {
            folder: folder.to_owned(),
            shard,
            planned,
            format: spec.format.clone(),
            done: HashMap::new(),
            manifest,
            notes,
            _lock: lock,
        };
        job.done = job.look_for_done().map_err(unwritable)?;
        // Where no picture has an answer, the fault was hardly the pictures': a wrong name, a disk or a network that was away.
        job.done.retain(|_, counts| !counts.no_answer());
        if job.done.len() < job.planned.pieces {
            // A part of a job that was whole is gone. Another shard may see it at the same time.
            match fs::remove_file(folder.join(SUCCESS)) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(unwritable(e)),
                _ => {}
            }
        }
        Ok(job)
    }

    /// What was passed over when it was planned, or is not known of a plan that was there already.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Pictures in all shards.
    pub fn pictures(&self) -> u64 {
        self.planned.pictures
    }

    /// Pieces in all shards.
    pub fn pieces(&self) -> usize {
        self.planned.pieces
    }

    /// Parts that are done, in all shards as far as it is known here.
    pub fn parts(&self) -> usize {
        self.done.len()
    }

    /// Pictures of this shard.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): the plan is gone or damaged.
    pub fn pictures_here(&self) -> Result<u64> {
        pieces(&self.folder.join(PLAN))?.try_fold(0, |sum, piece| {
            let (piece, _) = piece?;
            Ok(sum + if self.shard.has(piece.number) { piece.pictures as u64 } else { 0 })
        })
    }

    /// What was done of this shard before this program.
    pub fn before(&self) -> Counts {
        self.done.iter().filter(|(number, _)| self.shard.has(**number)).map(|(_, counts)| *counts).sum()
    }

    /// The pieces of this shard that are to be done, each with the path of its part.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): the plan is gone; an item is an error where it is damaged.
    pub fn todo(&self) -> Result<impl Iterator<Item = Result<(Piece, PathBuf)>> + use<>> {
        let (shard, folder, format) = (self.shard, self.folder.clone(), self.format.clone());
        let done: std::collections::HashSet<usize> = self.done.keys().copied().collect();
        let pieces = pieces(&self.folder.join(PLAN))?;
        Ok(pieces.filter_map(move |piece| match piece {
            Ok((piece, key)) if shard.has(piece.number) && !done.contains(&piece.number) => {
                let path = folder.join(format!("part-{:06}-{key}.{format}", piece.number));
                Some(Ok((piece, path)))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }))
    }

    /// Notes a part as done, once its file has its name.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): the manifest cannot be written.
    pub fn done(&mut self, piece: &Piece, path: &Path, counts: Counts, bytes: u64, sha256: String, seconds: f64) -> Result<()> {
        let unwritable = |e: std::io::Error| Error::output("the manifest cannot be written").with_source(e);
        let part = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let seconds = (1000.0 * seconds).round() / 1000.0;
        let line = Done { part, number: piece.number, counts, bytes, sha256, seconds };
        let mut line = serde_json::to_vec(&line).map_err(|e| Error::output("no line").with_source(e))?;
        line.push(b'\n');
        // In one write, so that lines stay lines.
        self.manifest.write_all(&line).and_then(|()| self.manifest.sync_data()).map_err(unwritable)?;
        self.done.insert(piece.number, counts);
        Ok(())
    }

    /// What is done of all shards, here and elsewhere; where that is everything, and any picture has an answer, the folder says so.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): the folder cannot be read or written.
    pub fn finish(&mut self) -> Result<(Counts, bool)> {
        let unwritable = |e: std::io::Error| Error::output("the job's folder cannot be written").with_source(e);
        self.done = self.look_for_done().map_err(unwritable)?;
        let all = self.done.len() == self.planned.pieces;
        let counts: Counts = self.done.values().copied().sum();
        if all && !counts.no_answer() {
            write_whole(&self.folder.join(SUCCESS), b"").map_err(unwritable)?;
        }
        Ok((counts, all))
    }

    /// Parts that a manifest names and that are there as it says.
    fn look_for_done(&self) -> std::io::Result<HashMap<usize, Counts>> {
        let mut done = HashMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !(name.starts_with("_manifest") && name.ends_with(".jsonl")) {
                continue;
            }
            // The last line may be torn: its part is done again.
            for line in fs::read_to_string(&path)?.lines() {
                let Ok(line) = serde_json::from_str::<Done>(line) else { continue };
                let part = self.folder.join(&line.part);
                let is_whole = part.metadata().is_ok_and(|part| part.len() == line.bytes)
                    && (self.format != "parquet" || sources::reads(&part));
                if is_whole {
                    done.insert(line.number, line.counts);
                }
            }
        }
        Ok(done)
    }
}

/// Whether a folder is that of a job, whose parts are no pictures.
pub fn is_job(folder: &Path) -> bool {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let Ok(file) = File::open(folder.join(JOB)) else { return false };
    let head: serde_json::Result<Head> = serde_json::from_reader(std::io::BufReader::new(file));
    head.is_ok_and(|head| head.schema.starts_with("fervor.job/"))
}

/// Refuses a folder with other things in it: a job's parts must be all that a reader finds.
fn refuse_others(folder: &Path) -> Result<()> {
    if folder.join(JOB).exists() {
        return Ok(());
    }
    let cannot = |e: std::io::Error| Error::output("the job's folder cannot be read").with_source(e).context(folder.display());
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        if !name.to_string_lossy().starts_with(['.', '_']) {
            return Err(Error::input(format!("the folder holds other things than a job: {}", name.display()))
                .because(Reason::Exists)
                .context(folder.display())
                .with_hint("name a new folder"));
        }
    }
    Ok(())
}

fn read_job(folder: &Path) -> Result<Option<Written>> {
    let path = folder.join(JOB);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(&path).map_err(|e| Error::input("the job cannot be read").with_source(e).context(path.display()))?;
    let bad = |e: serde_json::Error| {
        Error::input("the job cannot be read").because(Reason::Damaged).with_source(e).context(path.display())
    };
    let written: Written = serde_json::from_slice(&bytes).map_err(bad)?;
    if written.schema != SCHEMA {
        let message = format!("a job of schema {:?}; this version goes on with {SCHEMA:?}", written.schema);
        return Err(Error::input(message).because(Reason::Version).context(path.display()));
    }
    Ok(Some(written))
}

/// Refuses to go on with a job that asked for something else, and says for what.
fn refuse_another(there: &Spec, here: &Spec, folder: &Path) -> Result<()> {
    if there == here {
        return Ok(());
    }
    let values = |spec: &Spec| serde_json::to_value(spec).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let flat = |spec: &Spec| {
        let mut all = values(spec);
        if let Some(Value::Object(settings)) = all.remove("settings") {
            all.extend(settings);
        }
        all
    };
    let (there, here) = (flat(there), flat(here));
    let differs = there.keys().chain(here.keys()).find(|key| there.get(*key) != here.get(*key)).cloned().unwrap_or_default();
    let said = |all: &Map<String, Value>| all.get(&differs).map_or_else(|| "not set".to_owned(), Value::to_string);
    Err(Error::input(format!("the folder holds another job: {differs} is {} there and {} here", said(&there), said(&here)))
        .because(Reason::Mismatch)
        .context(folder.display())
        .with_hint("ask for the same again to go on with it, or name another folder"))
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Holds the shard, so that two programs do not do the same work.
fn lock(folder: &Path, shard: Shard) -> Result<File> {
    let path = folder.join(shard.lock());
    let unwritable =
        |e: std::io::Error| Error::output("the job's folder cannot be written").with_source(e).context(folder.display());
    let mut file = open_lock(&path).map_err(unwritable)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who it is helps, and is not known everywhere.
            let _ = file.read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() { "another process" } else { holder.trim() };
            Err(Error::input(format!("the job is under way here already: {holder}"))
                .because(Reason::Exists)
                .context(folder.display())
                .with_hint("wait until it ends, or stop it; machines share a job as shards of it"))
        }
        // On file systems without locks nobody is told.
        Ok(()) | Err(TryLockError::Error(_)) => {
            let text = format!("process {}\n", std::process::id());
            file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(unwritable)?;
            Ok(file)
        }
    }
}

/// Opens a manifest for more lines; a torn one at its end is cut off.
fn open_manifest(path: &Path) -> std::io::Result<File> {
    let mut file = open_lock(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |place| place + 1);
    file.set_len(whole as u64)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}
