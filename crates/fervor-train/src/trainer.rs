//! The training loop: one function from a recipe and a data set to a bundle.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use fervor::{Error, LabelSet, Reason, Remedy, Result};
use fervor_lab::dataset::{Dataset, Manifest, Split};

use crate::device::Backend;
use crate::distill::{FixedChips, Teachers};
use crate::examples::Examples;
use crate::first_batch;
use crate::import;
use crate::layers;
use crate::loader::{Loader, LoaderOptions};
use crate::log::{EpochLog, Tally};
use crate::network::Network;
use crate::optimizer::Average;
use crate::product::Exporter;
use crate::recipe::{Recipe, TransferNorms};
use crate::run::{Best, RunFolder, State};
use crate::schedule::share_of_peak;
use crate::seeds::{Purpose, derived_seed};
use crate::step::{StepOptions, Stepper};
use crate::summary::{Summary, summary};
use crate::transfer;

/// What [`train`] takes.
pub struct TrainOptions<'a> {
    /// Must be the run's own when one is continued ([`RunFolder::recipe`]).
    pub recipe: Recipe,
    /// Opened with the recipe's labels and split by its rule; training needs `train` and `validation`.
    pub dataset: Dataset,
    /// Where the run's folder is made.
    pub out: PathBuf,
    /// The folder of a run to continue instead.
    pub resume: Option<PathBuf>,
    /// Where to compute.
    pub backend: Backend,
    /// Processor threads; 0 for one a core. The same number gives the same bundle.
    pub threads: usize,
    /// Set from outside (Ctrl-C): the step under way is finished, a checkpoint written, and [`train`] returns.
    pub stop: &'a AtomicBool,
    /// Told what happens, on the training thread: be quick.
    pub progress: &'a mut (dyn FnMut(Progress) + Send),
}

/// What happens in a training.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Teachers have been asked about the fixed chips of some more pictures; before all else.
    Asked {
        /// Pictures done.
        done: usize,
        /// Pictures to train on.
        pictures: usize,
    },
    /// The data is loaded and the network made.
    Started {
        /// The run's folder.
        run: PathBuf,
        /// What the network holds and costs.
        summary: Summary,
        /// How many pictures are trained on.
        training_pictures: usize,
        /// How many the best epoch is chosen by.
        validation_pictures: usize,
        /// Epochs of the whole training.
        epochs: usize,
        /// Batches of an epoch.
        batches: usize,
        /// Epochs and batches already done, when a run is continued.
        resumed: Option<(usize, usize)>,
    },
    /// A step is done.
    Step {
        /// From 1.
        epoch: usize,
        /// Done in this epoch.
        batch: usize,
        /// Batches of an epoch.
        batches: usize,
        /// Mean cross-entropy of this epoch so far.
        loss: f64,
        /// Share of this epoch's pictures so far that were named rightly.
        accuracy: f64,
        /// The learning rate of this step.
        learning_rate: f64,
        /// Since the epoch began (or was continued).
        pictures_per_second: f64,
    },
    /// An epoch is done, its bundle written and scored.
    Epoch {
        /// What it came to.
        log: EpochLog,
        /// Whether it is the best so far, and so stands in `best.onnx`.
        best: bool,
        /// The class that its bundle answers to all validation pictures, where it does and they are of several: nothing was learned.
        only_answer: Option<String>,
    },
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Finished,
    /// The validation accuracy did not rise any more.
    EarlyStopped,
    /// It was asked to stop; it can be continued.
    Interrupted,
}

/// What a training came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run's folder.
    pub run: PathBuf,
    /// Why it ended.
    pub end: End,
    /// All epochs so far.
    pub log: Vec<EpochLog>,
    /// The number, from 1, of the epoch in `best.onnx`; `None` when not one was finished.
    pub best_epoch: Option<usize>,
}

/// Trains a network and leaves its bundles in the run's folder: `best.onnx` by validation accuracy, and `last.onnx`.
///
/// # Errors
/// `Input`: the recipe does not fit the data, or the run's folder cannot be used. `Data`: a split without pictures, or a
/// picture that can no longer be read. `Model`: the loss is not a number any more, or the exported network does not
/// answer as the trained one does.
pub fn train(options: TrainOptions) -> Result<Outcome> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
        .map_err(|e| Error::input(format!("cannot start {} threads", options.threads)).with_source(e))?;
    pool.install(|| run(options))
}

