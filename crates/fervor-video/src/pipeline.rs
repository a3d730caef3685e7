//! [`Analysis`]: faces with their expressions and tracks, frame by frame, at the speed of the whole machine.
//!
//! Each thread decodes, or looks for faces and names expressions, whichever is to be done next, and what comes out is in order. A
//! file in which decoding can begin at more than one place is decoded at several at once. Between two full looks faces are looked
//! for only where they were, which costs a fraction: see [`Settings::look`]. Answers do not depend on the number of threads, nor
//! on their timing.
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

mod board;
mod part;
mod work;

use std::sync::Arc;

use fervor::track::{TrackOptions, Tracked};
use fervor::{Analyzer, Picture, Prediction, Result, Shots, Tracker};

use crate::clip::Clip;
use crate::source::Source;
use board::Board;
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
    /// Whether the pictures come out with the faces. A file is then decoded at one place only.
    pub pictures: bool,
    /// Whether faces come with a small picture of themselves, for people to know who it is, and how many pixels its side has. Only
    /// those of full looks do, which every face has at least one of.
    pub portraits: Option<u32>,
    /// How many threads work; `None`: as many as there are cores.
    pub threads: Option<usize>,
}

impl Default for Settings {
    /// A full look every 0.2 seconds, tracks as by default, no pictures, all cores.
    fn default() -> Self {
        Self { look: 0.2, track: TrackOptions::default(), pictures: false, portraits: None, threads: None }
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

    /// The same with [`portraits`](Self::portraits) of so many pixels a side.
    #[must_use]
    pub fn with_portraits(self, side: u32) -> Self {
        Self { portraits: Some(side), ..self }
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
    /// The face and a little of what is around it, if that was [asked for](Settings::portraits) and this frame was looked at whole.
    pub portrait: Option<Picture>,
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
/// A handful of decoded frames are under way, and without pictures at most 16 answers wait to be taken, and a thousand of each place
/// of a file that is decoded beside; whoever takes them slowly slows the decoder down, too. Dropped, it stops.
pub struct Analysis {
    clip: Clip,
    board: Arc<Board>,
    shots: Shots,
    tracker: Tracker,
    ended: bool,
}

impl std::fmt::Debug for Analysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analysis").field("clip", &self.clip).finish_non_exhaustive()
    }
}

impl Analysis {
    /// Begins to look at a source's frames, on threads of its own.
    pub fn new(source: Source, analyzer: Arc<Analyzer>, settings: Settings) -> Self {
        let clip = source.clip().clone();
        let tracker = Tracker::new(settings.track.clone());
        let board = work::start(source, &analyzer, &settings);
        Self { clip, board, shots: Shots::new(), tracker, ended: false }
    }

    /// What is known of the source.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    fn follow(&mut self, done: Done) -> Seen {
        let Done { index, time, size, glance, whole, faces, colours, portraits, picture } = done;
        let new_shot = glance.is_some_and(|glance| self.shots.is_first_glance(glance));
        if new_shot {
            self.tracker.new_shot();
        }
        let faces = faces.map(|faces| {
            let tracks = self.tracker.update_with(&faces, &colours, time);
            let portraits = portraits.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
            let faces = faces.into_iter().zip(tracks).zip(portraits);
            faces.map(|((prediction, track), portrait)| Followed { prediction, track, portrait }).collect()
        });
        Seen { index, time, size, new_shot, whole, faces, picture }
    }
}

impl Iterator for Analysis {
    type Item = Result<Seen>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.board.take().map(|done| done.map(|done| self.follow(done)));
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

impl Drop for Analysis {
    fn drop(&mut self) {
        self.board.close();
    }
}
