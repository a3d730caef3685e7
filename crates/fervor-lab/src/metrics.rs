//! Scores of a classifier, as pure functions over what it said and what is true.
//!
//! Three rooms: [`Confusion`] and all that is counted from it; [`Scores`], what needs probabilities (log loss, Brier score,
//! calibration, top-k); and the uncertainty of a score ([`wilson_interval`], [`bootstrap_interval`], [`mcnemar`]).
//! The values agree with scikit-learn (`tools/reference/metrics_sklearn.py`). A score of no samples is NaN, never a number that looks like one.

mod class_bias;
mod conformal;
mod confusion;
mod interval;
mod mixture;
mod scores;
mod temperature;

pub use class_bias::fit_biases;
pub use conformal::conformal_threshold;
pub use confusion::{ClassScores, Confusion};
pub(crate) use interval::varied;
pub use interval::{
    McNemar, bootstrap_interval, bootstrap_intervals, difference_interval, holm, mcnemar, mcnemar_of, wilson_interval,
};
pub use mixture::{Mixture, fit_mixture};
pub use scores::{Chance, RELIABILITY_BINS, ReliabilityBin, Scores, argmax, rank_of};
pub use temperature::{fit_temperature, fit_temperature_to};
