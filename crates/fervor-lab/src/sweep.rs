//! One walk over samples of a data set: pictures are read in parallel, go through the network in batches, and each comes to
//! an answer or to a [`Problem`] with its name. Nothing is dropped without a word.
//!
//! Every figure of a bundle on a data set comes through here: evaluation, corrupted pictures, calibration, suspect labels.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::dataset::{Dataset, Problem, Progress};
use fervor::error::Result;
use fervor::picture::Picture;
use fervor::preprocess::Chip;

/// Pictures that are held at a time: decoded together, through the network together, then told.
const GROUP: usize = 512;

/// Pictures done of all that are to be done, through any number of sweeps.
pub struct Steps<'a> {
    done: AtomicUsize,
    all: usize,
    tell: Progress<'a>,
}

impl<'a> Steps<'a> {
    /// `all` pictures are to be done; `tell` hears of (done, all) after each group of them.
    pub fn new(all: usize, tell: Progress<'a>) -> Self {
        Self { done: AtomicUsize::new(0), all, tell }
    }

    fn forward(&self, pictures: usize) {
        (self.tell)(self.done.fetch_add(pictures, Ordering::Relaxed) + pictures, self.all);
    }
}

/// So `many` of the samples, or all where there are fewer: evenly over them, in their order, so that every part of the data has
/// its say.
pub fn evenly(samples: &[usize], many: usize) -> Vec<usize> {
    let chosen = many.min(samples.len());
    (0..chosen).map(|n| samples[n * samples.len() / chosen]).collect()
}

/// The samples to walk over.
pub struct Sweep<'a> {
    /// Where they are.
    pub dataset: &'a Dataset,
    /// Their indices in the data set.
    pub samples: &'a [usize],
    /// Who hears how far it is.
    pub steps: &'a Steps<'a>,
}

/// What the network said of one sample.
pub struct Answer<T> {
    /// The sample's place in [`Sweep::samples`].
    pub place: usize,
    /// The sample's index in the data set.
    pub index: usize,
    /// What was noted down when its picture was at hand.
    pub seen: T,
    /// Logits, or whatever was asked for.
    pub values: Vec<f32>,
}

/// All that came of a sweep.
pub struct Swept<T> {
    /// In the samples' order.
    pub answers: Vec<Answer<T>>,
    /// The samples whose pictures could not be read (any more), or not be made into a chip, in their order.
    pub problems: Vec<Problem>,
}

impl<T> Swept<T> {
    /// The names of the samples without an answer.
    pub fn unreadable(&self) -> Vec<String> {
        self.problems.iter().map(|problem| problem.id.clone()).collect()
    }
}

