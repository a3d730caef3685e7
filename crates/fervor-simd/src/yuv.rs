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

/// Pixels that are computed side by side.
const BLOCK: usize = 32;

#[inline(always)]
fn any_row(f: &Factors, y: &[u8], u: &[u8], v: &[u8], out: &mut [u8]) {
    let (blocks, rest) = y.as_chunks::<BLOCK>();
    let (u_blocks, u_rest) = u.split_at(BLOCK / 2 * blocks.len());
    let (v_blocks, v_rest) = v.split_at(BLOCK / 2 * blocks.len());
    let (out_blocks, out_rest) = out.as_chunks_mut::<{ 3 * BLOCK }>();
    let chroma = u_blocks.as_chunks().0.iter().zip(v_blocks.as_chunks().0);
    for ((out, y), (u, v)) in out_blocks.iter_mut().zip(blocks).zip(chroma) {
        block(f, y, u, v, out);
    }
    for (number, (out, &y)) in out_rest.as_chunks_mut::<3>().0.iter_mut().zip(rest).enumerate() {
        *out = pixel(f, y, u_rest[number / 2], v_rest[number / 2]);
    }
}

/// Each step over all pixels, as wide as the registers are.
#[inline(always)]
fn block(f: &Factors, y: &[u8; BLOCK], u: &[u8; BLOCK / 2], v: &[u8; BLOCK / 2], out: &mut [u8; 3 * BLOCK]) {
    let mut color = [[0_i32; BLOCK]; 3];
    for pair in 0..BLOCK / 2 {
        let added = chroma(f, u[pair], v[pair]);
        for (color, added) in color.iter_mut().zip(added) {
            color[2 * pair] = added;
            color[2 * pair + 1] = added;
        }
    }
    let mut light = [0_i32; BLOCK];
    for (light, &y) in light.iter_mut().zip(y) {
        *light = (i32::from(y) - f.black) * f.luma + (1 << (BITS - 1));
    }
    let mut values = [[0_u8; BLOCK]; 3];
    for (values, color) in values.iter_mut().zip(&color) {
        for ((value, color), light) in values.iter_mut().zip(color).zip(&light) {
            *value = ((light + color) >> BITS).clamp(0, 255) as u8;
        }
    }
    let [red, green, blue] = &values;
    for (at, out) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        *out = [red[at], green[at], blue[at]];
    }
}

/// One pixel, as [`row`] gives it.
#[inline]
pub fn pixel(factors: &Factors, y: u8, u: u8, v: u8) -> [u8; 3] {
    lit(factors, y, chroma(factors, u, v))
}

/// What chroma adds to red, green and blue.
#[inline(always)]
fn chroma(f: &Factors, u: u8, v: u8) -> [i32; 3] {
    let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
    [f.red_v * v, f.green_u * u + f.green_v * v, f.blue_u * u]
}

#[inline(always)]
fn lit(f: &Factors, y: u8, color: [i32; 3]) -> [u8; 3] {
    let light = (i32::from(y) - f.black) * f.luma + (1 << (BITS - 1));
    color.map(|color| ((light + color) >> BITS).clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_bytes() {
        let factors = Factors { black: 16, luma: 19077, red_v: 26149, green_u: -6419, green_v: -13320, blue_u: 33050 };
        for width in [1_usize, 2, 3, 17, 31, 32, 33, 64, 147] {
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
            let single: Vec<u8> = (0..width).flat_map(|i| pixel(&factors, y[i], u[i / 2], v[i / 2])).collect();
            assert_eq!(rows[0], single, "{width}");
        }
    }
}
