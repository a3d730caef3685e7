//! `fervor train --sweep KEY=V1,V2`: a run for each value, and a table of what they came to.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use fervor::{Error, Result, hash};
use fervor_lab::dataset::{Dataset, Manifest};
use fervor_train::{Backend, End, EpochLog, Recipe};

use super::{STOPPING, about, closing, one_of_several, overrides, prepared, split};
use crate::cli::Train;
use crate::output::write_whole;
use crate::verdict::Verdict;
use crate::{data, interrupt, talk};

/// One run of a sweep.
struct Done {
    /// What is its own, as `optimizer.learning_rate=0.01`.
    rules: Vec<String>,
    /// Its folder's name and its best epoch, or what went wrong.
    came_to: Result<(String, Option<EpochLog>, f64)>,
}

/// Trains once for each combination of the values. Runs that are done are not done again; one that fails does not stop the others.
///
/// # Errors
/// A rule or the recipe that cannot be read, or data that cannot: what would fail every run.
pub fn run(args: &Train, recipe: &str, data_path: &Path, backend: Backend) -> Result<Verdict> {
    let keys = args.sweep.iter().map(|rule| values(rule)).collect::<Result<Vec<_>>>()?;
    let combinations = combinations(&keys);
    let base = overrides(args);
    let stop = interrupt::flag(STOPPING)?;
    let (mut opened, mut done): (Option<(Recipe, Dataset)>, Vec<Done>) = (None, Vec::new());
    for (number, rules) in combinations.iter().enumerate() {
        talk::note(format_args!("\nrun {} of {}: {}", number + 1, combinations.len(), rules.join(" ")));
        let came_to = Recipe::find(recipe, &[&base[..], &rules[..]].concat()).and_then(|recipe| {
            // The same data are read once, whatever else changes.
            let (recipe, dataset) = match &opened {
                Some((before, dataset)) if same_data(before, &recipe) => (about(args, recipe, dataset), dataset.clone()),
                _ => {
                    let dataset = data::open(data_path, recipe.open_options(args.votes.clone()))?;
                    let (recipe, dataset) = prepared(args, recipe, dataset)?;
                    opened = Some((recipe.clone(), dataset.clone()));
                    (recipe, dataset)
                }
            };
            one(args, recipe, dataset, backend, &stop)
        });
        match &came_to {
            Err(error) => talk::error(error),
            Ok((run, ..)) if stop.load(std::sync::atomic::Ordering::Relaxed) => {
                talk::note(format_args!("interrupted in {run}; the same command goes on"));
                return Ok(Verdict::Interrupted);
            }
            Ok(_) => {}
        }
        done.push(Done { rules: rules.clone(), came_to });
    }
    let table = table(&done);
    let name = recipe.rsplit(['/', '\\']).next().unwrap_or(recipe).trim_end_matches(".toml");
    let key = hash::sha256([&base[..], &args.sweep[..]].concat().join(" "));
    let path = args.out.join(format!("{name}-sweep-{}.md", &key[..8]));
    write_whole(&path, table.as_bytes())?;
    talk::note(format_args!("\nthe best first, by validation accuracy: {}", path.display()));
    talk::answer(table.trim_end())?;
    let failed = done.iter().filter(|run| run.came_to.is_err()).count();
    Ok(match failed {
        0 => Verdict::Yes,
        all if all == done.len() => Verdict::Failed,
        _ => Verdict::No,
    })
}

/// Whether two recipes take the same samples, of the same faces, with the same labels.
fn same_data(a: &Recipe, b: &Recipe) -> bool {
    a.labels == b.labels && a.data.labels_from == b.data.labels_from && a.preprocess == b.preprocess
}

/// One run: its folder's name, its best epoch, and its hours.
fn one(
    args: &Train,
    recipe: Recipe,
    mut dataset: Dataset,
    backend: Backend,
    stop: &AtomicBool,
) -> Result<(String, Option<EpochLog>, f64)> {
    split(&recipe, &mut dataset)?;
    let name = recipe.run_name(&Manifest::of(&dataset).sha256());
    let shown = dataset.clone();
    let outcome = one_of_several(args, recipe, dataset, backend, stop)?;
    if outcome.end != End::Interrupted && outcome.best_epoch.is_some() {
        closing::score(&outcome.run, &shown, args.threads)?;
    }
    let hours = outcome.log.iter().map(|row| row.seconds).sum::<f64>() / 3600.0;
    let best = outcome.best_epoch.and_then(|epoch| outcome.log.into_iter().find(|row| row.epoch == epoch));
    Ok((name, best, hours))
}

