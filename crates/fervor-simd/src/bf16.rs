//! bfloat16: the upper half of an `f32`, eight bits of precision with its full range; two in the bits of one `f32`.
//!
//! Kalamkar et al., "A study of bfloat16 for deep learning training", 2019: products of rounded numbers, summed in `f32`,
//! train networks as well as `f32` does, without any scaling of the loss.

use std::mem::MaybeUninit;

/// Rounds to the nearest, ties to even; NaN stays NaN.
#[inline(always)]
pub fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// Two numbers, rounded, in the bits of one: the first in the lower half.
#[inline(always)]
pub fn pair(first: f32, second: f32) -> f32 {
    f32::from_bits(u32::from(round(first)) | u32::from(round(second)) << 16)
}

/// The two numbers of a pair.
#[inline(always)]
pub fn split(pair: f32) -> [f32; 2] {
    let bits = pair.to_bits();
    [f32::from_bits(bits << 16), f32::from_bits(bits & 0xffff_0000)]
}

/// Pairs of neighbours: `to[i]` holds `from[2 i]` and `from[2 i + 1]`, of which the last may be missing.
///
/// # Panics
/// If `to` is not half as long as `from`, rounded up.
pub fn pair_neighbours(from: &[f32], to: &mut [f32]) {
    assert_eq!(to.len(), from.len().div_ceil(2));
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if x86::is_supported() {
        // SAFETY: the processor has the instructions.
        done = unsafe { x86::pair_neighbours(from, to) };
    }
    for (to, from) in to[done..].iter_mut().zip(from[2 * done..].chunks(2)) {
        *to = pair(from[0], from.get(1).copied().unwrap_or_default());
    }
}

/// Pairs of two rows: all of `to[i]` is written, with `first[i]` and `second[i]`.
///
/// # Panics
/// If the three are not equally long.
pub fn pair_rows(first: &[f32], second: &[f32], to: &mut [MaybeUninit<f32>]) {
    assert!(first.len() == to.len() && second.len() == to.len());
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if x86::is_supported() {
        // SAFETY: the processor has the instructions.
        done = unsafe { x86::pair_rows(first, second, to) };
    }
    for ((to, &first), &second) in to[done..].iter_mut().zip(&first[done..]).zip(&second[done..]) {
        to.write(pair(first, second));
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::mem::{MaybeUninit, transmute};
    use std::sync::OnceLock;

    const LANES: usize = 16;

    pub fn is_supported() -> bool {
        static HAS: OnceLock<bool> = OnceLock::new();
        *HAS.get_or_init(|| is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16"))
    }

    /// Returns how many pairs were made: those that fill whole vectors.
    ///
    /// # Safety
    /// The processor has AVX-512 F and BF16.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub fn pair_neighbours(from: &[f32], to: &mut [f32]) -> usize {
        let (from, _) = from.as_chunks::<{ 2 * LANES }>();
        let (to, _) = to.as_chunks_mut::<LANES>();
        for (from, to) in from.iter().zip(&mut *to) {
            // SAFETY: each side holds as many numbers as are read and written; any bits are numbers.
            unsafe {
                let (low, high) = (_mm512_loadu_ps(from.as_ptr()), _mm512_loadu_ps(from.as_ptr().add(LANES)));
                _mm512_storeu_ps(to.as_mut_ptr(), transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(high, low)));
            }
        }
        from.len() * LANES
    }

    /// Returns how many pairs were made: those that fill whole vectors.
    ///
    /// # Safety
    /// The processor has AVX-512 F and BF16.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub fn pair_rows(first: &[f32], second: &[f32], to: &mut [MaybeUninit<f32>]) -> usize {
        let (first, _) = first.as_chunks::<LANES>();
        let (second, _) = second.as_chunks::<LANES>();
        let (to, _) = to.as_chunks_mut::<LANES>();
        for ((first, second), to) in first.iter().zip(second).zip(&mut *to) {
            // SAFETY: each holds as many numbers as are read and written; any bits are numbers.
            unsafe {
                let widened = |row: &[f32; LANES]| {
                    let rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(row.as_ptr()));
                    _mm512_cvtepu16_epi32(transmute::<__m256bh, __m256i>(rounded))
                };
                let pairs = _mm512_or_si512(widened(first), _mm512_slli_epi32::<16>(widened(second)));
                _mm512_storeu_ps(to.as_mut_ptr().cast(), _mm512_castsi512_ps(pairs));
            }
        }
        to.len() * LANES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_takes_the_nearest_and_the_even_one_of_two() {
        let cases = [
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
            (1.0 + 1.1 / 256.0, 1.0 + 2.0 / 256.0),
            (-std::f32::consts::PI, -3.140625),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        ];
        for (value, rounded) in cases {
            let [first, second] = split(pair(value, 0.5));
            assert!(first == rounded, "{value}: {first}, not {rounded}");
            assert_eq!(second, 0.5);
        }
        assert!(split(pair(f32::NAN, 0.0))[0].is_nan());
        assert!(split(pair(0.0, f32::from_bits(0x7f80_0001)))[1].is_nan());
    }

    #[test]
    fn rows_and_neighbours_are_paired_as_the_formula_says_whatever_their_length() {
        let values: Vec<f32> = (0..203).map(|i| (i * 37 % 101) as f32 / 7.0 - 6.0).collect();
        for len in [0, 1, 2, 15, 16, 33, 64, 101] {
            let (first, second) = (&values[..len], &values[102..102 + len]);
            let mut made = Vec::with_capacity(len);
            pair_rows(first, second, &mut made.spare_capacity_mut()[..len]);
            // SAFETY: all of it has been written.
            unsafe { made.set_len(len) };
            let made: Vec<f32> = made;
            let expected: Vec<u32> = first.iter().zip(second).map(|(&a, &b)| pair(a, b).to_bits()).collect();
            assert_eq!(made.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), expected, "{len} rows");

            let mut made = vec![f32::NAN; len.div_ceil(2)];
            pair_neighbours(first, &mut made);
            let expected: Vec<u32> =
                first.chunks(2).map(|two| pair(two[0], two.get(1).copied().unwrap_or(0.0)).to_bits()).collect();
            assert_eq!(made.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), expected, "{len} neighbours");
        }
    }
}
