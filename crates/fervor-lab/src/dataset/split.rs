//! Who trains, who chooses, who judges: rules that give each sample its [`Split`], and what came of them.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::duplicates::{groups, members_by_hash};
use super::{Dataset, Pictures, Split};
use crate::sets::Sets;
use fervor::error::{Error, Reason, Remedy, Result};
use fervor::picture::ContentHash;

/// No part of a ratio is larger: products of parts and counts stay far from the end of `i64`.
const LARGEST_PART: u32 = 1_000_000;

/// How samples come to their splits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SplitRule {
    /// The splits stay as the data says.
    AsGiven,
    /// Parts, drawn class by class. Exact duplicates count as one: they stay together, so that no picture is in two splits.
    ///
    /// With a `test` part all samples are drawn anew, whatever the data says. Without one (`90:10`), samples that the data
    /// calls test stay so, and the others are divided; those that show a picture of the test part are in no split.
    ///
    /// The draw depends on nothing but the seed, the pixels and the labels: it is the same on every machine, for files and
    /// for tables, whatever the files are called.
    Ratio {
        /// Shares of the training part.
        train: u32,
        /// Shares of the validation part.
        validation: u32,
        /// Shares of the test part; 0: the data's own stays.
        test: u32,
        /// Another seed, another draw.
        seed: u64,
    },
    /// The rule of Keras' `ImageDataGenerator(validation_split=...)` as it was used on the folder form of FER-2013: within each class,
    /// files sorted by name, the first `int(validation_split * n)` files of `test/` are the validation part, all but
    /// the first `int(validation_split * n)` of `train/` the training part. The files of `train/` that are left over are
    /// in no split; those of `test/` stay test. Where the data has no splits, both parts are cut from the same files.
    Keras {
        /// The share, between 0 and 1.
        validation_split: f64,
    },
}

/// What a [`SplitRule`] did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitReport {
    /// The rule in words.
    pub rule: String,
    /// Samples in train, validation and test.
    pub counts: [usize; 3],
    /// Samples in no split.
    pub left_out: usize,
    /// The same for each class: its name, and its samples in train, validation and test.
    pub classes: Vec<(String, [usize; 3])>,
    /// Groups of exact duplicates that stand in more than one split.
    pub straddling_groups: usize,
    /// Samples of validation and test whose pixels stand in train too: leaks.
    pub leaked: [usize; 2],
    /// What one might not expect.
    pub notes: Vec<String>,
}

impl SplitRule {
    /// 80 : 10 : 10, seed 0.
    pub const DEFAULT_RATIO: SplitRule = SplitRule::Ratio { train: 80, validation: 10, test: 10, seed: 0 };

