//! Layers of a network on the feature maps of one picture: what inference is made of.
//!
//! Maps lie channels last inside a border of zeros as wide as the padding of the convolutions that read them. A border is
//! never written, so a buffer that began as zeros keeps it.

use std::ops::Range;

use crate::tile::{Kernels, MAX_ROWS, PANEL_BYTES, Sweep, Tile, kernels};

pub mod quads;

/// Most numbers on a side, in a pixel or in a kernel: their products stay far inside the range of offsets.
const LARGEST: usize = 1 << 16;

/// Bytes of a band of rows that is pooled while it is in the nearest cache.
const BAND_BYTES: usize = 32 * 1024;

/// How the maps of one picture lie in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Pixels of zeros on each of the four sides.
    pub border: usize,
}

impl Shape {
    /// Numbers in a buffer, the border's with them.
    pub fn len(&self) -> usize {
        (self.height + 2 * self.border) * self.pitch()
    }

    /// The same; `None` where no buffer can hold so many, whatever the width of this machine's addresses.
    pub fn checked_len(&self) -> Option<usize> {
        let side = |size: usize| self.border.checked_mul(2)?.checked_add(size);
        let numbers = side(self.height)?.checked_mul(side(self.width)?)?.checked_mul(self.channels)?;
        (numbers <= isize::MAX as usize / size_of::<f32>()).then_some(numbers)
    }

    /// Whether there is no pixel or no channel.
    pub fn is_empty(&self) -> bool {
        self.height * self.width * self.channels == 0
    }

    /// Numbers from one row to the next.
    fn pitch(&self) -> usize {
        (self.width + 2 * self.border) * self.channels
    }

    /// Where a row begins, after its border.
    fn row(&self, y: usize) -> usize {
        (y + self.border) * self.pitch() + self.border * self.channels
    }

    /// A row without its border.
    fn inner(&self, y: usize) -> Range<usize> {
        self.row(y)..self.row(y) + self.width * self.channels
    }
}

/// `x * scale + shift` of each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// Factors, one a channel.
    pub scale: Vec<f32>,
    /// What is added then, one a channel.
    pub shift: Vec<f32>,
}

impl Affine {
    fn apply(&self, pixels: &mut [f32]) {
        for pixel in pixels.chunks_exact_mut(self.scale.len()) {
            for (value, (scale, shift)) in pixel.iter_mut().zip(self.scale.iter().zip(&self.shift)) {
                *value = *value * scale + shift;
            }
        }
    }
}

/// A convolution between maps of known shapes, then ReLU if asked.
pub struct Conv {
    kernels: &'static Kernels,
    from: Shape,
    to: Shape,
    /// Per output pixel: offset of its first source pixel, and of the output.
    rows: Vec<(isize, isize)>,
    /// Offset of each tap in the source.
    taps: Vec<isize>,
    /// Weights: panels of the kernels' width, each `[taps, channels, columns]`, zero-filled.
    panels: Vec<f32>,
    /// Of a convolution of whole numbers: what a sum counts, a number a column.
    scale: Option<Vec<f32>>,
    bias: Vec<f32>,
    onto: bool,
    relu: bool,
}

impl Conv {
    /// `weight`: `[out, in, kh, kw]` of `dims`; `onto`: add to what the output already holds, before the ReLU.
    /// `None`: the shapes do not fit each other.
    pub fn new(
        (weight, dims): (&[f32], [usize; 4]),
        bias: Option<&[f32]>,
        (stride, padding): (usize, usize),
        [from, to]: [Shape; 2],
        onto: bool,
        relu: bool,
    ) -> Option<Self> {
        let [columns, channels, kh, kw] = dims;
        let sides = [from, to].map(|shape| [shape.height, shape.width, shape.channels, shape.border]);
        let small = |side: &usize| *side <= LARGEST;
        if !sides.as_flattened().iter().chain(&dims).chain(&[stride, padding]).all(small) {
            return None;
        }
        let side = |size: usize, kernel: usize| {
            let room = (size + 2 * padding).checked_sub(kernel)?;
            Some(room.checked_div(stride)? + 1)
        };
        let fits = channels == from.channels
            && columns == to.channels
            && side(from.height, kh) == Some(to.height)
            && side(from.width, kw) == Some(to.width)
            && dims.iter().try_fold(1, |product: usize, side| product.checked_mul(*side)) == Some(weight.len())
            && bias.is_none_or(|bias| bias.len() == columns)
            && padding <= from.border
            && [from, to].iter().all(|shape| shape.checked_len().is_some() && !shape.is_empty())
            && kh * kw > 0;
        if !fits {
            return None;
        }
        // A border wider than the padding is skipped.
        let skip = from.border - padding;
        let source = |y: usize, x: usize| ((y + skip) * from.pitch() + (x + skip) * channels) as isize;
        let rows = (0..to.height)
            .flat_map(|y| (0..to.width).map(move |x| (source(y * stride, x * stride), (to.row(y) + x * columns) as isize)))
            .collect();
        let taps = (0..kh * kw).map(|t| (t / kw * from.pitch() + t % kw * channels) as isize).collect();
        let kernels = kernels();
        let at = |column: usize, k: usize| weight[(column * channels + k % channels) * kh * kw + k / channels];
        let panels = pack(kernels, columns, kh * kw * channels, at);
        let bias = bias.map_or_else(|| vec![0.0; columns], <[f32]>::to_vec);
        Some(Self { kernels, from, to, rows, taps, panels, scale: None, bias, onto, relu })
    }

