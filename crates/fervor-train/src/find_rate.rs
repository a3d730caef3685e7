//! The learning-rate range test (Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3): a few hundred
//! steps at a rate that rises from very low to very high; where the loss falls is where to train.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use fervor::{Error, Reason, Remedy, Result};
use fervor_draw::chart::{LineChart, Series};
use fervor_lab::dataset::{Dataset, Split};

use crate::device::Backend;
use crate::distill::Teachers;
use crate::examples::Examples;
use crate::loader::Loader;
use crate::log::Tally;
use crate::recipe::Recipe;
use crate::seeds::{Purpose, derived_seed};
use crate::step::Stepper;
use crate::trainer::{loader_options, new_network, step_options};

/// The rates of the first and the last step.
const RATES: [f64; 2] = [1e-6, 10.0];
/// Steps on the way: enough to see where the loss turns, soon done.
const STEPS: usize = 200;
/// Share of a loss in its running mean.
const SHARE: f64 = 0.08;
/// The test ends where the mean loss is so many times the lowest.
const BLOWN_UP: f64 = 3.0;
/// Steps before anything is concluded.
const WARM: usize = 10;
/// Steps over which the loss's fall is measured: two thirds of a power of ten.
const SLOPE: usize = 20;
/// The suggestion is the rate of the lowest loss divided by this: there it no longer falls, a little later it rises.
const MARGIN: f64 = 10.0;

/// What [`find_rate`] takes.
pub struct RateOptions<'a> {
    /// Its schedule does not count here.
    pub recipe: &'a Recipe,
    /// Opened with the recipe's labels and split by its rule.
    pub dataset: &'a Dataset,
    /// Where to compute.
    pub backend: Backend,
    /// Processor threads; 0 for one a core.
    pub threads: usize,
    /// Set from outside: the test ends after the step under way, without a suggestion.
    pub stop: &'a AtomicBool,
    /// Hears of steps done and of how many there are at most.
    pub progress: &'a mut (dyn FnMut(usize, usize) + Send),
}

/// One step of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePoint {
    /// The learning rate.
    pub rate: f64,
    /// Mean cross-entropy of the batch with its labels, before the step.
    pub loss: f64,
    /// The running mean of the losses so far.
    pub mean: f64,
}

/// What a test came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RateTest {
    /// Step by step.
    pub points: Vec<RatePoint>,
    /// The rate to train at.
    pub suggestion: f64,
    /// Where the mean loss was lowest.
    pub lowest: f64,
    /// Where it fell fastest with the rate's logarithm.
    pub steepest: f64,
}

/// Trains a fresh network of the recipe at a rising rate and says which one to choose; nothing where it was asked to stop before. It
/// leaves nothing behind.
///
/// # Errors
/// As [`train`](crate::train); and `Model` where the loss never falls.
pub fn find_rate(options: RateOptions) -> Result<Option<RateTest>> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
        .map_err(|e| Error::input(format!("cannot start {} threads", options.threads)).with_source(e))?;
    pool.install(|| run(options))
}

fn run(options: RateOptions) -> Result<Option<RateTest>> {
    let RateOptions { recipe, dataset, stop, progress, .. } = options;
    recipe.check()?;
    let device = options.backend.device()?.autodiff();
    let training = Examples::new(dataset, Split::Train, recipe)?;
    let teachers = match &recipe.distill {
        Some(distill) => Some(Teachers::open(distill, &training, dataset.labels(), &recipe.preprocess, recipe.loss.heads())?),
        None => None,
    };
    let loader = Loader::new(training, teachers, loader_options(recipe))?;
    let classes = dataset.labels().len();
    let mut network = new_network(recipe, dataset.labels(), &loader, &device)?;
    let mut stepper = Stepper::new(step_options(recipe), &mut network, &device);
    let mut points: Vec<RatePoint> = Vec::with_capacity(STEPS);
    let epochs = STEPS.div_ceil(loader.batches());
    'test: for epoch in 0..epochs {
        stepper.begin_epoch(&mut network, epoch);
        for batch in loader.stream(epoch, 0) {
            let (batch, step) = (batch?, points.len());
            let rate = RATES[0] * (RATES[1] / RATES[0]).powf(step as f64 / (STEPS - 1) as f64);
            let seed = derived_seed(recipe.seed, step as u64, Purpose::Dropout);
            let logits;
            (network, logits) = match stepper.step(network, &batch, rate, seed) {
                Err(e) if e.reason() == Reason::NotFinite => break 'test,
                stepped => stepped?,
            };
            let mut tally = Tally::new(classes);
            tally.add(logits.chunks_exact(classes), &batch.labels);
            points.push(point(&points, rate, tally.mean_loss()));
            progress(points.len(), STEPS);
            let lowest = points.iter().map(|point| point.mean).fold(f64::INFINITY, f64::min);
            let blown_up = points.len() > WARM && points[step].mean > BLOWN_UP * lowest;
            if points.len() == STEPS || blown_up {
                break 'test;
            }
            // The loss has not turned yet: where it is lowest now says nothing.
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
    }
    RateTest::of(points).map(Some)
}

