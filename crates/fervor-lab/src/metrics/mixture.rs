//! How several classifiers become one: weights of their log-probabilities and a bias for each class.

use fervor::prediction::{log_softmax, softmax};

/// Strength of the ridge on the biases: as if each came from a normal distribution around 0 with a deviation of 0.7.
const RIDGE_OF_BIASES: f64 = 1.0;
/// Strength of the ridge that draws the weights to equal ones: enough to choose where the classifiers say the same.
const RIDGE_OF_WEIGHTS: f64 = 0.01;
/// Newton's steps; ten are usual.
const STEPS: usize = 100;
/// A step that lowers the loss of a row by less than this was the last one.
const ENOUGH: f64 = 1e-10;

/// The sum of several classifiers' log-probabilities that fits best. [`fit_mixture`] makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// Of each classifier: 0 or more, with the sum 1.
    pub weights: Vec<f64>,
    /// What is added to each class; their mean over the classes that the rows show is 0.
    pub biases: Vec<f64>,
}

/// Fits `sum over classifiers of weight * log softmax(logits) + biases` by multinomial logistic regression: the weighted log loss
/// to the shares is least, with a ridge on the biases. It is convex, so the answer is the only one.
///
/// `logits` are those of all `classifiers`, one behind the other, `[rows][classifiers * classes]`; `shares` what is right,
/// `[rows][classes]`; `counts` how much each row counts. A class without a share has the mean of the others' biases, which is 0:
/// rows that never show it say nothing about how often it comes elsewhere. A classifier that would count less than nothing is left out.
///
/// # Panics
/// If the lists are empty or of different lengths.
pub fn fit_mixture(classifiers: usize, logits: &[Vec<f32>], shares: &[Vec<f32>], counts: &[f64]) -> Mixture {
    let classes = logits[0].len() / classifiers;
    let shown: Vec<usize> = (0..classes).filter(|class| shares.iter().any(|row| row[*class] > 0.0)).collect();
    let mut active: Vec<usize> = (0..classifiers).collect();
    loop {
        let problem = Problem::new(&active, &shown, classes, logits, shares, counts);
        let solution = problem.solved();
        let (weights, biases) = solution.split_at(active.len());
        let least = (0..active.len()).min_by(|a, b| weights[*a].total_cmp(&weights[*b])).expect("there is a classifier");
        if weights[least] < 0.0 && active.len() > 1 {
            active.remove(least);
            continue;
        }
        let sum = weights.iter().sum::<f64>().max(1e-6);
        let mean = biases.iter().sum::<f64>() / biases.len() as f64;
        let mut mixture = Mixture { weights: vec![0.0; classifiers], biases: vec![0.0; classes] };
        active.iter().zip(weights).for_each(|(place, weight)| mixture.weights[*place] = weight.max(0.0) / sum);
        shown.iter().zip(biases).for_each(|(class, bias)| mixture.biases[*class] = (bias - mean) / sum);
        return mixture;
    }
}

/// A logistic regression whose logits are linear in a few numbers: `logits[row][class] = sum of features[row][class] * numbers`.
struct Problem<'a> {
    /// `[rows][classes][numbers]`.
    features: Vec<Vec<Vec<f64>>>,
    shares: &'a [Vec<f32>],
    counts: &'a [f64],
    /// Where the ridge draws each number, and how strongly.
    ridge: Vec<(f64, f64)>,
}

impl<'a> Problem<'a> {
    fn new(
        active: &[usize],
        shown: &[usize],
        classes: usize,
        logits: &[Vec<f32>],
        shares: &'a [Vec<f32>],
        counts: &'a [f64],
    ) -> Self {
        let bias = |class: usize, of: usize| match shown.contains(&class) {
            true => f64::from(u8::from(class == of)),
            false => 1.0 / shown.len() as f64,
        };
        let features = logits.iter().map(|row| {
            let logs: Vec<Vec<f64>> =
                active.iter().map(|place| log_softmax(&row[place * classes..(place + 1) * classes], 1.0)).collect();
            let of_class = |class: usize| -> Vec<f64> {
                logs.iter().map(|logs| logs[class]).chain(shown.iter().map(|of| bias(class, *of))).collect()
            };
            (0..classes).map(of_class).collect()
        });
        let equal = (1.0 / active.len() as f64, RIDGE_OF_WEIGHTS);
        let ridge = [vec![equal; active.len()], vec![(0.0, RIDGE_OF_BIASES); shown.len()]].concat();
        Self { features: features.collect(), shares, counts, ridge }
    }

