//! The memory of pictures that are gone, for those that come. The system hands out large blocks as new pages and takes them back at once:
//! of a photograph of twelve million pixels that costs nearly as much as decoding it.

use std::mem;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError, TryLockError};

use super::Picture;

/// What is smaller, in bytes, allocators keep by themselves.
const LEAST: usize = 128 << 10;

/// Blocks that are remembered as lent: more than pictures that any program looks at together.
const MOST_LENT: usize = 256;

static KEPT: Mutex<Kept> = Mutex::new(Kept { most: 0, blocks: Vec::new(), lent: Vec::new() });

impl Picture {
    /// How many bytes of pictures that are gone the process keeps for those that come, at most; none by itself.
    ///
    /// For programs that look at one photograph after the other, on any number of threads. What stands in it is overwritten with zeros
    /// before it is used again.
    ///
    /// ```
    /// fervor::Picture::keep_memory(128 << 20);
    /// # fervor::Picture::keep_memory(0);
    /// ```
    pub fn keep_memory(most: usize) {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.most = most;
        let dropped = kept.excess();
        drop(kept);
        drop(dropped);
    }
}

/// Zeros, in memory that was kept where some fits.
pub(super) fn zeros(len: usize) -> Vec<u8> {
    if len < LEAST {
        return vec![0; len];
    }
    let block = match with_kept(|kept| kept.take(len)) {
        Some(Ok(mut block)) => {
            // All of it: a decoder that leaves a pixel out must not show another picture's.
            block.clear();
            block.resize(len, 0);
            block
        }
        useless => {
            drop(useless);
            vec![0; len]
        }
    };
    with_kept(|kept| kept.lend(&block));
    block
}

/// Nothing where somebody else has it: to do without costs less than to wait, and in a process that was forked meanwhile nobody would
/// ever give it back.
fn with_kept<T>(work: impl FnOnce(&mut Kept) -> T) -> Option<T> {
    match KEPT.try_lock() {
        Ok(mut kept) => Some(work(&mut kept)),
        Err(TryLockError::Poisoned(kept)) => Some(work(&mut kept.into_inner())),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// What is not in use at the moment, the oldest first.
struct Kept {
    /// In bytes.
    most: usize,
    blocks: Vec<Vec<u8>>,
    /// Where those stand that were lent, the oldest first: what came from elsewhere is not kept.
    lent: Vec<usize>,
}

impl Kept {
    /// The smallest that has so many bytes and not far more: small pictures that are held on to would hold on to it. Where none fits the
    /// oldest goes, if there is one, so that pictures of many sizes never keep more blocks than there were pictures at one time.
    fn take(&mut self, len: usize) -> Result<Vec<u8>, Option<Vec<u8>>> {
        let fits = |block: &Vec<u8>| (len..=2 * len).contains(&block.capacity());
        let candidates = self.blocks.iter().enumerate().filter(|(_, block)| fits(block));
        match candidates.min_by_key(|(_, block)| block.capacity()).map(|(place, _)| place) {
            Some(best) => Ok(self.blocks.remove(best)),
            None => Err((!self.blocks.is_empty()).then(|| self.blocks.remove(0))),
        }
    }

    /// Remembers a block that is lent.
    fn lend(&mut self, block: &[u8]) {
        if self.most > 0 {
            // One that was given away, or moved, does not come back.
            self.lent.drain(..(self.lent.len() + 1).saturating_sub(MOST_LENT));
            self.lent.push(block.as_ptr().addr());
        }
    }

    /// Keeps a block that was lent; what goes for it, or instead of it.
    fn give(&mut self, block: Vec<u8>) -> Vec<Vec<u8>> {
        let Some(place) = self.lent.iter().position(|lent| *lent == block.as_ptr().addr()) else { return vec![block] };
        self.lent.remove(place);
        self.blocks.push(block);
        self.excess()
    }

    /// The oldest of what is too much.
    fn excess(&mut self) -> Vec<Vec<u8>> {
        let mut held: usize = self.blocks.iter().map(Vec::capacity).sum();
        let mut gone = 0;
        while held > self.most {
            held -= self.blocks[gone].capacity();
            gone += 1;
        }
        self.blocks.drain(..gone).collect()
    }
}

/// A picture's pixels, whose memory is kept where a program asked for that.
#[derive(Clone)]
pub(super) struct Pixels(Vec<u8>);

impl Pixels {
    pub fn into_inner(mut self) -> Vec<u8> {
        mem::take(&mut self.0)
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(pixels: Vec<u8>) -> Self {
        Self(pixels)
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Pixels {
    fn drop(&mut self) {
        if self.0.capacity() >= LEAST {
            // Given back to the system, if it is, once others can go on.
            let pixels = mem::take(&mut self.0);
            let dropped = with_kept(|kept| kept.give(pixels));
            drop(dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What goes as a block of this size comes back.
    fn give(kept: &mut Kept, size: usize) -> Vec<Vec<u8>> {
        let block = vec![1; size];
        kept.lend(&block);
        kept.give(block)
    }

    fn sizes(blocks: &[Vec<u8>]) -> Vec<usize> {
        blocks.iter().map(Vec::capacity).collect()
    }

    #[test]
    fn a_block_goes_to_a_picture_that_nearly_fills_it() {
        let mut kept = Kept { most: 10_000, blocks: Vec::new(), lent: Vec::new() };
        for size in [1000, 1200, 2000] {
            assert!(give(&mut kept, size).is_empty());
        }
        assert_eq!(kept.take(990), Ok(vec![1; 1000]), "the smallest that fits");
        assert_eq!(sizes(&kept.blocks), [1200, 2000]);
        // A small picture would hold on to much. The oldest goes for it, so that there are never more blocks than pictures.
        assert_eq!(kept.take(500), Err(Some(vec![1; 1200])));
        assert_eq!(kept.take(2001), Err(Some(vec![1; 2000])));
        assert_eq!(kept.take(2001), Err(None));
    }

    #[test]
    fn no_more_is_kept_than_was_asked_for_and_the_oldest_goes() {
        let mut kept = Kept { most: 2500, blocks: Vec::new(), lent: Vec::new() };
        assert!(give(&mut kept, 1000).is_empty() && give(&mut kept, 1500).is_empty());
        assert_eq!(sizes(&give(&mut kept, 900)), [1000]);
        assert_eq!(sizes(&give(&mut kept, 2600)), [1500, 900, 2600], "what is too large by itself is not kept");
        assert_eq!(sizes(&kept.give(vec![1; 700])), [700], "what was not lent is not kept");
        kept.most = 0;
        assert_eq!((sizes(&give(&mut kept, 10)), kept.blocks.len()), (vec![10], 0));
    }

    #[test]
    fn a_picture_never_shows_the_one_whose_memory_it_has() {
        // In one test: what is kept belongs to the whole process.
        Picture::keep_memory(8 << 20);
        // Other tests may take one meanwhile, not all.
        for _ in 0..8 {
            let mut pixels = zeros(360_000);
            assert!(pixels.iter().all(|&value| value == 0));
            pixels.fill(200);
            drop(Picture::from_rgb(400, 300, pixels).unwrap());
        }
        assert!(zeros(350_000).iter().all(|&value| value == 0));
        Picture::keep_memory(0);
        assert!(KEPT.lock().unwrap().blocks.is_empty());
    }

    #[test]
    fn who_finds_it_taken_goes_on_without() {
        let kept = KEPT.lock().unwrap();
        let picture = Picture::from_rgb(400, 300, zeros(360_000)).unwrap();
        assert_eq!(picture.rgb(), vec![0; 360_000]);
        drop(picture);
        drop(kept);
    }
}
