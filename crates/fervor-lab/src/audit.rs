//! The doctor of data sets: looks at every picture once and says what is wrong, what it is like, and what helps.
//!
//! ```no_run
//! use fervor_lab::audit::{AuditOptions, audit, text};
//!
//! # fn main() -> fervor::Result<()> {
//! let audited = audit("faces".as_ref(), &AuditOptions::default())?;
//! println!("{}", text(&audited.report));
//! # Ok(())
//! # }
//! ```

use std::path::Path;

use crate::dataset::{Dataset, Manifest, OpenOptions, SeenFile, SourceKind, groups, photographs};
use fervor::bundle::Bundle;
use fervor::error::Result;
use fervor::face::{AutoFaces, DetectorOptions, FindFaces, YuNet};
use fervor::preprocess::{Color, Filter, Framing, Preprocess};

mod balance;
mod charts;
mod container;
mod copies;
mod faces;
mod facts;
mod files;
pub mod fix;
mod kind;
mod near;
mod page;
mod pictures;
pub mod report;
mod source;
mod statistics;
mod suspects;
mod text;
mod value;
mod words;

pub use files::AcceptedFormats;
pub use kind::{FindingKind, Level, Remedy};
pub use near::SIMILARITY;
pub use source::PictureSource;
pub use text::text;
pub use value::{
    AUDIT_SCHEMA, AuditReport, AuditedData, Balance, BatchStatistics, ClassStatistics, ClassWeight, Finding, Group, Histogram,
    Item, SizeCount, Statistics,
};

/// Words for a [`Remedy`], of the door that asked for the audit.
pub type Words<'a> = &'a dyn Fn(&Remedy) -> String;

/// What the pictures of a data set show, as far as its owner says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Nothing is said: they are taken whole, and a look at some tells whether they seem to be photographs.
    #[default]
    Unsaid,
    /// Each is a face and taken whole.
    Faces,
    /// Photographs and crops: a small picture that is all face is taken whole, of others the largest face. Pictures without a face or
    /// with several are found. A few milliseconds a picture.
    Mixed,
    /// Photographs: of each the largest face; the rest as with [`Mixed`](Self::Mixed).
    Photographs,
}

impl Shown {
    /// What finds the faces to judge; `None` where pictures are taken whole.
    fn finder(self) -> Result<Option<Box<dyn FindFaces>>> {
        let options = DetectorOptions::default().with_threads(1);
        Ok(match self {
            Self::Unsaid | Self::Faces => None,
            Self::Mixed => Some(Box::new(AutoFaces::new(options)?)),
            Self::Photographs => Some(Box::new(YuNet::new(options)?)),
        })
    }
}

/// What is looked for.
#[derive(Clone)]
pub struct AuditOptions<'a> {
    /// How the data set is opened; its observer is the audit's own.
    pub open: OpenOptions<'a>,
    /// Which formats are accepted.
    pub accepted: AcceptedFormats,
    /// How alike near-duplicates are, as the correlation of their fine structure in 0..=1; `None`: they are not looked for.
    pub near: Option<f32>,
    /// Which part of each picture is judged, and whether faces are looked for at all.
    pub faces: Shown,
    /// The bundle by which suspect labels are found; `None`: they are not looked for. It takes a few milliseconds a picture.
    pub suspects: Option<&'a Bundle>,
    /// How a picture becomes a network's input: for the batch that is shown.
    pub preprocess: Preprocess,
    /// The command that makes the report again.
    pub command: Option<String>,
    /// How remedies are worded, as commands for example; `None`: in words of no particular door.
    pub words: Option<Words<'a>>,
}

impl Default for AuditOptions<'_> {
    /// All formats, near-duplicates from [`SIMILARITY`] on, no model, a network that takes 48 x 48 in grey.
    fn default() -> Self {
        let framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
        Self {
            open: OpenOptions::default(),
            accepted: AcceptedFormats::All,
            near: Some(SIMILARITY),
            faces: Shown::Unsaid,
            suspects: None,
            preprocess: Preprocess { size: 48, color: Color::Gray, framing, filter: Filter::Bilinear, standardize: None },
            command: None,
            words: None,
        }
    }
}

/// A report, and the data set that it is about.
pub struct Audited {
    /// What was found.
    pub report: AuditReport,
    /// What was looked at.
    pub dataset: Dataset,
}

