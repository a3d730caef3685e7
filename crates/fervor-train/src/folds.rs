//! Cross-validation: the data in K parts, each of which chooses once while the others train.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fervor::ContentHash;
use fervor::dataset::{Dataset, Split};
use fervor::{Error, Result};
use rand::seq::SliceRandom;

use crate::loader::{Purpose, generator};
use crate::log::EpochLog;

/// The fold, from 0, of each sample; `None` for those of the data's own test part, which no fold touches.
///
/// Samples with the same pixels come into one fold, whatever their labels; each class is spread as evenly over the folds
/// as that allows. The draw depends on the seed, the pixels and the labels alone.
///
/// # Errors
/// `Input`: fewer than two folds. `Data`: fewer distinct pictures than folds.
pub fn folds(dataset: &Dataset, count: usize, seed: u64) -> Result<Vec<Option<usize>>> {
    if count < 2 {
        return Err(Error::input(format!("cross-validation takes 2 folds or more, got {count}")));
    }
    let samples = dataset.samples();
    let mut groups: BTreeMap<ContentHash, Vec<usize>> = BTreeMap::new();
    for (index, sample) in samples.iter().enumerate().filter(|(_, sample)| sample.split != Some(Split::Test)) {
        groups.entry(sample.hash).or_default().push(index);
    }
    if groups.len() < count {
        return Err(Error::data(format!("{count} folds of {} distinct pictures", groups.len()))
            .with_hint("give fewer folds, or more pictures"));
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.shuffle(&mut generator(seed, 0, Purpose::Folds));
    // Large groups first: single pictures even out what they leave.
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));

    let classes = dataset.labels().len();
    let mut of_class = vec![vec![0; classes]; count];
    let mut sizes = vec![0; count];
    let mut folds = vec![None; samples.len()];
    for group in groups {
        let label = samples[group[0]].label;
        let fold = (0..count).min_by_key(|&fold| (of_class[fold][label], sizes[fold])).expect("two folds or more");
        for index in group {
            folds[index] = Some(fold);
            of_class[fold][samples[index].label] += 1;
            sizes[fold] += 1;
        }
    }
    Ok(folds)
}

/// The data of one fold: it is `validation`, the others are `train`, and test stays test.
#[must_use]
pub fn with_fold(dataset: &Dataset, folds: &[Option<usize>], fold: usize) -> Dataset {
    let mut dataset = dataset.clone();
    for (index, of) in folds.iter().enumerate() {
        if let Some(of) = of {
            dataset.set_split(index, Some(if *of == fold { Split::Validation } else { Split::Train }));
        }
    }
    dataset
}

/// What the folds came to.
#[derive(Clone, Debug, Default)]
pub struct CrossValidation {
    /// Training and validation pictures, and the log, of each fold.
    pub folds: Vec<(usize, usize, Vec<EpochLog>)>,
}

/// A mean and the standard deviation of single values around it (n - 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    pub deviation: f64,
}

impl Spread {
    /// Of two values or more.
    pub fn of(values: &[f64]) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { mean, deviation: (squares / (values.len() as f64 - 1.0)).sqrt() }
    }
}

impl CrossValidation {
    /// The scores of the folds' last epochs: their own pictures chose nothing of those.
    pub fn last(&self, value: impl Fn(&EpochLog) -> f64) -> Spread {
        let values = self.folds.iter().filter_map(|(_, _, log)| log.last()).map(value);
        Spread::of(&values.collect::<Vec<_>>())
    }

    /// A row a fold, then the mean and the deviation, as a table in markdown, which reads well as text.
    pub fn table(&self) -> String {
        let mut text = "| fold | train | validation | accuracy | macro F1 | loss | best epoch | accuracy there |\n\
                        |---|---:|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        for (fold, (train, validation, log)) in self.folds.iter().enumerate() {
            let Some(last) = log.last() else { continue };
            let best = log.iter().rev().max_by(|a, b| a.val_accuracy.total_cmp(&b.val_accuracy)).unwrap_or(last);
            let _ = writeln!(
                text,
                "| {} | {train} | {validation} | {} | {:.4} | {:.4} | {} | {} |",
                fold + 1,
                percent(last.val_accuracy),
                last.val_macro_f1,
                last.val_loss,
                best.epoch,
                percent(best.val_accuracy)
            );
        }
        let [accuracy, f1, loss] =
            [|row: &EpochLog| row.val_accuracy, |row: &EpochLog| row.val_macro_f1, |row: &EpochLog| row.val_loss]
                .map(|of| self.last(of));
        let _ = writeln!(text, "| mean | | | {} | {:.4} | {:.4} | | |", percent(accuracy.mean), f1.mean, loss.mean);
        let (accuracy, f1, loss) = (accuracy.deviation, f1.deviation, loss.deviation);
        let _ = writeln!(text, "| deviation | | | {} | {f1:.4} | {loss:.4} | | |", percent(accuracy));
        text
    }
}
