//! Tells of a training: a bar on a terminal, a line now and then elsewhere, a line an epoch everywhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use fervor_train::{EpochLog, Progress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::talk;

/// How often a line is written between epochs where there is no terminal.
const EVERY: Duration = Duration::from_secs(60);

/// How far a training is, and how long it will take.
struct Pace {
    epochs: usize,
    /// Batches of an epoch.
    batches: usize,
    /// Batches done before this program went on with the run.
    before: usize,
    started: Instant,
}

pub struct Teller {
    bar: Option<ProgressBar>,
    terminal: bool,
    pace: Option<Pace>,
    /// When something was told last.
    last: Instant,
    warned: bool,
}

impl Teller {
    pub fn new() -> Self {
        Self { bar: None, terminal: std::io::stderr().is_terminal(), pace: None, last: Instant::now(), warned: false }
    }

    pub fn tell(&mut self, event: Progress) {
        match event {
            Progress::Asked { done, pictures } => {
                if done == pictures || self.last.elapsed() >= EVERY {
                    talk::note(format_args!("teachers have been asked about {done} of {pictures} pictures"));
                    self.last = Instant::now();
                }
            }
            Progress::Started { run, summary, training_pictures, validation_pictures, epochs, batches, resumed } => {
                talk::note(format_args!(
                    "{}: {} parameters, {:.1} million multiply-adds; {training_pictures} pictures to train on, \
                     {validation_pictures} to choose by; {epochs} epochs of {batches} steps",
                    run.display(),
                    summary.parameters,
                    summary.multiply_adds as f64 / 1e6
                ));
                if let Some((epoch, batch)) = resumed {
                    talk::note(format_args!("going on after {epoch} epochs and {batch} steps"));
                }
                let before = resumed.map_or(0, |(epoch, batch)| epoch * batches + batch);
                self.pace = Some(Pace { epochs, batches, before, started: Instant::now() });
                self.last = Instant::now();
            }
            Progress::Step { epoch, batch, batches, loss, accuracy, pictures_per_second, .. } => {
                let epochs = self.pace.as_ref().map_or(epoch, |pace| pace.epochs);
                let left = self.left((epoch - 1) * batches + batch);
                let state =
                    format!("loss {loss:.3}  accuracy {:.1} %  {pictures_per_second:.0} pictures/s{left}", 100.0 * accuracy);
                if self.terminal {
                    let bar = self.bar.get_or_insert_with(|| bar(batches));
                    bar.set_message(format!("epoch {epoch}/{epochs}  {state}"));
                    bar.set_position(batch as u64);
                } else if self.last.elapsed() >= EVERY {
                    talk::note(format_args!("epoch {epoch}/{epochs}  step {batch}/{batches}  {state}"));
                    self.last = Instant::now();
                }
            }
            Progress::Epoch { log, best, only_answer } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                let left = self.pace.as_ref().map_or(0, |pace| pace.batches * log.epoch);
                talk::note(format_args!("{}{}", epoch_line(&log, best), self.left(left)));
                self.last = Instant::now();
                match only_answer {
                    Some(class) if !self.warned => {
                        talk::warn(format_args!(
                            "epoch {}: the network answers {class:?} to every validation picture; should that last, try another \
                             learning rate (--find-rate), --set data.sampling=balanced, and look at first_batch.png",
                            log.epoch
                        ));
                        self.warned = true;
                    }
                    Some(_) => {}
                    None => self.warned = false,
                }
            }
        }
    }

    /// How long the run will take from where it has done so many steps; nothing where that is not known, or it is done.
    fn left(&self, done: usize) -> String {
        let Some(pace) = &self.pace else { return String::new() };
        match pace.left(done, pace.started.elapsed()) {
            Some(left) => format!("  {} left", words(left)),
            None => String::new(),
        }
    }
}

impl Pace {
    /// After so many steps of all in this time; at most, where it may stop early. The first steps say nothing yet.
    fn left(&self, done: usize, elapsed: Duration) -> Option<Duration> {
        let (here, all) = (done.saturating_sub(self.before), self.epochs * self.batches);
        (here >= 3 && done < all).then(|| elapsed.mul_f64((all - done) as f64 / here as f64))
    }
}

fn bar(batches: usize) -> ProgressBar {
    let bar = talk::bar(batches as u64, "");
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar:.cyan/dim} {pos}/{len}").expect("the template is valid"));
    bar
}

/// "40 s", "12 min", "3 h 05 min", "2 d 4 h".
fn words(time: Duration) -> String {
    let (seconds, minutes, hours) = (time.as_secs(), time.as_secs() / 60, time.as_secs() / 3600);
    match (hours, minutes) {
        (48.., _) => format!("{} d {} h", hours / 24, hours % 24),
        (1.., _) => format!("{hours} h {:02} min", minutes % 60),
        (_, 2..) => format!("{minutes} min"),
        _ => format!("{seconds} s"),
    }
}

fn epoch_line(log: &EpochLog, best: bool) -> String {
    format!(
        "epoch {:>3}  train {:.4} {:.2} %  validation {:.4} {:.2} %  macro-F1 {:.4}  rate {:.2e}  {:.0} s  {:.0} pictures/s{}",
        log.epoch,
        log.train_loss,
        100.0 * log.train_accuracy,
        log.val_loss,
        100.0 * log.val_accuracy,
        log.val_macro_f1,
        log.learning_rate,
        log.seconds,
        log.pictures_per_second,
        if best { "  best" } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_of_the_whole_run_and_of_the_steps_done_here() {
        let pace = Pace { epochs: 10, batches: 20, before: 100, started: Instant::now() };
        assert_eq!(pace.left(150, Duration::from_secs(100)), Some(Duration::from_secs(100)));
        assert_eq!(pace.left(101, Duration::from_secs(1)), None, "one step says nothing");
        assert_eq!(pace.left(200, Duration::from_secs(1)), None, "it is done");
    }

    #[test]
    fn times_are_put_into_words() {
        let said = [59, 119, 125, 3_600, 11_100, 190_800].map(|seconds| words(Duration::from_secs(seconds)));
        assert_eq!(said, ["59 s", "119 s", "2 min", "1 h 00 min", "3 h 05 min", "2 d 5 h"]);
    }
}