/// The next point; the mean is one of what has been, not of zeros before it (Kingma and Ba 2015, section 3).
fn point(before: &[RatePoint], rate: f64, loss: f64) -> RatePoint {
    let weight = |steps: usize| 1.0 - (1.0 - SHARE).powi(steps as i32);
    let last = before.last().map_or(0.0, |last| last.mean * weight(before.len()));
    RatePoint { rate, loss, mean: (last * (1.0 - SHARE) + loss * SHARE) / weight(before.len() + 1) }
}

impl RateTest {
    fn of(points: Vec<RatePoint>) -> Result<Self> {
        let first = WARM.min(points.len().saturating_sub(1));
        let lowest = (first..points.len()).min_by(|&a, &b| points[a].mean.total_cmp(&points[b].mean)).unwrap_or(0);
        // Each step multiplies the rate by the same factor, so that a difference is a slope; over several steps, since batches vary.
        let slope = |at: usize| points[at].mean - points[at - SLOPE].mean;
        let steepest = (first + SLOPE..=lowest).min_by(|&a, &b| slope(a).total_cmp(&slope(b))).map(|at| at - SLOPE / 2);
        let Some(steepest) = steepest else {
            return Err(Error::model("the loss falls at no rate, so that none can be suggested")
                .because(Reason::NotFinite)
                .with_remedy(Remedy::advice(
                    "look at the data and at the first batch: are labels and pictures what they should be?",
                )));
        };
        let (lowest, steepest) = (points[lowest].rate, points[steepest].rate);
        Ok(Self { suggestion: rounded(lowest / MARGIN), lowest, steepest, points })
    }

    /// The test as a table with commas: `rate,loss,mean`.
    pub fn csv(&self) -> String {
        let mut text = "rate,loss,mean\n".to_owned();
        for RatePoint { rate, loss, mean } in &self.points {
            let _ = writeln!(text, "{rate:.4e},{loss:.6},{mean:.6}");
        }
        text
    }

    /// The loss over the rate's power of ten, up to where it blows up, with the suggestion marked.
    pub fn chart(&self) -> LineChart {
        let ceiling = 1.5 * self.points.iter().take(WARM).map(|point| point.mean).fold(0.0, f64::max);
        let shown = || self.points.iter().take_while(|point| point.mean <= ceiling);
        let at = self.suggestion.log10();
        // The mark has its dot where the line has a point.
        let mut mean: Vec<(f64, f64)> = shown().map(|point| (point.rate.log10(), point.mean)).collect();
        let place = mean.partition_point(|(x, _)| *x < at);
        if let (Some(&(x0, y0)), Some(&(x1, y1))) = (place.checked_sub(1).and_then(|before| mean.get(before)), mean.get(place)) {
            mean.insert(place, (at, y0 + (y1 - y0) * (at - x0) / (x1 - x0)));
        }
        LineChart {
            title: "Loss while the learning rate rises".to_owned(),
            x_label: "learning rate, as a power of ten".to_owned(),
            y_label: "training loss, running mean".to_owned(),
            series: vec![Series { name: "Training (augmented)".to_owned(), points: mean }],
            mark: Some((at, format!("suggested: {}", self.suggestion))),
            from_zero: false,
        }
    }
}

/// Two digits are all that such a test knows.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss that is level, falls between 1e-4 and 1e-1, and rises from there.
    fn points(loss: impl Fn(f64) -> f64) -> Vec<RatePoint> {
        let mut points = Vec::new();
        for step in 0..STEPS {
            let rate = RATES[0] * (RATES[1] / RATES[0]).powf(step as f64 / (STEPS - 1) as f64);
            points.push(point(&points, rate, loss(rate.log10())));
        }
        points
    }

    #[test]
    fn the_suggestion_lies_before_the_lowest_loss() {
        let falls = |power: f64| match power {
            ..-4.0 => 2.0,
            -4.0..-1.0 => 2.0 - 0.5 * (power + 4.0),
            _ => 0.5 + 4.0 * (power + 1.0),
        };
        let test = RateTest::of(points(falls)).unwrap();
        assert!((0.05..0.3).contains(&test.lowest), "{test:?}");
        assert!((0.005..0.03).contains(&test.suggestion) && test.steepest < test.lowest, "{test:?}");
        assert!(test.chart().svg().contains("suggested: 0.0"));
        assert_eq!(test.csv().lines().count(), STEPS + 1);
    }

    #[test]
    fn a_mean_of_equal_losses_is_that_loss() {
        assert!(points(|_| 1.5).iter().all(|point| (point.mean - 1.5).abs() < 1e-12));
        assert_eq!(rounded(0.012_345), 0.012);
    }

    #[test]
    fn no_rate_is_suggested_where_the_loss_only_rises() {
        assert_eq!(RateTest::of(points(|power| 10.0 + power)).unwrap_err().reason(), Reason::NotFinite);
        assert!(RateTest::of(Vec::new()).is_err());
    }
}
