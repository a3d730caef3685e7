//! What teachers say of a fixed number of changed chips of each picture: asked once, stored, and read in every epoch.
//!
//! A teacher that sees the student's own chips teaches best (Beyer et al. 2022) and costs its multiply-adds a picture and an
//! epoch. Of K changed chips a picture it costs that K times altogether, whatever the number of epochs and of students; the
//! student sees them in turn, mirrored in every second round where the recipe mirrors.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use fervor::{Chip, Error, Result, hash};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde_json::json;

use super::{Answers, Teachers};
use crate::augment::augment;
use crate::examples::Examples;
use crate::recipe::{AugmentRecipe, DistillChips, Recipe};
use crate::seeds::{Purpose, generator};

/// Pictures whose answers are written together.
const GROUP: usize = 128;

/// The least and most that a row of bytes can add up to: each of some classes is rounded by half at most.
const ROUNDING: usize = 128;

/// Which of a picture's fixed chips somebody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Of the `distill.augmentations` ones.
    pub number: usize,
    /// Seen in a mirror.
    pub mirrored: bool,
}

/// The rule by which each picture's fixed chips are made and shown.
#[derive(Clone, Debug)]
pub struct FixedChips {
    augmentations: usize,
    flip: bool,
    seed: u64,
}

impl FixedChips {
    /// The recipe's rule, where its teachers are asked about fixed chips.
    pub fn of(recipe: &Recipe) -> Option<Self> {
        let distill = recipe.distill.as_ref().filter(|distill| distill.chips == DistillChips::Fixed)?;
        Some(Self { augmentations: distill.augmentations, flip: recipe.augment.flip, seed: recipe.seed })
    }

    /// What is seen of the example `place` in an epoch: all chips in turn, each picture beginning with another.
    pub fn variant(&self, place: usize, epoch: usize) -> Variant {
        let turn = place + epoch;
        let mirrored = self.flip && turn / self.augmentations % 2 == 1;
        Variant { number: turn % self.augmentations, mirrored }
    }

    /// What the chip of a variant is drawn from.
    fn generator(&self, place: usize, number: usize) -> ChaCha8Rng {
        generator(self.seed, (number as u64) << 32 | place as u64, Purpose::Augment)
    }

    /// A variant of the chip of the example `place`.
    pub fn chip(&self, recipe: &AugmentRecipe, chip: Chip, place: usize, variant: Variant) -> Chip {
        let chip = augment(recipe, chip, &mut self.generator(place, variant.number));
        if variant.mirrored { chip.mirrored() } else { chip }
    }
}

/// Answers of one byte a class, a row for each example, augmentation and head that a teacher knows of.
pub struct FixedAnswers {
    rows: Vec<u8>,
    shape: Shape,
}

#[derive(Clone, Debug)]
struct Shape {
    augmentations: usize,
    /// Whether a teacher knows of each head of the student.
    known: Vec<bool>,
    classes: usize,
}

impl Shape {
    /// Bytes of one example.
    fn example(&self) -> usize {
        self.augmentations * self.heads() * self.classes
    }

    fn heads(&self) -> usize {
        self.known.iter().filter(|known| **known).count()
    }

    /// Whether the bytes can be rows: each adds up to about 255. What a broken disk leaves often does not.
    fn is_whole(&self, rows: &[u8]) -> bool {
        rows.chunks_exact(self.classes).all(|row| {
            let sum: usize = row.iter().map(|&value| usize::from(value)).sum();
            sum.abs_diff(255) <= self.classes.div_ceil(2).min(ROUNDING)
        })
    }
}

impl FixedAnswers {
    /// What the teachers say of the shown chips, for each head of the student: `[shown, classes]`, each row sums to 1.
    pub fn of(&self, shown: impl Iterator<Item = (usize, Variant)> + Clone) -> Answers {
        let Shape { known, classes, .. } = &self.shape;
        let mut stored = 0..;
        let heads = known.iter().map(|known| known.then(|| stored.next().unwrap_or_default()));
        heads
            .map(|head| {
                let head = head?;
                Some(shown.clone().flat_map(|(place, variant)| self.row(place, variant.number, head, *classes)).collect())
            })
            .collect()
    }

