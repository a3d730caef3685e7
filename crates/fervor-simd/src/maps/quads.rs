//! Convolutions of whole numbers: maps of seven bits, weights of eight, sums that are exact.
//!
//! The numbers of a pixel lie four in an `f32` of the buffer, so that a shape with a quarter of the channels says how they lie.
//! A map counts in steps of its own from 0, as what follows a ReLU does; each column of the weights in steps of its own
//! (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", 2018,
//! without zero points).

use super::{Conv, LARGEST, Shape};
use crate::tile::{Kernels, quad_kernels};

/// Numbers in one `f32` of a buffer.
pub const QUAD: usize = 4;
/// The greatest number of a map: with it the sums of two products fit into 16 bits.
pub const MOST: f32 = 127.0;
/// The greatest of a weight, in both directions.
const HEAVIEST: f32 = 127.0;
/// Adding it to a number below 2^22 leaves the nearest whole number in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// How maps lie once they are whole numbers; `None`: their channels do not come in fours.
pub fn shape(maps: Shape) -> Option<Shape> {
    maps.channels.is_multiple_of(QUAD).then_some(Shape { channels: maps.channels / QUAD, ..maps })
}

/// Maps as whole numbers of 0 to 127: each number is how many steps of `greatest / 127` it counts, at most 127; what is below
/// zero counts none. The border stays as it is.
///
/// # Panics
/// If the shapes or the buffers' lengths do not fit.
pub fn quantize(greatest: f32, from: Shape, source: &[f32], to: Shape, out: &mut [f32]) {
    assert!(shape(from) == Some(Shape { border: from.border, ..to }), "four numbers in one");
    assert!(source.len() == from.len() && out.len() == to.len(), "the shapes' lengths");
    let steps = MOST / greatest;
    for y in 0..from.height {
        let (source, out) = (&source[from.inner(y)], &mut out[to.inner(y)]);
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            unsafe { quantize_avx2(steps, source, bytes_of(out)) };
            continue;
        }
        quantize_row(steps, source, bytes_of(out));
    }
}

/// [`quantize_row`] for processors with AVX2: the same code, compiled for wider registers.
///
/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn quantize_avx2(steps: f32, source: &[f32], out: &mut [u8]) {
    quantize_row(steps, source, out);
}

#[inline(always)]
fn quantize_row(steps: f32, source: &[f32], out: &mut [u8]) {
    for (byte, value) in out.iter_mut().zip(source) {
        let value = (value * steps).clamp(0.0, MOST);
        *byte = (value + ROUND).to_bits() as u8;
    }
}

/// The four bytes of each number.
fn bytes_of(numbers: &mut [f32]) -> &mut [u8] {
    // SAFETY: bytes have no alignment and any value; the borrow of the numbers goes over to them.
    unsafe { std::slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), size_of_val(numbers)) }
}

/// The largest weight of a column is 127 steps; the others are the nearest whole number of them.
struct Column {
    step: f32,
    weights: Vec<i8>,
}

impl Column {
    fn new(weights: impl Iterator<Item = f32> + Clone) -> Self {
        let largest = weights.clone().fold(0.0f32, |most, weight| most.max(weight.abs()));
        let step = if largest > 0.0 { largest / HEAVIEST } else { 1.0 };
        Self { step, weights: weights.map(|weight| (weight / step).round() as i8).collect() }
    }
}

impl Conv {
    /// A convolution that reads maps from [`quantize`] with the same `greatest`, and gives numbers like [`Conv::new`]'s.
    /// `from` is the shape of the maps before they became whole numbers. `None`: the shapes do not fit each other, the channels
    /// do not come in fours, or numbers are not finite.
    pub fn quads(
        (weight, dims): (&[f32], [usize; 4]),
        bias: Option<&[f32]>,
        (stride, padding): (usize, usize),
        [from, to]: [Shape; 2],
        (onto, relu): (bool, bool),
        greatest: f32,
    ) -> Option<Self> {
        Self::quads_on(quad_kernels(), (weight, dims), bias, (stride, padding), [from, to], (onto, relu), greatest)
    }

