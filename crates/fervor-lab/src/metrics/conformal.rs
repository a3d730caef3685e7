//! Sets of labels that hold the truth with a stated probability.

use std::cmp::Ordering;

/// The least probability with which a label belongs to the set, so that sets hold the truth in at least `coverage` of new
/// pictures like these (split conformal prediction with the score `1 - p(truth)`: Sadinle, Lei, Wasserman, "Least ambiguous
/// set-valued classifiers with bounded error levels", 2019). `truth` holds the probability that each calibration picture's
/// true label got. 0, every label, where there are too few pictures for the coverage.
///
/// # Panics
/// If `coverage` is not between 0 and 1.
pub fn conformal_threshold(truth: &[f32], coverage: f64) -> f32 {
    assert!(coverage > 0.0 && coverage < 1.0, "coverage must be between 0 and 1, got {coverage}");
    let n = truth.len();
    // The finite-sample quantile: the k-th smallest score of n, k = ceil((n + 1) coverage).
    let k = ((n + 1) as f64 * coverage).ceil() as usize;
    if k > n {
        return 0.0;
    }
    let mut sorted = truth.to_vec();
    sorted.sort_by(|a, b| b.partial_cmp(a).unwrap_or(Ordering::Equal));
    sorted[k - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn the_threshold_is_the_finite_sample_quantile() {
        let truth = [0.9, 0.1, 0.8, 0.4, 0.6, 0.7, 0.5, 0.3, 0.2];
        assert_eq!(conformal_threshold(&truth, 0.5), 0.5); // k = 5 of 9
        assert_eq!(conformal_threshold(&truth, 0.8), 0.2); // k = 8
        assert_eq!(conformal_threshold(&truth, 0.95), 0.0, "k = 10 of 9: every label");
        assert_eq!(conformal_threshold(&[], 0.9), 0.0);
    }

    #[test]
    fn new_pictures_are_covered_as_often_as_stated() {
        let mut random = SplitMix64(3);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| (random.share() as f32).sqrt()).collect() };
        let threshold = conformal_threshold(&draw(2000), 0.9);
        let fresh = draw(20_000);
        let covered = fresh.iter().filter(|p| **p >= threshold).count() as f64 / fresh.len() as f64;
        assert!((covered - 0.9).abs() < 0.02, "{covered}");
    }
}