    fn row(&self, place: usize, number: usize, head: usize, classes: usize) -> Vec<f32> {
        let first = place * self.shape.example() + (number * self.shape.heads() + head) * classes;
        let row = &self.rows[first..first + classes];
        let sum: f32 = row.iter().map(|&value| f32::from(value)).sum();
        row.iter().map(|&value| f32::from(value) / sum).collect()
    }
}

/// How far the teachers have been asked.
pub type Asked<'a> = &'a mut (dyn FnMut(usize, usize) + Send);

impl Teachers {
    /// Asks the teachers about the recipe's fixed chips and stores what they say in `file`, or reads what an earlier call with
    /// the same teachers, pictures (of the data set with this manifest) and changes has stored there; what is left of one that was interrupted goes on. `asked` is
    /// told how many of how many pictures are done. `false`: `stop` was set before all were.
    ///
    /// # Errors
    /// `Model`: a teacher fails. `Data`: a picture can no longer be read. `Output`: the file cannot be written.
    pub fn ask_fixed(
        &mut self,
        recipe: &Recipe,
        (examples, manifest_sha256): (&Examples, &str),
        file: &Path,
        stop: &AtomicBool,
        asked: Asked,
    ) -> Result<bool> {
        let Some(chips) = FixedChips::of(recipe) else { return Ok(true) };
        let heads = 0..self.heads.len().max(1);
        let known = heads.map(|head| self.who_know(head) > 0).collect();
        let shape = Shape { augmentations: chips.augmentations, known, classes: self.classes };
        let key = self.key(recipe, &shape, (examples, manifest_sha256));
        let mut rows = stored(file, &key, &shape, examples.len());
        let unwritable = |e| Error::output(format!("cannot write the teachers' answers {}", file.display())).with_source(e);
        let mut writer = BufWriter::new(begun(file, &key, rows.len()).map_err(unwritable)?);
        let mut first = rows.len() / shape.example();
        while first < examples.len() {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let last = (first + GROUP).min(examples.len());
            let group = (first..last).into_par_iter().chunks(GROUP / 8).map(|places| {
                let answers = self.about(recipe, &chips, examples, &places)?;
                Ok(bytes(&answers, &shape))
            });
            for bytes in group.collect::<Result<Vec<_>>>()? {
                writer.write_all(&bytes).map_err(unwritable)?;
                rows.extend(bytes);
            }
            writer.flush().map_err(unwritable)?;
            first = last;
            asked(first, examples.len());
        }
        self.fixed = Some(FixedAnswers { rows, shape });
        Ok(true)
    }

    /// What the teachers say of all fixed chips of some pictures; where the recipe mirrors, of the chip and its mirror image.
    fn about(&self, recipe: &Recipe, rule: &FixedChips, examples: &Examples, places: &[usize]) -> Result<Answers> {
        let mut chips = Vec::with_capacity(places.len() * rule.augmentations);
        for &place in places {
            let chip = examples.plain_chip(place)?;
            let variants = (0..rule.augmentations).map(|number| Variant { number, mirrored: false });
            chips.extend(variants.map(|variant| rule.chip(&recipe.augment, chip.clone(), place, variant)));
        }
        let mut answers = self.asked(&chips)?;
        if rule.flip {
            let mirrored: Vec<Chip> = chips.iter().map(Chip::mirrored).collect();
            for (rows, others) in answers.iter_mut().flatten().zip(self.asked(&mirrored)?.iter().flatten()) {
                rows.iter_mut().zip(others).for_each(|(value, other)| *value = 0.5 * (*value + other));
            }
        }
        Ok(answers)
    }

    /// What answers depend on, as one hash.
    fn key(&self, recipe: &Recipe, shape: &Shape, (examples, manifest_sha256): (&Examples, &str)) -> String {
        let teachers: Vec<&str> = self.teachers.iter().map(|teacher| teacher.bundle.sha256()).collect();
        let columns: Vec<&[usize]> = self.teachers.iter().map(|teacher| teacher.columns.as_slice()).collect();
        let all = json!({
            "teachers": teachers, "columns": columns, "temperature": self.temperature, "heads": shape.known,
            "augmentations": shape.augmentations, "augment": recipe.augment, "seed": recipe.seed,
            "preprocess": recipe.preprocess.plain(), "data": manifest_sha256, "pictures": examples.indices(),
        });
        hash::sha256(all.to_string())
    }
}

