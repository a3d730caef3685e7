//! `fervor train --folds K`: one training a fold, and a table of what they came to.

use std::sync::atomic::AtomicBool;

use fervor::Result;
use fervor_lab::dataset::{Dataset, Manifest, Split};
use fervor_train::folds::CrossValidation;
use fervor_train::{Backend, End, Recipe};

use super::one_of_several;
use crate::cli::Train;
use crate::output::write_whole;
use crate::talk;
use crate::verdict::Verdict;

/// Trains on all folds but one, for each; `families` are near-duplicates, which stay in one fold. Folds that are done are not done
/// again, and one that was interrupted is continued.
///
/// # Errors
/// As [`train`], and data with too few pictures.
pub fn run(
    args: &Train,
    count: u32,
    recipe: &Recipe,
    dataset: &Dataset,
    families: &[Vec<usize>],
    backend: Backend,
    stop: &AtomicBool,
) -> Result<Verdict> {
    let sets = dataset.folds(count, [1, 1, 0], recipe.seed, families)?;
    let test = dataset.of_split(Split::Test).len();
    if test > 0 {
        talk::note(format_args!("the data's own test part is in no fold: {test} pictures"));
    }
    let mut done = CrossValidation::default();
    for (fold, dataset) in sets.into_iter().enumerate() {
        let recipe = Recipe { name: format!("{}-fold{}of{count}", recipe.name, fold + 1), ..recipe.clone() };
        let [training, validation] = [Split::Train, Split::Validation].map(|split| dataset.of_split(split).len());
        let outcome = one_of_several(args, recipe, dataset, backend, stop)?;
        if outcome.end == End::Interrupted {
            talk::note(format_args!("interrupted in fold {} of {count}; the same command goes on", fold + 1));
            return Ok(Verdict::Interrupted);
        }
        done.folds.push((training, validation, outcome.log));
    }
    let table = done.table();
    let path = args.out.join(format!("{}-{count}folds.md", recipe.run_name(&Manifest::of(dataset).sha256())));
    write_whole(&path, table.as_bytes())?;
    talk::note(format_args!(
        "accuracy, macro F1 and loss are of each fold's last epoch, in whose training its pictures had no say: {}",
        path.display()
    ));
    talk::answer(table.trim_end())?;
    Ok(Verdict::Yes)
}