/// The rules of one `KEY=V1,V2`: commas inside brackets, braces or quotes part nothing.
fn values(rule: &str) -> Result<Vec<String>> {
    let hint = "write KEY=V1,V2 with a recipe's key, for example optimizer.learning_rate=0.01,0.03,0.1";
    let (key, list) = rule.split_once('=').ok_or_else(|| Error::input(format!("not a sweep: {rule:?}")).with_hint(hint))?;
    let (mut values, mut depth, mut quote) = (vec![String::new()], 0usize, None);
    for c in list.chars() {
        match (c, quote) {
            (',', None) if depth == 0 => {
                values.push(String::new());
                continue;
            }
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        values.last_mut().expect("it begins with one").push(c);
    }
    if key.trim().is_empty() || values.iter().any(|value| value.trim().is_empty()) {
        return Err(Error::input(format!("not a sweep: {rule:?}")).with_hint(hint));
    }
    Ok(values.into_iter().map(|value| format!("{}={}", key.trim(), value.trim())).collect())
}

/// Each value of each key with each of the others; the last key changes fastest.
fn combinations(keys: &[Vec<String>]) -> Vec<Vec<String>> {
    keys.iter().fold(vec![Vec::new()], |before, values| {
        before.iter().flat_map(|rules| values.iter().map(|value| [&rules[..], std::slice::from_ref(value)].concat())).collect()
    })
}

/// A row a run, the best first, those that failed last; a table in markdown, which reads well as text.
fn table(done: &[Done]) -> String {
    let accuracy = |run: &Done| match &run.came_to {
        Ok((_, best, _)) => best.as_ref().map_or(-1.0, |best| best.val_accuracy),
        Err(_) => -2.0,
    };
    let mut order: Vec<&Done> = done.iter().collect();
    order.sort_by(|a, b| accuracy(b).total_cmp(&accuracy(a)));
    let mut text = "| changed | validation accuracy | macro F1 | loss | best epoch | hours | run |\n\
                    |---|---:|---:|---:|---:|---:|---|\n"
        .to_owned();
    for Done { rules, came_to } in order {
        let rules = rules.join(" ").replace('|', "\\|");
        let _ = match came_to {
            Ok((run, Some(best), hours)) => writeln!(
                text,
                "| {rules} | {:.2} % | {:.4} | {:.4} | {} | {hours:.2} | {run} |",
                100.0 * best.val_accuracy,
                best.val_macro_f1,
                best.val_loss,
                best.epoch
            ),
            Ok((run, None, hours)) => writeln!(text, "| {rules} | | | | | {hours:.2} | {run} |"),
            Err(error) => writeln!(text, "| {rules} | failed: {} | | | | | |", error.to_string().replace('|', "\\|")),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parted_at_commas_outside_of_brackets_and_quotes() {
        assert_eq!(values("a.b=1, 2").unwrap(), ["a.b=1", "a.b=2"]);
        assert_eq!(values("n=[1,2],[3]").unwrap(), ["n=[1,2]", "n=[3]"]);
        assert_eq!(values("n=\"x,y\",z").unwrap(), ["n=\"x,y\"", "n=z"]);
        assert!(values("n").is_err() && values("n=1,,2").is_err() && values("=1").is_err());
    }

    #[test]
    fn each_value_meets_each_of_the_others() {
        let keys = [vec!["a=1".to_owned(), "a=2".to_owned()], vec!["b=3".to_owned(), "b=4".to_owned()]];
        let found: Vec<String> = combinations(&keys).iter().map(|rules| rules.join(" ")).collect();
        assert_eq!(found, ["a=1 b=3", "a=1 b=4", "a=2 b=3", "a=2 b=4"]);
    }
}
