//! The blocks for WebAssembly's registers of four numbers.

use std::arch::wasm32::*;

use super::{Block, Kernels, Tile, finish, finish_one};
use crate::wasm::mul_add;

pub static WASM: Kernels = family!("WebAssembly", wasm, rows: [6, 4], vectors: [2, 1] of 4);

/// # Safety
/// See [`super::Kernel`].
unsafe fn wasm<const ROWS: usize, const VECTORS: usize>(t: &Tile) {
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
                        *sum = mul_add(a, column, *sum);
                    }
                }
                at += t.a_step;
                b = b.offset(t.b_step);
            }
        }
        let mut rows = [[[0.0f32; 4]; VECTORS]; ROWS];
        for (row, sums) in rows.iter_mut().zip(sums) {
            for (four, sum) in row.iter_mut().zip(sums) {
                v128_store(four.as_mut_ptr().cast(), sum);
            }
        }
        for (r, row) in rows.iter().enumerate().take(t.live_rows) {
            finish(t, r, row.as_flattened());
        }
    }
}

pub static WASM_QUADS: Kernels = family!("WebAssembly quads", quads, rows: [6, 4], vectors: [2, 1] of 4);

/// # Safety
/// See [`super::Kernel`]; there is a scale for each live column.
unsafe fn quads<const ROWS: usize, const VECTORS: usize>(t: &Tile) {
    let mut sums = [[i32x4_splat(0); VECTORS]; ROWS];
    // SAFETY: the caller keeps all rows, runs and columns inside the buffers, and has a scale for each live column.
    unsafe {
        for &(a_run, b_run) in t.runs {
            let mut a = [t.a; ROWS];
            for (r, a) in a.iter_mut().enumerate() {
                *a = a.offset(t.rows[r] + a_run);
            }
            let mut b = t.b.offset(b_run);
            let mut at = 0;
            for _ in 0..t.len {
                let mut columns = [i32x4_splat(0); VECTORS];
                for (v, column) in columns.iter_mut().enumerate() {
                    *column = v128_load(b.add(4 * v).cast());
                }
                for (a, sums) in a.iter().zip(&mut sums) {
                    let a = v128_load32_splat(a.offset(at).cast());
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = add_dots(column, a, *sum);
                    }
                }
                at += t.a_step;
                b = b.offset(t.b_step);
            }
        }
        for (r, row) in sums.into_iter().enumerate().take(t.live_rows) {
            let mut whole = [[0i32; 4]; VECTORS];
            for (four, sum) in whole.iter_mut().zip(row) {
                v128_store(four.as_mut_ptr().cast(), sum);
            }
            for (j, &sum) in whole.as_flattened().iter().enumerate().take(t.live_columns) {
                finish_one(t, r, j, sum);
            }
        }
    }
}

/// `sum` plus, for each four bytes, the products of the weights with numbers of 0 to 127.
#[inline(always)]
fn add_dots(weights: v128, numbers: v128, sum: v128) -> v128 {
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
