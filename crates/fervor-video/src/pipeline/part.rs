//! A part of a source: its frames in a row, each with what is to be done with it.

use std::sync::{Arc, OnceLock};

use fervor::shot::Glance;
use fervor::{BoundingBox, Result, Shots};

use crate::clip::Frame;
use crate::source::Source;

/// A full look's boxes, once it is done; none if it failed.
pub(super) type Look = OnceLock<Option<Vec<BoundingBox>>>;

/// Where a frame stands: its part's number, and its own in the part.
pub(super) type At = (u64, u64);

/// A frame that is to be looked at.
pub(super) struct Job {
    pub at: At,
    pub frame: Frame,
    /// What tells whether it begins a shot; none of a broken one.
    pub glance: Option<Glance>,
    /// The full look whose faces are looked for here, and whether this frame is to take it.
    pub look: Arc<Look>,
    pub whole: bool,
}

impl Job {
    /// Whether nothing has to be waited for.
    pub fn is_ready(&self) -> bool {
        self.whole || self.frame.picture.is_err() || self.look.get().is_some()
    }
}

/// A part of a source.
pub(super) struct Part {
    /// Its number among all parts.
    pub number: u64,
    source: Source,
    /// Frames that were taken from it.
    pub given: u64,
    shots: Shots,
    /// The full look that goes on, and since when.
    look: Option<(f64, Arc<Look>)>,
}

impl Part {
    pub fn new(number: u64, source: Source) -> Self {
        Self { number, source, given: 0, shots: Shots::new(), look: None }
    }

    /// What can be gone through at the same time, if there is such a part.
    pub fn split(&mut self) -> Option<Source> {
        self.source.split()
    }

    /// The next frame; full looks are `every` so many seconds apart.
    pub fn next(&mut self, every: f64) -> Option<Result<Job>> {
        let frame = match self.source.next()? {
            Ok(frame) => frame,
            Err(error) => return Some(Err(error)),
        };
        let at = (self.number, self.given);
        self.given += 1;
        let glance = frame.picture.as_ref().ok().map(Glance::at);
        let new_shot = glance.clone().is_some_and(|glance| self.shots.is_first_glance(glance));
        // Times are rounded: a hair early is in time.
        let going_on = self.look.take().filter(|(since, _)| !new_shot && frame.time - since < every - 1e-6);
        let whole = going_on.is_none() && frame.picture.is_ok();
        let (since, look) = going_on.unwrap_or_else(|| (frame.time, Arc::new(OnceLock::new())));
        // After a broken frame the next is looked at anew.
        self.look = frame.picture.is_ok().then_some((since, Arc::clone(&look)));
        Some(Ok(Job { at, frame, glance, look, whole }))
    }
}