    /// Newton's method, each step halved until it helps.
    fn solved(&self) -> Vec<f64> {
        let mut numbers: Vec<f64> = self.ridge.iter().map(|(wanted, _)| *wanted).collect();
        let mut loss = self.loss(&numbers);
        for _ in 0..STEPS {
            let (gradient, curvature) = self.slope(&numbers);
            let step = solve(curvature, gradient);
            let better = (0..30).find_map(|halvings| {
                let length = 0.5f64.powi(halvings);
                let tried: Vec<f64> = numbers.iter().zip(&step).map(|(number, step)| number - length * step).collect();
                let of_tried = self.loss(&tried);
                (of_tried < loss).then_some((tried, of_tried))
            });
            let Some((tried, of_tried)) = better else { break };
            let gained = loss - of_tried;
            (numbers, loss) = (tried, of_tried);
            if gained < ENOUGH * self.features.len() as f64 {
                break;
            }
        }
        numbers
    }

    fn logits(&self, row: usize, numbers: &[f64]) -> Vec<f32> {
        let of_class =
            |features: &Vec<f64>| features.iter().zip(numbers).map(|(feature, number)| feature * number).sum::<f64>() as f32;
        self.features[row].iter().map(of_class).collect()
    }

    fn loss(&self, numbers: &[f64]) -> f64 {
        let ridge: f64 =
            self.ridge.iter().zip(numbers).map(|((wanted, strength), number)| strength * (number - wanted).powi(2)).sum();
        let of_row = |row: usize| -> f64 {
            let logs = log_softmax(&self.logits(row, numbers), 1.0);
            self.counts[row] * self.shares[row].iter().zip(logs).map(|(share, log)| -f64::from(*share) * log).sum::<f64>()
        };
        ridge + (0..self.features.len()).map(of_row).sum::<f64>()
    }

    /// Gradient and Hessian.
    fn slope(&self, numbers: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let n = numbers.len();
        let mut gradient: Vec<f64> =
            self.ridge.iter().zip(numbers).map(|((wanted, strength), number)| 2.0 * strength * (number - wanted)).collect();
        let mut curvature = vec![vec![0.0; n]; n];
        for (place, (_, strength)) in self.ridge.iter().enumerate() {
            curvature[place][place] = 2.0 * strength;
        }
        for (row, features) in self.features.iter().enumerate() {
            let said = softmax(&self.logits(row, numbers), 1.0);
            let count = self.counts[row];
            let all: f64 = self.shares[row].iter().map(|share| f64::from(*share)).sum();
            let mut mean = vec![0.0; n];
            for (features, said) in features.iter().zip(&said) {
                mean.iter_mut().zip(features).for_each(|(mean, feature)| *mean += said * feature);
            }
            for ((features, said), share) in features.iter().zip(&said).zip(&self.shares[row]) {
                let missed = count * (all * said - f64::from(*share));
                for a in 0..n {
                    gradient[a] += missed * features[a];
                    let off = count * all * said * (features[a] - mean[a]);
                    (0..n).for_each(|b| curvature[a][b] += off * (features[b] - mean[b]));
                }
            }
        }
        (gradient, curvature)
    }
}