/// Opens a data set in any form that [`Dataset::open`] reads and looks at every picture in it.
///
/// # Errors
/// As [`Dataset::open`]: nothing there, or no data set. What is wrong with single files is a finding, not an error.
pub fn audit(path: &Path, options: &AuditOptions) -> Result<Audited> {
    let (dataset, facts) = look(path, &options.open)?;
    let manifest = Manifest::of(&dataset);
    let root = (manifest.source.kind == SourceKind::Folder && path.is_dir()).then_some(path);

    let duplicates = groups(&dataset);
    let statistics = statistics::of(&dataset, &facts, &options.preprocess);
    let mut findings = files::findings(&dataset, &facts, root, options.accepted);
    findings.extend(pictures::findings(&dataset, &facts));
    if options.faces != Shown::Faces {
        findings.extend(not_cropped(&dataset)?);
    }
    findings.extend(copies::findings(&dataset, &duplicates));
    let words = |remedy: &Remedy| options.words.map_or_else(|| remedy.to_string(), |words| words(remedy));
    let mut not_checked = Vec::new();
    match options.near {
        Some(similarity) => findings.extend(copies::near_findings(&dataset, &near::groups(&dataset, &facts, similarity))),
        None => not_checked.push(format!("near-duplicates: {}", words(&Remedy::LookForNearDuplicates))),
    }
    let silent = |_: usize, _: usize| {};
    let progress = options.open.progress.unwrap_or(&silent);
    let finder = options.faces.finder()?;
    if finder.is_some() {
        findings.extend(faces::findings(&dataset, &facts, progress)?);
    } else {
        not_checked.push(format!("faces: {}", words(&Remedy::LookForFaces)));
    }
    match options.suspects {
        Some(bundle) => {
            let judged = dataset.clone().framed(&bundle.card().preprocess);
            let judged = match &finder {
                Some(finder) => judged.with_faces(&**finder, progress)?.0,
                None if options.faces == Shown::Faces => judged.without_faces(),
                None => judged,
            };
            let suspects = suspects::of(&judged, bundle, progress)?;
            if !suspects.unreadable.is_empty() {
                not_checked.push(format!(
                    "suspect labels: of pictures that cannot be read any more: {}",
                    suspects.unreadable.join(", ")
                ));
            }
            findings.extend(suspects.finding);
        }
        None => not_checked.push(format!("suspect labels: {}", words(&Remedy::LookForSuspects))),
    }
    findings.extend(balance::findings(&dataset, &statistics.balance));
    findings.sort_by_key(|finding| (finding.level, finding.kind));
    for finding in &mut findings {
        finding.command = options.words.and_then(|words| finding.remedy.as_ref().map(words));
    }
    let report = AuditReport {
        schema: AUDIT_SCHEMA.to_owned(),
        fervor: env!("CARGO_PKG_VERSION").to_owned(),
        data: AuditedData {
            name: dataset.name().to_owned(),
            path: path.display().to_string(),
            manifest_sha256: manifest.sha256(),
        },
        labels: dataset.labels().names().to_vec(),
        pictures: dataset.len(),
        distinct: duplicates.distinct,
        not_checked,
        findings,
        statistics,
        command: options.command.clone(),
    };
    Ok(Audited { report, dataset })
}

/// Opens a data set and finds which samples belong together as near-duplicates of at least this similarity: what a split must
/// not tear apart, beside exact duplicates.
///
/// # Errors
/// As [`Dataset::open`].
pub fn open_with_families(path: &Path, open: &OpenOptions, similarity: f32) -> Result<(Dataset, Vec<Vec<usize>>)> {
    let (dataset, facts) = look(path, open)?;
    let families = near::groups(&dataset, &facts, similarity).into_iter().map(|copies| copies.members).collect();
    Ok((dataset, families))
}

/// Whether most pictures are photographs and no crops, by a look at some.
fn not_cropped(dataset: &Dataset) -> Result<Option<Finding>> {
    let all: Vec<usize> = (0..dataset.len()).collect();
    let [scenes, looked_at] = photographs(dataset, &all)?;
    let item = Item {
        id: dataset.name().to_owned(),
        detail: format!("{scenes} of {looked_at} pictures looked at"),
        value: Some(scenes as f64),
        ..Item::default()
    };
    Ok((2 * scenes > looked_at).then(|| Finding {
        title: "Most pictures are photographs around a face, not crops".to_owned(),
        ..Finding::of(FindingKind::NotCropped, vec![item])
    }))
}

/// Opens a data set and measures every picture while it is decoded.
fn look(path: &Path, open: &OpenOptions) -> Result<(Dataset, Vec<facts::Facts>)> {
    let collector = facts::Collector::default();
    let observer = |file: SeenFile| collector.see(file);
    let dataset = Dataset::open(path, &OpenOptions { observer: Some(&observer), ..open.clone() })?;
    let facts = collector.align(&dataset);
    Ok((dataset, facts))
}
