//! The threads: one decodes, others look.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use fervor::track::Colours;
use fervor::{Analyzer, BoundingBox, Error, Picture, Prediction, Result, Shots};

use super::Settings;
use super::gate::Gate;
use crate::clip::Frame;
use crate::source::Source;

/// Frames that are under way at most: decoded, looked at, or waiting to be taken.
pub(super) const UNDER_WAY: usize = 16;

/// Frames that are decoded and wait for a thread.
const DECODED: usize = 4;

/// A frame's way through a thread.
struct Job {
    number: u64,
    frame: Frame,
    new_shot: bool,
    /// The full look whose faces are looked for here, and whether this frame is to take it.
    look: Arc<Look>,
    whole: bool,
}

/// A full look's boxes, once it is done; none if it failed.
type Look = OnceLock<Option<Vec<BoundingBox>>>;

/// A frame's outcome, by its number among all that were given; an error is the last.
pub(super) struct Done {
    pub number: u64,
    pub frame: Result<DoneFrame>,
}

/// What a frame came to.
pub(super) struct DoneFrame {
    pub index: u64,
    pub time: f64,
    pub size: (u32, u32),
    pub new_shot: bool,
    pub whole: bool,
    pub faces: Result<Vec<Prediction>>,
    /// What is around each face.
    pub colours: Vec<Colours>,
    pub picture: Option<Picture>,
}

/// Starts the threads; what they come to arrives in any order, by number.
pub(super) fn start(source: Source, analyzer: Arc<Analyzer>, settings: &Settings, gate: &Arc<Gate>) -> Receiver<Done> {
    let (done, outcomes) = channel();
    let (jobs, waiting) = sync_channel(DECODED);
    let waiting = Arc::new(Mutex::new(waiting));
    let threads = settings.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1);
    for _ in 0..threads {
        let (analyzer, waiting, done, pictures) = (Arc::clone(&analyzer), Arc::clone(&waiting), done.clone(), settings.pictures);
        thread::spawn(move || work(&analyzer, &waiting, &done, pictures));
    }
    let (gate, look) = (Arc::clone(gate), settings.look);
    thread::spawn(move || decode(source, &gate, &jobs, &done, look));
    outcomes
}

/// Hands out frames until the source or the interest ends.
fn decode(source: Source, gate: &Gate, jobs: &SyncSender<Job>, done: &Sender<Done>, every: f64) {
    let mut shots = Shots::new();
    let mut look: Option<(f64, Arc<Look>)> = None;
    for (number, frame) in (0..).zip(source) {
        if !gate.enter() {
            return;
        }
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return drop(done.send(Done { number, frame: Err(error) })),
        };
        let new_shot = frame.picture.as_ref().is_ok_and(|picture| shots.is_first(picture));
        // Times are rounded: a hair early is in time.
        let going_on = look.take().filter(|(since, _)| !new_shot && frame.time - since < every - 1e-6);
        let whole = going_on.is_none() && frame.picture.is_ok();
        let (since, current) = going_on.unwrap_or_else(|| (frame.time, Arc::new(OnceLock::new())));
        let job = Job { number, new_shot, look: Arc::clone(&current), whole, frame };
        // After a broken frame the next is looked at anew.
        look = job.frame.picture.is_ok().then_some((since, current));
        if jobs.send(job).is_err() {
            return;
        }
    }
}

/// Looks at frames until there are no more.
fn work(analyzer: &Analyzer, waiting: &Mutex<Receiver<Job>>, done: &Sender<Done>, pictures: bool) {
    loop {
        // Held while waiting: whoever comes next waits for the lock instead.
        let Ok(job) = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv() else { return };
        let Job { number, whole, new_shot, frame: Frame { index, time, .. }, .. } = job;
        let look = Arc::clone(&job.look);
        let frame = catch_unwind(AssertUnwindSafe(|| seen(analyzer, job, pictures)));
        // Should it have failed, nobody waits for this look any longer.
        if whole {
            let _ = look.set(None);
        }
        let frame = frame.unwrap_or_else(|_| {
            let faces = Err(Error::model("looking at the frame failed"));
            DoneFrame { index, time, size: (0, 0), new_shot, whole, faces, colours: Vec::new(), picture: None }
        });
        if done.send(Done { number, frame: Ok(frame) }).is_err() {
            return;
        }
    }
}

fn seen(analyzer: &Analyzer, job: Job, pictures: bool) -> DoneFrame {
    let Job { frame: Frame { index, time, picture }, new_shot, look, whole, .. } = job;
    let (none, colours) = (Ok(Vec::new()), Vec::new());
    let mut outcome = DoneFrame { index, time, size: (0, 0), new_shot, whole, faces: none, colours, picture: None };
    match picture {
        Ok(picture) => {
            outcome.size = (picture.width(), picture.height());
            outcome.faces = faces(analyzer, &picture, &look, whole);
            let seen = outcome.faces.iter().flatten();
            outcome.colours = seen.map(|prediction| Colours::of(&picture, &prediction.face)).collect();
            outcome.picture = pictures.then_some(picture);
        }
        Err(error) => outcome.faces = Err(error),
    }
    outcome
}

fn faces(analyzer: &Analyzer, picture: &Picture, look: &Look, whole: bool) -> Result<Vec<Prediction>> {
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