    /// Runs on other kernels from now on, with weights in panels of their width.
    fn use_kernels(&mut self, kernels: &'static Kernels, weight: &[f32], [columns, channels, kh, kw]: [usize; 4]) {
        self.kernels = kernels;
        let at = |column: usize, k: usize| weight[(column * channels + k % channels) * kh * kw + k / channels];
        self.panels = pack(kernels, columns, kh * kw * channels, at);
    }

    /// Fills the pixels of `out`.
    ///
    /// # Panics
    /// If the buffers do not have the lengths of the shapes.
    pub fn run(&self, source: &[f32], out: &mut [f32]) {
        assert_eq!(out.len(), self.to.len(), "the output has its shape's length");
        self.rows(0..self.to.height, source, out, 0);
    }

    /// The convolution, then `after`, then the greatest of each 2 x 2 pixels (odd sides are rounded down), band by band so that
    /// what lies between is never far away.
    ///
    /// # Panics
    /// If the buffers and `after` do not have the lengths of the shapes, or the layer adds to its output.
    pub fn run_pooled(&self, source: &[f32], after: Option<&Affine>, scratch: &mut Vec<f32>, pooled: Shape, out: &mut [f32]) {
        let to = &self.to;
        assert_eq!((pooled.height, pooled.width, pooled.channels), (to.height / 2, to.width / 2, to.channels));
        assert!(after.is_none_or(|after| after.scale.len() == to.channels), "a factor for each channel");
        assert!(out.len() == pooled.len() && !self.onto && to.border == 0, "the output has the pooled shape");
        let band = (BAND_BYTES / size_of::<f32>() / (2 * to.pitch())).max(1);
        scratch.resize(band.min(pooled.height) * 2 * to.pitch(), 0.0);
        for first in (0..pooled.height).step_by(band) {
            let ys = first..(first + band).min(pooled.height);
            let rows = 2 * ys.start..2 * ys.end;
            let held = &mut scratch[..rows.len() * to.pitch()];
            self.rows(rows.clone(), source, held, rows.start * to.pitch());
            if let Some(after) = after {
                after.apply(held);
            }
            for (y, pair) in ys.zip(held.chunks_exact(2 * to.pitch())) {
                let (above, below) = pair.split_at(to.pitch());
                let used = 2 * pooled.width * to.channels;
                halve([&above[..used], &below[..used]], to.channels, &mut out[pooled.inner(y)]);
            }
        }
    }

    /// Rows of output pixels; `out` begins `skipped` numbers into the whole.
    fn rows(&self, ys: Range<usize>, source: &[f32], out: &mut [f32], skipped: usize) {
        assert_eq!(source.len(), self.from.len(), "the source has its shape's length");
        assert!(ys.end <= self.to.height && ys.start < ys.end, "rows of the output");
        let ends = [self.to.inner(ys.start).start, self.to.inner(ys.end - 1).end];
        assert!(ends[0] >= skipped && ends[1] - skipped <= out.len(), "the rows lie in the output");
        let pixels = &self.rows[ys.start * self.to.width..ys.end * self.to.width];
        let sweep = Sweep {
            kernels: self.kernels,
            channels: self.from.channels,
            taps: &self.taps,
            panels: &self.panels,
            columns: self.to.channels,
            scale: self.scale.as_deref(),
            bias: Some(&self.bias),
            onto: self.onto,
            relu: self.relu,
        };
        // SAFETY: `new` has made pixels and taps from the shapes, with the kernel inside the bordered source and the pixels
        // inside the output, whose lengths are checked above; `out` is borrowed by this call alone; `kernels` are for this
        // processor.
        unsafe { sweep.run(pixels, source.as_ptr(), out.as_mut_ptr().wrapping_sub(skipped)) };
    }
}

