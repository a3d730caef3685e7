//! The runs of a folder side by side: their scores, and what their recipes differ in.

mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use fervor::{Error, Reason, Result};
use serde::Serialize;

use crate::log::EpochLog;

/// Keys that every run has for itself, or that follow from others.
const NO_DIFFERENCE: [&str; 3] = ["name", "description", "licence"];

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunRow {
    /// The folder's name.
    pub name: String,
    /// When it began, in UTC: `2026-03-01 14:05`.
    pub date: String,
    /// The network's registered name.
    pub network: String,
    /// Epochs done.
    pub epochs: usize,
    /// Epochs of the recipe.
    pub epochs_of: u64,
    /// The epoch of `best.onnx`; null before the first is done, as all that follows.
    pub best_epoch: Option<usize>,
    /// Its validation accuracy.
    pub accuracy: Option<f64>,
    /// Its macro F1 over the validation pictures.
    pub macro_f1: Option<f64>,
    /// Its cross-entropy over the validation pictures.
    pub loss: Option<f64>,
    /// Of all epochs together.
    pub hours: f64,
    /// SHA-256 of the data's manifest; runs of other data or another split have another. Null where there is no checkpoint.
    pub data: Option<String>,
    /// The recipe's keys that not all runs of the table have alike.
    pub differs: BTreeMap<String, String>,
    /// All keys.
    #[serde(skip)]
    settings: BTreeMap<String, String>,
    #[serde(skip)]
    began: Option<SystemTime>,
}

/// The runs of a folder.
#[derive(Debug)]
pub struct Runs {
    /// In the order asked for.
    pub rows: Vec<RunRow>,
    /// Folders that look like runs and cannot be read.
    pub problems: Vec<(String, Error)>,
}

impl Runs {
    /// All runs whose folders lie in `folder`, or the one that it is itself, by name.
    ///
    /// # Errors
    /// `Input`: there is no such folder, or no run in it.
    pub fn read(folder: &Path) -> Result<Self> {
        let entries = fs::read_dir(folder)
            .map_err(|e| Error::input(format!("the folder of runs cannot be read: {}", folder.display())).with_source(e))?;
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).chain([folder.to_owned()]).collect();
        paths.retain(|path| path.join("recipe.toml").is_file());
        paths.sort();
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
            match RunRow::read(&path, name.clone()) {
                Ok(row) => rows.push(row),
                Err(error) => problems.push((name, error)),
            }
        }
        if rows.is_empty() && problems.is_empty() {
            return Err(Error::input(format!("there is no run in {}", folder.display()))
                .because(Reason::Empty)
                .with_hint("a run is a folder with a recipe.toml, as a training leaves it; name the folder that holds them"));
        }
        let mut runs = Self { rows, problems };
        runs.find_differences();
        Ok(runs)
    }

    fn find_differences(&mut self) {
        let keys: BTreeSet<String> = self.rows.iter().flat_map(|row| row.settings.keys().cloned()).collect();
        for key in keys.iter().filter(|key| !NO_DIFFERENCE.contains(&key.as_str())) {
            let first = self.rows.first().and_then(|row| row.settings.get(key)).cloned();
            if self.rows.iter().any(|row| row.settings.get(key) != first.as_ref()) {
                for row in &mut self.rows {
                    let value = row.settings.get(key).cloned().unwrap_or_else(|| "-".to_owned());
                    row.differs.insert(key.clone(), value);
                }
            }
        }
    }

    /// Puts the rows into the order of a column: the best, newest, longest first; names and settings rising.
    ///
    /// # Errors
    /// `Input`: there is no such column and no such key in any recipe.
    pub fn sort_by(&mut self, column: &str) -> Result<()> {
        // What is not there comes last.
        let score = |value: Option<f64>| -value.unwrap_or(f64::NEG_INFINITY);
        match column {
            "name" => self.rows.sort_by(|a, b| a.name.cmp(&b.name)),
            "date" => self.rows.sort_by_key(|row| std::cmp::Reverse(row.began)),
            "network" => self.rows.sort_by(|a, b| a.network.cmp(&b.network)),
            "data" => self.rows.sort_by(|a, b| a.data.cmp(&b.data)),
            "epochs" => self.rows.sort_by_key(|row| std::cmp::Reverse(row.epochs)),
            "accuracy" => self.rows.sort_by(|a, b| score(a.accuracy).total_cmp(&score(b.accuracy))),
            "macro_f1" => self.rows.sort_by(|a, b| score(a.macro_f1).total_cmp(&score(b.macro_f1))),
            "loss" => self.rows.sort_by(|a, b| a.loss.unwrap_or(f64::INFINITY).total_cmp(&b.loss.unwrap_or(f64::INFINITY))),
            "hours" => self.rows.sort_by(|a, b| b.hours.total_cmp(&a.hours)),
            key if self.rows.iter().any(|row| row.settings.contains_key(key)) => {
                let number =
                    |row: &RunRow| row.settings.get(key).and_then(|value| value.parse::<f64>().ok()).unwrap_or(f64::INFINITY);
                self.rows
                    .sort_by(|a, b| number(a).total_cmp(&number(b)).then_with(|| a.settings.get(key).cmp(&b.settings.get(key))));
            }
            _ => {
                return Err(Error::input(format!("runs have no column {column:?}")).because(Reason::Missing).with_hint(
                    "sort by name, date, network, epochs, accuracy, macro_f1, loss, hours, data, or a recipe's key such as \
                     optimizer.learning_rate",
                ));
            }
        }
        Ok(())
    }
}

