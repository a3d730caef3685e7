//! Cross-validation: one data set K times, each time with another part for validation.

use super::split::{Place, beside_test, check_parts, deal, samples_of};
use super::{Dataset, Split};
use fervor::error::{Error, Reason, Result};

impl Dataset {
    /// The data set `folds` times: in the first, the first fold is validation and the others train, and so on. Folds are drawn class
    /// by class, and groups that have to stay together (exact duplicates always, `together` beside them) stand in one fold.
    /// `parts` are the shares of training, validation and test, of which only the last counts here: the test part is drawn first and is
    /// the same in all. Where the data has its own test part, or the share is 0, none is drawn: the data's own stays, whatever the share
    /// is, and copies of its pictures are in no split.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): fewer than 2 folds or more than 100, or a part above 1,000,000. [`Data`](fervor::ErrorKind::Data): too few samples.
    ///
    /// # Panics
    /// If an index of `together` has no sample.
    pub fn folds(&self, folds: u32, parts: [u32; 3], seed: u64, together: &[Vec<usize>]) -> Result<Vec<Dataset>> {
        if !(2..=100).contains(&folds) {
            return Err(Error::input(format!("folds must be 2..=100, got {folds}")));
        }
        check_parts(&parts)?;
        let [train, validation, test] = parts;
        let places = beside_test(self, together);
        let draws_test = test > 0 && !places.contains(&Place::Test);
        // Shares in whole numbers: each fold (train + validation) / folds, test as it is.
        let mut shares = vec![train + validation; folds as usize];
        if draws_test {
            shares.push(test * folds);
        }
        let dealt = deal(self, &shares, seed, together, |index| places[index] == Place::Drawn);
        if let Some(empty) = (0..shares.len()).find(|&part| !dealt.contains(&Some(part))) {
            let part = if empty < folds as usize { format!("fold {}", empty + 1) } else { "test".to_owned() };
            let drawn = samples_of(dealt.iter().flatten().count());
            return Err(Error::data(format!("nothing is left for {part} of {drawn}"))
                .because(Reason::Empty)
                .with_hint(format!("ask for fewer folds than {folds}, or add pictures")));
        }
        let sets = (0..folds as usize).map(|fold| {
            let mut set = self.clone();
            for (index, part) in dealt.iter().enumerate() {
                let split = match part {
                    None if places[index] == Place::Test => Some(Split::Test),
                    None => None,
                    Some(part) if *part == fold => Some(Split::Validation),
                    Some(part) if *part == folds as usize => Some(Split::Test),
                    Some(_) => Some(Split::Train),
                };
                set.set_split(index, split);
            }
            set
        });
        Ok(sets.collect())
    }
}
