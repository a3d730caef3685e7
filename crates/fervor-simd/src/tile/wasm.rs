//! The blocks for WebAssembly's registers of four numbers.

use std::arch::wasm32::*;

use super::{Block, Kernels, Tile, finish};
use crate::wasm::mul_add;

// Eight sums and what is multiplied into them fit into sixteen registers: see `crate::wasm`.
pub static WASM: Kernels = family!("WebAssembly", wasm, rows: [4, 2], vectors: [2, 1] of 4);

pub static WASM_QUADS: Kernels = family!("WebAssembly quads", quads, rows: [4, 2], vectors: [2, 1] of 4);

/// One kernel: how a product of A and B is added to a sum is all that differs.
macro_rules! wasm_kernel {
    ($name:ident, $add_product:ident) => {
        /// # Safety
        /// See [`super::Kernel`].
        unsafe fn $name<const ROWS: usize, const VECTORS: usize>(t: &Tile) {
            let mut sums = [[f32x4_splat(0.0); VECTORS]; ROWS];
            // SAFETY: the caller keeps all rows, runs and columns inside the buffers.
            unsafe {
                for &(a_run, b_run) in t.runs {
                    let mut a = [t.a; ROWS];
                    for (r, a) in a.iter_mut().enumerate() {
                        *a = a.offset(t.rows[r] + a_run);
                    }
                    let mut b = t.b.offset(b_run);
                    let mut at = 0;
                    for _ in 0..t.len {
                        let mut columns = [f32x4_splat(0.0); VECTORS];
                        for (v, column) in columns.iter_mut().enumerate() {
                            *column = v128_load(b.add(4 * v).cast());
                        }
                        for (a, sums) in a.iter().zip(&mut sums) {
                            let a = v128_load32_splat(a.offset(at).cast());
                            for (sum, column) in sums.iter_mut().zip(columns) {
                                *sum = $add_product(a, column, *sum);
                            }
                        }
                        at += t.a_step;
                        b = b.offset(t.b_step);
                    }
                }
                for (r, sums) in sums.into_iter().enumerate().take(t.live_rows) {
                    if t.live_columns == 4 * VECTORS {
                        finish_whole(t, r, sums);
                        continue;
                    }
                    let mut row = [[0.0f32; 4]; VECTORS];
                    for (four, sum) in row.iter_mut().zip(sums) {
                        v128_store(four.as_mut_ptr().cast(), sum);
                    }
                    finish(t, r, row.as_flattened());
                }
            }
        }
    };
}

/// [`finish`] where all columns are live.
///
/// # Safety
/// See [`super::Kernel`]; the block has as many columns as the sums.
#[inline(always)]
unsafe fn finish_whole<const VECTORS: usize>(t: &Tile, r: usize, sums: [v128; VECTORS]) {
    for (v, mut sum) in sums.into_iter().enumerate() {
        // SAFETY: the caller keeps live rows and columns inside the buffers.
        unsafe {
            let c = t.c.offset(t.c_rows[r]).add(4 * v);
            if !t.scale.is_null() {
                // Whole numbers stand in the bits of others, until now.
                sum = f32x4_mul(f32x4_convert_i32x4(sum), v128_load(t.scale.add(4 * v).cast()));
            }
            if t.accumulate {
                sum = f32x4_add(sum, v128_load(c.cast()));
            }
            if !t.bias.is_null() {
                sum = f32x4_add(sum, v128_load(t.bias.add(4 * v).cast()));
            }
            if t.relu {
                // In this order a NaN stays one.
                sum = f32x4_pmax(sum, f32x4_splat(0.0));
            }
            v128_store(c.cast(), sum);
        }
    }
}

wasm_kernel!(wasm, mul_add);
wasm_kernel!(quads, add_dots);

/// `sum` plus, for each four bytes, the products of the weights with numbers of 0 to 127.
#[inline(always)]
fn add_dots(numbers: v128, weights: v128, sum: v128) -> v128 {
    // The same on every engine for numbers of seven bits.
    #[cfg(target_feature = "relaxed-simd")]
    return i32x4_relaxed_dot_i8x16_i7x16_add(weights, numbers, sum);
    #[cfg(not(target_feature = "relaxed-simd"))]
    {
        let low = i32x4_extadd_pairwise_i16x8(i16x8_extmul_low_i8x16(weights, numbers));
        let high = i32x4_extadd_pairwise_i16x8(i16x8_extmul_high_i8x16(weights, numbers));
        let pairs = i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(low, high), i32x4_shuffle::<1, 3, 5, 7>(low, high));
        i32x4_add(sum, pairs)
    }
}
