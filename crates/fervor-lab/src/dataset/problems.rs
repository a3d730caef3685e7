//! What a reader left out: with a complaint, or without.

use std::collections::BTreeMap;

use fervor::error::{Error, Reason};
use serde::Serialize;

use super::{Dataset, Split};

/// One picture that could not be read: it was left out, the others were not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// As in [`Sample::id`](super::Sample::id).
    pub id: String,
    /// What is wrong with it, for programs.
    pub reason: Reason,
    /// What is wrong with it, for people.
    pub message: String,
    /// The part that it would be in, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Where nothing is wrong with the picture, but a table lists it more than once.
    #[serde(skip)]
    pub(crate) listed: Option<Listed>,
}

/// What a table says of a picture more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// The same: one row is left out, the picture stays.
    Again,
    /// Different labels: the picture is left out.
    Disputed,
    /// Different parts: the picture is left out.
    Torn,
}

impl Problem {
    pub(crate) fn new(id: impl Into<String>, reason: Reason, message: impl Into<String>) -> Self {
        Self { id: id.into(), reason, message: message.into(), split: None, listed: None }
    }

    pub(super) fn in_part(self, split: Option<Split>) -> Self {
        Self { split, ..self }
    }

    pub(super) fn listed(id: impl Into<String>, listed: Listed, message: impl Into<String>) -> Self {
        let reason = match listed {
            Listed::Again => Reason::Exists,
            Listed::Disputed | Listed::Torn => Reason::Mismatch,
        };
        Self { listed: Some(listed), ..Self::new(id, reason, message) }
    }
}

/// How many pictures are left out of one part of the data, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// They could not be read.
    pub unreadable: usize,
    /// A table gives them more than one label.
    pub disputed: usize,
    /// A table lists them in more than one part, of which this may be one.
    pub torn: usize,
    /// They could not be used, and may be of this part or of another. None where all parts were asked for.
    pub of_unknown_part: usize,
}

impl LeftOut {
    /// Each count with the words by which a report names it.
    pub fn reasons(self) -> [(&'static str, u64); 4] {
        let Self { unreadable, disputed, torn, of_unknown_part } = self;
        [
            ("unreadable", unreadable),
            ("more than one label", disputed),
            ("in more than one part", torn),
            ("unreadable, of an unknown part", of_unknown_part),
        ]
        .map(|(reason, count)| (reason, count as u64))
    }
}

/// Why a picture could not be read, before it is known which: what is wrong for programs and for people.
pub(super) type Cause = (Reason, String);

/// What an error says of the picture that a problem names.
pub(super) fn cause(error: &Error) -> Cause {
    (error.reason(), error.explained())
}

/// `; ID: what is wrong with it` of the first problem: the end of the message that says that nothing could be read.
pub(super) fn first_problem(problems: &[Problem]) -> String {
    problems.first().map_or_else(String::new, |problem| format!("; {}: {}", problem.id, problem.message))
}

/// What a reader left out without complaint, so that it can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Hidden and system files: names with a leading dot, `Thumbs.db`, `desktop.ini`.
    pub hidden: usize,
    /// Files that are no pictures by their name, or without an extension and no pictures by their content.
    pub other_files: usize,
    /// Picture files outside of the class folders.
    pub outside_classes: usize,
    /// Folders that are no class: beside `train/`, for example.
    pub folders: Vec<String>,
    /// Class folders in which nothing can be read, and classes of a table: no class of the data set.
    pub empty_classes: Vec<String>,
    /// Samples of classes that [`OpenOptions::labels`](super::OpenOptions::labels) does not name.
    pub other_classes: BTreeMap<String, usize>,
}

impl Skipped {
    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Dataset {
    /// The pictures that could not be read, and what a table lists more than once.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many pictures of one part, or of all, could not be read, or are left out for what a table says of them. A row that names
    /// a picture again leaves none out.
    pub fn left_out(&self, split: Option<Split>) -> LeftOut {
        let mut left_out = LeftOut::default();
        for problem in &self.problems {
            let here = split.is_none() || problem.split == split;
            match problem.listed {
                Some(Listed::Again) => {}
                Some(Listed::Torn) => left_out.torn += 1,
                _ if !here && problem.split.is_some() => {}
                Some(Listed::Disputed) if here => left_out.disputed += 1,
                None if here => left_out.unreadable += 1,
                _ => left_out.of_unknown_part += 1,
            }
        }
        left_out
    }

    /// What was left out without being a problem.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }
}
