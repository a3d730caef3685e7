//! Exact duplicates: samples with the same pixels, whatever their files and labels.

use std::collections::HashMap;

use super::{Dataset, Split};
use fervor::picture::ContentHash;

/// Two or more samples with the same pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateGroup {
    /// Of their pixels.
    pub hash: ContentHash,
    /// Indices of the samples, ascending.
    pub members: Vec<usize>,
    /// Whether they have more than one label: all but one of them are wrong.
    pub conflicting: bool,
    /// Whether they stand in more than one split: a leak.
    pub across_splits: bool,
}

/// The exact duplicates of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// Distinct pictures of the whole data set.
    pub distinct: usize,
    /// The groups of two or more samples, by their first member.
    pub groups: Vec<DuplicateGroup>,
}

/// Finds the exact duplicates.
pub fn groups(dataset: &Dataset) -> Duplicates {
    let samples = dataset.samples();
    let all = members_by_hash(dataset);
    let distinct = all.len();
    let groups = all
        .into_iter()
        .filter(|(_, members)| members.len() > 1)
        .map(|(hash, members)| {
            let first = &samples[members[0]];
            let conflicting = members.iter().any(|&member| samples[member].label != first.label);
            let mut splits = members.iter().filter_map(|&member| samples[member].split);
            let across_splits = splits.next().is_some_and(|first| splits.any(|other| other != first));
            DuplicateGroup { hash, members, conflicting, across_splits }
        })
        .collect();
    Duplicates { distinct, groups }
}

/// The members of every distinct picture, single ones too, ordered by their first member.
pub(crate) fn members_by_hash(dataset: &Dataset) -> Vec<(ContentHash, Vec<usize>)> {
    let mut places: HashMap<ContentHash, usize> = HashMap::with_capacity(dataset.len());
    let mut all: Vec<(ContentHash, Vec<usize>)> = Vec::with_capacity(dataset.len());
    for (index, sample) in dataset.samples().iter().enumerate() {
        let place = *places.entry(sample.hash).or_insert(all.len());
        match all.get_mut(place) {
            Some((_, members)) => members.push(index),
            None => all.push((sample.hash, vec![index])),
        }
    }
    all
}

impl Duplicates {
    /// Samples that are in a group.
    pub fn rows(&self) -> usize {
        self.groups.iter().map(|group| group.members.len()).sum()
    }

    /// The groups whose members disagree on the label.
    pub fn conflicting(&self) -> impl Iterator<Item = &DuplicateGroup> {
        self.groups.iter().filter(|group| group.conflicting)
    }

    /// The groups that stand in more than one split.
    pub fn across_splits(&self) -> impl Iterator<Item = &DuplicateGroup> {
        self.groups.iter().filter(|group| group.across_splits)
    }

    /// The samples of split `from` whose pixels stand in split `also_in` too, ascending.
    pub fn leaked(&self, dataset: &Dataset, from: Split, also_in: Split) -> Vec<usize> {
        let in_split = |split: Split| move |&&member: &&usize| dataset.samples()[member].split == Some(split);
        let mut leaked: Vec<usize> = self
            .groups
            .iter()
            .filter(|group| group.members.iter().any(|member| in_split(also_in)(&member)))
            .flat_map(|group| group.members.iter().filter(in_split(from)).copied())
            .collect();
        leaked.sort_unstable();
        leaked
    }
}
