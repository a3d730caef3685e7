//! The folder of one training: what stands in it, and how it survives being killed at any moment.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::Module;
use burn::store::ModuleRecord;
use burn_optim::ModuleOptimizer;
use fervor::files::{rename, sync_all_of, write_whole};
use fervor::{Error, Reason, Remedy, Result, hash};
use fervor_draw::chart::{self, LineChart, Series};
use serde::{Deserialize, Serialize};

use crate::events;
use crate::log::{self, EpochLog, Tally};
use crate::network::Network;
use crate::recipe::Recipe;

/// What is underneath an error.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Where a training stands, beside the weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub recipe_sha256: String,
    pub manifest_sha256: String,
    /// Steps from the start.
    pub step: usize,
    /// The epoch under way, from 0.
    pub epoch: usize,
    /// Batches of it that are done.
    pub batch: usize,
    /// What those batches have brought.
    pub tally: Tally,
    /// Seconds spent on those batches.
    pub seconds: f64,
    pub best: Option<Best>,
    pub log: Vec<EpochLog>,
}

/// The best epoch so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// From 1.
    pub epoch: usize,
    /// Validation pictures named rightly.
    pub correct: usize,
}

/// The folder of one training.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Held while this process trains in it; the operating system lets go of it when the process ends, however it does.
    _lock: Option<Arc<File>>,
}

/// The file by which a training says that it is under way.
const LOCK: &str = ".lock";

impl RunFolder {
    /// Makes the folder of a new run, `<out>/<name>-<hash>`, of the recipe and of the data.
    ///
    /// # Errors
    /// `Input`: a run of this recipe with this data stands there already, or is under way. `Output`: the folder cannot be made.
    pub(crate) fn create(out: &Path, recipe: &Recipe, manifest_sha256: &str) -> Result<Self> {
        let path = out.join(recipe.run_name(manifest_sha256));
        fs::create_dir_all(&path)
            .map_err(|e| Error::output(format!("cannot make the run's folder {}", path.display())).with_source(e))?;
        let run = Self { path, _lock: None }.held()?;
        // A run that was killed before its first checkpoint has nothing to continue: it starts again in its folder.
        if run.checkpoint().is_some() {
            let shown = run.path.display();
            return Err(Error::input(format!("a run of this recipe with this data exists: {shown}"))
                .because(Reason::Exists)
                .with_remedy(Remedy::ResumeOrRename { run: shown.to_string() }));
        }
        run.write("recipe.toml", recipe.to_toml().as_bytes())?;
        Ok(run)
    }

    /// An existing run.
    ///
    /// # Errors
    /// `Input`: no checkpoint stands there.
    pub fn open(path: &Path) -> Result<Self> {
        let run = Self { path: path.to_owned(), _lock: None };
        if run.checkpoint().is_none() {
            return Err(Error::input(format!("no run to continue in {}", path.display()))
                .because(Reason::Missing)
                .with_hint("name the run's own folder, the one that holds checkpoint/"));
        }
        Ok(run)
    }

