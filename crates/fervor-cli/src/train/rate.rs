//! `fervor train --find-rate`: a learning rate, suggested.

use std::sync::atomic::AtomicBool;

use fervor::Result;
use fervor_draw::chart;
use fervor_lab::dataset::{Dataset, Manifest};
use fervor_train::{Backend, RateOptions, Recipe, find_rate};

use crate::cli::Train;
use crate::output::write_whole;
use crate::talk;
use crate::verdict::Verdict;

/// Runs the test, and leaves its plot and its table beside the runs.
///
/// # Errors
/// As [`find_rate`], and files that cannot be written.
pub fn run(args: &Train, recipe: &Recipe, dataset: &Dataset, backend: Backend, stop: &AtomicBool) -> Result<Verdict> {
    let bar = talk::bar(0, "steps at a rising rate");
    let found = find_rate(RateOptions {
        recipe,
        dataset,
        backend,
        threads: args.threads.unwrap_or(0),
        stop,
        progress: &mut |done, most| {
            bar.set_length(most as u64);
            bar.set_position(done as u64);
        },
    })?;
    bar.finish_and_clear();
    let Some(test) = found else {
        talk::note("interrupted: no rate is suggested, and nothing is written");
        return Ok(Verdict::Interrupted);
    };
    let name = format!("{}-rate", recipe.run_name(&Manifest::of(dataset).sha256()));
    let [plot, table] = ["png", "csv"].map(|extension| args.out.join(format!("{name}.{extension}")));
    write_whole(&plot, &chart::png(&test.chart().svg(), 2.0)?)?;
    write_whole(&table, test.csv().as_bytes())?;
    talk::answer(format_args!(
        "suggested: --set optimizer.learning_rate={}  (the loss is lowest at {:.1e} and falls fastest at {:.1e}; the recipe has {})",
        test.suggestion, test.lowest, test.steepest, recipe.optimizer.learning_rate
    ))?;
    talk::note(format_args!("{} steps: {}, {}", test.points.len(), plot.display(), table.display()));
    Ok(Verdict::Yes)
}
