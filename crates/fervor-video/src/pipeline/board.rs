//! What is to be done and what is done, for all threads to see.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use fervor::{Error, Result};

use super::part::{At, Job, Part};
use super::work::Done;
use crate::source::Source;

/// So many parts are open at most, whatever the number of cores: each has a decoder with its own frames.
const OPEN: usize = 8;

/// Frames that are decoded and wait, at least; with many threads one for each.
const DECODED: usize = 8;

/// Answers of the part that is being taken which wait at most, and all frames where pictures come with them: whoever takes them
/// slowly slows the decoder down, too.
const WAITING: usize = 16;

/// Answers of a later part which wait at most.
const AHEAD: usize = 1024;

/// What a thread does next.
pub(super) enum Task {
    /// Part the rest of the source.
    Open(Box<Part>),
    /// Take a frame from a part.
    Decode(Box<Part>),
    /// Look at a frame.
    Look(Box<Job>),
}

/// A part that is not yet taken whole.
#[derive(Default)]
struct Progress {
    /// Its frames that wait for a thread, are looked at, or wait to be taken.
    under_way: usize,
    /// Its answers, by the frame's number in it.
    done: BTreeMap<u64, Done>,
    /// How many frames it has, once that is known, and why there are no more of the source.
    end: Option<(u64, Option<Error>)>,
}

struct State {
    /// What is not opened yet.
    rest: Option<Source>,
    /// A thread is about to part the rest.
    opening: bool,
    /// Parts that no thread takes a frame from just now, and how many others are open.
    idle: Vec<Part>,
    decoding: usize,
    /// How many parts have been opened.
    opened: u64,
    jobs: VecDeque<Job>,
    /// By part, from the one that is being taken on.
    progress: BTreeMap<u64, Progress>,
    /// The next frame to be taken.
    next: At,
    /// Nobody waits for answers any more.
    closed: bool,
}

/// What is to be done and what is done.
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
    most_open: usize,
    most_decoded: usize,
    pictures: bool,
}

impl Board {
    pub fn new(source: Source, threads: usize, pictures: bool) -> Self {
        let state = State {
            rest: Some(source),
            opening: false,
            idle: Vec::new(),
            decoding: 0,
            opened: 0,
            jobs: VecDeque::new(),
            progress: BTreeMap::new(),
            next: (0, 0),
            closed: false,
        };
        // With pictures only one: those of a later part would have to be kept.
        let most_open = if pictures { 1 } else { threads.min(OPEN) };
        Self { state: Mutex::new(state), changed: Condvar::new(), most_open, most_decoded: DECODED.max(threads), pictures }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// What to do next; waits for it, and is none once nothing is left.
    pub fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(task) = self.choose(&mut state) {
                return Some(task);
            }
            let over = state.rest.is_none() && !state.opening && state.idle.is_empty() && state.decoding == 0;
            if over && state.jobs.is_empty() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn choose(&self, state: &mut State) -> Option<Task> {
        if let Some(ready) = state.jobs.iter().position(Job::is_ready) {
            return state.jobs.remove(ready).map(|job| Task::Look(Box::new(job)));
        }
        // The earliest first: its answers are waited for.
        let first = (0..state.idle.len()).filter(|&i| self.has_room(state, &state.idle[i])).min_by_key(|&i| state.idle[i].number);
        if let Some(first) = first {
            state.decoding += 1;
            return Some(Task::Decode(Box::new(state.idle.swap_remove(first))));
        }
        let room = state.idle.len() + state.decoding < self.most_open && !state.opening;
        let source = state.rest.take_if(|_| room)?;
        state.opening = true;
        Some(Task::Open(Box::new(Part::new(state.opened, source))))
    }

    /// Whether one more frame of this part may wait.
    fn has_room(&self, state: &State, part: &Part) -> bool {
        let progress = state.progress.get(&part.number);
        let (under_way, done) = progress.map_or((0, 0), |progress| (progress.under_way, progress.done.len()));
        let most = if part.number == state.next.0 { WAITING } else { AHEAD };
        let decoded = state.progress.values().map(|progress| progress.under_way - progress.done.len()).sum::<usize>();
        decoded < self.most_decoded && done < most && (!self.pictures || under_way < WAITING)
    }

    /// A part begins; the rest comes after it.
    pub fn opened(&self, part: Part, rest: Option<Source>) {
        self.change(|state| {
            state.opening = false;
            state.opened += 1;
            state.progress.insert(part.number, Progress::default());
            state.idle.push(part);
            state.rest = rest;
        });
    }

    /// A part has given a frame.
    pub fn decoded(&self, part: Part, job: Job) {
        self.change(|state| {
            state.decoding -= 1;
            if let Some(progress) = state.progress.get_mut(&part.number) {
                progress.under_way += 1;
            }
            state.jobs.push_back(job);
            state.idle.push(part);
        });
    }

    /// A part has no more frames; with an error, nor has the source.
    pub fn ended(&self, part: &Part, error: Option<Error>) {
        self.change(|state| {
            state.decoding -= 1;
            if let Some(progress) = state.progress.get_mut(&part.number) {
                progress.end = Some((part.given, error));
            }
        });
    }

    /// A frame has been looked at.
    pub fn looked(&self, (part, number): At, done: Done) {
        self.change(|state| {
            if let Some(progress) = state.progress.get_mut(&part) {
                progress.done.insert(number, done);
            }
        });
    }

    /// The next frame's outcome, in order, once it is there; none after the last. An error is the last.
    pub fn take(&self) -> Option<Result<Done>> {
        let mut state = self.state();
        loop {
            let (part, number) = state.next;
            if let Some(progress) = state.progress.get_mut(&part) {
                if let Some(done) = progress.done.remove(&number) {
                    progress.under_way -= 1;
                    state.next.1 += 1;
                    self.changed.notify_all();
                    return Some(Ok(done));
                }
                if let Some((_, error)) = progress.end.take_if(|(frames, _)| *frames == number) {
                    state.progress.remove(&part);
                    if let Some(error) = error {
                        state.closed = true;
                        self.changed.notify_all();
                        return Some(Err(error));
                    }
                    state.next = (part + 1, 0);
                    self.changed.notify_all();
                    continue;
                }
            } else if state.rest.is_none() && !state.opening && part >= state.opened {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nobody takes anything any more.
    pub fn close(&self) {
        self.change(|state| state.closed = true);
    }
}
