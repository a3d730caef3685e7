//! The blocks of quads for aarch64. Sums of real numbers are plain Rust there, which compilers fuse well.

use std::arch::aarch64::*;
use std::arch::asm;

use super::{Block, Kernels, Tile, finish};

pub static NEON_QUADS: Kernels = family!("NEON quads", neon, rows: [6, 4], vectors: [2, 1] of 4);

pub static DOT_QUADS: Kernels = family!("NEON dot products", dot, rows: [8, 4], vectors: [2, 1] of 4);

/// One kernel: how four products are added to a sum is all that differs.
macro_rules! quads_kernel {
    ($name:ident, $features:literal, $add_dots:ident) => {
        /// # Safety
        /// See [`super::Kernel`]; the processor must have the named instructions, and there is a scale for each live column.
        #[target_feature(enable = $features)]
        unsafe fn $name<const ROWS: usize, const VECTORS: usize>(t: &Tile) {
            // SAFETY: the caller keeps all rows, runs and columns inside the buffers, and has a scale for each live column.
            unsafe {
                let mut sums = [[vdupq_n_s32(0); VECTORS]; ROWS];
                for &(a_run, b_run) in t.runs {
                    let mut a = [t.a.cast::<i32>(); ROWS];
                    for (r, a) in a.iter_mut().enumerate() {
                        *a = a.offset(t.rows[r] + a_run);
                    }
                    let mut b = t.b.offset(b_run);
                    let mut at = 0;
                    for _ in 0..t.len {
                        let mut columns = [vdupq_n_s8(0); VECTORS];
                        for (v, column) in columns.iter_mut().enumerate() {
                            *column = vld1q_s8(b.add(4 * v).cast());
                        }
                        for (a, sums) in a.iter().zip(&mut sums) {
                            let a = vreinterpretq_s8_s32(vdupq_n_s32(a.offset(at).read_unaligned()));
                            for (sum, column) in sums.iter_mut().zip(columns) {
                                *sum = $add_dots(*sum, column, a);
                            }
                        }
                        at += t.a_step;
                        b = b.offset(t.b_step);
                    }
                }
                for (r, row) in sums.into_iter().enumerate().take(t.live_rows) {
                    let mut whole = [[0.0f32; 4]; VECTORS];
                    for (four, sum) in whole.iter_mut().zip(row) {
                        vst1q_f32(four.as_mut_ptr(), vreinterpretq_f32_s32(sum));
                    }
                    finish(t, r, whole.as_flattened());
                }
            }
        }
    };
}

quads_kernel!(neon, "neon", add_dots);
quads_kernel!(dot, "neon,dotprod", add_dots_at_once);

/// `sum` plus the products of each four bytes; two of them fit into 16 bits.
///
/// # Safety
/// The processor has NEON.
#[inline]
#[target_feature(enable = "neon")]
fn add_dots(sum: int32x4_t, weights: int8x16_t, numbers: int8x16_t) -> int32x4_t {
    let low = vmull_s8(vget_low_s8(weights), vget_low_s8(numbers));
    let high = vmull_high_s8(weights, numbers);
    vpadalq_s16(sum, vpaddq_s16(low, high))
}

/// The same in one instruction, which has no name in the library yet.
///
/// # Safety
/// The processor has NEON and its dot products.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn add_dots_at_once(mut sum: int32x4_t, weights: int8x16_t, numbers: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes the named registers alone, and the processor has it.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {weights:v}.16b, {numbers:v}.16b",
            sum = inout(vreg) sum,
            weights = in(vreg) weights,
            numbers = in(vreg) numbers,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}
