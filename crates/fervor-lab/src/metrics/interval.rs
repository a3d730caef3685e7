//! How far a score may be off by chance, and whether one model is better than another by more than chance.

use crate::random::SplitMix64;
use serde::{Deserialize, Serialize};

/// The 97.5 % point of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// 95 % interval of a share of `hits` in `n` (Wilson 1927, equation 4, without continuity correction): [lo, hi], inside 0..=1 and never empty.
/// With `n` = 0 nothing is known: [0, 1].
pub fn wilson_interval(hits: u64, n: u64) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (n, share) = (n as f64, hits as f64 / n as f64);
    let z2 = Z95 * Z95;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    // Exactly 0 and 1 at the ends, where rounding would leave a trace.
    let lo = if share == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let hi = if share == 1.0 { 1.0 } else { (centre + half).min(1.0) };
    [lo, hi]
}

/// 95 % percentile bootstrap interval (Efron 1979) of any score of `n` samples: `score` is called with `replicates` lists of `n`
/// sample indices drawn with replacement. The same seed gives the same interval. [NaN, NaN] for no samples or no replicates.
pub fn bootstrap_interval(n: usize, replicates: usize, seed: u64, mut score: impl FnMut(&[usize]) -> f64) -> [f64; 2] {
    let [interval] = bootstrap_intervals(n, replicates, seed, |indices| [score(indices)]);
    interval
}

/// [`bootstrap_interval`] of several scores from the same draws.
pub fn bootstrap_intervals<const K: usize>(
    n: usize,
    replicates: usize,
    seed: u64,
    mut scores: impl FnMut(&[usize]) -> [f64; K],
) -> [[f64; 2]; K] {
    if n == 0 || replicates == 0 {
        return [[f64::NAN; 2]; K];
    }
    let mut random = SplitMix64(seed);
    let mut indices = vec![0; n];
    let draws: Vec<[f64; K]> = (0..replicates)
        .map(|_| {
            indices.iter_mut().for_each(|index| *index = random.below(n));
            scores(&indices)
        })
        .collect();
    std::array::from_fn(|score| {
        let mut sorted: Vec<f64> = draws.iter().map(|draw| draw[score]).collect();
        sorted.sort_by(f64::total_cmp);
        [quantile(&sorted, 0.025), quantile(&sorted, 0.975)]
    })
}

/// An interval by bootstrap, where it says anything: of pictures that are all right every draw scores the same, which is no certainty.
pub(crate) fn varied([lo, hi]: [f64; 2]) -> Option<[f64; 2]> {
    (lo < hi).then_some([lo, hi])
}

/// 95 % interval of `first - second` from two independent scores, each with its own 95 % interval: of shares with Wilson's intervals
/// it is method 10 of Newcombe 1998, of other scores its generalisation (Zou and Donner 2008, equation 3). A bootstrap's interval may
/// leave its own score out; it counts as if it reached to it.
pub fn difference_interval((first, first_ci): (f64, [f64; 2]), (second, second_ci): (f64, [f64; 2])) -> [f64; 2] {
    let difference = first - second;
    let reach = |of_first: f64, of_second: f64| of_first.max(0.0).hypot(of_second.max(0.0));
    let below = reach(first - first_ci[0], second_ci[1] - second);
    let above = reach(first_ci[1] - first, second - second_ci[0]);
    [difference - below, difference + above]
}

/// P values adjusted for there being several of them (Holm 1979): each may be judged as if it were the only one.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let (mut adjusted, mut least) = (vec![0.0; p.len()], 0.0f64);
    for (rank, &index) in order.iter().enumerate() {
        least = least.max(((p.len() - rank) as f64 * p[index]).min(1.0));
        adjusted[index] = least;
    }
    adjusted
}

/// Linear interpolation between the sorted values (type 7 of Hyndman and Fan 1996, numpy's default).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + part * (sorted[high] - sorted[low])
}

/// Two models on the same samples: see [`mcnemar`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Samples that only the first model gets right.
    pub only_first: u64,
    /// Samples that only the second model gets right.
    pub only_second: u64,
    /// Exact two-sided p value: conservative.
    pub exact: f64,
    /// Mid-p value: the recommended one (Fagerland, Lydersen and Laake 2013).
    pub mid_p: f64,
}

