//! The one inner loop of all convolution work: a small block of sums kept in registers.
//!
//! Every convolution here, forward or backward, is `C[r][j] += sum over k of A[r][k] * B[k][j]`,
//! where a row of A is read one number at a time from anywhere in a picture and a row of B is
//! `width` neighbouring numbers. With channels last in memory neither side has to be gathered into
//! a matrix first ("indirect convolution": Dukhan, "The indirect convolution algorithm", 2019).
//!
//! Kernels for AVX-512, for AVX2 with FMA, and a portable one are compiled; [`kernels`] picks at run
//! time. Each sum is made by one kernel call chain in a fixed order, so results do not depend on
//! the number of threads.
//!
//! [`pair_kernels`] are a second family: each number of A and B is a *pair* of bfloat16 numbers in the bits of an `f32`
//! (see [`crate::bf16`]), and a product is that of pairs, `a0 * b0 + a1 * b1`, summed in `f32`. Half as many steps do
//! the same work.
//!
//! [`quad_kernels`] are a third: each number of A is four whole numbers of 0 to 127, each of B four of -127 to 127, in the four
//! bytes of an `f32`; sums are exact, in `i32`, and become `f32` at last, times a scale a column. With seven bits in A no
//! instruction of any processor can overflow on the way, so that all of them give the same sums.

use std::sync::OnceLock;

use crate::bf16;

/// The most rows that any kernel works on.
pub const MAX_ROWS: usize = 12;

/// One block: what to read, what to sum, where to put it.
pub struct Tile<'a> {
    /// Where the offsets of A start.
    pub a: *const f32,
    /// Offset of each row of A. Rows past `live_rows` repeat a live one.
    pub rows: [isize; MAX_ROWS],
    /// Runs of k: offset into A (added to each row's) and offset into B.
    pub runs: &'a [(isize, isize)],
    /// Length of each run.
    pub len: usize,
    /// Distance in A from one k to the next inside a run.
    pub a_step: isize,
    /// Where the offsets of B start.
    pub b: *const f32,
    /// Distance in B from one k to the next inside a run.
    pub b_step: isize,
    /// Where the offsets of C start.
    pub c: *mut f32,
    /// Offset of each row of C.
    pub c_rows: [isize; MAX_ROWS],
    /// Rows that are written.
    pub live_rows: usize,
    /// Columns that are written.
    pub live_columns: usize,
    /// Add to what C holds, instead of replacing it.
    pub accumulate: bool,
    /// By which sums of whole numbers are multiplied, for kernels of quads alone, else null. Holds `live_columns` numbers.
    pub scale: *const f32,
    /// Added to every row, or null. Holds `live_columns` numbers.
    pub bias: *const f32,
    /// Replace negative results by zero.
    pub relu: bool,
}

/// Computes a [`Tile`].
///
/// # Safety
/// All rows, runs and columns must lie inside the buffers behind `a`, `b` (all `width` columns of
/// it) and `c` (the live part), nobody else may touch that part of `c`, and the processor must have
/// the instructions that the kernel was compiled for.
pub type Kernel = unsafe fn(&Tile);

/// A block shape and the code for it.
#[derive(Clone, Copy)]
pub struct Block {
    /// Rows of A and C.
    pub rows: usize,
    /// Columns of B and C.
    pub width: usize,
    /// The code.
    pub run: Kernel,
}

/// The kernels for one instruction set. Wide blocks are twice as wide as narrow ones.
pub struct Kernels {
    /// What it was compiled for.
    pub name: &'static str,
    /// Many rows, wide.
    pub tall_wide: Block,
    /// Many rows, narrow.
    pub tall_narrow: Block,
    /// Fewer rows, wide: for row counts that would leave most of a tall block idle.
    pub low_wide: Block,
    /// Fewer rows, narrow.
    pub low_narrow: Block,
    /// One row, wide: for a single vector.
    pub one_wide: Block,
    /// One row, narrow.
    pub one_narrow: Block,
}

