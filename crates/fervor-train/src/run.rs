//! The folder of one training: what stands in it, and how it survives being killed at any moment.

use std::fmt::Write as _;
use std::fs;
use std::iter::repeat_n;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use fervor::chart::{self, LineChart, Series};
use fervor::metrics::Confusion;
use fervor::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::recipe::Recipe;

/// One line of `log.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLog {
    /// From 1.
    pub epoch: usize,
    /// Mean cross-entropy with the label, as for validation, over the augmented training pictures as they went by.
    #[serde(with = "exact")]
    pub train_loss: f64,
    #[serde(with = "exact")]
    pub train_accuracy: f64,
    #[serde(with = "exact")]
    pub train_macro_f1: f64,
    /// Of the epoch's bundle.
    #[serde(with = "exact")]
    pub val_loss: f64,
    #[serde(with = "exact")]
    pub val_accuracy: f64,
    #[serde(with = "exact")]
    pub val_macro_f1: f64,
    /// At the epoch's last step.
    #[serde(with = "exact")]
    pub learning_rate: f64,
    /// Training and validation together.
    #[serde(with = "exact")]
    pub seconds: f64,
    /// Training alone.
    #[serde(with = "exact")]
    pub pictures_per_second: f64,
}

impl EpochLog {
    const HEADER: &str = "epoch,train_loss,train_accuracy,train_macro_f1,val_loss,val_accuracy,val_macro_f1,\
                          learning_rate,seconds,pictures_per_second";

    fn line(&self) -> String {
        format!(
            "{},{:.6},{:.6},{:.6},{:.6},{:.6},{:.6},{:.3e},{:.2},{:.1}",
            self.epoch,
            self.train_loss,
            self.train_accuracy,
            self.train_macro_f1,
            self.val_loss,
            self.val_accuracy,
            self.val_macro_f1,
            self.learning_rate,
            self.seconds,
            self.pictures_per_second,
        )
    }
}

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

/// Sums over the pictures of an epoch so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    #[serde(with = "exact")]
    pub loss: f64,
    /// `counts[truth][answer]`.
    pub counts: Vec<Vec<u64>>,
}

impl Tally {
    /// Of no pictures.
    pub fn new(classes: usize) -> Self {
        Self { loss: 0.0, counts: vec![vec![0; classes]; classes] }
    }

    /// Adds rows of logits and their labels.
    pub fn add<'a>(&mut self, logits: impl Iterator<Item = &'a [f32]>, labels: &[usize]) {
        for (row, &label) in logits.zip(labels) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|&logit| f64::from(logit - top).exp()).sum();
            self.loss += sum.ln() - f64::from(row[label] - top);
            let answer = row.iter().position(|&logit| logit == top).unwrap_or(0);
            self.counts[label][answer] += 1;
        }
    }

    fn pictures(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Named rightly.
    pub fn correct(&self) -> usize {
        (0..self.counts.len()).map(|class| self.counts[class][class]).sum::<u64>() as usize
    }

    /// Mean cross-entropy.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.pictures() as f64
    }

    /// Share named rightly.
    pub fn accuracy(&self) -> f64 {
        self.correct() as f64 / self.pictures() as f64
    }

    /// Mean of the F1 of the classes that occur.
    pub fn macro_f1(&self) -> f64 {
        let classes = self.counts.len();
        let cells = (0..classes * classes).map(|cell| (cell / classes, cell % classes));
        let pairs = cells.flat_map(|(truth, answer)| repeat_n((truth, answer), self.counts[truth][answer] as usize));
        Confusion::from_pairs(classes, pairs).macro_f1()
    }
}

/// Numbers as text: serde_json reads a number back up to one bit off, and a continued run shall log the very same.
mod exact {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(f64),
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => text.parse().map_err(D::Error::custom),
            Written::Number(value) => Ok(value),
        }
    }
}

