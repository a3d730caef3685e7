//! Luma and chroma, as video codecs store them, become RGB.

#[cfg(target_arch = "x86_64")]
use crate::Kind;
use crate::Simd;

/// Fractional bits of the factors.
pub const BITS: u32 = 14;

/// What luma and chroma are multiplied with, in units of 2^-14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factors {
    /// The luma of black.
    pub black: i32,
    /// Light by luma, the same for all colours.
    pub luma: i32,
    /// Red by the second chroma.
    pub red_v: i32,
    /// Green by the first chroma.
    pub green_u: i32,
    /// Green by the second chroma.
    pub green_v: i32,
    /// Blue by the first chroma.
    pub blue_u: i32,
}

/// One row of pixels: three bytes for each of `y`, whose every two share a value of `u` and one of `v`, as does a last one alone.
///
/// # Panics
/// If a slice does not have the row's length.
pub fn row(simd: Simd, factors: &Factors, y: &[u8], u: &[u8], v: &[u8], out: &mut [u8]) {
    let half = y.len().div_ceil(2);
    assert!(
        u.len() == half && v.len() == half && out.len() == 3 * y.len(),
        "a value of chroma for two of luma, three bytes each"
    );
    match simd.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Simd` exists only for what the processor has, and one with AVX-512 has AVX2.
        Kind::Avx512 | Kind::Avx2 => unsafe { row_avx2(factors, y, u, v, out) },
        _ => any_row(factors, y, u, v, out),
    }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn row_avx2(factors: &Factors, y: &[u8], u: &[u8], v: &[u8], out: &mut [u8]) {
    any_row(factors, y, u, v, out);
}

#[inline(always)]
fn any_row(f: &Factors, y: &[u8], u: &[u8], v: &[u8], out: &mut [u8]) {
    let color = |u: u8, v: u8| {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        [f.red_v * v, f.green_u * u + f.green_v * v, f.blue_u * u]
    };
    let pixel = |out: &mut [u8], y: u8, [r, g, b]: [i32; 3]| {
        let light = (i32::from(y) - f.black) * f.luma + (1 << (BITS - 1));
        out[0] = ((light + r) >> BITS).clamp(0, 255) as u8;
        out[1] = ((light + g) >> BITS).clamp(0, 255) as u8;
        out[2] = ((light + b) >> BITS).clamp(0, 255) as u8;
    };
    let (pairs, last) = y.as_chunks::<2>();
    let (out_pairs, out_last) = out.as_chunks_mut::<6>();
    for (((out, &[left, right]), &u), &v) in out_pairs.iter_mut().zip(pairs).zip(u).zip(v) {
        let color = color(u, v);
        let (first, second) = out.split_at_mut(3);
        pixel(first, left, color);
        pixel(second, right, color);
    }
    if let ([y], [.., u], [.., v]) = (last, u, v) {
        pixel(out_last, *y, color(*u, *v));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_bytes() {
        let factors = Factors { black: 16, luma: 19077, red_v: 26149, green_u: -6419, green_v: -13320, blue_u: 33050 };
        for width in [1_usize, 2, 3, 17, 64, 147] {
            let y: Vec<u8> = (0..width).map(|i| (i * 37 % 256) as u8).collect();
            let [u, v] = [11, 29].map(|step| (0..width.div_ceil(2)).map(|i| (i * step % 256) as u8).collect::<Vec<u8>>());
            let rows: Vec<Vec<u8>> = Simd::all()
                .into_iter()
                .map(|simd| {
                    let mut out = vec![0; 3 * width];
                    row(simd, &factors, &y, &u, &v, &mut out);
                    out
                })
                .collect();
            assert!(rows.iter().all(|row| *row == rows[0]), "{width}");
        }
    }
}
