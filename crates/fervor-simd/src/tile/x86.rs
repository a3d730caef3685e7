//! The blocks for the registers of AVX-512 and AVX2.

use std::arch::x86_64::*;

use super::{Block, Kernels, Tile, finish};

pub static AVX512: Kernels = family!("AVX-512", avx512, rows: [12, 8], vectors: [2, 1] of 16);

pub static AVX512_PAIRS: Kernels = family!("AVX-512 BF16", avx512_pairs, rows: [12, 8], vectors: [2, 1] of 16);

pub static AVX2: Kernels = family!("AVX2", avx2, rows: [6, 4], vectors: [2, 1] of 8);

pub static AVX512_QUADS: Kernels = family!("AVX-512 VNNI", avx512_quads, rows: [12, 8], vectors: [2, 1] of 16);

pub static AVX2_QUADS: Kernels = family!("AVX2 quads", avx2_quads, rows: [6, 4], vectors: [2, 1] of 8);

/// One kernel: how a product of A and B is added to a sum is all that differs.
macro_rules! avx512_kernel {
    ($name:ident, $features:literal, $add_product:ident) => {
        /// # Safety
        /// See [`super::Kernel`]; the processor must have the named instructions.
        #[target_feature(enable = $features)]
        unsafe fn $name<const ROWS: usize, const VECTORS: usize>(t: &Tile) {
            let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
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
                        let mut columns = [_mm512_setzero_ps(); VECTORS];
                        for (v, column) in columns.iter_mut().enumerate() {
                            *column = _mm512_loadu_ps(b.add(16 * v));
                        }
                        for r in 0..ROWS {
                            let a = _mm512_set1_ps(*a[r].offset(at));
                            for v in 0..VECTORS {
                                sums[r][v] = $add_product(a, columns[v], sums[r][v]);
                            }
                        }
                        at += t.a_step;
                        b = b.offset(t.b_step);
                    }
                }
                // All at once and with constant bounds: else the compiler keeps the sums in memory.
                let mut rows = [[[0.0f32; 16]; VECTORS]; ROWS];
                for r in 0..ROWS {
                    for v in 0..VECTORS {
                        _mm512_storeu_ps(rows[r][v].as_mut_ptr(), sums[r][v]);
                    }
                }
                for (r, row) in rows.iter().enumerate().take(t.live_rows) {
                    if t.live_columns < 16 * VECTORS {
                        finish(t, r, row.as_flattened());
                        continue;
                    }
                    for (v, sum) in row.iter().enumerate() {
                        let c = t.c.offset(t.c_rows[r]).add(16 * v);
                        let mut sum = _mm512_loadu_ps(sum.as_ptr());
                        if !t.scale.is_null() {
                            // Whole numbers in the bits of others, until now.
                            let whole = _mm512_cvtepi32_ps(_mm512_castps_si512(sum));
                            sum = _mm512_mul_ps(whole, _mm512_loadu_ps(t.scale.add(16 * v)));
                        }
                        if t.accumulate {
                            sum = _mm512_add_ps(sum, _mm512_loadu_ps(c));
                        }
                        if !t.bias.is_null() {
                            sum = _mm512_add_ps(sum, _mm512_loadu_ps(t.bias.add(16 * v)));
                        }
                        if t.relu {
                            // In this order a NaN stays one.
                            sum = _mm512_max_ps(_mm512_setzero_ps(), sum);
                        }
                        _mm512_storeu_ps(c, sum);
                    }
                }
            }
        }
    };
}

avx512_kernel!(avx512, "avx512f", _mm512_fmadd_ps);
avx512_kernel!(avx512_pairs, "avx512f,avx512bf16", add_pair_product);
avx512_kernel!(avx512_quads, "avx512f,avx512vnni", add_quad_product);

/// `sum + a0 * b0 + a1 * b1` of each pair of bfloat16 numbers.
///
/// # Safety
/// The processor has AVX-512 F and BF16.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn add_pair_product(a: __m512, b: __m512, sum: __m512) -> __m512 {
    // SAFETY: both are 512 bits, and any bits are numbers.
    let (a, b) = unsafe { (std::mem::transmute::<__m512, __m512bh>(a), std::mem::transmute::<__m512, __m512bh>(b)) };
    _mm512_dpbf16_ps(sum, a, b)
}

/// `sum` plus the products of each four whole numbers, all in the bits of others.
///
/// # Safety
/// The processor has AVX-512 F and VNNI.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn add_quad_product(a: __m512, b: __m512, sum: __m512) -> __m512 {
    _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(sum), _mm512_castps_si512(a), _mm512_castps_si512(b)))
}

/// The same for AVX2.
macro_rules! avx2_kernel {
    ($name:ident, $features:literal, $add_product:ident) => {
        /// # Safety
        /// See [`super::Kernel`]; the processor must have the named instructions.
        #[target_feature(enable = $features)]
        unsafe fn $name<const ROWS: usize, const VECTORS: usize>(t: &Tile) {
            let mut sums = [[_mm256_setzero_ps(); VECTORS]; ROWS];
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
                        let mut columns = [_mm256_setzero_ps(); VECTORS];
                        for (v, column) in columns.iter_mut().enumerate() {
                            *column = _mm256_loadu_ps(b.add(8 * v));
                        }
                        for r in 0..ROWS {
                            let a = _mm256_set1_ps(*a[r].offset(at));
                            for v in 0..VECTORS {
                                sums[r][v] = $add_product(a, columns[v], sums[r][v]);
                            }
                        }
                        at += t.a_step;
                        b = b.offset(t.b_step);
                    }
                }
                let mut rows = [[[0.0f32; 8]; VECTORS]; ROWS];
                for r in 0..ROWS {
                    for v in 0..VECTORS {
                        _mm256_storeu_ps(rows[r][v].as_mut_ptr(), sums[r][v]);
                    }
                }
                for (r, row) in rows.iter().enumerate().take(t.live_rows) {
                    finish(t, r, row.as_flattened());
                }
            }
        }
    };
}

avx2_kernel!(avx2, "avx2,fma", _mm256_fmadd_ps);
avx2_kernel!(avx2_quads, "avx2", add_quad_product_of_8);

/// [`add_quad_product`]; the sums of two products of at most 127 * 127 fit into 16 bits, so nothing saturates.
///
/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
fn add_quad_product_of_8(a: __m256, b: __m256, sum: __m256) -> __m256 {
    let pairs = _mm256_maddubs_epi16(_mm256_castps_si256(a), _mm256_castps_si256(b));
    let quads = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(sum), quads))
}
