//! What a cross-validation came to: each part of the data has scored once what the others trained.

use std::fmt::Write as _;

use fervor::{Error, Reason, Result};

use crate::log::EpochLog;
use crate::recipe::{Recipe, ScheduleRecipe};

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
    /// Refuses a recipe by which the pictures that score a fold would have a say in its training: the scores would be too good.
    ///
    /// # Errors
    /// `Input`: the recipe stops early, or lowers its rate when the validation loss does not fall.
    pub fn check(recipe: &Recipe) -> Result<()> {
        let refused =
            |what: String| Error::input(format!("folds score by their last epoch, and {what}")).because(Reason::Mismatch);
        let epochs = recipe.epochs;
        // So patient that it never stops.
        if let Some(patience) = recipe.early_stopping.as_ref().map(|stopping| stopping.patience).filter(|&least| least < epochs) {
            let what = format!("with early_stopping.patience = {patience} the pictures that score it choose which that is");
            return Err(refused(what).with_hint(format!(
                "leave [early_stopping] out, or take early_stopping.patience = {epochs}: all epochs are trained"
            )));
        }
        if let ScheduleRecipe::Plateau { .. } = recipe.schedule {
            let what = "with schedule.name = \"plateau\" the pictures that score it choose the learning rate";
            return Err(refused(what.to_owned())
                .with_hint("take a schedule that asks no pictures: schedule.name = \"cosine\" or \"one-cycle\""));
        }
        Ok(())
    }

    /// The scores of the folds' last epochs, in which their own pictures have no say where [`check`](Self::check) lets the recipe
    /// pass.
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