    /// Reads `as-given`, `keras`, or parts such as `80:10:10` (train, validation, test) and `90:10` (test stays as it is).
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): none of these, or no part for train or validation.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::input(format!("not a split rule: {text:?}"))
                .with_hint("write as-given, keras, TRAIN:VALIDATION:TEST (80:10:10), or TRAIN:VALIDATION (90:10: the data's own test part stays)")
        };
        match text.trim().to_lowercase().as_str() {
            "as-given" => return Ok(Self::AsGiven),
            "keras" => return Ok(Self::Keras { validation_split: 0.2 }),
            _ => {}
        }
        let parts: Vec<u32> = text.split(':').map(|part| part.trim().parse()).collect::<Result<_, _>>().map_err(|_| bad())?;
        check_parts(&parts)?;
        match parts[..] {
            [train, validation] if train > 0 && validation > 0 => Ok(Self::Ratio { train, validation, test: 0, seed: 0 }),
            [train, validation, test] if train > 0 && validation > 0 => Ok(Self::Ratio { train, validation, test, seed: 0 }),
            _ => Err(bad()),
        }
    }

    /// The same rule with another seed, where it draws at all.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        match self {
            Self::Ratio { train, validation, test, .. } => Self::Ratio { train, validation, test, seed },
            other => other,
        }
    }

    /// Gives every sample its split.
    ///
    /// # Errors
    /// [`Data`](fervor::ErrorKind::Data): the rule does not fit the data, or leaves a part empty; the hint names one that does. The splits are unchanged then.
    pub fn apply(&self, dataset: &mut Dataset) -> Result<SplitReport> {
        self.apply_together(dataset, &[])
    }

    /// The same, with samples that have to stay together where the rule draws, beside exact duplicates: each of `together` lists the
    /// indices of such samples, near-duplicates for example. A group may reach into others.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    ///
    /// # Panics
    /// If an index has no sample.
    pub fn apply_together(&self, dataset: &mut Dataset, together: &[Vec<usize>]) -> Result<SplitReport> {
        let mut notes = Vec::new();
        let splits = match *self {
            Self::AsGiven => as_given(dataset)?,
            Self::Ratio { train, validation, test, seed } => {
                check_parts(&[train, validation, test])?;
                let given = dataset.of_split(Split::Test).len();
                if given > 0 {
                    let given = samples_of(given);
                    notes.push(if test == 0 {
                        format!("the data's own test part stays: {given}")
                    } else {
                        format!("the data's own test part ({given}) was drawn into the new splits; TRAIN:VALIDATION keeps it")
                    });
                }
                let (splits, copies) = ratio(dataset, [train, validation, test], seed, together);
                match copies {
                    0 => {}
                    1 => notes.push("in no split, because it is a copy of a test picture: 1 sample".to_owned()),
                    _ => notes.push(format!("in no split, because they are copies of test pictures: {}", samples_of(copies))),
                }
                splits
            }
            Self::Keras { validation_split } => keras(dataset, validation_split)?,
        };
        self.refuse_empty_parts(&splits)?;
        for (sample, split) in dataset.samples.iter_mut().zip(splits) {
            sample.split = split;
        }
        Ok(SplitReport::of(self, dataset, notes))
    }

    fn refuse_empty_parts(&self, splits: &[Option<Split>]) -> Result<()> {
        let asked = match *self {
            Self::Ratio { test: 1.., .. } => &Split::ALL[..],
            _ => &Split::ALL[..2],
        };
        match asked.iter().find(|&&split| !splits.contains(&Some(split))) {
            Some(split) => Err(Error::data(format!("{self}: nothing is left for {split} of {}", samples_of(splits.len())))
                .because(Reason::Empty)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SplitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsGiven => f.write_str("as given"),
            Self::Ratio { train, validation, test: 0, seed } => write!(f, "{train}:{validation}, seed {seed}"),
            Self::Ratio { train, validation, test, seed } => write!(f, "{train}:{validation}:{test}, seed {seed}"),
            Self::Keras { validation_split } => write!(f, "keras {validation_split}"),
        }
    }
}

fn as_given(dataset: &Dataset) -> Result<Vec<Option<Split>>> {
    let [train, validation, test] = Split::ALL.map(|split| dataset.of_split(split).len());
    let draw = |what: String, rule: &'static str| {
        let error = Error::data(what).because(Reason::Missing).context(dataset.name());
        Err(error.with_remedy(Remedy::DrawSplits { rule: rule.into() }))
    };
    match (train, validation) {
        (0, 0) if test == 0 => draw("the data says nothing of splits".to_owned(), "80:10:10"),
        // To draw from a test part would be to train on it.
        (0, 0) => Err(Error::data(format!("the data has only a test part, of {}", samples_of(test)))
            .because(Reason::Missing)
            .context(dataset.name())
            .with_hint("put the pictures to train on beside it: as train/, or as a folder a class")),
        (0, _) => draw(format!("the data has no train part, but validation {validation}, test {test}"), "80:10:10"),
        (_, 0) if test > 0 => draw(format!("the data has no validation part, but train {train}, test {test}"), "90:10"),
        (_, 0) => draw(format!("the data has no validation part, but train {train}"), "90:10"),
        _ => Ok(dataset.samples().iter().map(|sample| sample.split).collect()),
    }
}

