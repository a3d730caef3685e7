//! Knowledge distillation: bundles that are already trained tell the new network how likely they hold each class.
//!
//! Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015: the loss gains
//! `T² * cross-entropy(mean over teachers of softmax(teacher / T), softmax(student / T))`; here the two terms share the
//! weight: `(1 - weight) * labels + weight * teachers`.

use fervor::prediction::softmax;
use fervor::{Bundle, Chip, Error, LabelSet, Preprocess, Reason, Result};
use rayon::prelude::*;

use crate::examples::Examples;
use crate::recipe::{DistillChips, DistillRecipe};
use crate::source::open_bundle;

/// Pictures that go through a teacher together.
const GROUP: usize = 256;

/// Trained bundles and how they are asked.
pub struct Teachers {
    teachers: Vec<Teacher>,
    temperature: f64,
    classes: usize,
    /// What they say of each unchanged training picture, `[examples, classes]`; `None`: they are asked batch by batch.
    plain: Option<Vec<f32>>,
}

struct Teacher {
    bundle: Bundle,
    /// Where each class of the student stands among the teacher's.
    columns: Vec<usize>,
}

impl Teachers {
    /// Loads the teachers; for `chips = "plain"` asks them about all training pictures at once.
    ///
    /// # Errors
    /// `Input`: no such bundle, another one than when the recipe was resolved, one that lacks a class, or, asked about
    /// augmented chips, one that takes others. `Model`: it fails. `Data`: a picture can no longer be read.
    pub fn open(recipe: &DistillRecipe, examples: &Examples, labels: &LabelSet, preprocess: &Preprocess) -> Result<Self> {
        let known = recipe.sha256.iter().map(Some).chain(std::iter::repeat(None));
        let teachers = recipe.teachers.iter().zip(known).map(|(name, sha256)| {
            let teacher = Teacher::open(name, sha256, labels)?;
            let theirs = &teacher.bundle.card().preprocess;
            if recipe.chips == DistillChips::Augmented && theirs != preprocess {
                return Err(Error::input(format!("the teacher {name} takes other chips than the recipe's: {theirs:?}"))
                    .because(Reason::Mismatch)
                    .with_hint("ask it about the unchanged pictures: distill.chips = \"plain\""));
            }
            Ok(teacher)
        });
        let mut teachers = Self {
            teachers: teachers.collect::<Result<_>>()?,
            temperature: recipe.temperature,
            classes: labels.len(),
            plain: None,
        };
        if recipe.chips == DistillChips::Plain {
            teachers.plain = Some(teachers.ask_all(examples)?);
        }
        Ok(teachers)
    }

    /// What the teachers say of the chips of a batch: their softened probabilities, averaged, `[chips, classes]`.
    /// `augmented` are the chips as the student sees them, `places` the examples that they are made of.
    ///
    /// # Errors
    /// `Model`: a teacher fails.
    pub fn answers(&self, places: &[usize], augmented: &[Chip]) -> Result<Vec<f32>> {
        match &self.plain {
            Some(plain) => {
                let row = |place: &usize| &plain[place * self.classes..(place + 1) * self.classes];
                Ok(places.iter().flat_map(row).copied().collect())
            }
            None => {
                let mut mean = vec![0.0; augmented.len() * self.classes];
                for teacher in &self.teachers {
                    self.add(teacher, augmented, &mut mean)?;
                }
                Ok(mean)
            }
        }
    }

    /// Whether they are asked about the chips that the student sees, mixed ones too.
    pub fn see_augmented(&self) -> bool {
        self.plain.is_none()
    }

    fn ask_all(&self, examples: &Examples) -> Result<Vec<f32>> {
        let places: Vec<usize> = (0..examples.len()).collect();
        let mut all = vec![0.0; places.len() * self.classes];
        for teacher in &self.teachers {
            let preprocess = &teacher.bundle.card().preprocess;
            for (places, rows) in places.chunks(GROUP).zip(all.chunks_mut(GROUP * self.classes)) {
                let chips = places.par_iter().map(|&place| {
                    let picture = examples.picture(place)?;
                    Ok(preprocess.whole(&picture))
                });
                self.add(teacher, &chips.collect::<Result<Vec<_>>>()?, rows)?;
            }
        }
        Ok(all)
    }

    /// Adds one teacher's share of the mean.
    fn add(&self, teacher: &Teacher, chips: &[Chip], rows: &mut [f32]) -> Result<()> {
        let share = 1.0 / self.teachers.len() as f64;
        for (logits, row) in teacher.bundle.logits(chips)?.iter().zip(rows.chunks_exact_mut(self.classes)) {
            let logits: Vec<f32> = teacher.columns.iter().map(|column| logits[*column]).collect();
            row.iter_mut().zip(softmax(&logits, self.temperature)).for_each(|(value, p)| *value += (share * p) as f32);
        }
        Ok(())
    }
}

impl Teacher {
    fn open(name: &str, sha256: Option<&String>, labels: &LabelSet) -> Result<Self> {
        let (bundle, _) = open_bundle(name).map_err(|e| e.context("a teacher"))?;
        if sha256.is_some_and(|sha256| sha256 != bundle.sha256()) {
            return Err(Error::input(format!("the teacher is not the one that the recipe names: {name} is {}", bundle.sha256()))
                .because(Reason::Changed)
                .with_hint("take distill.sha256 out of the recipe to learn from the present one"));
        }
        let columns = labels.names().iter().map(|label| {
            bundle.card().labels.index_of(label).ok_or_else(|| {
                Error::input(format!("the teacher {name} has no class {label:?}; it has {}", bundle.card().labels))
                    .because(Reason::Mismatch)
                    .with_hint("teachers must know all classes of the student")
            })
        });
        Ok(Self { columns: columns.collect::<Result<_>>()?, bundle })
    }
}
