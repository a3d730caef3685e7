//! Memory that is used again. A look needs the same few buffers as the one before. Given back to the system each time, as musl does
//! with large blocks, they cost a third of the time of a program on one thread, and more than half on two.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use fast_image_resize::Resizer;
use fervor_simd::Aligned;

/// Nothing larger than this, in bytes, is kept: looks at all detail of the largest pictures are rare, and their maps huge.
const LARGEST_KEPT: usize = 4 << 20;

/// Something that is lent for a while and then kept.
pub(super) trait Kept: Default {
    /// In bytes.
    fn size(&self) -> usize;
}

impl Kept for Aligned {
    fn size(&self) -> usize {
        size_of::<f32>() * self.capacity()
    }
}

impl Kept for Vec<u8> {
    fn size(&self) -> usize {
        self.capacity()
    }
}

impl Kept for Resizer {
    fn size(&self) -> usize {
        self.size_of_internal_buffers()
    }
}

/// What is not lent at the moment: never more of it than was lent at one time.
#[derive(Debug)]
pub(super) struct Shelf<T>(Mutex<Vec<T>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Kept> Shelf<T> {
    /// The smallest that has so many bytes, else the largest; a new one if there is none.
    fn take(&self, size: usize) -> Lent<'_, T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |(_, thing): &(usize, &T)| thing.size() >= size;
        let smallest = kept.iter().enumerate().filter(fits).min_by_key(|(_, thing)| thing.size());
        let best = smallest.or_else(|| kept.iter().enumerate().max_by_key(|(_, thing)| thing.size())).map(|(i, _)| i);
        Lent { thing: best.map(|i| kept.swap_remove(i)).unwrap_or_default(), shelf: self }
    }
}

impl Shelf<Aligned> {
    /// So many values, whatever they are.
    pub fn values(&self, len: usize) -> Lent<'_, Aligned> {
        let mut lent = self.take(size_of::<f32>() * len);
        lent.fit(len);
        lent
    }
}

impl Shelf<Vec<u8>> {
    /// So many bytes, whatever they are.
    pub fn bytes(&self, len: usize) -> Lent<'_, Vec<u8>> {
        let mut lent = self.take(len);
        if lent.capacity() < len {
            *lent = Vec::new();
        }
        lent.resize(len, 0);
        lent
    }
}

impl Shelf<Resizer> {
    /// A resizer with the memory that it had.
    pub fn resizer(&self) -> Lent<'_, Resizer> {
        self.take(0)
    }
}

/// Goes back to its shelf in the end.
#[derive(Debug)]
pub(super) struct Lent<'a, T: Kept> {
    thing: T,
    shelf: &'a Shelf<T>,
}

impl<T: Kept> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        let thing = mem::take(&mut self.thing);
        if thing.size() <= LARGEST_KEPT {
            self.shelf.0.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
        }
    }
}

impl<T: Kept> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.thing
    }
}

impl<T: Kept> DerefMut for Lent<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.thing
    }
}

/// The memory of a detector.
#[derive(Debug, Default)]
pub(super) struct Shelves {
    pub values: Shelf<Aligned>,
    pub bytes: Shelf<Vec<u8>>,
    pub resizers: Shelf<Resizer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lent_is_lent_again_and_the_smallest_that_fits() {
        let shelf = Shelf::<Vec<u8>>::default();
        let places = [1000, 10, 100].map(|len| shelf.bytes(len)).map(|lent| lent.as_ptr());
        assert_eq!(shelf.0.lock().unwrap().len(), 3);
        let (hundred, ten) = (shelf.bytes(90), shelf.bytes(10));
        assert_eq!(([hundred.as_ptr(), ten.as_ptr()], hundred.len()), ([places[2], places[1]], 90));
        // Nothing fits: the largest makes way.
        let larger = shelf.bytes(5000);
        assert_eq!((larger.len(), shelf.0.lock().unwrap().len()), (5000, 0));
    }

    #[test]
    fn what_is_huge_is_not_kept() {
        let shelf = Shelf::<Aligned>::default();
        drop(shelf.values(LARGEST_KEPT / 4 + 1));
        assert!(shelf.0.lock().unwrap().is_empty());
        drop(shelf.values(LARGEST_KEPT / 8));
        assert_eq!(shelf.0.lock().unwrap().len(), 1);
    }
}
