//! The blocks for WebAssembly's registers of four numbers.

use std::arch::wasm32::*;

use super::{Block, Kernels, Tile, finish};
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
