//! How many frames are under way.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lets so many in at once, until it is closed.
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: usize,
    closed: bool,
}

impl Gate {
    pub(super) fn new(places: usize) -> Self {
        Self { state: Mutex::new(State { free: places, closed: false }), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place; false once the gate is closed.
    pub(super) fn enter(&self) -> bool {
        let waits = |state: &mut State| state.free == 0 && !state.closed;
        let mut state = self.changed.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner);
        state.free = state.free.saturating_sub(1);
        !state.closed
    }

    /// Gives a place back.
    pub(super) fn leave(&self) {
        self.state().free += 1;
        self.changed.notify_one();
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}