impl Kernels {
    /// The width of a wide block: B is kept in panels of this many columns.
    pub fn width(&self) -> usize {
        self.tall_wide.width
    }

    /// The block for a panel with `columns` columns left, rows in plenty.
    pub fn tall(&self, columns: usize) -> Block {
        if columns > self.tall_narrow.width { self.tall_wide } else { self.tall_narrow }
    }

    /// The block that wastes least when rows come in groups of `rows`.
    pub fn for_rows(&self, rows: usize, columns: usize) -> Block {
        let idle = |block: Block| rows.div_ceil(block.rows) * block.rows;
        let (tall, low) =
            if columns > self.tall_narrow.width { (self.tall_wide, self.low_wide) } else { (self.tall_narrow, self.low_narrow) };
        if idle(low) < idle(tall) { low } else { tall }
    }

    /// The block for a single row.
    pub fn one(&self, columns: usize) -> Block {
        if columns > self.one_narrow.width { self.one_wide } else { self.one_narrow }
    }
}

/// Bytes of packed weights that one pass over the pixels uses: half of a common L2 cache.
pub(crate) const PANEL_BYTES: usize = 192 * 1024;

/// A convolution over pixels that share their taps.
pub struct Sweep<'a> {
    /// What runs it.
    pub kernels: &'a Kernels,
    /// Channels of the source.
    pub channels: usize,
    /// Offset of each tap in the source.
    pub taps: &'a [isize],
    /// Weights: panels of the kernels' width, each `[taps, channels, columns]`, zero-filled.
    pub panels: &'a [f32],
    /// Channels of the output.
    pub columns: usize,
    /// Of kernels of quads: what a sum counts, a number a column.
    pub scale: Option<&'a [f32]>,
    /// Added to every pixel of the output.
    pub bias: Option<&'a [f32]>,
    /// Add to what the output holds.
    pub onto: bool,
    /// Replace negative results by zero, at last.
    pub relu: bool,
}

impl Sweep<'_> {
    /// Runs over pixels: for each, the offset of its first source pixel, and of its output.
    ///
    /// # Safety
    /// Pixels and taps must lie inside `source`, the outputs behind `out`, which nobody else may be using; panels and bias
    /// must be as long as they are said to be, and the kernels those of this processor.
    pub unsafe fn run(&self, pixels: &[(isize, isize)], source: *const f32, out: *mut f32) {
        let (channels, columns) = (self.channels, self.columns);
        let width = self.kernels.width();
        let chunk = match self.scale {
            // One pass keeps whole sums whole until their end: exact, whatever the width.
            Some(_) => self.taps.len().max(1),
            None => (PANEL_BYTES / (channels * width * size_of::<f32>())).max(1),
        };
        let passes = self.taps.len().div_ceil(chunk).max(1);
        let mut runs = Vec::with_capacity(chunk.min(self.taps.len()));
        for pass in 0..passes {
            let taps = pass * chunk..((pass + 1) * chunk).min(self.taps.len());
            let last = pass + 1 == passes;
            for column in (0..columns).step_by(width) {
                let block = self.kernels.for_rows(pixels.len(), columns - column);
                runs.clear();
                runs.extend(taps.clone().map(|t| {
                    let at = column * self.taps.len() * channels + t * channels * block.width;
                    (self.taps[t], at as isize)
                }));
                let mut tile = Tile {
                    a: source,
                    rows: [0; MAX_ROWS],
                    runs: &runs,
                    len: channels,
                    a_step: 1,
                    b: self.panels.as_ptr(),
                    b_step: block.width as isize,
                    c: out.wrapping_add(column),
                    c_rows: [0; MAX_ROWS],
                    live_rows: 0,
                    live_columns: (columns - column).min(block.width),
                    accumulate: self.onto || pass > 0,
                    scale: self.scale.map_or(std::ptr::null(), |scale| scale[column..].as_ptr()),
                    bias: match self.bias {
                        Some(bias) if last => bias[column..].as_ptr(),
                        _ => std::ptr::null(),
                    },
                    relu: self.relu && last,
                };
                for pixels in pixels.chunks(block.rows) {
                    tile.live_rows = pixels.len();
                    for r in 0..block.rows {
                        // Idle rows repeat the last live one: read, never written.
                        (tile.rows[r], tile.c_rows[r]) = pixels[r.min(pixels.len() - 1)];
                    }
                    // SAFETY: promised by the caller; panels hold `block.width` columns for each number of each tap.
                    unsafe { (block.run)(&tile) };
                }
            }
        }
    }
}

