//! The threads: each takes what is to be done next, a frame to look at before one to decode.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use fervor::preprocess::Filter;
use fervor::shot::Glance;
use fervor::track::Colours;
use fervor::{Analyzer, BoundingBox, Error, Picture, Prediction, Result};

use super::Settings;
use super::board::{Board, Task};
use super::part::{Job, Look, Part};
use crate::clip::Frame;
use crate::source::Source;

/// What a frame came to.
pub(super) struct Done {
    pub index: u64,
    pub time: f64,
    pub size: (u32, u32),
    /// What tells whether it begins a shot; none of a broken one.
    pub glance: Option<Glance>,
    pub whole: bool,
    pub faces: Result<Vec<Prediction>>,
    /// What is around each face.
    pub colours: Vec<Colours>,
    /// A picture of each face, of a full look if they are asked for.
    pub portraits: Vec<Picture>,
    pub picture: Option<Picture>,
}

impl Done {
    /// Nothing seen yet.
    fn nothing(index: u64, time: f64, whole: bool) -> Self {
        let (faces, colours, portraits) = (Ok(Vec::new()), Vec::new(), Vec::new());
        Self { index, time, size: (0, 0), glance: None, whole, faces, colours, portraits, picture: None }
    }
}

/// Starts the threads; what they come to is to be taken from the board.
pub(super) fn start(source: Source, analyzer: &Arc<Analyzer>, settings: &Settings) -> Arc<Board> {
    let cores = settings.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1);
    // Another program decodes, or something is waited for: meanwhile a core is free.
    let threads = cores + usize::from(source.clip().decoder == crate::Decoder::Ffmpeg);
    let board = Arc::new(Board::new(source, threads, settings.pictures));
    for _ in 0..threads {
        let (board, analyzer, settings) = (Arc::clone(&board), Arc::clone(analyzer), settings.clone());
        thread::spawn(move || work(&board, &analyzer, &settings));
    }
    board
}

/// Does what there is to do until there is nothing more.
fn work(board: &Board, analyzer: &Analyzer, settings: &Settings) {
    while let Some(task) = board.next() {
        match task {
            Task::Open(part) => open(board, *part),
            Task::Decode(part) => decode(board, *part, settings.look),
            Task::Look(job) => look(board, analyzer, *job, settings),
        }
    }
}

fn open(board: &Board, mut part: Part) {
    let rest = catch_unwind(AssertUnwindSafe(|| part.split())).unwrap_or_default();
    board.opened(part, rest);
}

fn decode(board: &Board, mut part: Part, every: f64) {
    match catch_unwind(AssertUnwindSafe(|| part.next(every))) {
        Ok(Some(Ok(job))) => board.decoded(part, job),
        Ok(end) => board.ended(&part, end.and_then(Result::err)),
        Err(_) => board.ended(&part, Some(Error::model("decoding failed"))),
    }
}

fn look(board: &Board, analyzer: &Analyzer, job: Job, settings: &Settings) {
    let Job { at, whole, frame: Frame { index, time, .. }, .. } = job;
    let look = Arc::clone(&job.look);
    let done = catch_unwind(AssertUnwindSafe(|| seen(analyzer, job, settings)));
    // Should it have failed, nobody waits for this look any longer.
    if whole {
        let _ = look.set(None);
    }
    let done = done.unwrap_or_else(|_| {
        let faces = Err(Error::model("looking at the frame failed"));
        Done { faces, ..Done::nothing(index, time, whole) }
    });
    board.looked(at, done);
}

fn seen(analyzer: &Analyzer, job: Job, settings: &Settings) -> Done {
    let Job { frame: Frame { index, time, picture }, glance, look, whole, .. } = job;
    let mut done = Done { glance, ..Done::nothing(index, time, whole) };
    match picture {
        Ok(picture) => {
            if settings.pictures {
                // Whoever takes it would have to wait for its colours.
                picture.rgb();
            }
            done.size = (picture.width(), picture.height());
            done.faces = faces_in(analyzer, &picture, &look, whole);
            let faces = done.faces.as_deref().unwrap_or_default();
            done.colours = faces.iter().map(|prediction| Colours::of(&picture, &prediction.face)).collect();
            // One that is seen between the looks for the first time was found by a full look, too.
            let new = whole || look.get().is_none_or(|boxes| boxes.as_ref().is_none_or(|boxes| boxes.len() < faces.len()));
            if let Some(side) = settings.portraits.filter(|_| new) {
                let portraits = faces.iter().map(|prediction| portrait(&picture, &prediction.face.bounds, side));
                done.portraits = portraits.collect::<Result<_>>().unwrap_or_default();
            }
            done.picture = settings.pictures.then_some(picture);
        }
        Err(error) => done.faces = Err(error),
    }
    done
}

/// More of the surroundings than the detector's box, as a share of its longer side.
const MARGIN: f32 = 0.15;

/// A square about the box, inside the frame.
fn portrait(frame: &Picture, bounds: &BoundingBox, pixels: u32) -> Result<Picture> {
    let (wide, tall) = (frame.width() as f32, frame.height() as f32);
    let side = (bounds.width.max(bounds.height) * (1.0 + 2.0 * MARGIN)).clamp(1.0, wide.min(tall));
    let corner = |from: f32, length: f32, all: f32| (from + length / 2.0 - side / 2.0).clamp(0.0, all - side) as u32;
    let (x, y) = (corner(bounds.x, bounds.width, wide), corner(bounds.y, bounds.height, tall));
    frame.cropped(x, y, side as u32, side as u32)?.resized(pixels, pixels, Filter::Bilinear)
}

fn faces_in(analyzer: &Analyzer, picture: &Picture, look: &Look, whole: bool) -> Result<Vec<Prediction>> {
    let prepared = if whole {
        let prepared = analyzer.prepare(picture);
        let boxes = prepared.as_ref().ok().map(|prepared| prepared.iter().map(|(face, ..)| face.bounds).collect());
        let _ = look.set(boxes);
        prepared?
    } else {
        match look.wait() {
            Some(boxes) => analyzer.prepare_near(picture, boxes)?,
            None => analyzer.prepare(picture)?,
        }
    };
    Ok(analyzer.classify(vec![prepared])?.pop().unwrap_or_default())
}
