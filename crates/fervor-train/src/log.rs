//! What a training notes down: sums over the pictures of an epoch, and a line an epoch.

use std::fmt::Write as _;

use fervor::prediction::log_softmax;
use fervor_lab::metrics::{Confusion, argmax};
use serde::{Deserialize, Serialize};

/// One line of `log.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLog {
    /// From 1.
    pub epoch: usize,
    /// Mean cross-entropy with the label, as for validation, over the augmented training pictures as they went by.
    #[serde(with = "exact")]
    pub train_loss: f64,
    /// Share of the same pictures named rightly.
    #[serde(with = "exact")]
    pub train_accuracy: f64,
    /// Mean F1 of the classes over the same pictures.
    #[serde(with = "exact")]
    pub train_macro_f1: f64,
    /// Mean cross-entropy of the epoch's bundle over the validation pictures.
    #[serde(with = "exact")]
    pub val_loss: f64,
    /// Share of the validation pictures that the bundle names rightly.
    #[serde(with = "exact")]
    pub val_accuracy: f64,
    /// Mean F1 of the classes over the validation pictures.
    #[serde(with = "exact")]
    pub val_macro_f1: f64,
    /// The learning rate at the epoch's last step.
    #[serde(with = "exact")]
    pub learning_rate: f64,
    /// Seconds of training and validation together.
    #[serde(with = "exact")]
    pub seconds: f64,
    /// Training pictures a second, without validation.
    #[serde(with = "exact")]
    pub pictures_per_second: f64,
}

impl EpochLog {
    const HEADER: &str = "epoch,train_loss,train_accuracy,train_macro_f1,val_loss,val_accuracy,val_macro_f1,\
                          learning_rate,seconds,pictures_per_second";

    fn line(&self) -> String {
        format!(
            "{},{:.6},{:.6},{:.6},{:.6},{:.6},{:.6},{:.3e},{:.2},{:.1}",
            self.epoch,
            self.train_loss,
            self.train_accuracy,
            self.train_macro_f1,
            self.val_loss,
            self.val_accuracy,
            self.val_macro_f1,
            self.learning_rate,
            self.seconds,
            self.pictures_per_second,
        )
    }
}

/// The text of `log.csv`.
pub fn csv(rows: &[EpochLog]) -> String {
    let mut text = format!("{}\n", EpochLog::HEADER);
    for row in rows {
        let _ = writeln!(text, "{}", row.line());
    }
    text
}

/// Sums over the pictures of an epoch so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    #[serde(with = "exact")]
    pub loss: f64,
    /// `counts[truth][answer]`.
    pub counts: Vec<Vec<u64>>,
}

impl Tally {
    /// Of no pictures.
    pub fn new(classes: usize) -> Self {
        Self { loss: 0.0, counts: vec![vec![0; classes]; classes] }
    }

    /// Adds rows of logits and their labels.
    pub fn add<'a>(&mut self, logits: impl Iterator<Item = &'a [f32]>, labels: &[usize]) {
        for (row, &label) in logits.zip(labels) {
            self.loss -= log_softmax(row, 1.0)[label];
            self.counts[label][argmax(row)] += 1;
        }
    }

    fn pictures(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Named rightly.
    pub fn correct(&self) -> usize {
        (0..self.counts.len()).map(|class| self.counts[class][class]).sum::<u64>() as usize
    }

    /// The class that all pictures are taken for, where they are, and have several themselves.
    pub fn only_answer(&self) -> Option<usize> {
        let answered = |class: usize| self.counts.iter().any(|row| row[class] > 0);
        let mut answers = (0..self.counts.len()).filter(|&class| answered(class));
        let several = self.counts.iter().filter(|row| row.iter().any(|&count| count > 0)).count() > 1;
        answers.next().filter(|_| several && answers.next().is_none())
    }

    /// Mean cross-entropy.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.pictures() as f64
    }

    /// Share named rightly.
    pub fn accuracy(&self) -> f64 {
        self.correct() as f64 / self.pictures() as f64
    }

    /// Mean of the F1 of the classes that have pictures.
    pub fn macro_f1(&self) -> f64 {
        Confusion::from_counts(&self.counts).macro_f1()
    }
}

/// Numbers as text: serde_json reads a number back up to one bit off, and a continued run shall log the very same.
mod exact {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(f64),
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => text.parse().map_err(D::Error::custom),
            Written::Number(value) => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_gives_the_scores_of_its_rows() {
        let mut tally = Tally::new(2);
        let rows = [[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]];
        tally.add(rows.iter().map(<[f32; 2]>::as_slice), &[0, 1, 1]);
        assert_eq!((tally.correct(), tally.accuracy()), (2, 2.0 / 3.0));
        let losses = [(1.0 + (-2f64).exp()).ln(), (1.0 + (-1f64).exp()).ln(), (1.0 + 3f64.exp()).ln()];
        assert!((tally.mean_loss() - losses.iter().sum::<f64>() / 3.0).abs() < 1e-9);
        assert!((tally.macro_f1() - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_network_that_knows_one_answer_only_is_noticed() {
        let only = |counts: [[u64; 2]; 2]| Tally { loss: 0.0, counts: counts.map(Vec::from).into() }.only_answer();
        assert_eq!(only([[0, 3], [0, 5]]), Some(1));
        assert_eq!(only([[0, 3], [1, 4]]), None);
        assert_eq!(only([[0, 0], [0, 5]]), None, "pictures of one class may have one answer");
    }

    #[test]
    fn every_number_reads_back_as_the_very_same() {
        for loss in [0.1 + 0.2, 1.650_259_378_166_950_1, f64::MIN_POSITIVE, 1e300] {
            let tally = Tally { loss, counts: vec![] };
            assert_eq!(serde_json::from_str::<Tally>(&serde_json::to_string(&tally).unwrap()).unwrap(), tally);
        }
    }
}
