//! How far a job is: a bar on a terminal, a line a minute elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fervor_table::job::Counts;
use indicatif::ProgressBar;

use crate::talk;

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(60);

pub struct Pace {
    bar: ProgressBar,
    terminal: bool,
    pictures: u64,
    before: u64,
    started: Instant,
    so_far: Mutex<(Counts, Instant)>,
}

impl Pace {
    pub fn new(pictures: u64, before: Counts) -> Self {
        let bar = talk::bar(pictures, "pictures");
        // The time left is of what is done from now on.
        bar.set_position(before.pictures);
        bar.reset_eta();
        let terminal = std::io::stderr().is_terminal();
        let now = Instant::now();
        Self { bar, terminal, pictures, before: before.pictures, started: now, so_far: Mutex::new((before, now)) }
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

    pub fn end(&self) {
        self.bar.finish_and_clear();
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
