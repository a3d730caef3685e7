//! Mends a data set without touching it: decisions about samples, a manifest of what is left, and on request a clean copy.

mod changes;
mod copy;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::Audited;
use super::kind::FindingKind;
use super::value::{Finding, Item};
use crate::dataset::{Dataset, Manifest, Split};
use crate::words::thousands;
use fervor::error::{Error, Reason, Result};
use fervor::files::WholeFolder;

pub use changes::{read_decisions, write_decisions};

/// What becomes of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Nothing changes.
    Keep,
    /// It is left out: a copy, or a conflict.
    Remove,
    /// It is left out and set aside: not readable, blank, not a face.
    Quarantine,
    /// It goes to another split.
    Move(Split),
    /// It gets another label.
    Relabel(String),
}

impl Action {
    /// `keep`, `remove`, `quarantine`, `move` or `relabel`.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Remove => "remove",
            Action::Quarantine => "quarantine",
            Action::Move(_) => "move",
            Action::Relabel(_) => "relabel",
        }
    }
}

/// One row of `changes.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// As in [`Sample::id`](crate::dataset::Sample::id), or the path of a file that is no sample.
    pub id: String,
    /// What becomes of it.
    pub action: Action,
    /// The sample's label, for people; empty for a file that is no sample.
    pub label: String,
    /// The sample's split, for people; empty where it has none.
    pub split: String,
    /// Why, for people.
    pub reason: String,
}

/// What [`fix`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FixReport {
    /// Decisions by action, those to keep left out.
    pub actions: BTreeMap<&'static str, usize>,
    /// Samples of the new manifest.
    pub left: usize,
    /// The new manifest.
    pub manifest: PathBuf,
}

impl fmt::Display for FixReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<String> = self.actions.iter().map(|(name, count)| format!("{name} {}", thousands(*count))).collect();
        let actions = if actions.is_empty() { "nothing to change".to_owned() } else { actions.join(", ") };
        write!(f, "{actions}; {} pictures are left: {}", thousands(self.left), self.manifest.display())
    }
}

/// What to do about the findings of an audit, at most one decision a sample:
/// - what cannot be read, is blank or shows no face is quarantined;
/// - of exact copies with one label one stays, from test rather than from validation, and from there rather than from train;
/// - copies, exact or near, with several labels are all left out;
/// - near-duplicates of several splits go to test, or else to validation: what judges a model keeps its pictures.
pub fn decide(audited: &Audited) -> Vec<Decision> {
    let mut decisions = Decisions::default();
    let finding = |kind| audited.report.finding(kind);
    for kind in [
        FindingKind::EmptyFile,
        FindingKind::TruncatedFile,
        FindingKind::NotAPicture,
        FindingKind::UnsupportedFormat,
        FindingKind::UnreadableFile,
        FindingKind::ChangedPicture,
        FindingKind::BrokenLink,
        FindingKind::Blank,
        FindingKind::NotAFace,
    ] {
        for item in finding(kind).iter().flat_map(|finding| &finding.items) {
            let detail = if item.detail.is_empty() { String::new() } else { format!(": {}", item.detail) };
            decisions.make(item, Action::Quarantine, format!("{}{detail}", kind.name()));
        }
    }
    for kind in [FindingKind::Conflict, FindingKind::NearConflict] {
        decisions.of_groups(finding(kind), |decisions, members| {
            let mut labels: Vec<&str> = members.iter().filter_map(|item| item.label.as_deref()).collect();
            labels.sort_unstable();
            labels.dedup();
            // Once the members of an exact conflict are gone, the others may agree.
            if labels.len() < 2 {
                return;
            }
            let reason = format!("{}: copies of {} are labelled {}", kind.name(), members[0].id, labels.join(", "));
            members.iter().for_each(|item| decisions.make(item, Action::Remove, reason.clone()));
        });
    }
    decisions.of_groups(finding(FindingKind::ExactDuplicate), |decisions, members| {
        // The last split in use has the first claim; of equals the first stays.
        let Some(kept) = members.iter().rev().max_by_key(|item| item.split) else { return };
        for item in members.iter().filter(|item| item.id != kept.id) {
            decisions.make(item, Action::Remove, format!("exact_duplicate: the same pixels as {}", kept.id));
        }
    });
    decisions.of_groups(finding(FindingKind::NearLeak), |decisions, members| {
        let Some(split) = members.iter().filter_map(|item| item.split).max() else { return };
        let Some(there) = members.iter().find(|item| item.split == Some(split)) else { return };
        for item in members.iter().filter(|item| item.split != Some(split)) {
            decisions.make(item, Action::Move(split), format!("near_leak: nearly the same picture as {}", there.id));
        }
    });
    decisions.made
}

#[derive(Default)]
struct Decisions {
    made: Vec<Decision>,
    known: HashSet<String>,
}

impl Decisions {
    /// The first decision about a sample stands.
    fn make(&mut self, item: &Item, action: Action, reason: String) {
        if self.known.insert(item.id.clone()) {
            self.made.push(Decision {
                id: item.id.clone(),
                action,
                label: item.label.clone().unwrap_or_default(),
                split: item.split.map(|split| split.name().to_owned()).unwrap_or_default(),
                reason,
            });
        }
    }