    /// The same, with its lock held: nobody else trains in it meanwhile.
    ///
    /// # Errors
    /// `Input`: another training holds it; the message says which. `Output`: the lock cannot be written.
    pub(crate) fn held(self) -> Result<Self> {
        let path = self.file(LOCK);
        let unwritable = |e: std::io::Error| Error::output(format!("cannot write {}", path.display())).with_source(e);
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is helps, and is not known everywhere.
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "another process" } else { holder.trim() };
                return Err(Error::input(format!("a training is under way in {}: {holder}", self.path.display()))
                    .because(Reason::Exists)
                    .with_hint("wait until it ends, or stop it; a run with another name or other data has its own folder"));
            }
            // File systems without locks: as it was before there were any.
            Err(TryLockError::Error(_)) => return Ok(self),
        }
        let host = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
        let host = host.as_deref().map_or("an unknown host", str::trim);
        let text = format!("process {} on {host}\n", std::process::id());
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(unwritable)?;
        Ok(Self { _lock: Some(Arc::new(file)), ..self })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The recipe that ran.
    ///
    /// # Errors
    /// `Input`: it is gone or was changed into something that is no recipe.
    pub fn recipe(&self) -> Result<Recipe> {
        Recipe::load(&self.file("recipe.toml"), &[] as &[&str])
    }

    /// SHA-256 of the recipe as it was written, which keeps its meaning when later versions know more keys.
    ///
    /// # Errors
    /// `Input`: it cannot be read.
    pub(crate) fn recipe_sha256(&self) -> Result<String> {
        let path = self.file("recipe.toml");
        let text = fs::read(&path).map_err(|e| damaged(&path, e))?;
        Ok(hash::sha256(text))
    }

    /// Writes a file that appears whole or not at all.
    ///
    /// # Errors
    /// `Output`: the file system refuses.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.file(name);
        write_whole(&path, bytes).map_err(|e| Error::output(format!("cannot write {}", path.display())).with_source(e))
    }

    /// Writes `log.csv` and the curves anew.
    ///
    /// # Errors
    /// `Output`: the file system refuses.
    pub(crate) fn write_log(&self, state: &State) -> Result<()> {
        self.write("log.csv", log::csv(&state.log).as_bytes())?;
        let file = self.file(events::FILE);
        events::append(&file, &state.log)
            .map_err(|e| Error::output(format!("cannot write {}", file.display())).with_source(e))?;
        let curves = |title: &str, train: fn(&EpochLog) -> f64, val: fn(&EpochLog) -> f64| {
            let series = |name: &str, value: fn(&EpochLog) -> f64| Series {
                name: name.to_owned(),
                points: state.log.iter().map(|row| (row.epoch as f64, value(row))).collect(),
            };
            let chart = LineChart {
                title: title.to_owned(),
                x_label: "Epoch".to_owned(),
                y_label: title.to_owned(),
                series: vec![series("Training (augmented)", train), series("Validation", val)],
                mark: state.best.map(|best| (best.epoch as f64, format!("best epoch {}", best.epoch))),
                ..LineChart::default()
            };
            chart::png(&chart.svg(), 2.0)
        };
        self.write("loss.png", &curves("Loss", |row| row.train_loss, |row| row.val_loss)?)?;
        self.write("accuracy.png", &curves("Accuracy", |row| row.train_accuracy, |row| row.val_accuracy)?)
    }

    /// The folder of the newest whole checkpoint. A run killed between the two renames of
    /// [`save`](Self::save) has it under its old name.
    fn checkpoint(&self) -> Option<PathBuf> {
        ["checkpoint", ".checkpoint.old"].map(|name| self.file(name)).into_iter().find(|path| path.join("state.json").exists())
    }

    /// Writes a checkpoint: the network with its running statistics, the average, the optimizer, the state.
    ///
    /// # Errors
    /// `Output`: the file system refuses.
    pub(crate) fn save(
        &self,
        network: &Network,
        average: Option<&Network>,
        optimizer: &ModuleOptimizer,
        state: &State,
    ) -> Result<()> {
        let written = self.write_checkpoint(network, average, optimizer, state);
        written.map_err(|e| {
            Error::output(format!("cannot write the checkpoint {}", self.file("checkpoint").display())).with_source(e)
        })
    }

    fn write_checkpoint(
        &self,
        network: &Network,
        average: Option<&Network>,
        optimizer: &ModuleOptimizer,
        state: &State,
    ) -> Result<(), Cause> {
        let [new, old, now] = [".checkpoint.new", ".checkpoint.old", "checkpoint"].map(|name| self.file(name));
        if new.exists() {
            fs::remove_dir_all(&new)?;
        }
        fs::create_dir_all(&new)?;
        // `valid` settles the running statistics, of which the last update is pending otherwise.
        network.valid().into_record().save(new.join("network.bpk"))?;
        if let Some(average) = average {
            average.clone().into_record().save(new.join("average.bpk"))?;
        }
        optimizer.save(new.join("optimizer.bpk"))?;
        let json = serde_json::to_vec(state)?;
        fs::write(new.join("state.json"), json)?;
        sync_all_of(&new)?;
        if now.exists() {
            if old.exists() {
                fs::remove_dir_all(&old)?;
            }
            rename(&now, &old)?;
        }
        rename(&new, &now)?;
        if old.exists() {
            fs::remove_dir_all(&old)?;
        }
        Ok(())
    }

    /// Where the run stands.
    ///
    /// # Errors
    /// `Input`: no checkpoint, or a damaged one.
    pub(crate) fn state(&self) -> Result<State> {
        let path = self.stored("state.json")?;
        let bytes = fs::read(&path).map_err(|e| damaged(&path, e))?;
        serde_json::from_slice(&bytes).map_err(|e| damaged(&path, e))
    }

    /// The stored weights in `network`.
    ///
    /// # Errors
    /// `Input`: no checkpoint, or a damaged one.
    pub(crate) fn load_network(&self, network: Network) -> Result<Network> {
        self.load(network, "network.bpk")
    }

    /// The stored average in `network`.
    ///
    /// # Errors
    /// `Input`: no checkpoint, or a damaged one.
    pub(crate) fn load_average(&self, network: Network) -> Result<Network> {
        self.load(network, "average.bpk")
    }

    fn load(&self, network: Network, name: &str) -> Result<Network> {
        let path = self.stored(name)?;
        let record = ModuleRecord::load(&path).map_err(|e| damaged(&path, e))?;
        network.try_load_record(record).map_err(|e| damaged(&path, e))
    }

    /// The stored state in `optimizer`.
    ///
    /// # Errors
    /// `Input`: no checkpoint, or a damaged one.
    pub(crate) fn load_optimizer(&self, optimizer: ModuleOptimizer) -> Result<ModuleOptimizer> {
        let path = self.stored("optimizer.bpk")?;
        optimizer.load(&path).map_err(|e| damaged(&path, e))
    }

    fn stored(&self, name: &str) -> Result<PathBuf> {
        let missing = || Error::input(format!("no checkpoint in {}", self.path.display())).because(Reason::Missing);
        Ok(self.checkpoint().ok_or_else(missing)?.join(name))
    }
}

fn damaged(path: &Path, e: impl Into<Cause>) -> Error {
    let error = Error::input(format!("the checkpoint cannot be read: {}", path.display())).with_source(e);
    // What the operating system says has its own reason already.
    let error = if error.reason() == Reason::Invalid { error.because(Reason::Damaged) } else { error };
    error.with_remedy(Remedy::RenameRun)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Two trainings in one folder: the first died of it, once its checkpoint was destroyed.
    #[test]
    fn a_run_is_held_by_one_training_and_the_second_is_told_by_which() {
        let folder = tempfile::tempdir().unwrap();
        let run = || RunFolder { path: folder.path().to_owned(), _lock: None };
        let first = run().held().unwrap();
        let error = run().held().unwrap_err();
        assert_eq!(error.reason(), Reason::Exists);
        assert!(error.message().contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        assert!(run().held().is_ok(), "a lock ends with its holder");
    }
}