/// The fastest kernels that this processor can run.
pub fn kernels() -> &'static Kernels {
    static BEST: OnceLock<&Kernels> = OnceLock::new();
    BEST.get_or_init(|| *supported().last().expect("a processor has kernels"))
}

/// All kernels that this processor can run, slowest first.
pub fn supported() -> Vec<&'static Kernels> {
    #[allow(unused_mut)]
    let mut all: Vec<&'static Kernels> = Vec::from([
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        &PORTABLE,
    ]);
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            all.push(&x86::AVX2);
        }
        if is_x86_feature_detected!("avx512f") {
            all.push(&x86::AVX512);
        }
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    all.push(&wasm::WASM);
    all
}

/// The kernels for pairs, where the processor multiplies them in hardware.
pub fn pair_kernels() -> Option<&'static Kernels> {
    #[cfg(target_arch = "x86_64")]
    {
        static HAS: OnceLock<bool> = OnceLock::new();
        if *HAS.get_or_init(|| is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")) {
            return Some(&x86::AVX512_PAIRS);
        }
    }
    None
}

/// The fastest kernels for quads that this processor can run.
pub fn quad_kernels() -> &'static Kernels {
    static BEST: OnceLock<&Kernels> = OnceLock::new();
    BEST.get_or_init(|| *supported_quads().last().expect("the portable kernels always run"))
}

/// All kernels for quads that this processor can run, slowest first.
pub fn supported_quads() -> Vec<&'static Kernels> {
    #[allow(unused_mut)]
    let mut all = vec![&PORTABLE_QUADS];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            all.push(&x86::AVX2_QUADS);
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
            all.push(&x86::AVX512_QUADS);
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        all.push(&neon::NEON_QUADS);
        if std::arch::is_aarch64_feature_detected!("dotprod") {
            all.push(&neon::DOT_QUADS);
        }
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    all.push(&wasm::WASM_QUADS);
    all
}

/// The six blocks of one family: many, few or one row, by a wide or a narrow panel of so many vectors.
macro_rules! family {
    ($name:literal, $run:ident, rows: [$many:literal, $few:literal], vectors: [$wide:literal, $narrow:literal] of $lanes:literal
        $(, $pairs:literal)?) => {
        Kernels {
            name: $name,
            tall_wide: Block { rows: $many, width: $wide * $lanes, run: $run::<$many, $wide $(, $pairs)?> },
            tall_narrow: Block { rows: $many, width: $narrow * $lanes, run: $run::<$many, $narrow $(, $pairs)?> },
            low_wide: Block { rows: $few, width: $wide * $lanes, run: $run::<$few, $wide $(, $pairs)?> },
            low_narrow: Block { rows: $few, width: $narrow * $lanes, run: $run::<$few, $narrow $(, $pairs)?> },
            one_wide: Block { rows: 1, width: $wide * $lanes, run: $run::<1, $wide $(, $pairs)?> },
            one_narrow: Block { rows: 1, width: $narrow * $lanes, run: $run::<1, $narrow $(, $pairs)?> },
        }
    };
}

// A vector of plain Rust is one number wide.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
static PORTABLE: Kernels = family!("portable", portable, rows: [4, 2], vectors: [16, 8] of 1, false);

