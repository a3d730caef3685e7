//! [`Live`]: frames as they come, the newest first; what nobody had time for is dropped.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fervor::{Error, Result};

use crate::clip::Frame;
use crate::source::Source;

/// A frame that just came.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrived {
    /// The frame.
    pub frame: Frame,
    /// When it came.
    pub came: Instant,
    /// How many frames were dropped so far, because a newer one came first.
    pub dropped: u64,
}

/// Frames of a source at the speed at which they come. Whoever takes them slowly gets the newest, never an old one late.
///
/// A camera and a stream come at their own speed; a file is played at its own clock's.
pub struct Live {
    slot: Arc<Slot>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

/// The newest frame, between who reads and who takes.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    newest: Option<(Frame, Instant)>,
    dropped: u64,
    /// Why nothing follows, once nothing follows.
    end: Option<Option<Error>>,
    /// Whether somebody still takes.
    abandoned: bool,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

impl Live {
    /// Begins to read. With `fps`, at most so many frames a second are given; the others are passed over and not counted as dropped.
    /// `paced`: whether frames are held back until the source's clock says that they are shown, as for a file.
    pub fn new(source: Source, fps: Option<f64>, paced: bool) -> Self {
        let slot = Arc::new(Slot::default());
        let filled = Arc::clone(&slot);
        thread::spawn(move || {
            let end = read(source, fps, paced, &filled);
            filled.change(|state| state.end = Some(end));
        });
        Self { slot }
    }

    /// The newest frame, as soon as there is one that was not taken; none if none comes within `patience`.
    ///
    /// # Errors
    /// The source ended before its end.
    pub fn next_within(&self, patience: Duration) -> Result<Next> {
        let waits = |state: &mut State| state.newest.is_none() && state.end.is_none();
        let waited = self.slot.changed.wait_timeout_while(self.slot.state(), patience, waits);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some((frame, came)) = state.newest.take() {
            let dropped = state.dropped;
            return Ok(Next::Frame(Box::new(Arrived { frame, came, dropped })));
        }
        match &mut state.end {
            None => Ok(Next::Nothing),
            Some(end) => end.take().map_or(Ok(Next::End), Err),
        }
    }
}

/// What came of waiting for a frame.
#[derive(Debug)]
pub enum Next {
    /// A frame.
    Frame(Box<Arrived>),
    /// None came in time.
    Nothing,
    /// None comes any more.
    End,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.slot.change(|state| state.abandoned = true);
    }
}

/// Reads until the source or the interest ends; why it ended early.
fn read(source: Source, fps: Option<f64>, paced: bool, slot: &Slot) -> Option<Error> {
    let (begin, mut first, mut due) = (Instant::now(), None, f64::NEG_INFINITY);
    for frame in source {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return Some(error),
        };
        let since = frame.time - *first.get_or_insert(frame.time);
        if paced && let Ok(shown) = Duration::try_from_secs_f64(since) {
            thread::sleep((begin + shown).saturating_duration_since(Instant::now()));
        }
        let came = Instant::now();
        if let Some(fps) = fps {
            let now = if paced { since } else { (came - begin).as_secs_f64() };
            // A tenth of the distance early is in time: cameras are not exact.
            if now < due - 0.1 / fps {
                continue;
            }
            due = if due.is_finite() { (due + 1.0 / fps).max(now) } else { now + 1.0 / fps };
        }
        let mut abandoned = false;
        slot.change(|state| {
            state.dropped += u64::from(state.newest.replace((frame, came)).is_some());
            abandoned = state.abandoned;
        });
        if abandoned {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use fervor::Picture;

    use super::*;
    use crate::options::Options;

    fn jpegs(count: u8) -> Source {
        let jpeg = |value: u8| Picture::from_gray(16, 16, &[value; 256]).unwrap().encode_jpeg(90).unwrap();
        Source::read((0..count).flat_map(|i| jpeg(10 * i)).collect::<Vec<u8>>(), &Options::default()).unwrap()
    }

    #[test]
    fn who_is_slow_gets_the_newest_frame_and_is_told_how_many_were_dropped() {
        let live = Live::new(jpegs(5), None, false);
        thread::sleep(Duration::from_millis(300));
        let Next::Frame(arrived) = live.next_within(Duration::from_secs(5)).unwrap() else { panic!("no frame") };
        assert_eq!((arrived.frame.index, arrived.dropped), (4, 4));
        assert!(matches!(live.next_within(Duration::from_secs(5)), Ok(Next::End)));
    }

    #[test]
    fn a_file_is_played_at_its_own_clock() {
        let (begin, live) = (Instant::now(), Live::new(jpegs(6), Some(12.5), true));
        let mut given = Vec::new();
        while let Next::Frame(arrived) = live.next_within(Duration::from_secs(5)).unwrap() {
            given.push(arrived.frame.index);
        }
        // 25 a second, half of them wanted.
        assert!(begin.elapsed() >= Duration::from_millis(195), "{:?}", begin.elapsed());
        assert_eq!(given, [0, 2, 4]);
    }
}
