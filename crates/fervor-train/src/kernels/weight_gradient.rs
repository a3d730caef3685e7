//! The gradient of a convolution's weights: a sum over all pixels of all pictures.
//!
//! The pictures are split into a number of parts that depends on the shapes only, each part sums into
//! its own copy, and the copies are added in order: the result is the same, to the last bit, for any
//! number of threads.

use std::{borrow::Cow, ops::Range};

use fervor_simd::bf16;
use fervor_simd::tile::{Kernels, MAX_ROWS, Tile};
use rayon::prelude::*;

use super::{conv::Geometry, precision::Arithmetic, shared::Shared};

/// Sums that one task keeps at hand, in bytes: a quarter of a common L2 cache.
const TASK_BYTES: usize = 256 * 1024;

/// Memory that all copies of the sums may take, in bytes.
const COPIES_BYTES: usize = 8 * 1024 * 1024;

/// Most parts that the pictures are split into.
const PARTS: usize = 8;

/// Tasks worth having: enough to keep a common processor's cores busy. More parts than that are only more to add up.
const TASKS: usize = 16;

/// Output pixels between two trips of the sums to memory.
const STRIP_PIXELS: usize = 384;

/// `[o, c, kh, kw]`, from `x` (`[n, h, w, c]`) and the output's gradient `dy` (`[n, oh, ow, o]`).
pub fn weight_gradient(arithmetic: &Arithmetic, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    if !arithmetic.pairs {
        return sum_pictures(arithmetic.kernels, g, x, dy);
    }
    // The sum runs over pictures, so that two pictures make the pairs: nothing else changes.
    let halved = Geometry { n: g.n.div_ceil(2), ..*g };
    let [x, dy] = [x, dy].map(|pictures| pair_pictures(pictures, g.n));
    sum_pictures(arithmetic.kernels, &halved, &x, &dy)
}

/// Pairs of pictures: the first two pixel by pixel, the next two, and so on; a last one alone is paired with zeros.
fn pair_pictures(pictures: &[f32], n: usize) -> Vec<f32> {
    let len = pictures.len() / n.max(1);
    let pairs = n.div_ceil(2);
    let mut paired = Vec::with_capacity(pairs * len);
    if len > 0 {
        let room = paired.spare_capacity_mut()[..pairs * len].par_chunks_mut(len);
        room.zip(pictures.par_chunks(2 * len)).for_each(|(paired, two)| match two.split_at(len) {
            (first, second) if !second.is_empty() => bf16::pair_rows(first, second, paired),
            (only, _) => bf16::pair_rows(only, &vec![0.0; len], paired),
        });
    }
    // SAFETY: every pair of pictures has been written.
    unsafe { paired.set_len(pairs * len) };
    paired
}

fn sum_pictures(kernels: &Kernels, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let work = Work::new(kernels, g, x, dy);
    let len = work.depth * g.o;
    let items = work.items();
    let wanted = TASKS.div_ceil(items.len().max(1));
    let parts = (COPIES_BYTES / (len * size_of::<f32>())).min(wanted).clamp(1, PARTS).min(g.n.max(1));
    let mut copies = vec![0.0; parts * len];
    let shared = Shared::new(&mut copies);
    (0..parts * items.len()).into_par_iter().for_each(|task| {
        let (part, item) = (task / items.len(), task % items.len());
        let pictures = part * g.n / parts..(part + 1) * g.n / parts;
        // SAFETY: each task sums its own columns of its own rows in its part's copy.
        unsafe { work.sum(pictures, &items[item], shared.pointer().add(part * len)) };
    });
    gather(g, &copies, len)
}

/// Rows of the result (a tap and a channel) that see the same output pixels.
struct Group {
    /// First row of the result.
    row: usize,
    /// Offset in the source for each row.
    offsets: Vec<isize>,
    /// Output lines and columns at which the source pixel exists.
    ys: Range<usize>,
    xs: Range<usize>,
}

/// Columns of a group.
struct Block {
    group: usize,
    columns: Range<usize>,
}

struct Work<'a> {
    kernels: &'a Kernels,
    g: &'a Geometry,
    x: Cow<'a, [f32]>,
    /// Length of a line and of a picture of `x`.
    x_line: usize,
    x_picture: usize,
    dy: Cow<'a, [f32]>,
    /// Distance between pixels of `dy`.
    dy_pixel: usize,
    groups: Vec<Group>,
    /// Rows of the result.
    depth: usize,
}