    /// Groups as they are after the decisions so far: members that are left out count no more.
    fn of_groups(&mut self, finding: Option<&Finding>, mut each: impl FnMut(&mut Self, &[&Item])) {
        for (_, members) in finding.iter().flat_map(|finding| finding.grouped()) {
            let left: Vec<&Item> = members.iter().filter(|item| !self.known.contains(&item.id)).collect();
            if left.len() > 1 {
                each(self, &left);
            }
        }
    }
}

/// The data set with the decisions carried out. Decisions about files that are no samples change nothing.
///
/// # Errors
/// [`Data`](fervor::ErrorKind::Data): an id that is neither a sample nor a file that could not be read, a label that the data
/// lacks, or a data set of which nothing is left.
pub fn apply(dataset: &Dataset, decisions: &[Decision]) -> Result<Dataset> {
    let mut places: HashMap<&str, &Decision> = HashMap::new();
    for decision in decisions {
        if places.insert(&decision.id, decision).is_some() {
            return Err(Error::data(format!("two decisions about one sample: {:?}", decision.id)));
        }
    }
    let known: HashSet<&str> = dataset
        .samples()
        .iter()
        .map(|sample| sample.id.as_str())
        .chain(dataset.problems().iter().map(|problem| problem.id.as_str()))
        .collect();
    if let Some(stranger) = decisions.iter().find(|decision| !known.contains(decision.id.as_str())) {
        return Err(Error::data(format!("a decision about a sample that the data lacks: {:?}", stranger.id))
            .with_hint("decisions belong to the data that they were made for"));
    }
    let mut fixed = dataset.filter(|sample| {
        !matches!(places.get(sample.id.as_str()).map(|decision| &decision.action), Some(Action::Remove | Action::Quarantine))
    });
    for index in 0..fixed.len() {
        match places.get(fixed.samples()[index].id.as_str()).map(|decision| &decision.action) {
            Some(Action::Move(split)) => fixed.set_split(index, Some(*split)),
            Some(Action::Relabel(label)) => {
                let found = fixed.labels().index_of(label).ok_or_else(|| {
                    let id = &fixed.samples()[index].id;
                    Error::data(format!("the decision about {id:?} names a class that the data lacks: {label:?}"))
                        .with_hint(format!("the data has {}", fixed.labels()))
                })?;
                fixed.set_label(index, found);
            }
            Some(Action::Keep | Action::Remove | Action::Quarantine) | None => {}
        }
    }
    if fixed.is_empty() {
        return Err(Error::data(format!("the decisions leave nothing of {} samples", dataset.len())).because(Reason::Empty));
    }
    Ok(fixed)
}

/// Writes the mended data set into the new folder `out`: `manifest.json`, which opens as the data set, `changes.csv` with a row for
/// each decision, `quarantine.csv` with what was set aside and why; with `copy` also the pictures themselves, as
/// `pictures/SPLIT/CLASS/NAME` (to which the manifest then points) and `quarantine/`. The source is only read.
///
/// Everything is written into a sibling folder that gets the name `out` at the end: whenever the program dies, there is either
/// nothing or all of it.
///
/// # Errors
/// [`Output`](fervor::ErrorKind::Output): `out` is there already or cannot be written. As [`apply`].
pub fn fix(dataset: &Dataset, decisions: &[Decision], out: &Path, copy: bool) -> Result<FixReport> {
    let fixed = apply(dataset, decisions)?;
    if out.symlink_metadata().is_ok() {
        return Err(Error::output("it is there already")
            .because(Reason::Exists)
            .with_hint("name a new folder, or remove it first")
            .context(out.display()));
    }
    let unwritable = |e: std::io::Error| Error::output("the folder cannot be written").with_source(e).context(out.display());
    let folder = WholeFolder::create(out).map_err(unwritable)?;
    write(dataset, &fixed, decisions, folder.path(), copy)?;
    folder.finish().map_err(unwritable)?;
    let mut actions = BTreeMap::new();
    for decision in decisions.iter().filter(|decision| decision.action != Action::Keep) {
        *actions.entry(decision.action.name()).or_insert(0) += 1;
    }
    Ok(FixReport { actions, left: fixed.len(), manifest: out.join("manifest.json") })
}

fn write(dataset: &Dataset, fixed: &Dataset, decisions: &[Decision], part: &Path, copy: bool) -> Result<()> {
    write_decisions(&part.join("changes.csv"), decisions)?;
    let quarantined: Vec<&Decision> = decisions.iter().filter(|decision| decision.action == Action::Quarantine).collect();
    changes::write_quarantine(&part.join("quarantine.csv"), &quarantined)?;
    let mut manifest = Manifest::of(fixed);
    if copy {
        copy::pictures(fixed, part, &mut manifest)?;
        copy::quarantine(dataset, part, &quarantined)?;
    }
    manifest.save(&part.join("manifest.json"))
}