impl Sweep<'_> {
    /// Reads each sample's picture, lets `view` make a chip of it (or pass it over) and note something down, and asks `network`
    /// about the chips. `view` is called from several threads.
    ///
    /// # Errors
    /// The network's. What is wrong with single pictures is a [`Problem`] instead.
    pub fn run<T: Send>(
        &self,
        view: impl Fn(usize, &Picture) -> Result<Option<(Chip, T)>> + Sync,
        network: impl Fn(&[Chip]) -> Result<Vec<Vec<f32>>>,
    ) -> Result<Swept<T>> {
        let mut swept = Swept { answers: Vec::with_capacity(self.samples.len()), problems: Vec::new() };
        for (number, group) in self.samples.chunks(GROUP).enumerate() {
            let viewed: Vec<Result<Option<(Chip, T)>>> =
                group.par_iter().map(|&index| view(index, &self.dataset.picture(index)?)).collect();
            let (mut rows, mut chips) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
            for (offset, (&index, viewed)) in group.iter().zip(viewed).enumerate() {
                match viewed {
                    Ok(Some((chip, seen))) => {
                        rows.push((number * GROUP + offset, index, seen));
                        chips.push(chip);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let id = self.dataset.samples()[index].id.clone();
                        swept.problems.push(Problem::new(id, error.reason(), error.explained()));
                    }
                }
            }
            let answers = rows.into_iter().zip(network(&chips)?);
            swept.answers.extend(answers.map(|((place, index, seen), values)| Answer { place, index, seen, values }));
            self.steps.forward(group.len());
        }
        Ok(swept)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::dataset::OpenOptions;
    use fervor::error::Error;
    use fervor::preprocess::{Color, Filter, Framing, Preprocess};

    /// A folder of two classes with `each` plain pictures, the first of the grey value 0, the second 1, ...
    fn plain(each: u32) -> (tempfile::TempDir, Dataset) {
        let folder = tempfile::tempdir().unwrap();
        for class in ["happy", "sad"] {
            std::fs::create_dir(folder.path().join(class)).unwrap();
            for n in 0..each {
                let grey = (2 * n + u32::from(class == "sad")) as u8;
                let png = Picture::from_gray(8, 8, &[grey; 64]).unwrap().encode_png().unwrap();
                std::fs::write(folder.path().join(class).join(format!("{n}.png")), png).unwrap();
            }
        }
        let dataset = Dataset::open(folder.path(), &OpenOptions::default()).unwrap();
        (folder, dataset)
    }

    fn mean(chips: &[Chip]) -> Result<Vec<Vec<f32>>> {
        Ok(chips.iter().map(|chip| vec![f32::from(chip.pixels()[0])]).collect())
    }

    #[test]
    fn as_many_samples_as_were_asked_for_lie_evenly_over_all() {
        assert_eq!(evenly(&[3, 5, 7, 9, 11], 3), [3, 5, 9]);
        assert_eq!(evenly(&[3, 5, 7, 9, 11], 4), [3, 5, 7, 9]);
        assert_eq!(evenly(&[3, 5], 2), [3, 5]);
        assert_eq!(evenly(&[3, 5], 9), [3, 5]);
        assert!(evenly(&[], 9).is_empty() && evenly(&[3], 0).is_empty());
        let all: Vec<usize> = (0..190).collect();
        let some = evenly(&all, 150);
        assert_eq!(some.len(), 150);
        assert!(some.windows(2).all(|pair| (1..=2).contains(&(pair[1] - pair[0]))), "{some:?}");
    }

    #[test]
    fn each_sample_has_its_answer_or_a_problem_with_its_name_or_was_passed_over() {
        let (folder, dataset) = plain(4);
        std::fs::remove_file(folder.path().join("happy/1.png")).unwrap();
        let framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
        let preprocess = Preprocess { size: 8, color: Color::Gray, framing, filter: Filter::Bilinear, standardize: None };
        let told = Mutex::new(Vec::new());
        let tell = |done: usize, all: usize| told.lock().unwrap().push((done, all));
        let steps = Steps::new(16, &tell);
        let sweep = Sweep { dataset: &dataset, samples: &[7, 1, 0, 6], steps: &steps };
        let swept = sweep.run(|index, picture| Ok((index != 0).then(|| (preprocess.whole(picture), index * 10))), mean).unwrap();
        let answers: Vec<_> = swept.answers.iter().map(|a| (a.place, a.index, a.seen, a.values[0])).collect();
        assert_eq!(answers, [(0, 7, 70, 7.0), (3, 6, 60, 5.0)]);
        assert_eq!(swept.unreadable(), ["happy/1.png"]);

        let none = sweep.run(|_, _| Err::<Option<(Chip, ())>, _>(Error::input("no chip")), mean).unwrap();
        assert!(none.answers.is_empty() && none.problems.len() == 4 && none.problems[0].message == "no chip");
        assert!(sweep.run(|_, picture| Ok(Some((preprocess.whole(picture), ()))), |_| Err(Error::model("broken"))).is_err());
        assert_eq!(*told.lock().unwrap(), [(4, 16), (8, 16)], "pictures of all sweeps together");
    }
}
