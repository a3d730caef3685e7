//! The loops over rows for the registers of AVX-512 and AVX2.

use std::arch::x86_64::*;

use crate::{Dense, Depthwise, Lanes, dense_row, depthwise_row, max_pool_row};

// Register shapes: with 32 registers up to 20 sums stay inside, with 16 up to 12.

/// # Safety
/// As for [`dense_row`]; the processor has AVX-512 F.
#[target_feature(enable = "avx512f")]
pub unsafe fn dense_avx512(layer: &Dense, rows: &[&[f32]], out: &mut [f32]) {
    // SAFETY: as the caller promises; each arm's registers divide the channels.
    unsafe {
        match layer.bias.len() / __m512::COUNT {
            n if n.is_multiple_of(4) => dense_row::<__m512, 4, 5>(layer, rows, out),
            n if n.is_multiple_of(2) => dense_row::<__m512, 2, 10>(layer, rows, out),
            _ => dense_row::<__m512, 1, 16>(layer, rows, out),
        }
    }
}

/// # Safety
/// As for [`dense_row`]; the processor has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn dense_avx2(layer: &Dense, rows: &[&[f32]], out: &mut [f32]) {
    // SAFETY: as the caller promises; two registers of eight divide channels that are a multiple of sixteen.
    unsafe { dense_row::<__m256, 2, 5>(layer, rows, out) }
}

/// # Safety
/// As for [`depthwise_row`]; the processor has AVX-512 F.
#[target_feature(enable = "avx512f")]
pub unsafe fn depthwise_avx512(layer: &Depthwise, rows: [&[f32]; 3], out: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe { depthwise_row::<__m512, 4>(layer, layer.bias.len(), &rows, out) }
}

/// # Safety
/// As for [`depthwise_row`]; the processor has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn depthwise_avx2(layer: &Depthwise, rows: [&[f32]; 3], out: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe { depthwise_row::<__m256, 4>(layer, layer.bias.len(), &rows, out) }
}

/// # Safety
/// As for [`max_pool_row`]; the processor has AVX-512 F.
#[target_feature(enable = "avx512f")]
pub unsafe fn max_pool_avx512(rows: [&[f32]; 2], channels: usize, out: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe { max_pool_row::<__m512>(rows, channels, out) }
}

/// # Safety
/// As for [`max_pool_row`]; the processor has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn max_pool_avx2(rows: [&[f32]; 2], channels: usize, out: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe { max_pool_row::<__m256>(rows, channels, out) }
}

impl Lanes for __m512 {
    const COUNT: usize = 16;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller has sixteen values there, and a processor with these instructions.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller has room for sixteen values there, and a processor with these instructions.
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller has a processor with these instructions.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the caller has a processor with these instructions.
        unsafe { _mm512_fmadd_ps(self, factor, sum) }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller has a processor with these instructions.
        unsafe { _mm512_max_ps(self, other) }
    }
}

impl Lanes for __m256 {
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller has eight values there, and a processor with these instructions.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller has room for eight values there, and a processor with these instructions.
        unsafe { _mm256_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller has a processor with these instructions.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the caller has a processor with these instructions.
        unsafe { _mm256_fmadd_ps(self, factor, sum) }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller has a processor with these instructions.
        unsafe { _mm256_max_ps(self, other) }
    }
}
