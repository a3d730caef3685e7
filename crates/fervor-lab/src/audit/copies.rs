//! Exact duplicates by pixels, and what follows from them: leaks between splits, conflicting labels.

use super::kind::FindingKind;
use super::value::{Finding, Group, Item};
use super::words::item;
use crate::dataset::{Dataset, Duplicates, Listed, Split};
use crate::words::{counted, percent, thousands};

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
pub(super) fn grouped<'a>(dataset: &Dataset, kind: FindingKind, copies: impl Iterator<Item = &'a Copies>) -> Option<Finding> {
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
    let title = title(kind, groups.len(), items.len());
    Finding::if_any(kind, items).map(|finding| Finding { title, groups, ..finding })
}

pub(super) fn findings(dataset: &Dataset, duplicates: &Duplicates) -> Vec<Finding> {
    let copies: Vec<Copies> = duplicates
        .groups
        .iter()
        .map(|group| Copies { members: group.members.clone(), similarity: 1.0, details: Vec::new() })
        .collect();
    let mut findings = Vec::new();
    let leaks = copies.iter().zip(&duplicates.groups).filter(|(_, group)| group.across_splits).map(|(copy, _)| copy);
    let leaked = grouped(dataset, FindingKind::Leak, leaks).map(|mut finding| {
        for split in [Split::Validation, Split::Test] {
            let leaked = duplicates.leaked(dataset, split, Split::Train).len();
            if leaked > 0 {
                let share = percent(leaked as f64 / dataset.of_split(split).len() as f64);
                finding.reason += &format!(" {} of {split} ({share}) stand in train too.", thousands(leaked));
            }
        }
        finding
    });
    findings.extend(with_listed(dataset, FindingKind::Leak, leaked, Listed::Torn));
    let conflicting = copies.iter().zip(&duplicates.groups).filter(|(_, group)| group.conflicting).map(|(copy, _)| copy);
    let conflicts = grouped(dataset, FindingKind::Conflict, conflicting);
    findings.extend(with_listed(dataset, FindingKind::Conflict, conflicts, Listed::Disputed));
    let again = grouped(dataset, FindingKind::ExactDuplicate, copies.iter());
    findings.extend(with_listed(dataset, FindingKind::ExactDuplicate, again, Listed::Again));
    findings
}

/// Beside the copies what a table lists more than once. The reader left it out, so that no group asks for a decision.
fn with_listed(dataset: &Dataset, kind: FindingKind, copies: Option<Finding>, listed: Listed) -> Option<Finding> {
    let listed = dataset.problems().iter().filter(|problem| problem.listed == Some(listed));
    let listed: Vec<Item> =
        listed.map(|problem| Item { id: problem.id.clone(), detail: problem.message.clone(), ..Item::default() }).collect();
    if listed.is_empty() {
        return copies;
    }
    let mut finding = copies.unwrap_or_else(|| Finding::of(kind, Vec::new()));
    let pictures = finding.groups.len() + listed.len();
    finding.items.extend(listed);
    finding.title = title(kind, pictures, finding.items.len());
    Some(finding)
}

fn title(kind: FindingKind, pictures: usize, places: usize) -> String {
    let told = kind.told();
    format!("{} ({})", counted(pictures, told.one, told.many), counted(places, "file or row", "files or rows"))
}

/// Groups of altered copies: those across splits, those of several labels, and those that are neither.
pub(super) fn near_findings(dataset: &Dataset, groups: &[Copies]) -> Vec<Finding> {
    let leaks = groups.iter().filter(|group| group.across_splits(dataset));
    let conflicts = groups.iter().filter(|group| group.conflicting(dataset));
    let others = groups.iter().filter(|group| !group.across_splits(dataset) && !group.conflicting(dataset));
    [
        grouped(dataset, FindingKind::NearLeak, leaks),
        grouped(dataset, FindingKind::NearConflict, conflicts),
        grouped(dataset, FindingKind::NearDuplicate, others),
    ]
    .into_iter()
    .flatten()
    .collect()
}
