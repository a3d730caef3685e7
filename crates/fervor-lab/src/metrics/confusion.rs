//! The confusion matrix, and the scores that are counted from it.

use serde::{Deserialize, Serialize};

/// How often each class was taken for each: rows are the truth, columns what was predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

/// Precision, recall and F1 of one class against all others, and how many samples it has.
///
/// With no prediction (or no sample) of the class the ratio's denominator is zero, and the value is 0, as scikit-learn's `zero_division=0` has it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// TP / (TP + FP).
    pub precision: f64,
    /// TP / (TP + FN).
    pub recall: f64,
    /// Harmonic mean of both: 2 TP / (2 TP + FP + FN).
    pub f1: f64,
    /// TP + FN: the samples that truly are of this class.
    pub support: u64,
}

impl Confusion {
    /// An empty matrix of `classes` x `classes`.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts pairs of (truth, predicted).
    ///
    /// # Panics
    /// If an index is not below `classes`.
    pub fn from_pairs(classes: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut confusion = Self::new(classes);
        for (truth, predicted) in pairs {
            confusion.add(truth, predicted);
        }
        confusion
    }

    /// A matrix that was counted elsewhere: a row for each true class, a column for each predicted one.
    ///
    /// # Panics
    /// If a row has not as many columns as there are rows.
    pub fn from_counts(rows: &[Vec<u64>]) -> Self {
        assert!(rows.iter().all(|row| row.len() == rows.len()), "a confusion matrix is square, {} rows", rows.len());
        Self { classes: rows.len(), counts: rows.concat() }
    }

    /// Counts one sample.
    ///
    /// # Panics
    /// If an index is not below the number of classes.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        assert!(truth < self.classes && predicted < self.classes, "class {truth} or {predicted} of {}", self.classes);
        self.counts[truth * self.classes + predicted] += 1;
    }

    /// How many classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many samples of class `truth` were taken for `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.classes + predicted]
    }

    /// The rows, one for each true class.
    pub fn rows(&self) -> Vec<Vec<u64>> {
        self.counts.chunks(self.classes.max(1)).map(<[u64]>::to_vec).collect()
    }

    /// All samples.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Samples on the diagonal.
    pub fn correct(&self) -> u64 {
        (0..self.classes).map(|class| self.count(class, class)).sum()
    }

    /// Samples that truly are of `class`.
    pub fn support(&self, class: usize) -> u64 {
        (0..self.classes).map(|predicted| self.count(class, predicted)).sum()
    }

    /// Samples that were predicted to be of `class`.
    pub fn predicted(&self, class: usize) -> u64 {
        (0..self.classes).map(|truth| self.count(truth, class)).sum()
    }

    /// Correct / all; NaN for no samples.
    pub fn accuracy(&self) -> f64 {
        self.correct() as f64 / self.total() as f64
    }

    /// Mean recall of the classes that have samples (Brodersen et al. 2010); NaN for no samples.
    pub fn balanced_accuracy(&self) -> f64 {
        mean(self.present().map(|class| self.class(class).recall))
    }

    /// One class against the others.
    pub fn class(&self, class: usize) -> ClassScores {
        let (hit, support, predicted) = (self.count(class, class), self.support(class), self.predicted(class));
        let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        ClassScores {
            precision: ratio(hit, predicted),
            recall: ratio(hit, support),
            f1: ratio(2 * hit, support + predicted),
            support,
        }
    }

    /// Mean F1 of the classes that have samples (scikit-learn's `average="macro"` with `labels` those of the truth): a class that the data
    /// lacks says nothing of the model, even where the model answers it. NaN for no samples.
    pub fn macro_f1(&self) -> f64 {
        mean(self.present().map(|class| self.class(class).f1))
    }

    /// Mean precision of the classes that have samples.
    pub fn macro_precision(&self) -> f64 {
        mean(self.present().map(|class| self.class(class).precision))
    }

    /// Mean recall of the classes that have samples: the [`balanced accuracy`](Confusion::balanced_accuracy).
    pub fn macro_recall(&self) -> f64 {
        self.balanced_accuracy()
    }

    /// The classes that have samples.
    pub fn present(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.classes).filter(|&class| self.support(class) > 0)
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0u64), |(sum, n), value| (sum + value, n + 1));
    sum / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 cats (2 seen as cats, 1 as a dog), 1 dog (seen), no bird.
    fn pets() -> Confusion {
        Confusion::from_pairs(3, [(0, 0), (0, 0), (0, 1), (1, 1)])
    }

    #[test]
    fn scores_are_those_counted_by_hand() {
        let pets = pets();
        assert_eq!(pets.rows(), [[2, 1, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!(Confusion::from_counts(&pets.rows()), pets);
        assert_eq!(pets.accuracy(), 0.75);
        assert_eq!(pets.balanced_accuracy(), (2.0 / 3.0 + 1.0) / 2.0);
        assert_eq!(pets.class(1), ClassScores { precision: 0.5, recall: 1.0, f1: 2.0 / 3.0, support: 1 });
    }

    #[test]
    fn a_class_without_samples_is_in_no_mean_even_where_it_is_answered() {
        assert_eq!(pets().class(2), ClassScores { precision: 0.0, recall: 0.0, f1: 0.0, support: 0 });
        assert_eq!(pets().macro_f1(), (0.8 + 2.0 / 3.0) / 2.0);
        let mut pets = pets();
        pets.add(1, 2);
        assert_eq!(pets.macro_f1(), (0.8 + 0.5) / 2.0);
        assert_eq!((pets.macro_precision(), pets.macro_recall()), ((1.0 + 0.5) / 2.0, pets.balanced_accuracy()));
    }

    #[test]
    fn no_samples_have_no_accuracy() {
        assert!(Confusion::new(2).accuracy().is_nan());
        assert!(Confusion::new(2).macro_f1().is_nan());
    }
}