/// # Errors
/// [`Input`](fervor::ErrorKind::Input): a part above the bound.
pub(super) fn check_parts(parts: &[u32]) -> Result<()> {
    match parts.iter().find(|&&part| part > LARGEST_PART) {
        Some(part) => Err(Error::input(format!("each part of a split must be at most 1,000,000, got {part}"))
            .with_hint("parts are shares: 80:10:10 divides 80 %, 10 %, 10 %")),
        None => Ok(()),
    }
}

/// `1 sample`, `20 samples`.
pub(super) fn samples_of(count: usize) -> String {
    format!("{count} sample{}", if count == 1 { "" } else { "s" })
}

/// Draws the three parts; where the rule names no test part, the data's own stays. Beside the splits, how many samples are in none
/// because they are copies of test pictures.
fn ratio(dataset: &Dataset, parts: [u32; 3], seed: u64, together: &[Vec<usize>]) -> (Vec<Option<Split>>, usize) {
    let places = match parts[2] {
        0 => beside_test(dataset, together),
        _ => vec![Place::Drawn; dataset.len()],
    };
    let dealt = deal(dataset, &parts, seed, together, |index| places[index] == Place::Drawn);
    let splits = places.iter().zip(dealt).map(|(place, part)| match place {
        Place::Test => Some(Split::Test),
        Place::CopyOfTest => None,
        Place::Drawn => part.map(|part| Split::ALL[part]),
    });
    (splits.collect(), places.iter().filter(|&&place| place == Place::CopyOfTest).count())
}

/// Where a sample stands when the data's own test part stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Test,
    /// Outside of the test part, with the pixels of a sample in it or in one group with such a sample. To train on it or to choose a
    /// model by it would be a leak, and to judge by it would change the given part: it can be in no split.
    CopyOfTest,
    Drawn,
}

/// The place of each sample.
pub(super) fn beside_test(dataset: &Dataset, together: &[Vec<usize>]) -> Vec<Place> {
    let is_test = |index: usize| dataset.samples()[index].split == Some(Split::Test);
    let mut places = vec![Place::Drawn; dataset.len()];
    for (_, members) in joined(dataset, together) {
        if members.iter().any(|&member| is_test(member)) {
            for member in members {
                places[member] = if is_test(member) { Place::Test } else { Place::CopyOfTest };
            }
        }
    }
    places
}

/// Deals samples into parts without replacement: each class has as many places in each part as its share says, and each group of
/// duplicates, the largest first, in the order of a seeded hash of its pixels, takes places by lot among the parts that still have
/// room for it. Single pictures come last and fill the shares exactly. `None` for samples that are not drawn.
pub(super) fn deal(
    dataset: &Dataset,
    parts: &[u32],
    seed: u64,
    together: &[Vec<usize>],
    is_drawn: impl Fn(usize) -> bool,
) -> Vec<Option<usize>> {
    let samples = dataset.samples();
    let mut places = places(&class_counts_of(dataset, &is_drawn), parts);
    let mut groups: Vec<(u128, Vec<usize>)> = joined(dataset, together)
        .into_iter()
        .map(|(hash, members)| (lot(seed, hash), members.into_iter().filter(|&member| is_drawn(member)).collect::<Vec<_>>()))
        .filter(|(_, members)| !members.is_empty())
        .collect();
    groups.sort_unstable_by_key(|(lot, members)| (std::cmp::Reverse(members.len()), *lot));

    let mut dealt: Vec<Option<usize>> = vec![None; samples.len()];
    for (lot, members) in groups {
        // A group with conflicting labels needs places in more than one class.
        let mut needs = vec![0_i64; places.len()];
        members.iter().for_each(|&member| needs[samples[member].label] += 1);
        let free =
            |part: usize| -> i64 { (0..needs.len()).filter(|&class| needs[class] > 0).map(|class| places[class][part]).sum() };
        let has_room = |part: usize| (0..needs.len()).all(|class| places[class][part] >= needs[class]);
        let weights: Vec<i64> = (0..parts.len()).map(|part| if has_room(part) { free(part) } else { 0 }).collect();
        let chosen = match weights.iter().sum::<i64>() {
            // Nowhere room for all of a large group: where it hurts least.
            0 => (0..parts.len()).max_by_key(|&part| (free(part), std::cmp::Reverse(part))).expect("there are parts"),
            total => {
                let mut place = ((lot as u64) % total as u64) as i64;
                (0..parts.len())
                    .find(|&part| {
                        place -= weights[part];
                        place < 0
                    })
                    .expect("the place is below the total")
            }
        };
        needs.iter().zip(&mut places).for_each(|(need, places)| places[chosen] -= need);
        members.iter().for_each(|&member| dealt[member] = Some(chosen));
    }
    dealt
}