fn run(options: TrainOptions) -> Result<Outcome> {
    let TrainOptions { recipe, dataset, stop, progress, .. } = options;
    recipe.check()?;
    let device = options.backend.device()?.autodiff();
    check_labels(&recipe, dataset.labels())?;
    let validation = Examples::new(&dataset, Split::Validation, &recipe)?;
    let training = Examples::new(&dataset, Split::Train, &recipe)?;
    let mut teachers = match &recipe.distill {
        Some(distill) => Some(Teachers::open(distill, &training, dataset.labels(), &recipe.preprocess, recipe.loss.heads())?),
        None => None,
    };
    let (folder, mut state) = open_run(&recipe, &dataset, options.resume.as_deref(), &options.out)?;
    let asked = match &mut teachers {
        Some(teachers) => {
            let mut asked = |done, pictures| progress(Progress::Asked { done, pictures });
            teachers.ask_fixed(&recipe, (&training, &state.manifest_sha256), &folder.file("teachers.bin"), stop, &mut asked)?
        }
        None => true,
    };
    let loader = Loader::new(training, teachers, loader_options(&recipe))?;
    let batches = loader.batches();
    let classes = dataset.labels().len();
    let resumed = (state.step > 0).then_some((state.epoch, state.batch));

    let mut network = match resumed {
        None => new_network(&recipe, dataset.labels(), &loader, &device)?,
        Some(_) => folder.load_network(Network::new(
            &recipe.network,
            recipe.preprocess.shape(),
            recipe.loss.outputs(classes),
            &device,
        ))?,
    };
    let mut average = recipe.ema.map(|decay| Average::new(&network, decay));
    let mut stepper = Stepper::new(step_options(&recipe), &mut network, &device);
    if resumed.is_some() {
        stepper.optimizer = folder.load_optimizer(stepper.optimizer)?;
        if let Some(average) = &mut average {
            average.set_network(folder.load_average(average.network().clone())?);
        }
    }
    let manifest_sha256 = &state.manifest_sha256.clone();
    let seen_before = match &recipe.transfer {
        Some(source) => transfer::seen_before(source, &folder.file("last.onnx"))?,
        None => Vec::new(),
    };
    let (loader, validation, seen_before) = (&loader, &validation, &seen_before[..]);
    let exporter = Exporter { recipe: &recipe, dataset: &dataset, manifest_sha256, loader, validation, seen_before };
    progress(Progress::Started {
        run: folder.path().to_owned(),
        summary: summary(&recipe, classes),
        training_pictures: loader.examples().len(),
        validation_pictures: validation.len(),
        epochs: recipe.epochs,
        batches,
        resumed,
    });
    let outcome = |state: &State, end: End| Outcome {
        run: folder.path().to_owned(),
        end,
        log: state.log.clone(),
        best_epoch: state.best.map(|best| best.epoch),
    };

    if !asked {
        folder.save(&network, average.as_ref().map(Average::network), &stepper.optimizer, &state)?;
        return Ok(outcome(&state, End::Interrupted));
    }
    while state.epoch < recipe.epochs {
        if patience_is_over(&recipe, &state) {
            return Ok(outcome(&state, End::EarlyStopped));
        }
        let epoch = state.epoch;
        stepper.begin_epoch(&mut network, epoch);
        let (started, mut pictures, mut rate) = (Instant::now(), 0, 0.0);
        for batch in loader.stream(epoch, state.batch) {
            let batch = batch?;
            if state.step == 0 {
                let channels = recipe.preprocess.shape()[0];
                folder.write("first_batch.png", &first_batch::png(&batch, channels, dataset.labels(), &recipe.name)?)?;
            }
            // Masks of dropout depend on the step alone, so that a continued run draws the same.
            let seed = derived_seed(recipe.seed, state.step as u64, Purpose::Dropout);
            let time = epoch as f64 + state.batch as f64 / batches as f64;
            let losses = state.log.iter().map(|row| row.val_loss);
            rate = recipe.optimizer.learning_rate * share_of_peak(&recipe.schedule, time, recipe.epochs as f64, losses);
            let logits;
            (network, logits) = stepper
                .step(network, &batch, rate, seed)
                .map_err(|e| e.context(format!("epoch {}, batch {}", epoch + 1, state.batch + 1)))?;
            average = average.map(|average| average.following(&network, state.step));
            state.tally.add(logits.chunks_exact(classes), &batch.labels);
            state.step += 1;
            state.batch += 1;
            pictures += batch.labels.len();
            progress(Progress::Step {
                epoch: epoch + 1,
                batch: state.batch,
                batches,
                loss: state.tally.mean_loss(),
                accuracy: state.tally.accuracy(),
                learning_rate: rate,
                pictures_per_second: pictures as f64 / started.elapsed().as_secs_f64(),
            });
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        let trained = started.elapsed().as_secs_f64();
        if state.batch < batches {
            if !stop.load(Ordering::Relaxed) {
                return Err(Error::data("a thread that prepares pictures has failed"));
            }
            state.seconds += trained;
            folder.save(&network, average.as_ref().map(Average::network), &stepper.optimizer, &state)?;
            return Ok(outcome(&state, End::Interrupted));
        }

        let exported = average.as_ref().map_or_else(|| network.valid(), |average| average.network().clone());
        let candidate =
            exporter.candidate(&exported, epoch + 1, &device).map_err(|e| e.context(format!("epoch {}", epoch + 1)))?;
        let score = exporter.score(candidate.clone())?;
        let best = state.best.is_none_or(|best| score.tally.correct() > best.correct);
        let bundle = exporter.finish(candidate, &score)?;
        folder.write("last.onnx", bundle.bytes())?;
        if best {
            folder.write("best.onnx", bundle.bytes())?;
            state.best = Some(Best { epoch: epoch + 1, correct: score.tally.correct() });
        }
        let log = EpochLog {
            epoch: epoch + 1,
            train_loss: state.tally.mean_loss(),
            train_accuracy: state.tally.accuracy(),
            train_macro_f1: state.tally.macro_f1(),
            val_loss: score.tally.mean_loss(),
            val_accuracy: score.tally.accuracy(),
            val_macro_f1: score.tally.macro_f1(),
            learning_rate: rate,
            seconds: state.seconds + started.elapsed().as_secs_f64(),
            pictures_per_second: pictures as f64 / trained,
        };
        state.log.push(log.clone());
        (state.epoch, state.batch, state.seconds, state.tally) = (epoch + 1, 0, 0.0, Tally::new(classes));
        folder.write_log(&state)?;
        folder.save(&network, average.as_ref().map(Average::network), &stepper.optimizer, &state)?;
        let only_answer = score.tally.only_answer().map(|class| dataset.labels().name(class).to_owned());
        progress(Progress::Epoch { log, best, only_answer });
        if stop.load(Ordering::Relaxed) && state.epoch < recipe.epochs {
            return Ok(outcome(&state, End::Interrupted));
        }
    }
    Ok(outcome(&state, End::Finished))
}

/// The network before its first step: with random weights, or with those of the recipe's source.
pub(crate) fn new_network(recipe: &Recipe, labels: &LabelSet, loader: &Loader, device: &Device) -> Result<Network> {
    layers::seed(derived_seed(recipe.seed, 0, Purpose::Weights));
    let Some(source) = &recipe.transfer else {
        return Ok(Network::new(&recipe.network, recipe.preprocess.shape(), recipe.loss.outputs(labels.len()), device));
    };
    let mut network = transfer::start(source, recipe, labels, device)?;
    if source.batch_norm == TransferNorms::Batch {
        import::calibrate(&mut network, loader.examples(), device)?;
    }
    Ok(network)
}

/// What of the recipe makes the batches.
pub(crate) fn loader_options(recipe: &Recipe) -> LoaderOptions<'_> {
    LoaderOptions {
        augment: &recipe.augment,
        progressive: recipe.progressive.as_ref(),
        sampling: recipe.data.sampling,
        loss: &recipe.loss,
        fixed: FixedChips::of(recipe),
        batch_size: recipe.batch_size,
        seed: recipe.seed,
    }
}

