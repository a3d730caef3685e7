//! `fervor train`: a recipe and a data set become a run folder with bundles.

mod closing;
mod folds;
mod rate;
mod sweep;
mod teller;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use fervor::{Error, Result};
use fervor_lab::dataset::{Dataset, Manifest, SplitRule};
use fervor_train::folds::CrossValidation;
use fervor_train::{Backend, End, Outcome, Recipe, RunFolder, TrainOptions, train};

use crate::cli::Train;
use crate::verdict::Verdict;
use crate::{data, interrupt, setup, talk};
use teller::Teller;

/// What is said when a training is asked to stop.
const STOPPING: &str = "stopping after this step with a checkpoint";

/// Runs the command.
///
/// # Errors
/// A recipe or data set that cannot be read or do not fit each other; a training that fails.
pub fn run(args: &Train) -> Result<Verdict> {
    setup::threads(args.threads);
    let backend = Backend::parse(&args.device)?;
    let (recipe, data_path) = match &args.resume {
        Some(run) => {
            if !args.set.is_empty() {
                return Err(Error::input(format!("--set cannot change a run under way: {}", args.set.join(" ")))
                    .with_hint("start a new run with the changed recipe"));
            }
            let folder = RunFolder::open(run)?;
            (folder.recipe()?, args.data.clone().unwrap_or_else(|| folder.file("manifest.json")))
        }
        None => {
            let recipe = args.recipe.as_deref().ok_or_else(|| Error::input("no recipe was given"))?;
            let data = args.data.clone().ok_or_else(|| Error::input("no data was given").with_hint("name it with --data"))?;
            data::outside(&data, "--out", &args.out)?;
            if !args.sweep.is_empty() {
                return sweep::run(args, recipe, &data, backend);
            }
            (Recipe::find(recipe, &overrides(args))?, data)
        }
    };
    if args.folds.is_some() {
        CrossValidation::check(&recipe)?;
    }
    let options = recipe.open_options(args.votes.clone());
    let (dataset, families) = match args.folds {
        Some(_) => data::open_with_families(&data_path, options, fervor_lab::audit::SIMILARITY)?,
        None => (data::open(&data_path, options)?, Vec::new()),
    };
    let families = names(&dataset, families);
    let (recipe, mut dataset) = prepared(args, recipe, dataset)?;
    let stop = interrupt::flag(if args.find_rate { "stopping after this step" } else { STOPPING })?;
    if let Some(count) = args.folds {
        return folds::run(args, count, &recipe, &dataset, &places(&dataset, &families), backend, &stop);
    }
    // The manifest of a run holds the splits that were drawn; to draw again could draw others.
    if args.resume.is_none() || args.data.is_some() {
        split(&recipe, &mut dataset)?;
    }
    if args.find_rate {
        return rate::run(args, &recipe, &dataset, backend, &stop);
    }
    let shown = dataset.clone();
    let outcome = one(args, recipe, dataset, args.resume.clone(), backend, &stop)?;
    let run = outcome.run.display();
    match outcome.end {
        End::Finished => {}
        End::EarlyStopped => talk::note("stopped early: the validation accuracy did not rise any more"),
        End::Interrupted => {
            talk::note(format_args!("interrupted; go on with: fervor train --resume {run}"));
            return Ok(Verdict::Interrupted);
        }
    }
    let best = outcome.best_epoch.and_then(|epoch| outcome.log.iter().find(|row| row.epoch == epoch));
    if let Some(best) = best {
        let accuracy = 100.0 * best.val_accuracy;
        talk::answer(format_args!("{run}/best.onnx  epoch {}: validation accuracy {accuracy:.2} %", best.epoch))?;
        let scored = closing::score(&outcome.run, &shown, args.threads)?;
        talk::answer(format_args!("\n{}", closing::text(&scored).trim_end()))?;
        talk::note(format_args!(
            "curves: {run}/loss.png, {run}/accuracy.png; confusion and surest mistakes: {run}/{}/index.html; TensorBoard: tensorboard --logdir {}",
            closing::FOLDER,
            args.out.display()
        ));
    }
    Ok(Verdict::Yes)
}