/// The folder of one training.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run, `<out>/<name>-<hash>`.
    ///
    /// # Errors
    /// `Input`: a run of this recipe stands there already, or the folder cannot be made.
    pub fn create(out: &Path, recipe: &Recipe) -> Result<Self> {
        let path = out.join(recipe.run_name());
        let run = Self { path };
        if run.checkpoint().is_some() || run.file("best.onnx").exists() {
            let shown = run.path.display();
            return Err(Error::input(format!("a run of this recipe exists: {shown}")).with_hint(format!(
                "continue it with --resume {shown}, or start another one with --set name=OTHER or another --out"
            )));
        }
        fs::create_dir_all(&run.path)
            .map_err(|e| Error::input(format!("cannot make the run's folder {}", run.path.display())).with_source(e))?;
        run.write("recipe.toml", recipe.to_toml().as_bytes())?;
        Ok(run)
    }

    /// An existing run.
    ///
    /// # Errors
    /// `Input`: no checkpoint stands there.
    pub fn open(path: &Path) -> Result<Self> {
        let run = Self { path: path.to_owned() };
        if run.checkpoint().is_none() {
            return Err(Error::input(format!("no run to continue in {}", path.display()))
                .with_hint("name the run's own folder, the one that holds checkpoint/"));
        }
        Ok(run)
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

    /// Writes a file by way of a temporary sibling.
    ///
    /// # Errors
    /// `Input`: the file system refuses.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (path, temporary) = (self.file(name), self.file(&format!(".{name}.new")));
        fs::write(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(|e| Error::input(format!("cannot write {}", path.display())).with_source(e))
    }

    /// Writes `log.csv` and the curves anew.
    ///
    /// # Errors
    /// `Input`: the file system refuses.
    pub fn write_log(&self, state: &State) -> Result<()> {
        let mut text = format!("{}\n", EpochLog::HEADER);
        for row in &state.log {
            let _ = writeln!(text, "{}", row.line());
        }
        self.write("log.csv", text.as_bytes())?;
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
    /// `Input`: the file system refuses.
    pub fn save(&self, network: &Network, average: Option<&Network>, optimizer: &ModuleOptimizer, state: &State) -> Result<()> {
        let [new, old, now] = [".checkpoint.new", ".checkpoint.old", "checkpoint"].map(|name| self.file(name));
        let refused = |e: &dyn std::fmt::Display| Error::input(format!("cannot write the checkpoint {}: {e}", now.display()));
        if new.exists() {
            fs::remove_dir_all(&new).map_err(|e| refused(&e))?;
        }
        fs::create_dir_all(&new).map_err(|e| refused(&e))?;
        // `valid` settles the running statistics, of which the last update is pending otherwise.
        network.valid().into_record().save(new.join("network.bpk")).map_err(|e| refused(&e))?;
        if let Some(average) = average {
            average.clone().into_record().save(new.join("average.bpk")).map_err(|e| refused(&e))?;
        }
        optimizer.save(new.join("optimizer.bpk")).map_err(|e| refused(&e))?;
        let json = serde_json::to_vec(state).map_err(|e| refused(&e))?;
        fs::write(new.join("state.json"), json).map_err(|e| refused(&e))?;
        if now.exists() {
            if old.exists() {
                fs::remove_dir_all(&old).map_err(|e| refused(&e))?;
            }
            fs::rename(&now, &old).map_err(|e| refused(&e))?;
        }
        fs::rename(&new, &now).map_err(|e| refused(&e))?;
        if old.exists() {
            fs::remove_dir_all(&old).map_err(|e| refused(&e))?;
        }
        Ok(())
    }

    /// Where the run stands.
    ///
    /// # Errors
    /// `Input`: no checkpoint, or a damaged one.
    pub fn state(&self) -> Result<State> {
        let path = self.stored("state.json")?;
        let bytes = fs::read(&path).map_err(|e| damaged(&path, &e))?;
        serde_json::from_slice(&bytes).map_err(|e| damaged(&path, &e))
    }

    /// The stored weights in `network`.
    ///
    /// # Errors
    /// `Input`: no checkpoint, or a damaged one.
    pub fn load_network(&self, network: Network) -> Result<Network> {
        self.load(network, "network.bpk")
    }

    /// The stored average in `network`.
    ///
    /// # Errors
    /// `Input`: no checkpoint, or a damaged one.
    pub fn load_average(&self, network: Network) -> Result<Network> {
        self.load(network, "average.bpk")
    }

    fn load(&self, network: Network, name: &str) -> Result<Network> {
        let path = self.stored(name)?;
        let record = ModuleRecord::load(&path).map_err(|e| damaged(&path, &e))?;
        network.try_load_record(record).map_err(|e| damaged(&path, &e))
    }

    /// The stored state in `optimizer`.
    ///
    /// # Errors
    /// `Input`: no checkpoint, or a damaged one.
    pub fn load_optimizer(&self, optimizer: ModuleOptimizer) -> Result<ModuleOptimizer> {
        let path = self.stored("optimizer.bpk")?;
        optimizer.load(&path).map_err(|e| damaged(&path, &e))
    }

    fn stored(&self, name: &str) -> Result<PathBuf> {
        let folder = self.checkpoint().ok_or_else(|| Error::input(format!("no checkpoint in {}", self.path.display())))?;
        Ok(folder.join(name))
    }
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::input(format!("the checkpoint cannot be read: {}: {why}", path.display()))
        .with_hint("start the run again under another --set name=OTHER")
}
