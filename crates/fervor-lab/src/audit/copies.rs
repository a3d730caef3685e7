//! Exact duplicates by pixels, and what follows from them: leaks between splits, conflicting labels.

use super::value::{Finding, FindingKind, Group, Item, Level};
use super::words::{counted, item, thousands};
use crate::dataset::{Dataset, Duplicates, Split};

/// Copies of one picture: indices of samples, the similarity that holds them together, and for each member how it differs.
pub(super) struct Copies {
    pub members: Vec<usize>,
    pub similarity: f64,
    /// As long as the members, or empty.
    pub details: Vec<(String, f64)>,
}

impl Copies {
    pub fn conflicting(&self, dataset: &Dataset) -> bool {
        let label = |&member: &usize| dataset.samples()[member].label;
        self.members.iter().any(|member| label(member) != label(&self.members[0]))
    }

    pub fn across_splits(&self, dataset: &Dataset) -> bool {
        let mut splits = self.members.iter().filter_map(|&member| dataset.samples()[member].split);
        splits.next().is_some_and(|first| splits.any(|other| other != first))
    }
}

/// A finding of groups.
pub(super) fn grouped<'a>(
    dataset: &Dataset,
    kind: FindingKind,
    level: Level,
    copies: impl Iterator<Item = &'a Copies>,
) -> Option<Finding> {
    let mut items: Vec<Item> = Vec::new();
    let mut groups = Vec::new();
    for copy in copies {
        groups.push(Group {
            start: items.len(),
            len: copy.members.len(),
            similarity: copy.similarity,
            conflicting: copy.conflicting(dataset),
            across_splits: copy.across_splits(dataset),
        });
        for (place, &member) in copy.members.iter().enumerate() {
            let mut item = item(dataset, member);
            if let Some((detail, similarity)) = copy.details.get(place) {
                item.detail.clone_from(detail);
                item.value = Some(*similarity);
            }
            items.push(item);
        }
    }
    let (reason, command) = explained(kind);
    let title = title(kind, groups.len(), items.len());
    (!groups.is_empty()).then_some(Finding { kind, level, title, reason, command, items, groups })
}

fn title(kind: FindingKind, groups: usize, pictures: usize) -> String {
    let pictures = thousands(pictures);
    let (one, many, end) = match kind {
        FindingKind::Leak => ("picture is", "pictures are", "in more than one split"),
        FindingKind::Conflict => ("picture has", "pictures have", "more than one label"),
        FindingKind::NearLeak => ("group of near-duplicates is", "groups of near-duplicates are", "in more than one split"),
        FindingKind::NearConflict => ("group of near-duplicates has", "groups of near-duplicates have", "more than one label"),
        FindingKind::NearDuplicate => ("group of near-duplicates", "groups of near-duplicates", "within one split and label"),
        _ => ("picture is", "pictures are", "there more than once"),
    };
    format!("{} {end} ({pictures} files or rows)", counted(groups, one, many))
}

fn explained(kind: FindingKind) -> (String, Option<String>) {
    let reason = match kind {
        FindingKind::Leak => "A model is judged on pictures that it was trained on, so its score is too good.",
        FindingKind::NearLeak => {
            "A model is judged on altered copies of pictures that it was trained on, so its score is too good."
        }
        FindingKind::Conflict => "The same pixels under different labels: all of those labels but one are wrong.",
        FindingKind::NearConflict => "Nearly the same picture under different labels: at least one of them is probably wrong.",
        FindingKind::NearDuplicate => "Altered copies count more than once, and a random split would leak them.",
        _ => "Copies count more than once, and a random split would leak them.",
    };
    let command = match kind {
        FindingKind::NearDuplicate => "fervor split DATA --ratios 80:10:10 --output manifest.json",
        _ => "fervor audit DATA --fix OUT",
    };
    (reason.to_owned(), Some(command.to_owned()))
}

pub(super) fn findings(dataset: &Dataset, duplicates: &Duplicates) -> Vec<Finding> {
    let copies: Vec<Copies> = duplicates
        .groups
        .iter()
        .map(|group| Copies { members: group.members.clone(), similarity: 1.0, details: Vec::new() })
        .collect();
    let mut findings = Vec::new();
    let leaks = copies.iter().zip(&duplicates.groups).filter(|(_, group)| group.across_splits).map(|(copy, _)| copy);
    findings.extend(grouped(dataset, FindingKind::Leak, Level::Error, leaks).map(|mut finding| {
        for split in [Split::Validation, Split::Test] {
            let leaked = duplicates.leaked(dataset, split, Split::Train).len();
            if leaked > 0 {
                let share = 100.0 * leaked as f64 / dataset.of_split(split).len() as f64;
                finding.reason += &format!(" {} of {split} ({share:.1} %) stand in train too.", thousands(leaked));
            }
        }
        finding
    }));
    findings.extend(grouped(
        dataset,
        FindingKind::Conflict,
        Level::Error,
        copies.iter().zip(&duplicates.groups).filter(|(_, group)| group.conflicting).map(|(copy, _)| copy),
    ));
    findings.extend(grouped(dataset, FindingKind::ExactDuplicate, Level::Warning, copies.iter()));
    findings
}

/// Groups of altered copies: those across splits, those of several labels, and those that are neither.
pub(super) fn near_findings(dataset: &Dataset, groups: &[Copies]) -> Vec<Finding> {
    let leaks = groups.iter().filter(|group| group.across_splits(dataset));
    let conflicts = groups.iter().filter(|group| group.conflicting(dataset));
    let others = groups.iter().filter(|group| !group.across_splits(dataset) && !group.conflicting(dataset));
    [
        grouped(dataset, FindingKind::NearLeak, Level::Error, leaks),
        grouped(dataset, FindingKind::NearConflict, Level::Warning, conflicts),
        grouped(dataset, FindingKind::NearDuplicate, Level::Warning, others),
    ]
    .into_iter()
    .flatten()
    .collect()
}
