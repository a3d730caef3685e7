//! Values that begin at a cache line.

use std::ops::{Deref, DerefMut};

use crate::LANES;

/// f32 values that begin at a cache line: a 64-byte load then never needs two lines.
#[derive(Debug, Default)]
pub struct Aligned {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// Zeros.
    pub fn new(len: usize) -> Self {
        let values = vec![0.0; len + LANES];
        // The buffer is never reallocated, so the place of its first full line stays.
        let start = values.as_ptr().align_offset(64).min(LANES);
        Self { values, start, len }
    }

    /// How many values fit without new memory.
    pub fn capacity(&self) -> usize {
        self.values.len().saturating_sub(LANES)
    }

    /// From now on so many values, whatever they are: the old ones, some of them, or zeros.
    pub fn fit(&mut self, len: usize) {
        if len > self.capacity() {
            *self = Self::default(); // before there is a larger one
            *self = Self::new(len);
        }
        self.len = len;
    }
}

impl From<Vec<f32>> for Aligned {
    fn from(values: Vec<f32>) -> Self {
        let mut aligned = Self::new(values.len());
        aligned.copy_from_slice(&values);
        aligned
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.len]
    }
}
