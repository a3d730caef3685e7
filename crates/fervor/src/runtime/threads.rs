//! Where a graph runs: on all cores, on a pool of its own, or each run on one thread.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Where a graph runs; `P` is the engine's own kind of thread pool.
pub enum Threads<P> {
    /// On all cores: the engine's global pool.
    All,
    /// On a pool that all runs share.
    Shared(Arc<P>),
    /// Each run on one of these, by itself.
    Lanes(Lanes<P>),
}

/// Pools of one thread each, and those of them that are free.
pub struct Lanes<P> {
    free: Mutex<Vec<Arc<P>>>,
    returned: Condvar,
}

/// A lane on loan.
pub struct Lane<'a, P> {
    lanes: &'a Lanes<P>,
    pub pool: Arc<P>,
}

impl<P> Lanes<P> {
    /// So many lanes, at least one.
    pub fn new(lanes: usize, pool: impl Fn() -> P) -> Self {
        let free = (0..lanes.max(1)).map(|_| Arc::new(pool())).collect();
        Self { free: Mutex::new(free), returned: Condvar::new() }
    }

    /// A free lane, once there is one.
    pub fn take(&self) -> Lane<'_, P> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(pool) = free.pop() {
                return Lane { lanes: self, pool };
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<P> Drop for Lane<'_, P> {
    fn drop(&mut self) {
        self.lanes.free.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.pool));
        self.lanes.returned.notify_one();
    }
}

/// Threads for our own kernels.
pub struct Workers(Option<rayon::ThreadPool>);

impl Workers {
    /// So many threads. Where none can be started (WebAssembly), work is done by the caller.
    pub fn new(threads: usize) -> Self {
        let name = |index| format!("fervor-{index}");
        Self(rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).thread_name(name).build().ok())
    }

    /// No threads: work is done by the caller.
    pub fn caller() -> Self {
        Self(None)
    }

    /// Works on these threads.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}