/// What of the recipe moves the weights.
pub(crate) fn step_options(recipe: &Recipe) -> StepOptions<'_> {
    StepOptions {
        channels: recipe.preprocess.shape()[0],
        optimizer: &recipe.optimizer,
        precision: recipe.precision,
        transfer: recipe.transfer.as_ref(),
        distill: recipe.distill.as_ref(),
        votes_head: recipe.loss.votes_head,
    }
}

/// The run's folder and where it stands: at the start, or at its checkpoint.
fn open_run(recipe: &Recipe, dataset: &Dataset, resume: Option<&Path>, out: &Path) -> Result<(RunFolder, State)> {
    let manifest = Manifest::of(dataset);
    let (recipe_sha256, manifest_sha256) = (recipe.hash(), manifest.sha256());
    let Some(resume) = resume else {
        let folder = RunFolder::create(out, recipe, &manifest_sha256)?;
        manifest.save(&folder.file("manifest.json"))?;
        let tally = Tally::new(dataset.labels().len());
        return Ok((folder, State { recipe_sha256, manifest_sha256, tally, ..State::default() }));
    };
    let folder = RunFolder::open(resume)?.held()?;
    let state = folder.state()?;
    if state.recipe_sha256 != folder.recipe_sha256()? || folder.recipe()? != *recipe {
        return Err(Error::input(format!("the run was made by another recipe: {}", resume.display()))
            .because(Reason::Mismatch)
            .with_remedy(Remedy::ContinueAsBegun));
    }
    if state.manifest_sha256 != manifest_sha256 {
        return Err(Error::data(format!("the run was made with other data or another split: {}", resume.display()))
            .because(Reason::Mismatch)
            .with_hint("give the data set that its manifest.json names"));
    }
    Ok((folder, state))
}

fn check_labels(recipe: &Recipe, labels: &LabelSet) -> Result<()> {
    match &recipe.labels {
        Some(wanted) if wanted != labels => {
            Err(Error::input(format!("the recipe's labels are {wanted}, but the data was opened with {labels}"))
                .because(Reason::Mismatch))
        }
        _ => Ok(()),
    }
}

fn patience_is_over(recipe: &Recipe, state: &State) -> bool {
    let since_best = state.epoch - state.best.map_or(0, |best| best.epoch);
    recipe.early_stopping.as_ref().is_some_and(|stopping| since_best >= stopping.patience)
}
