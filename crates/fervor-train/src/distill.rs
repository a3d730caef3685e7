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

mod fixed;

pub use fixed::{FixedChips, Variant};

/// Pictures that go through a teacher together.
const GROUP: usize = 256;

/// Trained bundles and how they are asked.
pub struct Teachers {
    teachers: Vec<Teacher>,
    temperature: f64,
    classes: usize,
    /// The student's heads.
    heads: &'static [&'static str],
    /// What they say of each unchanged training picture, for each head `[examples, classes]`; `None`: they are asked batch by batch.
    plain: Option<Answers>,
    /// What they say of each training picture's fixed chips, once they have been asked.
    fixed: Option<fixed::FixedAnswers>,
}

/// For each head of the student, softened probabilities of each chip, `[chips, classes]`; `None` for one that no teacher knows of.
type Answers = Vec<Option<Vec<f32>>>;

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
    pub fn open(
        recipe: &DistillRecipe,
        examples: &Examples,
        labels: &LabelSet,
        preprocess: &Preprocess,
        heads: &'static [&'static str],
    ) -> Result<Self> {
        let known = recipe.sha256.iter().map(Some).chain(std::iter::repeat(None));
        let teachers = recipe.teachers.iter().zip(known).map(|(name, sha256)| {
            let teacher = Teacher::open(name, sha256, labels)?;
            let theirs = &teacher.bundle.card().preprocess;
            if recipe.chips != DistillChips::Plain && theirs.plain() != preprocess.plain() {
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
            heads,
            plain: None,
            fixed: None,
        };
        if recipe.chips == DistillChips::Plain {
            teachers.plain = Some(teachers.ask_all(examples)?);
        }
        Ok(teachers)
    }

    /// What the teachers say of the chips of a batch for each head of the student: their softened probabilities, averaged,
    /// `[chips, classes]`. `augmented` are the chips as the student sees them but for the last step of its preprocessing,
    /// `shown` the examples that they are made of, and as which of their fixed chips.
    ///
    /// # Errors
    /// `Model`: a teacher fails.
    pub fn answers(&self, shown: &[(usize, Variant)], augmented: &[Chip]) -> Result<Answers> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.of(shown.iter().copied()));
        }
        let Some(plain) = &self.plain else { return self.asked(augmented) };
        let row = |all: &Vec<f32>, place: usize| all[place * self.classes..(place + 1) * self.classes].to_vec();
        let picked = |all: &Vec<f32>| shown.iter().flat_map(|(place, _)| row(all, *place)).collect();
        Ok(plain.iter().map(|all| all.as_ref().map(picked)).collect())
    }

    /// What the teachers say of chips before the last step of their preprocessing.
    fn asked(&self, chips: &[Chip]) -> Result<Answers> {
        let mut sums = self.nothing(chips.len());
        for teacher in &self.teachers {
            let preprocess = &teacher.bundle.card().preprocess;
            let chips: Vec<Chip> = chips.iter().map(|chip| preprocess.standardized(chip.clone())).collect();
            self.add(teacher, &chips, 0, &mut sums)?;
        }
        Ok(sums)
    }

    /// Sums to begin with: a row of zeros a chip for each head that a teacher knows of.
    fn nothing(&self, chips: usize) -> Answers {
        let heads = 0..self.heads.len().max(1);
        heads.map(|head| (self.who_know(head) > 0).then(|| vec![0.0; chips * self.classes])).collect()
    }

    /// How many teachers can speak for a head.
    fn who_know(&self, head: usize) -> usize {
        self.teachers.iter().filter(|teacher| teacher.place_of(self.heads, head).is_some()).count()
    }

    /// Whether they are asked about the chips that the student sees, mixed ones too, whenever it sees them.
    pub fn see_augmented(&self) -> bool {
        self.plain.is_none() && self.fixed.is_none()
    }

    fn ask_all(&self, examples: &Examples) -> Result<Answers> {
        let places: Vec<usize> = (0..examples.len()).collect();
        let mut all = self.nothing(places.len());
        for teacher in &self.teachers {
            let preprocess = &teacher.bundle.card().preprocess;
            for places in places.chunks(GROUP) {
                let chips = places.par_iter().map(|&place| {
                    let picture = examples.picture(place)?;
                    Ok(preprocess.whole(&picture))
                });
                self.add(teacher, &chips.collect::<Result<Vec<_>>>()?, places[0], &mut all)?;
            }
        }
        Ok(all)
    }

    /// Adds one teacher's share of the means, from row `first` on.
    fn add(&self, teacher: &Teacher, chips: &[Chip], first: usize, sums: &mut Answers) -> Result<()> {
        let answers = teacher.bundle.head_logits(chips)?;
        let theirs = teacher.bundle.card().labels.len();
        for (head, rows) in sums.iter_mut().enumerate() {
            let (Some(rows), Some(place)) = (rows, teacher.place_of(self.heads, head)) else { continue };
            let share = 1.0 / self.who_know(head) as f64;
            for (logits, row) in answers.iter().zip(rows.chunks_exact_mut(self.classes).skip(first)) {
                let logits: Vec<f32> = teacher.columns.iter().map(|column| logits[place * theirs + column]).collect();
                row.iter_mut().zip(softmax(&logits, self.temperature)).for_each(|(value, p)| *value += (share * p) as f32);
            }
        }
        Ok(())
    }
}

impl Teacher {
    /// Which of its heads speaks for the student's head `head`. A teacher with one answer speaks for the labels.
    fn place_of(&self, heads: &[&str], head: usize) -> Option<usize> {
        let theirs = &self.bundle.card().heads;
        if theirs.is_empty() {
            return (head == 0).then_some(0);
        }
        let name = heads.get(head).copied().unwrap_or("labels");
        theirs.iter().position(|their| their.name == name)
    }

    fn open(name: &str, sha256: Option<&String>, labels: &LabelSet) -> Result<Self> {
        let bundle = Bundle::find(name).map_err(|e| e.context("a teacher"))?;
        if sha256.is_some_and(|sha256| !bundle.has_sha256(sha256)) {
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