/// The members of every distinct picture, those joined into one that have to stay together; each with a hash of its first member.
fn joined(dataset: &Dataset, together: &[Vec<usize>]) -> Vec<(ContentHash, Vec<usize>)> {
    let mut all = members_by_hash(dataset);
    if together.is_empty() {
        return all;
    }
    let mut place_of = vec![0; dataset.len()];
    for (place, (_, members)) in all.iter().enumerate() {
        members.iter().for_each(|&member| place_of[member] = place);
    }
    let mut sets = Sets::new(all.len());
    for group in together {
        for pair in group.windows(2) {
            sets.join(place_of[pair[0]], place_of[pair[1]]);
        }
    }
    for place in (0..all.len()).rev() {
        let root = sets.root(place);
        if root != place {
            let (_, members) = std::mem::replace(&mut all[place], (ContentHash([0; 32]), Vec::new()));
            all[root].1.extend(members);
        }
    }
    all.retain(|(_, members)| !members.is_empty());
    for (hash, members) in &mut all {
        members.sort_unstable();
        // The least, so that the draw does not depend on the order of files.
        *hash = members.iter().map(|&member| dataset.samples()[member].hash).min().expect("no group is empty");
    }
    all
}

fn class_counts_of(dataset: &Dataset, is_counted: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut counts = vec![0; dataset.labels().len()];
    for (index, sample) in dataset.samples().iter().enumerate() {
        counts[sample.label] += usize::from(is_counted(index));
    }
    counts
}

/// How many samples of each class go to each split: each within one of its exact share. Which shares are rounded up, the rounding
/// errors of the classes before decide, so that they don't add up.
fn places(counts: &[usize], parts: &[u32]) -> Vec<Vec<i64>> {
    let parts: Vec<i64> = parts.iter().map(|&part| i64::from(part)).collect();
    let whole: i64 = parts.iter().sum();
    let mut owed = vec![0_i64; parts.len()]; // in 1/whole samples
    counts
        .iter()
        .map(|&count| {
            let count = count as i64;
            let mut places: Vec<i64> = parts.iter().map(|part| count * part / whole).collect();
            let missing = count - places.iter().sum::<i64>();
            let mut rounded: Vec<usize> = (0..parts.len()).filter(|&split| count * parts[split] % whole > 0).collect();
            rounded.sort_by_key(|&split| std::cmp::Reverse(count * parts[split] % whole + owed[split]));
            rounded.iter().take(missing as usize).for_each(|&split| places[split] += 1);
            for split in 0..parts.len() {
                owed[split] += count * parts[split] - places[split] * whole;
            }
            places
        })
        .collect()
}

/// A number that is the same for the same seed and pixels everywhere: the upper half orders, the lower half draws.
fn lot(seed: u64, hash: ContentHash) -> u128 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(hash.0).finalize();
    u128::from_le_bytes(digest[..16].try_into().expect("32 bytes"))
}