impl<'a> Work<'a> {
    fn new(kernels: &'a Kernels, g: &'a Geometry, x: &'a [f32], dy: &'a [f32]) -> Self {
        // With few channels a tap does not fill a block's rows: all taps go into one group, on a
        // copy with a border, where every tap sees every pixel. The copy is small, as it has few
        // channels.
        let mixed = g.c < kernels.low_wide.rows;
        let taps = (0..g.kh).flat_map(|ky| (0..g.kw).map(move |kx| (ky, kx)));
        let (x, x_line, x_picture, groups) = if mixed {
            let (h, w) = (g.h + 2 * g.padding, g.w + 2 * g.padding);
            let offsets = taps.flat_map(|(ky, kx)| (0..g.c).map(move |c| ((ky * w + kx) * g.c + c) as isize)).collect();
            let all = Group { row: 0, offsets, ys: 0..g.oh(), xs: 0..g.ow() };
            let padded = with_border(g, x);
            (padded, w * g.c, h * w * g.c, vec![all])
        } else {
            let groups = taps
                .enumerate()
                .map(|(t, (ky, kx))| {
                    let (dy, dx) = (ky as isize - g.padding as isize, kx as isize - g.padding as isize);
                    let start = (dy * g.w as isize + dx) * g.c as isize;
                    Group {
                        row: t * g.c,
                        offsets: (0..g.c as isize).map(|c| start + c).collect(),
                        ys: inside(dy, g.h, g.oh(), g.stride),
                        xs: inside(dx, g.w, g.ow(), g.stride),
                    }
                })
                .collect();
            (Cow::Borrowed(x), g.w * g.c, g.h * g.w * g.c, groups)
        };
        let narrow = kernels.tall_narrow.width;
        let dy_pixel = g.o.next_multiple_of(narrow);
        let dy = if dy_pixel == g.o {
            Cow::Borrowed(dy)
        } else {
            let mut wide = vec![0.0; dy.len() / g.o * dy_pixel];
            for (to, from) in wide.chunks_exact_mut(dy_pixel).zip(dy.chunks_exact(g.o)) {
                to[..g.o].copy_from_slice(from);
            }
            Cow::Owned(wide)
        };
        Self { kernels, g, x, x_line, x_picture, dy, dy_pixel, groups, depth: g.kh * g.kw * g.c }
    }

    /// Cuts the result into pieces that a core's cache can hold.
    fn items(&self) -> Vec<Vec<Block>> {
        let width = self.kernels.width();
        let mut items: Vec<Vec<Block>> = Vec::new();
        let mut room = 0;
        for (group, Group { offsets, .. }) in self.groups.iter().enumerate() {
            let column = offsets.len() * size_of::<f32>();
            let wide = (TASK_BYTES / (column * width)).max(1) * width;
            for start in (0..self.g.o).step_by(wide) {
                let columns = start..(start + wide).min(self.g.o);
                let bytes = columns.len() * column;
                if bytes > room || items.is_empty() {
                    items.push(Vec::new());
                    room = TASK_BYTES;
                }
                room = room.saturating_sub(bytes);
                if let Some(item) = items.last_mut() {
                    item.push(Block { group, columns });
                }
            }
        }
        items
    }

    /// Adds the pictures' share to the blocks of a copy (`[depth, o]`).
    ///
    /// # Safety
    /// Nobody else may touch these blocks of the copy behind `sums`.
    unsafe fn sum(&self, pictures: Range<usize>, item: &[Block], sums: *mut f32) {
        let (oh, ow) = (self.g.oh(), self.g.ow());
        let lines = STRIP_PIXELS.div_ceil(ow);
        // A strip is some lines of one picture, or some whole pictures.
        let (lines, together) = if lines < oh { (lines, 1) } else { (oh, (lines / oh).max(1)) };
        let mut runs = Vec::new();
        for first in pictures.clone().step_by(together) {
            let strip = first..(first + together).min(pictures.end);
            for line in (0..oh).step_by(lines) {
                for block in item {
                    let group = &self.groups[block.group];
                    let ys = line.max(group.ys.start)..(line + lines).min(group.ys.end);
                    runs.clear();
                    for picture in strip.clone() {
                        runs.extend(ys.clone().map(|y| self.run(picture, y, group.xs.start)));
                    }
                    if !runs.is_empty() && !group.xs.is_empty() {
                        // SAFETY: the runs stay inside the pictures; the sums are ours.
                        unsafe { self.sum_block(group, block, &runs, sums) };
                    }
                }
            }
        }
    }