/// The plain twin of [`pair_kernels`], in blocks of the same shape so that panels fit both.
pub static PORTABLE_PAIRS: Kernels = family!("portable pairs", portable, rows: [12, 8], vectors: [32, 16] of 1, true);

static PORTABLE_QUADS: Kernels = family!("portable quads", portable_quads, rows: [4, 2], vectors: [16, 8] of 1);

/// The plain twin of the others, and the kernel of processors without them.
///
/// # Safety
/// See [`Kernel`].
unsafe fn portable<const ROWS: usize, const WIDTH: usize, const PAIRS: bool>(t: &Tile) {
    let mut sums = [[0.0f32; WIDTH]; ROWS];
    for &(a_run, b_run) in t.runs {
        for k in 0..t.len as isize {
            // SAFETY: the caller keeps all rows, runs and columns inside the buffers.
            let b = unsafe { &*t.b.offset(b_run + k * t.b_step).cast::<[f32; WIDTH]>() };
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: as for B.
                let a = unsafe { *t.a.offset(t.rows[r] + a_run + k * t.a_step) };
                for (sum, &b) in sums.iter_mut().zip(b) {
                    // A fused multiply-add is a slow library call where the processor has none.
                    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) && !PAIRS {
                        *sum = a.mul_add(b, *sum);
                    } else if PAIRS {
                        let ([a0, a1], [b0, b1]) = (bf16::split(a), bf16::split(b));
                        *sum += a0 * b0 + a1 * b1;
                    } else {
                        *sum += a * b;
                    }
                }
            }
        }
    }
    for (r, sums) in sums.iter_mut().enumerate().take(t.live_rows) {
        // SAFETY: the caller keeps live rows and columns inside C, which is ours alone.
        unsafe { finish(t, r, sums) };
    }
}

/// The plain twin of the kernels of quads.
///
/// # Safety
/// See [`Kernel`].
unsafe fn portable_quads<const ROWS: usize, const WIDTH: usize>(t: &Tile) {
    let mut sums = [[0i32; WIDTH]; ROWS];
    for &(a_run, b_run) in t.runs {
        for k in 0..t.len as isize {
            // SAFETY: the caller keeps all rows, runs and columns inside the buffers; four bytes are as large as an f32.
            let b = unsafe { &*t.b.offset(b_run + k * t.b_step).cast::<[[i8; 4]; WIDTH]>() };
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: as for B.
                let a = unsafe { *t.a.offset(t.rows[r] + a_run + k * t.a_step).cast::<[u8; 4]>() };
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum += a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>();
                }
            }
        }
    }
    for (r, sums) in sums.iter().enumerate().take(t.live_rows) {
        // SAFETY: the caller keeps live rows and columns inside C, which is ours alone, and has as many scales.
        unsafe { finish(t, r, &sums.map(|sum| f32::from_bits(sum.cast_unsigned()))) };
    }
}

/// Writes the live columns of one row.
///
/// # Safety
/// See [`Kernel`].
#[inline(always)]
unsafe fn finish(t: &Tile, r: usize, sums: &[f32]) {
    for (j, &sum) in sums.iter().enumerate().take(t.live_columns) {
        // SAFETY: the caller keeps live rows and columns inside the buffers.
        unsafe {
            let c = t.c.offset(t.c_rows[r]).add(j);
            // Whole numbers stand in the bits of others, until now.
            let mut value = if t.scale.is_null() { sum } else { sum.to_bits().cast_signed() as f32 * *t.scale.add(j) };
            if t.accumulate {
                value += *c;
            }
            if !t.bias.is_null() {
                value += *t.bias.add(j);
            }
            // Not `max`: a NaN has to stay one, or a training gone wrong would look healthy.
            if t.relu && value < 0.0 {
                value = 0.0;
            }
            *c = value;
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)] // Plain indices keep the sums in registers.
mod x86;