fn keras(dataset: &Dataset, validation_split: f64) -> Result<Vec<Option<Split>>> {
    if !(validation_split > 0.0 && validation_split < 1.0) {
        return Err(Error::input(format!("keras: the validation split must be between 0 and 1, got {validation_split}")));
    }
    if !matches!(dataset.pictures, Pictures::Files) {
        return Err(Error::data(format!("the keras rule sorts file names, and a table has none: {}", dataset.root().display()))
            .because(Reason::Mismatch)
            .with_hint("give the folder form (train/ and test/ with one folder for each class), or use as-given"));
    }
    let [train, validation, test] = Split::ALL.map(|split| dataset.of_split(split).len());
    let (from_train, from_test) = match (train, validation, test) {
        (0, 0, 0) => (None, None),
        (1.., 0, 1..) => (Some(Split::Train), Some(Split::Test)),
        _ => {
            return Err(Error::data(format!(
                "the keras rule expects train/ and test/, or neither; found train {train}, validation {validation}, test {test}"
            ))
            .with_hint("use as-given for data with a validation part"));
        }
    };
    let mut splits = vec![None; dataset.len()];
    for label in 0..dataset.labels().len() {
        let (first, rest) = cut(dataset, label, from_test, validation_split);
        first.iter().for_each(|&index| splits[index] = Some(Split::Validation));
        if from_test.is_some() {
            rest.iter().for_each(|&index| splits[index] = Some(Split::Test));
        }
        let (_, rest) = cut(dataset, label, from_train, validation_split);
        rest.iter().for_each(|&index| splits[index] = Some(Split::Train));
    }
    Ok(splits)
}

/// One class of one folder in Keras' order (by folder, then by file name), cut after `int(share * n)`.
fn cut(dataset: &Dataset, label: usize, split: Option<Split>, share: f64) -> (Vec<usize>, Vec<usize>) {
    let samples = dataset.samples();
    let mut files: Vec<usize> =
        (0..dataset.len()).filter(|&index| samples[index].label == label && samples[index].split == split).collect();
    files.sort_by_key(|&index| samples[index].id.rsplit_once('/'));
    let rest = files.split_off((share * files.len() as f64) as usize);
    (files, rest)
}

impl SplitReport {
    fn of(rule: &SplitRule, dataset: &Dataset, mut notes: Vec<String>) -> Self {
        let by_class = Split::ALL.map(|split| dataset.class_counts(Some(split)));
        let counts = [0, 1, 2].map(|split| by_class[split].iter().sum());
        let labels = dataset.labels();
        let classes: Vec<_> = (0..labels.len())
            .map(|label| (labels.name(label).to_owned(), [0, 1, 2].map(|split| by_class[split][label])))
            .collect();
        for (name, of_class) in &classes {
            for split in (0..3).filter(|&split| of_class[split] == 0 && counts[split] > 0) {
                notes.push(format!("{} has no {name}", Split::ALL[split]));
            }
        }
        let duplicates = groups(dataset);
        Self {
            rule: rule.to_string(),
            counts,
            left_out: dataset.len() - counts.iter().sum::<usize>(),
            classes,
            straddling_groups: duplicates.across_splits().count(),
            leaked: [Split::Validation, Split::Test].map(|split| duplicates.leaked(dataset, split, Split::Train).len()),
            notes,
        }
    }
}

impl fmt::Display for SplitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [train, validation, test] = self.counts;
        write!(f, "split {}: train {train}, validation {validation}, test {test}", self.rule)?;
        if self.left_out > 0 {
            write!(f, ", in no split {}", self.left_out)?;
        }
        for (split, leaked) in [Split::Validation, Split::Test].iter().zip(self.leaked).filter(|(_, leaked)| *leaked > 0) {
            let have = if leaked == 1 { "has" } else { "have" };
            write!(f, "\n{} of {split} {have} the very pixels of samples in train", samples_of(leaked))?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n{note}"))
    }
}

#[cfg(test)]
mod tests;
