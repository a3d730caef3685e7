//! Cross-validation: one data set K times, each time with another part for validation.

use super::split::deal;
use super::{Dataset, Split};
use crate::error::{Error, Result};

impl Dataset {
    /// The data set `folds` times: in the first, the first fold is validation and the others train, and so on. Folds are drawn class
    /// by class, and groups that have to stay together (exact duplicates always, `together` beside them) stand in one fold.
    /// `parts` are the shares of training, validation and test, of which only the last counts here: the test part is drawn first and is
    /// the same in all; where it is 0, the data's own test part stays.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): fewer than 2 folds or more than 100. [`Data`](crate::ErrorKind::Data): too few samples.
    ///
    /// # Panics
    /// If an index of `together` has no sample.
    pub fn folds(&self, folds: u32, parts: [u32; 3], seed: u64, together: &[Vec<usize>]) -> Result<Vec<Dataset>> {
        if !(2..=100).contains(&folds) {
            return Err(Error::input(format!("folds must be 2..=100, got {folds}")));
        }
        let [train, validation, test] = parts;
        let keeps_test = test == 0;
        // Shares in whole numbers: each fold (train + validation) / folds, test as it is.
        let mut shares = vec![train + validation; folds as usize];
        if !keeps_test {
            shares.push(test * folds);
        }
        let is_drawn = |index: usize| !(keeps_test && self.samples()[index].split == Some(Split::Test));
        let dealt = deal(self, &shares, seed, together, is_drawn);
        if let Some(empty) = (0..shares.len()).find(|&part| !dealt.contains(&Some(part))) {
            return Err(Error::data(format!("nothing is left for part {} of {} samples", empty + 1, self.len())));
        }
        let sets = (0..folds as usize).map(|fold| {
            let mut set = self.clone();
            for (index, part) in dealt.iter().enumerate() {
                let split = match part {
                    None => continue,
                    Some(part) if *part == fold => Split::Validation,
                    Some(part) if *part == folds as usize => Split::Test,
                    Some(_) => Split::Train,
                };
                set.set_split(index, Some(split));
            }
            set
        });
        Ok(sets.collect())
    }
}
