//! Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.

use fervor::prediction::log_softmax;

/// Temperatures that are considered.
const RANGE: [f64; 2] = [0.05, 20.0];
/// Golden-section steps: each shrinks the interval of ln T by 0.618, 40 leave less than 1e-7.
const STEPS: usize = 40;

/// The temperature that minimises the mean log loss of `softmax(logits / T)`, in 0.05..=20.
///
/// It changes no ranking, so no accuracy. Fit it on data that was not trained on.
///
/// # Panics
/// If there are no rows, or a truth is no class of its row.
pub fn fit_temperature(logits: &[Vec<f32>], truth: &[usize]) -> f32 {
    assert!(!logits.is_empty() && logits.len() == truth.len(), "a row of logits for each truth");
    minimum(|temperature| mean(logits.iter().zip(truth).map(|(row, &truth)| -log_softmax(row, temperature)[truth])))
}

/// [`fit_temperature`] where the truth is a distribution over the classes, such as votes: minimises the mean cross-entropy.
///
/// # Panics
/// If there are no rows, or not a distribution of as many classes for each.
pub fn fit_temperature_to(logits: &[Vec<f32>], shares: &[Vec<f32>]) -> f32 {
    assert!(!logits.is_empty() && logits.len() == shares.len(), "a row of logits for each distribution");
    assert!(logits.iter().zip(shares).all(|(row, shares)| row.len() == shares.len()), "a share for each class");
    minimum(|temperature| {
        mean(logits.iter().zip(shares).map(|(row, shares)| {
            shares.iter().zip(log_softmax(row, temperature)).map(|(share, log)| f64::from(*share) * -log).sum()
        }))
    })
}

/// Where a loss with one valley over ln T is lowest.
fn minimum(loss: impl Fn(f64) -> f64) -> f32 {
    // The loss is convex in 1/T, so it has one valley over ln T.
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let [mut low, mut high] = RANGE.map(f64::ln);
    for _ in 0..STEPS {
        let span = ratio * (high - low);
        if loss((high - span).exp()) < loss((low + span).exp()) {
            high = low + span;
        } else {
            low = high - span;
        }
    }
    ((low + high) / 2.0).exp() as f32
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes with logits (m, 0); of every ten rows, `right` are of the first class.
    fn rows(margin: f32, right: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        (vec![vec![margin, 0.0]; 10], (0..10).map(|row| usize::from(row >= right)).collect())
    }

    #[test]
    fn the_fitted_temperature_makes_confidence_equal_to_accuracy() {
        // softmax(m / T) = 0.8 where m / T = ln 4.
        for margin in [0.5, 1.0, 6.0] {
            let (logits, truth) = rows(margin, 8);
            let expected = margin / 4.0_f32.ln();
            assert!((fit_temperature(&logits, &truth) - expected).abs() < 1e-3 * expected, "margin {margin}");
        }
    }

    #[test]
    fn a_temperature_for_votes_makes_the_answers_as_split_as_the_voters() {
        // Logits (6, 0) and voters that say 80:20: softmax(6 / T) = 0.8.
        let fitted = fit_temperature_to(&vec![vec![6.0, 0.0]; 3], &vec![vec![0.8, 0.2]; 3]);
        assert!((fitted - 6.0 / 4.0_f32.ln()).abs() < 1e-2, "{fitted}");
    }

    #[test]
    fn answers_that_are_always_right_or_worthless_stay_in_range() {
        let (logits, truth) = rows(1.0, 10);
        assert!(fit_temperature(&logits, &truth) >= 0.0499);
        let (logits, truth) = rows(1.0, 2);
        assert!(fit_temperature(&logits, &truth) <= 20.01);
    }
}
