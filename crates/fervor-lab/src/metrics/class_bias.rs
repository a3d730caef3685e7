//! Bias-corrected temperature scaling: Alexandari, Kundaje and Shrikumar, "Maximum likelihood with bias-corrected calibration
//! is hard-to-beat at label shift adaptation", 2020, section 3.

use super::temperature::fit_temperature_to;
use fervor::prediction::softmax;

/// Rounds of temperature and biases in turns; each leaves a fraction of the distance.
const ROUNDS: usize = 20;
/// Rows of each class that are counted beside those there are: a class that never comes is pushed down, not to nothing.
const PRIOR: f64 = 0.5;
/// Against a division by zero.
const NOTHING: f64 = 1e-9;

/// What to add to each class's logit, so that together with the temperature that fits then the mean cross-entropy with the
/// shares is least: each class is answered, on the whole, as often as it is right. Their mean is zero.
///
/// Unlike a temperature it changes answers. Fit it on data that was not trained on.
///
/// # Panics
/// If there are no rows, or not a distribution of as many classes for each.
pub fn fit_biases(logits: &[Vec<f32>], shares: &[Vec<f32>]) -> Vec<f32> {
    fit_in(ROUNDS, logits, shares)
}

fn fit_in(rounds: usize, logits: &[Vec<f32>], shares: &[Vec<f32>]) -> Vec<f32> {
    let classes = logits[0].len();
    let mut wanted = vec![PRIOR; classes];
    for row in shares {
        wanted.iter_mut().zip(row).for_each(|(sum, share)| *sum += f64::from(*share));
    }
    let mut biases = vec![0.0f64; classes];
    for _ in 0..rounds {
        let moved: Vec<Vec<f32>> = logits
            .iter()
            .map(|row| row.iter().zip(&biases).map(|(logit, bias)| (f64::from(*logit) + bias) as f32).collect())
            .collect();
        let temperature = f64::from(fit_temperature_to(&moved, shares));
        let mut said = vec![NOTHING; classes];
        for row in &moved {
            said.iter_mut().zip(softmax(row, temperature)).for_each(|(said, p)| *said += p);
        }
        // Where the gradient vanishes both are in proportion (Saerens, Latinne and Decaestecker, 2002).
        for (bias, (wanted, said)) in biases.iter_mut().zip(wanted.iter().zip(&said)) {
            *bias += temperature * (wanted / said).ln();
        }
        let mean = biases.iter().sum::<f64>() / classes as f64;
        biases.iter_mut().for_each(|bias| *bias -= mean);
    }
    biases.into_iter().map(|bias| bias as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of three classes: logits that are right by a margin, and `off` too high for the last class.
    fn rows(off: f32) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        (0..900)
            .map(|i| {
                let (truth, said) = (i % 3, if i % 5 == 0 { (i + 1 + i / 15 % 2) % 3 } else { i % 3 });
                let mut logits = vec![0.0; 3];
                logits[said] = 2.5;
                logits[2] += off;
                let mut share = vec![0.0; 3];
                share[truth] = 1.0;
                (logits, share)
            })
            .unzip()
    }

    #[test]
    fn a_bias_that_was_put_on_a_class_is_found_and_taken_away() {
        let (logits, shares) = rows(0.0);
        assert!(fit_biases(&logits, &shares).iter().all(|bias| bias.abs() < 0.02));
        let (logits, shares) = rows(1.2);
        let biases = fit_biases(&logits, &shares);
        assert!((biases[2] + 0.8).abs() < 0.02 && (biases[0] - 0.4).abs() < 0.02, "{biases:?}");
    }

    #[test]
    fn a_class_that_never_comes_is_pushed_down_to_a_certain_point() {
        let (logits, mut shares) = rows(0.0);
        shares.iter_mut().for_each(|share| *share = [share[0], share[1] + share[2], 0.0].into());
        let [biases, longer] = [ROUNDS, 3 * ROUNDS].map(|rounds| fit_in(rounds, &logits, &shares));
        assert!(biases[2] < biases[0] - 2.0 && biases[2] < biases[1] - 2.0, "{biases:?}");
        assert!(biases.iter().zip(&longer).all(|(a, b)| (a - b).abs() < 0.05), "{biases:?} {longer:?}");
    }
}
