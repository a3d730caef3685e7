//! Multinomial logistic regression by stochastic gradient descent, and its answers about samples that it did not see.

use rayon::prelude::*;

use crate::random::SplitMix64;

/// Passes over the training part.
const EPOCHS: usize = 30;
const BATCH: usize = 256;
/// The first learning rate; it falls to 0 by half a cosine.
const RATE: f32 = 0.1;
const MOMENTUM: f32 = 0.9;
/// Weight decay.
const DECAY: f32 = 1e-3;

/// Probabilities `[samples][classes]`, each by a regression that was fitted without the sample's fold. Features are standardised.
pub(super) fn cross_validated(
    mut features: Vec<Vec<f32>>,
    labels: &[usize],
    classes: usize,
    folds: &[usize],
    count: usize,
) -> Vec<Vec<f32>> {
    standardise(&mut features);
    let models: Vec<Model> = (0..count)
        .into_par_iter()
        .map(|fold| {
            let seen: Vec<usize> = (0..features.len()).filter(|&row| folds[row] != fold).collect();
            Model::fit(&features, labels, classes, seen)
        })
        .collect();
    features.par_iter().zip(folds).map(|(row, &fold)| models[fold].probabilities(row)).collect()
}

/// Mean 0 and deviation 1 for each feature; a constant one becomes 0.
fn standardise(rows: &mut [Vec<f32>]) {
    let Some(width) = rows.first().map(Vec::len) else { return };
    let n = rows.len() as f64;
    for column in 0..width {
        let mean = rows.iter().map(|row| f64::from(row[column])).sum::<f64>() / n;
        let variance = rows.iter().map(|row| (f64::from(row[column]) - mean).powi(2)).sum::<f64>() / n;
        let scale = if variance > 1e-12 { 1.0 / variance.sqrt() } else { 0.0 };
        rows.iter_mut().for_each(|row| row[column] = ((f64::from(row[column]) - mean) * scale) as f32);
    }
}

struct Model {
    /// `[classes][features + 1]`, the last for the bias.
    weights: Vec<Vec<f32>>,
}

impl Model {
    fn fit(features: &[Vec<f32>], labels: &[usize], classes: usize, mut seen: Vec<usize>) -> Self {
        let width = features.first().map_or(0, Vec::len) + 1;
        let mut model = Self { weights: vec![vec![0.0; width]; classes] };
        let mut velocity = vec![vec![0.0_f32; width]; classes];
        let mut gradient = vec![vec![0.0_f32; width]; classes];
        let steps = (EPOCHS * seen.len().div_ceil(BATCH)).max(1) as f32;
        let mut step = 0.0;
        let mut random = SplitMix64(0);
        for _ in 0..EPOCHS {
            random.shuffle(&mut seen);
            for batch in seen.chunks(BATCH) {
                gradient.iter_mut().for_each(|row| row.fill(0.0));
                for &row in batch {
                    let mut errors = model.probabilities(&features[row]);
                    errors[labels[row]] -= 1.0;
                    for (gradient, error) in gradient.iter_mut().zip(errors) {
                        let error = error / batch.len() as f32;
                        let (bias, gradient) = gradient.split_last_mut().expect("there is a bias");
                        gradient.iter_mut().zip(&features[row]).for_each(|(sum, value)| *sum += error * value);
                        *bias += error;
                    }
                }
                // Long features make long steps: their number keeps the step's length.
                let rate = RATE / (width as f32).sqrt() * (1.0 + (std::f32::consts::PI * step / steps).cos());
                step += 1.0;
                for ((weights, velocity), gradient) in model.weights.iter_mut().zip(&mut velocity).zip(&gradient) {
                    for ((weight, velocity), gradient) in weights.iter_mut().zip(velocity).zip(gradient) {
                        *velocity = MOMENTUM * *velocity - rate * (gradient + DECAY * *weight);
                        *weight += *velocity;
                    }
                }
            }
        }
        model
    }

    /// In single precision, unlike the softmax of what a bundle says: this is the innermost step of the fit, and nothing that it
    /// gives is published as a model's probability.
    fn probabilities(&self, row: &[f32]) -> Vec<f32> {
        let mut values: Vec<f32> = self
            .weights
            .iter()
            .map(|weights| {
                let (bias, weights) = weights.split_last().expect("there is a bias");
                bias + weights.iter().zip(row).map(|(weight, value)| weight * value).sum::<f32>()
            })
            .collect();
        let top = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        values.iter_mut().for_each(|value| *value = (*value - top).exp());
        let sum: f32 = values.iter().sum();
        values.iter_mut().for_each(|value| *value /= sum);
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_divides_is_told_apart_without_being_seen() {
        let features: Vec<Vec<f32>> = (0..600).map(|i| vec![(i * 37 % 101) as f32, (i * 53 % 97) as f32, 5.0]).collect();
        let labels: Vec<usize> = features.iter().map(|row| usize::from(row[0] + 0.5 * row[1] > 75.0)).collect();
        let folds: Vec<usize> = (0..600).map(|i| i % 5).collect();
        let found = cross_validated(features, &labels, 2, &folds, 5);
        let right = found.iter().zip(&labels).filter(|(row, label)| row[**label] > 0.5).count();
        assert!(right > 570, "{right} of 600");
        assert!(found.iter().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }
}
