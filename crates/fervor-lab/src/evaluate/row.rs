//! One answer and what is true.

use std::collections::BTreeMap;

use fervor::error::{Error, Reason, Result};
use fervor::quality::Flag;

/// What a model said of one picture, and what is true of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The name under which the picture is found again.
    pub id: String,
    /// The true class.
    pub truth: usize,
    /// One for each class, in 0..=1.
    pub probabilities: Vec<f32>,
    /// What people said, where they were asked.
    pub votes: Option<Votes>,
    /// Whether the picture's pixels were trained on.
    pub in_training: bool,
    /// Why the answer deserves less trust.
    pub flags: Vec<Flag>,
    /// The groups that the picture belongs to, by the name of what it is grouped by; what is not known lacks.
    pub groups: BTreeMap<String, String>,
}

/// What the annotators said of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Votes {
    /// The share of their votes for each class; the shares sum to 1.
    pub shares: Vec<f32>,
    /// Which share of all their votes was for one of these classes at all, in 0..=1.
    pub kept: f32,
}

impl Row {
    /// A row of a picture that was not trained on, and that nobody voted about.
    pub fn new(id: impl Into<String>, truth: usize, probabilities: impl Into<Vec<f32>>) -> Self {
        Self {
            id: id.into(),
            truth,
            probabilities: probabilities.into(),
            votes: None,
            in_training: false,
            flags: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    /// # Errors
    /// As [`Evaluation::push`](super::Evaluation::push).
    pub(super) fn check(&self, classes: usize) -> Result<()> {
        let Self { id, truth, probabilities, votes, .. } = self;
        let share = |&p: &f32| (0.0..=1.0 + 1e-4).contains(&p);
        if id.trim().is_empty() {
            return Err(Error::data("a row without an id").with_hint("an id names the picture, as in the data"));
        }
        if *truth >= classes {
            return Err(Error::data(format!("the true class of {id} is none of the {classes} classes: {truth}")));
        }
        if probabilities.len() != classes {
            let found = probabilities.len();
            return Err(Error::model(format!("{id} needs {classes} probabilities, got {found}")).because(Reason::Mismatch));
        }
        if let Some(p) = probabilities.iter().find(|p| !share(p)) {
            return Err(Error::model(format!("a probability for {id} is not in 0..=1: {p}")));
        }
        if probabilities.iter().all(|p| *p == 0.0) {
            return Err(Error::model(format!("all probabilities for {id} are 0")));
        }
        let Some(Votes { shares, kept }) = votes else { return Ok(()) };
        if shares.len() != classes {
            return Err(
                Error::data(format!("{id} needs votes for {classes} classes, got {}", shares.len())).because(Reason::Mismatch)
            );
        }
        match shares.iter().chain([kept]).find(|p| !share(p)) {
            Some(p) => Err(Error::data(format!("a share of votes for {id} is not in 0..=1: {p}"))),
            None if shares.iter().all(|share| *share == 0.0) => {
                Err(Error::data(format!("{id} has votes, and all of them are 0")))
            }
            None => Ok(()),
        }
    }

    /// The share of all people asked who voted for a class; 0 where nobody was asked.
    pub(super) fn people(&self, class: usize) -> f32 {
        self.votes.as_ref().map_or(0.0, |votes| votes.shares[class] * votes.kept)
    }
}
