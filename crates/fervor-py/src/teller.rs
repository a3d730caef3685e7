//! Long work that says how far it is, and stops where Python asks it to: by Ctrl-C, or by an exception of its callback.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fervor::{Error, Result};
use pyo3::prelude::*;

use crate::errors::work;

/// How often the interpreter is asked whether someone wants to stop.
const TURN: Duration = Duration::from_millis(50);

/// A callback of Python that hears of pictures done and of all, a few times a second.
pub struct Teller {
    callback: Option<Py<PyAny>>,
    last: Mutex<Option<Instant>>,
    stopped: AtomicBool,
    raised: Mutex<Option<PyErr>>,
}

/// With this the work unwinds to where it began.
struct Stopped;

impl Teller {
    pub fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, last: Mutex::new(None), stopped: AtomicBool::new(false), raised: Mutex::new(None) }
    }

    /// So many pictures are done. Does not return where the work is to stop.
    pub fn tell(&self, done: usize, all: usize) {
        self.go_on();
        let Some(callback) = &self.callback else { return };
        {
            let Ok(mut last) = self.last.try_lock() else { return };
            if done < all && last.is_some_and(|last| last.elapsed() < Duration::from_millis(100)) {
                return;
            }
            *last = Some(Instant::now());
        }
        Python::attach(|py| {
            if let Err(e) = callback.call1(py, (done, all)) {
                self.stop(e);
            }
        });
        self.go_on();
    }

    /// Does not return where the work is to stop.
    pub fn go_on(&self) {
        if self.stopped.load(Ordering::Relaxed) {
            resume_unwind(Box::new(Stopped));
        }
    }

    fn stop(&self, why: PyErr) {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// What the work comes to, which runs on threads of its own, as also a process that was forked has them, and hears of
    /// pictures through this.
    ///
    /// # Errors
    /// Those of the work; where the callback raised, or a signal's handler did (Ctrl-C), what was raised, as soon as the work
    /// has told of another picture.
    pub fn during<T: Send>(self, py: Python<'_>, act: impl FnOnce(&Self) -> Result<T> + Send) -> PyResult<T> {
        let done = work(py, || {
            let (send, receive) = channel();
            thread::scope(|scope| {
                let doing = || {
                    let pool = rayon::ThreadPoolBuilder::new().build();
                    let pool = pool.map_err(|e| Error::input("no threads can be started").with_source(e))?;
                    pool.install(|| act(&self))
                };
                scope.spawn(move || send.send(catch_unwind(AssertUnwindSafe(doing))));
                loop {
                    match receive.recv_timeout(TURN) {
                        Ok(Ok(done)) => return done.map(Some),
                        Ok(Err(panic)) if panic.is::<Stopped>() => return Ok(None),
                        Ok(Err(panic)) => resume_unwind(panic),
                        Err(RecvTimeoutError::Timeout) => {
                            // Only the interpreter's first thread runs handlers of signals; in others this does nothing.
                            if let Err(e) = Python::attach(|py| py.check_signals()) {
                                self.stop(e);
                            }
                        }
                        Err(RecvTimeoutError::Disconnected) => unreachable!("the work sends what it came to"),
                    }
                }
            })
        });
        match self.raised.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(e) => Err(e),
            None => {
                // A signal that came after the interpreter was asked the last time.
                py.check_signals()?;
                Ok(done?.expect("nobody stopped the work"))
            }
        }
    }
}
