//! Small unsafe helpers that the kernels share.

use std::{cell::RefCell, marker::PhantomData};

/// A slice that tasks write disjoint parts of.
pub struct Shared<'a> {
    start: *mut f32,
    len: usize,
    owner: PhantomData<&'a mut [f32]>,
}

// SAFETY: the parts that tasks take are disjoint; `slice` and `pointer` say so.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// Borrows the slice until the value is gone.
    pub fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), owner: PhantomData }
    }

    /// The start of the slice. What is written through it must be in nobody else's part.
    pub fn pointer(&self) -> *mut f32 {
        self.start
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// No two parts in use at the same time may overlap.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, from: usize, len: usize) -> &mut [f32] {
        assert!(from + len <= self.len);
        // SAFETY: inside the slice, and ours alone by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), len) }
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