/// One training, told of as it goes.
fn one(
    args: &Train,
    recipe: Recipe,
    dataset: Dataset,
    resume: Option<PathBuf>,
    backend: Backend,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let mut teller = Teller::new();
    train(TrainOptions {
        recipe,
        dataset,
        out: args.out.clone(),
        resume,
        backend,
        threads: args.threads.unwrap_or(0),
        stop,
        progress: &mut |event| teller.tell(event),
    })
}

/// One training of several, told of as it goes; what an earlier command began of it goes on.
fn one_of_several(args: &Train, recipe: Recipe, dataset: Dataset, backend: Backend, stop: &AtomicBool) -> Result<Outcome> {
    let path = args.out.join(recipe.run_name(&Manifest::of(&dataset).sha256()));
    let resume = RunFolder::open(&path).is_ok().then_some(path);
    one(args, recipe, dataset, resume, backend, stop)
}

/// What is changed of the recipe.
fn overrides(args: &Train) -> Vec<String> {
    let mut overrides = args.set.clone();
    overrides.extend(args.from.as_ref().map(|from| format!("transfer.from={}", toml_text(from))));
    overrides
}

/// The faces of the pictures, the recipe as it is of these data, and the data with the labels that it asks for.
fn prepared(args: &Train, recipe: Recipe, dataset: Dataset) -> Result<(Recipe, Dataset)> {
    let all: Vec<usize> = (0..dataset.len()).collect();
    let dataset = data::faces(dataset, args.faces, &all, &recipe.preprocess)?;
    if dataset.is_empty() {
        return Err(Error::data("no face was found in any picture").with_hint("--faces whole takes the pictures as they are"));
    }
    let recipe = about(args, recipe, &dataset);
    let dataset = labelled(&recipe, dataset)?;
    Ok((recipe, dataset))
}

/// The recipe without words that are about other data than these, unless they are the user's own.
fn about(args: &Train, recipe: Recipe, dataset: &Dataset) -> Recipe {
    let own: Vec<&str> = args.set.iter().filter_map(|rule| rule.split_once('=')).map(|(key, _)| key.trim()).collect();
    let described = recipe.clone();
    let recipe = if args.resume.is_none() { recipe.about(dataset, &own) } else { recipe };
    if recipe != described {
        talk::note(
            "the recipe's description and licence are of other data: the model's card does not say them (--set description=..., \
             --set licence=...)",
        );
    }
    recipe
}

/// The data with the labels that the recipe asks for; what is left out for it is told.
fn labelled(recipe: &Recipe, dataset: Dataset) -> Result<Dataset> {
    let (dataset, left_out) = recipe.labelled(dataset)?;
    if left_out.total() > 0 {
        talk::note(format_args!(
            "{} pictures have no label by votes and are left out: {} without a majority, {} with one for none of the classes, {} \
             without votes",
            left_out.total(),
            left_out.without_majority,
            left_out.other_majority,
            left_out.without_votes
        ));
    }
    Ok(dataset)
}

/// Draws the splits that the recipe asks for, or some where the data has none; it is told how.
fn split(recipe: &Recipe, dataset: &mut Dataset) -> Result<()> {
    let mut rule = SplitRule::parse(&recipe.data.split)?;
    if rule == SplitRule::AsGiven && !dataset.has_splits() {
        rule = SplitRule::DEFAULT_RATIO;
        talk::note("the data has no splits of its own: they are drawn (change how with --set data.split=...)");
    }
    talk::note(rule.with_seed(recipe.seed).apply(dataset)?);
    Ok(())
}

/// Groups of samples by their ids, which stay when samples are left out.
fn names(dataset: &Dataset, groups: Vec<Vec<usize>>) -> Vec<Vec<String>> {
    let id = |index: usize| dataset.samples()[index].id.clone();
    groups.into_iter().map(|group| group.into_iter().map(id).collect()).collect()
}

/// The groups' samples that are left.
fn places(dataset: &Dataset, groups: &[Vec<String>]) -> Vec<Vec<usize>> {
    let places: HashMap<&str, usize> =
        dataset.samples().iter().enumerate().map(|(index, sample)| (sample.id.as_str(), index)).collect();
    groups.iter().map(|group| group.iter().filter_map(|id| places.get(id.as_str()).copied()).collect()).collect()
}

/// A text as TOML writes it, whatever it holds.
fn toml_text(text: &str) -> String {
    serde_json::to_string(text).expect("a text has a JSON form") // of which TOML's basic strings are a superset
}