/// A fully connected layer, then ReLU if asked.
pub struct Dense {
    kernels: &'static Kernels,
    depth: usize,
    columns: usize,
    panels: Vec<f32>,
    bias: Vec<f32>,
    relu: bool,
}

impl Dense {
    /// `weight`: the weight from input `k` to output `column` is `weight(column, k)`.
    ///
    /// # Panics
    /// If it reads nothing or gives nothing.
    pub fn new(depth: usize, bias: Vec<f32>, relu: bool, weight: impl Fn(usize, usize) -> f32) -> Self {
        Self::on(kernels(), depth, bias, relu, weight)
    }

    fn on(kernels: &'static Kernels, depth: usize, bias: Vec<f32>, relu: bool, weight: impl Fn(usize, usize) -> f32) -> Self {
        assert!(depth > 0 && !bias.is_empty(), "a dense layer reads and gives something");
        let panels = pack(kernels, bias.len(), depth, weight);
        Self { kernels, depth, columns: bias.len(), panels, bias, relu }
    }

    /// `[n, depth]` to `[n, columns]`.
    ///
    /// # Panics
    /// If the slices are not rows of those lengths, the same number of them.
    pub fn run(&self, source: &[f32], out: &mut [f32]) {
        let n = out.len() / self.columns;
        assert!(out.len() == n * self.columns && source.len() == n * self.depth, "as many rows out as in");
        let width = self.kernels.width();
        let chunk = PANEL_BYTES / (width * size_of::<f32>());
        for first in (0..self.depth).step_by(chunk) {
            let len = chunk.min(self.depth - first);
            let last = first + len == self.depth;
            for column in (0..self.columns).step_by(width) {
                let columns = self.columns - column;
                // A few vectors one by one: idle rows would cost more than reading the panel again.
                let block = if n < 4 { self.kernels.one(columns) } else { self.kernels.for_rows(n, columns) };
                let run = (first as isize, (column * self.depth + first * block.width) as isize);
                let mut tile = Tile {
                    a: source.as_ptr(),
                    rows: [0; MAX_ROWS],
                    runs: &[run],
                    len,
                    a_step: 1,
                    b: self.panels.as_ptr(),
                    b_step: block.width as isize,
                    c: out.as_mut_ptr().wrapping_add(column),
                    c_rows: [0; MAX_ROWS],
                    live_rows: 0,
                    live_columns: columns.min(block.width),
                    accumulate: first > 0,
                    scale: std::ptr::null(),
                    bias: if last { self.bias[column..].as_ptr() } else { std::ptr::null() },
                    relu: self.relu && last,
                };
                for row in (0..n).step_by(block.rows) {
                    tile.live_rows = block.rows.min(n - row);
                    for r in 0..block.rows {
                        let row = row + r.min(tile.live_rows - 1);
                        tile.rows[r] = (row * self.depth) as isize;
                        tile.c_rows[r] = (row * self.columns) as isize;
                    }
                    // SAFETY: the lengths are checked above: rows of `depth` numbers in, of `columns` out; panels hold
                    // `block.width` columns for each of `depth`; `out` is borrowed by this call alone.
                    unsafe { (block.run)(&tile) };
                }
            }
        }
    }
}

/// Panels of the kernels' width over the columns, each `[depth, columns of the block]`, zero-filled.
fn pack(kernels: &Kernels, columns: usize, depth: usize, weight: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let width = kernels.width();
    let mut panels = vec![0.0; columns.div_ceil(width) * width * depth];
    if depth == 0 {
        return panels;
    }
    for (panel, column) in panels.chunks_exact_mut(width * depth).zip((0..columns).step_by(width)) {
        let block = kernels.tall(columns - column).width;
        for (k, row) in panel.chunks_exact_mut(block).take(depth).enumerate() {
            for (j, value) in row.iter_mut().enumerate().take(columns - column) {
                *value = weight(column + j, k);
            }
        }
    }
    panels
}