    /// Offsets in the source and in `dy` of an output line's first valid pixel.
    fn run(&self, picture: usize, y: usize, x: usize) -> (isize, isize) {
        let g = self.g;
        let a = picture * self.x_picture + y * g.stride * self.x_line + x * g.stride * g.c;
        let b = ((picture * g.oh() + y) * g.ow() + x) * self.dy_pixel;
        (a as isize, b as isize)
    }

    /// # Safety
    /// See [`sum`](Self::sum); the runs must lie inside the pictures for all rows of the group.
    unsafe fn sum_block(&self, group: &Group, block: &Block, runs: &[(isize, isize)], sums: *mut f32) {
        let o = self.g.o;
        for column in block.columns.clone().step_by(self.kernels.width()) {
            let columns = block.columns.end - column;
            let kernel = self.kernels.for_rows(group.offsets.len(), columns);
            let mut tile = Tile {
                a: self.x.as_ptr(),
                rows: [0; MAX_ROWS],
                runs,
                len: group.xs.len(),
                a_step: (self.g.stride * self.g.c) as isize,
                // SAFETY: a column lies inside a pixel.
                b: unsafe { self.dy.as_ptr().add(column) },
                b_step: self.dy_pixel as isize,
                c: sums,
                c_rows: [0; MAX_ROWS],
                live_rows: 0,
                live_columns: columns.min(kernel.width),
                accumulate: true,
                scale: std::ptr::null(),
                bias: std::ptr::null(),
                relu: false,
            };
            for (i, offsets) in group.offsets.chunks(kernel.rows).enumerate() {
                tile.live_rows = offsets.len();
                for r in 0..kernel.rows {
                    let live = r.min(offsets.len() - 1);
                    let row = group.row + i * kernel.rows + live;
                    tile.rows[r] = offsets[live];
                    tile.c_rows[r] = (row * o + column) as isize;
                }
                // SAFETY: promised by the caller; `dy_pixel` is a multiple of the narrow width, and
                // a wide block is chosen only when more than that is left.
                unsafe { (kernel.run)(&tile) };
            }
        }
    }
}

/// The output positions whose source position, `position * stride + shift`, lies in `0..size`.
fn inside(shift: isize, size: usize, out: usize, stride: usize) -> Range<usize> {
    let stride = stride as isize;
    let start = (-shift + stride - 1).div_euclid(stride).max(0);
    let end = (size as isize - shift + stride - 1).div_euclid(stride);
    let end = end.clamp(start, (out as isize).max(start));
    start as usize..end as usize
}

fn with_border<'a>(g: &Geometry, x: &'a [f32]) -> Cow<'a, [f32]> {
    if g.padding == 0 {
        return Cow::Borrowed(x);
    }
    let (h, w) = (g.h + 2 * g.padding, g.w + 2 * g.padding);
    let mut padded = vec![0.0; g.n * h * w * g.c];
    for (i, line) in x.chunks_exact(g.w * g.c).enumerate() {
        let (picture, y) = (i / g.h, i % g.h);
        let to = ((picture * h + y + g.padding) * w + g.padding) * g.c;
        padded[to..to + line.len()].copy_from_slice(line);
    }
    Cow::Owned(padded)
}

/// Adds the copies (`[kh, kw, c, o]` each) in order and turns the sum into `[o, c, kh, kw]`.
fn gather(g: &Geometry, copies: &[f32], len: usize) -> Vec<f32> {
    const TOGETHER: usize = 16;
    let taps = g.kh * g.kw;
    let filter = g.c * taps;
    let mut gradient = vec![0.0; g.o * filter];
    gradient.par_chunks_mut(TOGETHER * filter).enumerate().for_each(|(i, filters)| {
        let first = i * TOGETHER;
        let together = filters.len() / filter;
        for c in 0..g.c {
            for t in 0..taps {
                let at = (t * g.c + c) * g.o + first;
                let mut sums = [0.0f32; TOGETHER];
                for copy in copies.chunks_exact(len) {
                    match copy[at..].first_chunk::<TOGETHER>() {
                        // Of a length known before it runs: vector code.
                        Some(from) if together == TOGETHER => sums.iter_mut().zip(from).for_each(|(sum, value)| *sum += value),
                        _ => sums.iter_mut().zip(&copy[at..at + together]).for_each(|(sum, value)| *sum += value),
                    }
                }
                for (j, sum) in sums.iter().enumerate().take(together) {
                    filters[j * filter + c * taps + t] = *sum;
                }
            }
        }
    });
    gradient
}
