//! How far a job is: a bar on a terminal, a line a minute elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fervor::Error;
use fervor_table::job::Counts;
use indicatif::ProgressBar;

use crate::talk;

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(60);

/// So many pictures without an answer are named; the others are counted, and stand in the rows.
const NAMED: u64 = 10;

pub struct Pace {
    bar: ProgressBar,
    terminal: bool,
    pictures: u64,
    before: u64,
    started: Instant,
    so_far: Mutex<(Counts, Instant)>,
    failed: AtomicU64,
}

impl Pace {
    pub fn new(pictures: u64, before: Counts) -> Self {
        let bar = talk::bar(pictures, "pictures");
        // The time left is of what is done from now on.
        bar.set_position(before.pictures);
        bar.reset_eta();
        let terminal = std::io::stderr().is_terminal();
        let now = Instant::now();
        Self {
            bar,
            terminal,
            pictures,
            before: before.pictures,
            started: now,
            so_far: Mutex::new((before, now)),
            failed: AtomicU64::new(0),
        }
    }

    /// Some pictures more are done.
    pub fn moved(&self, counts: Counts) {
        self.bar.inc(counts.pictures);
        let Ok(mut so_far) = self.so_far.lock() else { return };
        so_far.0 = so_far.0 + counts;
        let (counts, last) = *so_far;
        if counts.errors > 0 {
            self.bar.set_message(format!("pictures ({} without an answer)", counts.errors));
        }
        if !self.terminal && last.elapsed() >= EVERY {
            so_far.1 = Instant::now();
            talk::note(self.line(counts));
        }
    }

    /// A picture has no answer.
    pub fn failed(&self, source: &str, row: Option<i64>, error: &Error) {
        if self.failed.fetch_add(1, Ordering::Relaxed) < NAMED {
            let row = row.map(|row| format!("row {row} of ")).unwrap_or_default();
            self.bar.suspend(|| talk::warn(format_args!("{row}{}", talk::at(source, error))));
        }
    }

    pub fn end(&self) {
        self.bar.finish_and_clear();
        let more = self.failed.load(Ordering::Relaxed).saturating_sub(NAMED);
        if more > 0 {
            talk::warn(format_args!("{more} more without an answer: the rows say why"));
        }
        let counts = self.so_far.lock().map(|so_far| so_far.0).unwrap_or_default();
        let done = counts.pictures - self.before;
        if done > 0 {
            let seconds = self.started.elapsed().as_secs_f64();
            talk::note(format_args!("{done} pictures in {seconds:.1} s, {:.1} a second", done as f64 / seconds));
        }
    }

    fn line(&self, counts: Counts) -> String {
        let rate = (counts.pictures - self.before) as f64 / self.started.elapsed().as_secs_f64();
        let left = Duration::from_secs_f64((self.pictures - counts.pictures) as f64 / rate.max(1e-9));
        let left = indicatif::HumanDuration(left);
        let Counts { pictures, errors, .. } = counts;
        format!("{pictures} of {} pictures, {rate:.1} a second, {errors} without an answer, {left} left", self.pictures)
    }
}