/// Answers as bytes, the rows of an example side by side: of each augmentation all heads.
fn bytes(answers: &Answers, shape: &Shape) -> Vec<u8> {
    let heads: Vec<&Vec<f32>> = answers.iter().flatten().collect();
    let rows = heads.first().map_or(0, |head| head.len() / shape.classes);
    let row = |row: usize| heads.iter().flat_map(move |head| &head[row * shape.classes..(row + 1) * shape.classes]);
    (0..rows).flat_map(row).map(|value| (value * 255.0).round() as u8).collect()
}

/// The first line of a file of answers.
fn header(key: &str) -> String {
    format!("fervor teachers' answers 1 {key}\n")
}

/// The whole rows of whole pictures that stand in a file of this key; none in another.
fn stored(file: &Path, key: &str, shape: &Shape, pictures: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|mut file| file.read_to_end(&mut bytes));
    let header = header(key);
    if read.is_err() || !bytes.starts_with(header.as_bytes()) {
        return Vec::new();
    }
    let rows = &bytes[header.len()..];
    let whole = rows.chunks_exact(shape.example()).take(pictures).take_while(|rows| shape.is_whole(rows)).count();
    rows[..whole * shape.example()].to_vec()
}

/// The file with `rows` bytes of answers in it, to be written behind them.
fn begun(path: &Path, key: &str, rows: usize) -> std::io::Result<File> {
    let header = header(key);
    if rows == 0 {
        fs::write(path, &header)?;
    }
    let file = OpenOptions::new().append(true).open(path)?;
    file.set_len((header.len() + rows) as u64)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(flip: bool) -> FixedChips {
        FixedChips { augmentations: 4, flip, seed: 1 }
    }

    #[test]
    fn every_picture_shows_each_of_its_chips_in_turn_and_then_their_mirror_images() {
        let seen: Vec<Variant> = (0..8).map(|epoch| rule(true).variant(0, epoch)).collect();
        let expected = (0..8).map(|turn| Variant { number: turn % 4, mirrored: turn >= 4 });
        assert_eq!(seen, expected.collect::<Vec<_>>());
        assert!((0..8).all(|epoch| !rule(false).variant(3, epoch).mirrored));
        let numbers: Vec<usize> = (0..4).map(|place| rule(true).variant(place, 5).number).collect();
        assert_eq!(numbers, [1, 2, 3, 0], "pictures of one epoch are at different chips");
    }

    #[test]
    fn stored_answers_are_found_by_place_number_and_head() {
        let shape = Shape { augmentations: 2, known: vec![true, false, true], classes: 3 };
        let head = |first: f32| Some((0..4).flat_map(|row| [first, 1.0 - first - row as f32 * 0.1, row as f32 * 0.1]).collect());
        let answers: Answers = vec![head(0.2), None, head(0.4)];
        let rows = bytes(&answers, &shape);
        assert_eq!(rows.len(), 2 * shape.example());
        assert!(shape.is_whole(&rows));
        let fixed = FixedAnswers { rows, shape };
        let shown = [(1, Variant { number: 1, mirrored: true }), (0, Variant { number: 0, mirrored: false })];
        let told = fixed.of(shown.into_iter());
        assert!(told[1].is_none());
        for (head, first) in [(0, 0.2), (2, 0.4)] {
            let expected = [first, 0.7 - first, 0.3, first, 1.0 - first, 0.0];
            let told = told[head].as_ref().unwrap();
            assert!(told.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.005), "{told:?} {expected:?}");
        }
    }

    #[test]
    fn a_torn_or_damaged_end_is_asked_again_and_another_key_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers");
        let shape = Shape { augmentations: 1, known: vec![true], classes: 3 };
        let rows = [200, 50, 5, 100, 100, 55];
        let mut writer = begun(&file, "key", 0).unwrap();
        writer.write_all(&rows).unwrap();
        writer.write_all(&[7, 8]).unwrap();
        assert_eq!(stored(&file, "key", &shape, 9), rows, "a torn row at the end does not count");
        assert_eq!(stored(&file, "key", &shape, 1), rows[..3]);
        assert!(stored(&file, "other", &shape, 9).is_empty());
        drop(begun(&file, "key", 3).unwrap());
        assert_eq!(stored(&file, "key", &shape, 9), rows[..3]);
        begun(&file, "key", 3).unwrap().write_all(&[0, 0, 0]).unwrap();
        assert_eq!(stored(&file, "key", &shape, 9), rows[..3], "zeros that a crash leaves are no answers");
    }
}