/// Planes of numbers, `[channels, height, width]`, as maps: each number times its channel's scale, plus its shift.
///
/// # Panics
/// If the buffers do not have the shape's lengths.
pub fn from_planes(planes: &[f32], affine: &Affine, to: Shape, out: &mut [f32]) {
    let (plane, channels) = (to.height * to.width, to.channels);
    assert!(planes.len() == channels * plane && out.len() == to.len() && affine.scale.len() == channels, "the shape's lengths");
    for y in 0..to.height {
        let row = &mut out[to.inner(y)];
        for c in 0..channels {
            let source = &planes[c * plane + y * to.width..][..to.width];
            let (scale, shift) = (affine.scale[c], affine.shift[c]);
            for (value, source) in row[c..].iter_mut().step_by(channels).zip(source) {
                *value = source * scale + shift;
            }
        }
    }
}

/// Copies maps of one picture into a buffer with another border.
///
/// # Panics
/// If the shapes differ in more than the border, or the buffers have other lengths.
pub fn copy(from: Shape, source: &[f32], to: Shape, out: &mut [f32]) {
    assert_eq!((from.height, from.width, from.channels), (to.height, to.width, to.channels));
    assert!(source.len() == from.len() && out.len() == to.len(), "the shapes' lengths");
    for y in 0..to.height {
        out[to.inner(y)].copy_from_slice(&source[from.inner(y)]);
    }
}

/// The affine map of every pixel, where it lies.
///
/// # Panics
/// If the buffer does not have the shape's length.
pub fn affine(affine: &Affine, shape: Shape, maps: &mut [f32]) {
    assert!(maps.len() == shape.len() && affine.scale.len() == shape.channels, "the shape's lengths");
    for y in 0..shape.height {
        affine.apply(&mut maps[shape.inner(y)]);
    }
}

/// The greatest of each window of `kernel` x `kernel` pixels, `stride` apart, without padding.
///
/// # Panics
/// If the shapes do not fit, or the buffers have other lengths.
pub fn max_pool(kernel: usize, stride: usize, from: Shape, source: &[f32], to: Shape, out: &mut [f32]) {
    let channels = from.channels;
    assert!(source.len() == from.len() && out.len() == to.len() && channels == to.channels, "the shapes' lengths");
    assert!((to.height - 1) * stride + kernel <= from.height && (to.width - 1) * stride + kernel <= from.width, "windows fit");
    for y in 0..to.height {
        let row = &mut out[to.inner(y)];
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            pixel.fill(f32::NEG_INFINITY);
            for ky in 0..kernel {
                let window = &source[from.row(y * stride + ky) + x * stride * channels..][..kernel * channels];
                for other in window.chunks_exact(channels) {
                    pixel.iter_mut().zip(other).for_each(|(value, other)| *value = greater(*value, *other));
                }
            }
        }
    }
}

/// The greatest of each 2 x 2 pixels of two rows.
fn halve(rows: [&[f32]; 2], channels: usize, out: &mut [f32]) {
    let pairs = rows[0].chunks_exact(2 * channels).zip(rows[1].chunks_exact(2 * channels));
    for (pixel, (above, below)) in out.chunks_exact_mut(channels).zip(pairs) {
        let (a, b) = above.split_at(channels);
        let (c, d) = below.split_at(channels);
        for (((value, a), b), (c, d)) in pixel.iter_mut().zip(a).zip(b).zip(c.iter().zip(d)) {
            *value = greater(greater(*a, *b), greater(*c, *d));
        }
    }
}

/// The greater one; not a number where either is not.
#[inline(always)]
pub(crate) fn greater(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// Each channel's mean over the pixels.
///
/// # Panics
/// If the buffers do not have the shape's lengths.
pub fn mean(from: Shape, source: &[f32], out: &mut [f32]) {
    assert!(source.len() == from.len() && out.len() == from.channels, "the shape's lengths");
    out.fill(0.0);
    for y in 0..from.height {
        for pixel in source[from.inner(y)].chunks_exact(from.channels) {
            out.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
        }
    }
    let share = 1.0 / (from.height * from.width) as f32;
    out.iter_mut().for_each(|value| *value *= share);
}

#[cfg(test)]
mod tests;
