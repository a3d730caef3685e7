//! The loops over rows for WebAssembly's registers of four numbers. Whether they are there is decided as the module is compiled: one
//! that has them does not load where they are missing.

use std::arch::wasm32::*;
use std::hint::black_box;

use crate::{Dense, Depthwise, Lanes, dense_row, depthwise_row, max_pool_row};

// Engines keep fifteen of the processor's registers for numbers, and load all that a turn of a loop reads before they sum: sums, factors
// and values together have to be no more, or some go to memory and back in every turn, which took half of the detector's time.

/// # Safety
/// As for [`dense_row`].
pub unsafe fn dense(layer: &Dense, rows: &[&[f32]], out: &mut [f32]) {
    // SAFETY: as the caller promises; four registers of four divide channels that are a multiple of sixteen.
    unsafe { dense_row::<v128, 4, 2>(layer, rows, out) }
}

/// # Safety
/// As for [`depthwise_row`].
pub unsafe fn depthwise(layer: &Depthwise, rows: [&[f32]; 3], out: &mut [f32]) {
    // That there are three rows is kept from the compiler: written out, all three would be loaded at once. Where it knows how many
    // channels there are, the places of neighbours are part of the instructions that load them.
    let rows = black_box(rows.as_slice());
    // SAFETY: as the caller promises.
    unsafe {
        match layer.bias.len() {
            16 => depthwise_row::<v128, 5>(layer, 16, rows, out),
            32 => depthwise_row::<v128, 5>(layer, 32, rows, out),
            64 => depthwise_row::<v128, 5>(layer, 64, rows, out),
            channels => depthwise_row::<v128, 5>(layer, channels, rows, out),
        }
    }
}

/// # Safety
/// As for [`max_pool_row`].
pub unsafe fn max_pool(rows: [&[f32]; 2], channels: usize, out: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe { max_pool_row::<v128>(rows, channels, out) }
}

/// `a * b + sum`: in one step and rounded once where engines may choose to, else rounded twice.
#[inline(always)]
pub fn mul_add(a: v128, b: v128, sum: v128) -> v128 {
    #[cfg(target_feature = "relaxed-simd")]
    return f32x4_relaxed_madd(a, b, sum);
    #[cfg(not(target_feature = "relaxed-simd"))]
    f32x4_add(f32x4_mul(a, b), sum)
}

impl Lanes for v128 {
    const COUNT: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller has four values there.
        unsafe { v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller has room for four values there.
        unsafe { v128_store(to.cast(), self) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        f32x4_splat(value)
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        mul_add(self, factor, sum)
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // One instruction on every processor.
        f32x4_pmax(other, self)
    }
}
