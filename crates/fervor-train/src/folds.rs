//! What a cross-validation came to: each part of the data has scored once what the others trained.

use std::fmt::Write as _;

use crate::log::EpochLog;

/// What the folds came to.
#[derive(Clone, Debug, Default)]
pub struct CrossValidation {
    /// Training and validation pictures, and the log, of each fold.
    pub folds: Vec<(usize, usize, Vec<EpochLog>)>,
}

/// A mean and the standard deviation of single values around it (n - 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
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
