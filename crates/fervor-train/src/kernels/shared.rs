//! Small unsafe helpers that the kernels share.

use std::{cell::RefCell, marker::PhantomData, mem::MaybeUninit};

/// A slice that tasks write disjoint parts of.
pub struct Shared<'a> {
    start: *mut f32,
    owner: PhantomData<&'a mut [f32]>,
}

// SAFETY: the parts that tasks write are disjoint; `pointer` says so.
unsafe impl Send for Shared<'_> {}
// SAFETY: sharing it gives no more than the pointer, under the same promise.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// Borrows the slice until the value is gone.
    pub fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), owner: PhantomData }
    }

    /// The same for memory that holds nothing yet.
    pub fn unwritten(slice: &'a mut [MaybeUninit<f32>]) -> Self {
        Self { start: slice.as_mut_ptr().cast(), owner: PhantomData }
    }

    /// The start of the slice. What is written through it must be in nobody else's part, and nothing
    /// may be read before it was written.
    pub fn pointer(&self) -> *mut f32 {
        self.start
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Lends this thread's scratch buffer: `len` numbers of unknown value. Must not be nested, and `work`
/// must not wait for other tasks.
pub fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < len {
            scratch.resize(len, 0.0);
        }
        work(&mut scratch[..len])
    })
}