/// McNemar's paired test (1947) from the samples on which the models differ: under the null hypothesis each of them is a fair coin.
/// The p values come from the binomial distribution itself, not from the chi-squared approximation.
pub fn mcnemar(only_first: u64, only_second: u64) -> McNemar {
    let n = only_first + only_second;
    let few = only_first.min(only_second) as usize;
    let weights = fair_binomial(n);
    let (exact, mid_p) = if n == 0 {
        (1.0, 1.0)
    } else if only_first == only_second {
        // Both tails hold the middle term: together they are everything, and half of it is taken off for mid-p.
        (1.0, 1.0 - 0.5 * weights[few])
    } else {
        let tail: f64 = weights[..=few].iter().sum();
        ((2.0 * tail).min(1.0), 2.0 * tail - weights[few])
    };
    McNemar { only_first, only_second, exact, mid_p }
}

/// [`mcnemar`] from which samples each model gets right.
///
/// # Panics
/// If the lengths differ: the test is about pairs.
pub fn mcnemar_of(first_right: &[bool], second_right: &[bool]) -> McNemar {
    assert_eq!(first_right.len(), second_right.len(), "the test compares two models on the same samples");
    let only = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|&(&a, &b)| a && !b).count() as u64;
    mcnemar(only(first_right, second_right), only(second_right, first_right))
}

/// The chances of 0, 1 .. `n` heads in `n` fair tosses.
///
/// Ratios outward from the most likely count, normalised at the end: no factorial overflows, and no logarithm costs digits.
fn fair_binomial(n: u64) -> Vec<f64> {
    let n = n as usize;
    let mut weights = vec![1.0; n + 1];
    let middle = n / 2;
    for k in (0..middle).rev() {
        weights[k] = weights[k + 1] * (k + 1) as f64 / (n - k) as f64;
    }
    for k in middle + 1..=n {
        weights[k] = weights[n - k];
    }
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_of_nothing_is_everything() {
        assert_eq!(wilson_interval(0, 0), [0.0, 1.0]);
        assert_eq!(wilson_interval(0, 10)[0], 0.0);
        assert_eq!(wilson_interval(10, 10)[1], 1.0);
    }

    #[test]
    fn bootstrap_and_wilson_agree_on_a_share() {
        let right: Vec<bool> = (0..1000).map(|i| i % 10 < 7).collect();
        let share = |indices: &[usize]| indices.iter().filter(|&&i| right[i]).count() as f64 / 1000.0;
        let bootstrap = bootstrap_interval(1000, 1000, 1, share);
        let wilson = wilson_interval(700, 1000);
        assert!(bootstrap.iter().zip(wilson).all(|(a, b)| (a - b).abs() < 0.005), "{bootstrap:?} {wilson:?}");
        assert_eq!(bootstrap, bootstrap_interval(1000, 1000, 1, share), "the same seed gives the same interval");
    }

    /// Newcombe 1998, table II, contrasts (a) and (d) by method 10: 56/70 - 48/80 and 9/10 - 3/10.
    #[test]
    fn a_difference_of_shares_has_newcombes_interval() {
        for (hits, expected) in [([(56, 70), (48, 80)], [0.0524, 0.3339]), ([(9, 10), (3, 10)], [0.1705, 0.8090])] {
            let [first, second] = hits.map(|(hits, n)| (hits as f64 / n as f64, wilson_interval(hits, n)));
            let found = difference_interval(first, second);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?}");
        }
    }

    // A distance below 0 lengthened the interval as if it were above.
    #[test]
    fn an_interval_that_leaves_its_score_out_reaches_to_it() {
        assert_eq!(difference_interval((0.5, [0.6, 0.7]), (0.25, [0.25, 0.25])), [0.25, 0.5 - 0.25 + (0.7 - 0.5)]);
        assert_eq!(difference_interval((0.5, [0.5, 0.5]), (0.25, [0.5, 0.75])), [-0.25, 0.25]);
    }

    #[test]
    fn several_p_values_are_adjusted_and_keep_their_order() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        assert!(adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]).all(|(a, b)| (a - b).abs() < 1e-12), "{adjusted:?}");
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }

    #[test]
    fn bootstrap_of_nothing_is_not_a_number() {
        assert!(bootstrap_interval(0, 100, 1, |_| 1.0)[0].is_nan());
    }

    #[test]
    fn equal_models_do_not_differ() {
        assert_eq!(mcnemar(0, 0), McNemar { only_first: 0, only_second: 0, exact: 1.0, mid_p: 1.0 });
        assert_eq!(mcnemar(1, 1).mid_p, 0.75);
    }

    #[test]
    fn pairs_are_counted_where_the_models_differ() {
        let test = mcnemar_of(&[true, true, false, true], &[true, false, true, false]);
        assert_eq!((test.only_first, test.only_second), (2, 1));
    }

    #[test]
    fn many_pairs_neither_overflow_nor_vanish() {
        let test = mcnemar(100_500, 100_000);
        assert!(test.exact > test.mid_p && test.mid_p > 0.26 && test.exact < 0.27, "{test:?}");
    }
}
