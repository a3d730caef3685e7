//! [`Analysis`]: faces with their expressions and tracks, frame by frame, at the speed of the whole machine.
//!
//! One thread decodes, the others look for faces and name expressions, and what comes out is in order. Between two full looks
//! faces are looked for only where they were, which costs a fraction: see [`Settings::look`]. Answers do not depend on the number
//! of threads, nor on their timing.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use fervor::{Analyzer, Bundle, DetectorOptions, YuNet, builtin};
//! use fervor_video::pipeline::{Analysis, Settings};
//! use fervor_video::{Options, Source};
//!
//! let threads = std::thread::available_parallelism()?.get();
//! // Frames are what runs in parallel: the detector and the network take one thread each.
//! let bundle = Bundle::builtin(builtin::DEFAULT)?.with_lanes(threads);
//! let finder = YuNet::new(DetectorOptions::default().with_threads(1))?;
//! let analyzer = Arc::new(Analyzer::new(finder, Arc::new(bundle)));
//!
//! let source = Source::open("interview.mp4", &Options::default())?;
//! for seen in Analysis::new(source, analyzer, Settings::default().with_threads(threads)) {
//!     let seen = seen?;
//!     for face in seen.faces? {
//!         println!("{:.3} s: track {}, looks {}", seen.time, face.track.id, face.prediction.label());
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod gate;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use fervor::track::{TrackOptions, Tracked};
use fervor::{Analyzer, Error, Picture, Prediction, Result, Tracker};

use crate::clip::Clip;
use crate::source::Source;
use gate::Gate;
use work::Done;

/// How a source is gone through.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Seconds between two looks at whole frames. In the frames between, faces are looked for where the last full look found them;
    /// one that is lost there calls for a full look at that frame, and a new one is seen at the next. 0 looks at every frame whole.
    pub look: f64,
    /// How faces become tracks.
    pub track: TrackOptions,
    /// Whether the pictures come out with the faces.
    pub pictures: bool,
    /// How many threads look for faces, beside the one that decodes; `None`: as many as there are cores.
    pub threads: Option<usize>,
}

impl Default for Settings {
    /// A full look every 0.2 seconds, tracks as by default but with a patience of two seconds, no pictures, all cores.
    fn default() -> Self {
        let track = TrackOptions::default().with_patience(2.0);
        Self { look: 0.2, track, pictures: false, threads: None }
    }
}

impl Settings {
    /// The same with another distance of full [`look`](Self::look)s, in seconds.
    #[must_use]
    pub fn with_look(self, look: f64) -> Self {
        Self { look, ..self }
    }

    /// The same with other [`track`](Self::track)s.
    #[must_use]
    pub fn with_track(self, track: TrackOptions) -> Self {
        Self { track, ..self }
    }

    /// The same with or without [`pictures`](Self::pictures).
    #[must_use]
    pub fn with_pictures(self, pictures: bool) -> Self {
        Self { pictures, ..self }
    }

    /// The same on so many [`threads`](Self::threads).
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: Some(threads), ..self }
    }
}

/// A face in a frame, and its track.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Followed {
    /// What this frame alone says.
    pub prediction: Prediction,
    /// The track, with probabilities smoothed over its past.
    pub track: Tracked,
}

/// What was seen in a frame.
#[derive(Debug)]
#[non_exhaustive]
pub struct Seen {
    /// The frame's number in the whole source, from 0.
    pub index: u64,
    /// When it is shown, in seconds of the source's own clock.
    pub time: f64,
    /// Width and height of the frame in pixels; 0 of a broken one.
    pub size: (u32, u32),
    /// Whether it begins a shot: its faces begin new tracks.
    pub new_shot: bool,
    /// Whether it was looked at whole, not only where faces were.
    pub whole: bool,
    /// The faces, the largest first; or why this frame has no answer, others follow.
    pub faces: Result<Vec<Followed>>,
    /// The frame itself, if it was [asked for](Settings::pictures).
    pub picture: Option<Picture>,
}

/// An iterator over what is seen in a source's frames, in order. As with [`Source`], an item that is an error is the last.
///
/// At most 16 frames are under way or wait to be taken; whoever takes them slowly slows the decoder down, too. Dropped, it stops.
pub struct Analysis {
    clip: Clip,
    gate: Arc<Gate>,
    done: Receiver<Done>,
    waiting: BTreeMap<u64, Done>,
    next: u64,
    tracker: Tracker,
    ended: bool,
}

impl std::fmt::Debug for Analysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analysis").field("clip", &self.clip).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Analysis {
    /// Begins to look at a source's frames, on threads of its own.
    pub fn new(source: Source, analyzer: Arc<Analyzer>, settings: Settings) -> Self {
        let clip = source.clip().clone();
        let gate = Arc::new(Gate::new(work::UNDER_WAY));
        let tracker = Tracker::new(settings.track.clone());
        let done = work::start(source, analyzer, &settings, &gate);
        Self { clip, gate, done, waiting: BTreeMap::new(), next: 0, tracker, ended: false }
    }

    /// What is known of the source.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// The next frame's outcome, once it is there; none after the last.
    fn take(&mut self) -> Option<Done> {
        loop {
            if let Some(done) = self.waiting.remove(&self.next) {
                self.next += 1;
                self.gate.leave();
                return Some(done);
            }
            let done = self.done.recv().ok()?;
            self.waiting.insert(done.number, done);
        }
    }

    fn follow(&mut self, done: Done) -> Result<Seen> {
        let frame = done.frame?;
        if frame.new_shot {
            self.tracker.new_shot();
        }
        let faces = frame.faces.map(|faces| {
            let tracks = self.tracker.update_with(&faces, &frame.colours, frame.time);
            faces.into_iter().zip(tracks).map(|(prediction, track)| Followed { prediction, track }).collect()
        });
        let (index, time, size) = (frame.index, frame.time, frame.size);
        Ok(Seen { index, time, size, new_shot: frame.new_shot, whole: frame.whole, faces, picture: frame.picture })
    }
}

impl Iterator for Analysis {
    type Item = Result<Seen>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = match self.take() {
            Some(done) => Some(self.follow(done)),
            // A thread that is gone without a word: nothing must go missing.
            None if !self.waiting.is_empty() => Some(Err(Error::model("a frame was lost on its way"))),
            None => None,
        };
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

impl Drop for Analysis {
    fn drop(&mut self) {
        self.gate.close();
    }
}