    fn quads_on(
        kernels: &'static Kernels,
        (weight, dims): (&[f32], [usize; 4]),
        bias: Option<&[f32]>,
        (stride, padding): (usize, usize),
        [from, to]: [Shape; 2],
        (onto, relu): (bool, bool),
        greatest: f32,
    ) -> Option<Self> {
        let [columns, channels, kh, kw] = dims;
        let fits = dims.iter().all(|side| *side <= LARGEST)
            && dims.iter().try_fold(1, |product: usize, side| product.checked_mul(*side)) == Some(weight.len())
            && channels == from.channels
            && greatest > 0.0
            && weight.iter().chain([&greatest]).all(|value| value.is_finite());
        if !fits {
            return None;
        }
        let quarter = shape(from)?;
        let depth = kh * kw * channels;
        let whole: Vec<Column> = (0..columns)
            .map(|column| Column::new((0..depth).map(|k| weight[(column * channels + k % channels) * kh * kw + k / channels])))
            .collect();
        // Four weights in the bits of one number.
        let packed: Vec<f32> = (0..columns * channels / QUAD * kh * kw)
            .map(|at| {
                let [column, quad, tap] = [at / (depth / QUAD), at / (kh * kw) % (channels / QUAD), at % (kh * kw)];
                let four = &whole[column].weights[tap * channels + quad * QUAD..][..QUAD];
                f32::from_le_bytes(std::array::from_fn(|i| four[i] as u8))
            })
            .collect();
        let dims = [columns, channels / QUAD, kh, kw];
        let mut conv = Self::new((&packed, dims), bias, (stride, padding), [quarter, to], onto, relu)?;
        conv.use_kernels(kernels, &packed, dims);
        conv.scale = Some(whole.iter().map(|column| column.step * greatest / MOST).collect());
        Some(conv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::supported_quads;

    fn values(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect()
    }

    fn maps(shape: Shape) -> Vec<f32> {
        let mut maps = vec![0.0; shape.len()];
        let inner = Shape { border: 0, ..shape };
        super::super::copy(inner, &values(inner.len()), shape, &mut maps);
        maps
    }

    #[test]
    fn numbers_become_the_nearest_step_between_none_and_all() {
        let from = Shape { height: 1, width: 2, channels: 4, border: 1 };
        let to = shape(from).unwrap();
        let mut source = vec![0.0; from.len()];
        source[from.inner(0)].copy_from_slice(&[-1.0, 0.0, 0.49, 0.51, 126.4, 126.6, 127.0, 500.0]);
        let mut out = vec![0.0; to.len()];
        quantize(127.0, from, &source, to, &mut out);
        let bytes: Vec<[u8; 4]> = out[to.inner(0)].iter().map(|four| four.to_bits().to_le_bytes()).collect();
        assert_eq!(bytes, [[0, 0, 0, 1], [126, 127, 127, 127]]);
        assert!(out.iter().filter(|four| four.to_bits() == 0).count() == out.len() - 2, "the border stays");
        assert!(shape(Shape { channels: 6, ..from }).is_none());
    }

    // Sums of whole numbers are exact: every instruction set gives the very same.
    #[test]
    fn every_instruction_set_gives_the_same_sums_and_they_are_near_those_of_real_numbers() {
        for (height, width, channels, columns, kernel, stride, padding) in [
            (6, 6, 48, 40, 3, 1, 1),
            (5, 8, 4, 33, 3, 2, 1),
            (9, 9, 16, 16, 5, 1, 0),
            (4, 4, 96, 7, 1, 1, 0),
            (4, 5, 1024, 5, 3, 1, 1),
        ] {
            let from = Shape { height, width, channels, border: padding };
            let side = |size: usize| (size + 2 * padding - kernel) / stride + 1;
            let to = Shape { height: side(height), width: side(width), channels: columns, border: 1 };
            let dims = [columns, channels, kernel, kernel];
            let (weight, bias) = (values(dims.iter().product()), values(columns));
            let source: Vec<f32> = maps(from).iter().map(|value| value.max(0.0)).collect();
            let quarter = shape(from).unwrap();
            let mut whole = vec![0.0; quarter.len()];
            quantize(1.0, from, &source, quarter, &mut whole);
            for (onto, relu) in [(false, false), (true, true)] {
                let real = Conv::new((&weight, dims), Some(&bias), (stride, padding), [from, to], onto, relu).unwrap();
                let mut expected = maps(to);
                real.run(&source, &mut expected);
                let mut first: Option<Vec<f32>> = None;
                for kernels in supported_quads() {
                    let conv =
                        Conv::quads_on(kernels, (&weight, dims), Some(&bias), (stride, padding), [from, to], (onto, relu), 1.0);
                    let mut out = maps(to);
                    conv.expect("shapes that fit").run(&whole, &mut out);
                    // Each of the products is off by half a step of either at most.
                    let off = (channels * kernel * kernel) as f32 * (0.5 / 127.0 + 0.5 / 127.0);
                    let worst = out.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(worst > 0.0 && worst < off, "{} {dims:?}: {worst} of {off}", kernels.name);
                    let same = first.get_or_insert_with(|| out.clone());
                    assert!(*same == out, "{} {dims:?}", kernels.name);
                }
            }
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let from = Shape { height: 3, width: 3, channels: 512, border: 1 };
        let to = Shape { height: 3, width: 3, channels: 2, border: 0 };
        let dims = [2, 512, 3, 3];
        let weight: Vec<f32> = (0..2 * 512 * 9).map(|i| if i < 512 * 9 { 1.0 } else { -1.0 }).collect();
        let quarter = shape(from).unwrap();
        let mut source = vec![0.0; from.len()];
        (0..3).for_each(|y| source[from.inner(y)].fill(2.0));
        let mut whole = vec![0.0; quarter.len()];
        quantize(2.0, from, &source, quarter, &mut whole);
        for kernels in supported_quads() {
            let conv = Conv::quads_on(kernels, (&weight, dims), None, (1, 1), [from, to], (false, false), 2.0).unwrap();
            let mut out = vec![0.0; to.len()];
            conv.run(&whole, &mut out);
            let middle = [out[to.row(1) + 2], out[to.row(1) + 3]];
            assert!(middle.iter().zip([9216.0, -9216.0]).all(|(a, b): (&f32, f32)| (a - b).abs() < 0.01), "{}", kernels.name);
        }
    }

    #[test]
    fn what_does_not_fit_makes_no_layer() {
        let from = Shape { height: 4, width: 4, channels: 4, border: 0 };
        let to = Shape { height: 2, width: 2, channels: 3, border: 0 };
        let make = |weight: &[f32], channels: usize, greatest: f32| {
            let from = Shape { channels, ..from };
            Conv::quads((weight, [3, channels, 3, 3]), None, (1, 0), [from, to], (false, true), greatest).is_some()
        };
        assert!(make(&values(108), 4, 1.0));
        assert!(!make(&values(81), 3, 1.0), "three channels");
        assert!(!make(&values(108), 4, 0.0) && !make(&values(108), 4, f32::NAN), "no greatest number");
        assert!(!make(&[f32::INFINITY; 108], 4, 1.0), "a weight that is no number");
        assert!(!make(&values(107), 4, 1.0), "too few weights");
    }
}