/// The `x` of `matrix * x = right` for a symmetric, positive matrix, by Gauss's elimination.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for pivot in 0..n {
        let above = matrix[pivot].clone();
        for below in pivot + 1..n {
            let factor = matrix[below][pivot] / above[pivot];
            matrix[below].iter_mut().zip(&above).for_each(|(number, above)| *number -= factor * above);
            right[below] -= factor * right[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of three classes and two classifiers: the first says the same of everything, the second what is true in four of
    /// five rows, and `off` too much of the last class.
    fn rows(off: f32, classes: usize) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        let of_row = |row: usize| {
            let truth = row % classes;
            let said = if row.is_multiple_of(5) { (truth + 1 + row / 5 % 2) % classes } else { truth };
            let mut logits = vec![1.0, 0.0, 0.0, 0.0, 0.0, off];
            logits[3 + said] += 2.0;
            let mut share = vec![0.0; 3];
            share[truth] = 1.0;
            (logits, share)
        };
        (0..900).map(of_row).unzip()
    }

    fn even(rows: usize) -> Vec<f64> {
        vec![1.0; rows]
    }

    #[test]
    fn what_says_nothing_counts_nothing_and_what_is_too_high_is_lowered() {
        let (logits, shares) = rows(1.5, 3);
        let found = fit_mixture(2, &logits, &shares, &even(900));
        // The first's log-probabilities are constant: only its ridge gives it a weight; the biases make up for it.
        let answer = |class: usize| found.biases[class] + found.weights[0] * log_softmax(&logits[0][..3], 1.0)[class];
        assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{found:?}");
        let last = answer(2) - (answer(0) + answer(1)) / 2.0;
        assert!((last + 1.5 * found.weights[1]).abs() < 0.1, "{found:?}, {last}");
        assert!(found.biases.iter().sum::<f64>().abs() < 1e-9);
    }

    #[test]
    fn a_class_that_never_comes_keeps_its_place_among_the_others() {
        let (logits, shares) = rows(0.0, 2);
        assert_eq!(fit_mixture(2, &logits, &shares, &even(900)).biases[2], 0.0);
    }

    #[test]
    fn rows_that_count_more_move_the_answer_to_their_class() {
        let (logits, shares) = rows(0.0, 3);
        let counts: Vec<f64> = shares.iter().map(|share| if share[1] > 0.0 { 3.0 } else { 1.0 }).collect();
        let [plain, weighed] = [even(900), counts].map(|counts| fit_mixture(2, &logits, &shares, &counts).biases);
        assert!(weighed[1] > plain[1] + 0.3, "{plain:?} {weighed:?}");
    }

    #[test]
    fn a_classifier_that_is_always_wrong_is_left_out() {
        let (logits, shares) = rows(0.0, 3);
        let logits: Vec<Vec<f32>> = logits
            .iter()
            .map(|row| {
                let wrong = row[3..].iter().map(|logit| -logit);
                wrong.chain(row[3..].iter().enumerate().map(|(class, logit)| logit + class as f32 / 10.0)).collect()
            })
            .collect();
        let found = fit_mixture(2, &logits, &shares, &even(900));
        assert_eq!(found.weights, [0.0, 1.0], "{found:?}");
    }

    #[test]
    fn gradient_and_curvature_are_those_of_the_loss() {
        let (logits, shares) = rows(0.7, 3);
        let counts: Vec<f64> = (0..900).map(|row| 0.5 + f64::from(row % 4)).collect();
        let problem = Problem::new(&[0, 1], &[0, 1, 2], 3, &logits, &shares, &counts);
        let at = [0.4, 0.9, 0.1, -0.3, 0.2];
        let (gradient, curvature) = problem.slope(&at);
        let moved = |place: usize, by: f64| {
            let mut at = at;
            at[place] += by;
            at
        };
        for place in 0..5 {
            let step = 1e-3;
            let [more, less] = [step, -step].map(|by| problem.loss(&moved(place, by)));
            assert!((gradient[place] - (more - less) / (2.0 * step)).abs() < 0.05 * (1.0 + gradient[place].abs()));
            let [more, less] = [step, -step].map(|by| problem.slope(&moved(place, by)).0);
            for other in 0..5 {
                let numeric = (more[other] - less[other]) / (2.0 * step);
                assert!((curvature[place][other] - numeric).abs() < 0.05 * (1.0 + numeric.abs()), "{place} {other}");
            }
        }
    }
}