impl RunRow {
    fn read(path: &Path, name: String) -> Result<Self> {
        let file = path.join("recipe.toml");
        let unreadable = || Error::input("its recipe cannot be read");
        let text = fs::read_to_string(&file).map_err(|e| unreadable().with_source(e))?;
        // As text and not as a recipe: one of another version is shown, too.
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| unreadable().with_source(e.to_string().trim_end().to_owned()))?;
        let mut settings = BTreeMap::new();
        flatten("", &table, &mut settings);
        let log = log(&path.join("log.csv"))?;
        let best = log.iter().rev().max_by(|a, b| a.val_accuracy.total_cmp(&b.val_accuracy));
        let began = fs::metadata(&file).and_then(|data| data.modified()).ok();
        let state = fs::read(path.join("checkpoint/state.json")).ok();
        let state: Option<serde_json::Value> = state.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(Self {
            name,
            date: began.map_or_else(String::new, show::date),
            network: settings.get("network.name").cloned().unwrap_or_default(),
            epochs: log.len(),
            epochs_of: settings.get("epochs").and_then(|epochs| epochs.parse().ok()).unwrap_or(0),
            best_epoch: best.map(|row| row.epoch),
            accuracy: best.map(|row| row.val_accuracy),
            macro_f1: best.map(|row| row.val_macro_f1),
            loss: best.map(|row| row.val_loss),
            hours: log.iter().map(|row| row.seconds).sum::<f64>() / 3600.0,
            data: state.and_then(|state| Some(state.get("manifest_sha256")?.as_str()?.to_owned())),
            differs: BTreeMap::new(),
            settings,
            began,
        })
    }
}

/// The rows of a run's log; none before its first epoch is done.
fn log(path: &Path) -> Result<Vec<EpochLog>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let table = csv::Reader::from_path(path).map_err(|e| Error::input("its log cannot be read").with_source(e))?;
    let rows = table.into_deserialize().collect::<std::result::Result<_, csv::Error>>();
    rows.map_err(|e| Error::input("its log cannot be read").because(Reason::Damaged).with_source(e))
}

/// The values of a table by their paths, as `optimizer.learning_rate`.
fn flatten(above: &str, table: &toml::Table, into: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&path, inner, into),
            toml::Value::String(text) => _ = into.insert(path, text.clone()),
            value => _ = into.insert(path, value.to_string()),
        }
    }
}
