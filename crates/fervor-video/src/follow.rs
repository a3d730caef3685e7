//! [`Follower`]: faces with their expressions and tracks, a frame after the other, for pictures that cannot wait.

use std::sync::Arc;

use fervor::track::{Colours, Tracker};
use fervor::{Analyzer, BoundingBox, Shots};

use crate::clip::Frame;
use crate::pipeline::{Followed, Seen, Settings};

/// Looks at frames as [`Analysis`](crate::pipeline::Analysis) does, but without portraits, in the caller: for live pictures, where the next frame is not
/// there yet while this one is looked at.
pub struct Follower {
    analyzer: Arc<Analyzer>,
    settings: Settings,
    shots: Shots,
    tracker: Tracker,
    /// The faces of the last frame, and when all of one was looked at.
    last: Option<(f64, Vec<BoundingBox>)>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Follower {
    /// One that has seen no frame. Threads are the analyzer's own.
    pub fn new(analyzer: Arc<Analyzer>, settings: Settings) -> Self {
        let tracker = Tracker::new(settings.track.clone());
        Self { analyzer, settings, shots: Shots::new(), tracker, last: None }
    }

    /// What is seen in the next frame, whose time is not before the last one's.
    pub fn see(&mut self, frame: Frame) -> Seen {
        let Frame { index, time, picture } = frame;
        let mut seen = Seen { index, time, size: (0, 0), new_shot: false, whole: false, faces: Ok(Vec::new()), picture: None };
        let picture = match picture {
            Ok(picture) => picture,
            Err(error) => {
                self.last = None;
                return Seen { faces: Err(error), ..seen };
            }
        };
        seen.size = (picture.width(), picture.height());
        seen.new_shot = self.shots.is_first(&picture);
        if seen.new_shot {
            self.tracker.new_shot();
        }
        let near = self.last.take().filter(|(since, _)| !seen.new_shot && time - since < self.settings.look - 1e-6);
        seen.whole = near.is_none();
        let prepared = match &near {
            Some((_, boxes)) => self.analyzer.prepare_near(&picture, boxes),
            None => self.analyzer.prepare(&picture),
        };
        let looked = near.map_or(time, |(since, _)| since);
        seen.faces = prepared.and_then(|prepared| {
            let boxes = prepared.iter().map(|(face, ..)| face.bounds).collect();
            let faces = self.analyzer.classify(vec![prepared])?.pop().unwrap_or_default();
            self.last = Some((looked, boxes));
            let colours: Vec<Colours> = faces.iter().map(|face| Colours::of(&picture, &face.face)).collect();
            let tracks = self.tracker.update_with(&faces, &colours, time);
            Ok(faces.into_iter().zip(tracks).map(|(prediction, track)| Followed { prediction, track, portrait: None }).collect())
        });
        seen.picture = self.settings.pictures.then_some(picture);
        seen
    }
}
