//! Every instruction set against the portable one.

use super::*;

/// Values between -1 and 1, not the same for any two neighbours.
fn values(len: usize) -> Aligned {
    (0..len).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect::<Vec<_>>().into()
}

fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4)
}

#[test]
fn every_instruction_set_sums_dense_rows_like_the_formula() {
    for (channels, taps, step) in [(16, 9, 6), (16, 16, 16), (32, 16, 16), (48, 5, 3), (64, 64, 64)] {
        for pixels in [0, 1, 3, 5, 16, 23, 40] {
            let rows: [Aligned; 3] = std::array::from_fn(|i| values(40 * step + taps + i));
            for relu in [false, true] {
                let layer = Dense { taps, step, weights: values(3 * taps * channels), bias: values(channels), relu };
                let mut expected = vec![0.0; pixels * channels];
                for (i, out) in expected.iter_mut().enumerate() {
                    let (x, c) = (i / channels, i % channels);
                    let terms = (0..3 * taps).map(|t| rows[t / taps][x * step + t % taps] * layer.weights[t * channels + c]);
                    let sum = layer.bias[c] + terms.sum::<f32>();
                    *out = if relu { sum.max(0.0) } else { sum };
                }
                for simd in Simd::all() {
                    let mut out = vec![f32::NAN; pixels * channels];
                    dense(simd, &layer, &rows.each_ref().map(|row| &**row), &mut out);
                    assert!(close(&out, &expected), "{simd:?}: {channels} channels, {pixels} pixels, {taps} taps");
                }
            }
        }
    }
}

#[test]
fn every_instruction_set_sums_depthwise_rows_like_the_formula() {
    for channels in [16, 32, 48] {
        for pixels in [0, 1, 2, 4, 7, 33] {
            let rows: [Aligned; 3] = std::array::from_fn(|i| values((pixels + 2) * channels + i));
            let rows = rows.each_ref().map(|row| &row[..(pixels + 2) * channels]);
            for relu in [false, true] {
                let layer = Depthwise { weights: values(9 * channels), bias: values(channels), relu };
                let mut expected = vec![0.0; pixels * channels];
                for (i, out) in expected.iter_mut().enumerate() {
                    let terms = (0..9).map(|t| rows[t / 3][i + t % 3 * channels] * layer.weights[t * channels + i % channels]);
                    let sum = layer.bias[i % channels] + terms.sum::<f32>();
                    *out = if relu { sum.max(0.0) } else { sum };
                }
                for simd in Simd::all() {
                    let mut out = vec![f32::NAN; pixels * channels];
                    depthwise(simd, &layer, rows, &mut out);
                    assert!(close(&out, &expected), "{simd:?}: {channels} channels, {pixels} pixels");
                }
            }
        }
    }
}

#[test]
fn every_instruction_set_takes_the_greatest_of_each_square() {
    for channels in [16, 48] {
        for pixels in [0, 1, 2, 9] {
            // Each square's greatest is in another of its corners.
            let rows = [values(2 * pixels * channels), values(2 * pixels * channels + 7)];
            let rows = [&rows[0][..], &rows[1][7..]];
            let mut expected = vec![f32::NAN; pixels * channels];
            for (i, out) in expected.iter_mut().enumerate() {
                let left = i / channels * 2 * channels + i % channels;
                *out = [rows[0][left], rows[0][left + channels], rows[1][left], rows[1][left + channels]]
                    .into_iter()
                    .fold(f32::MIN, f32::max);
            }
            for simd in Simd::all() {
                let mut out = vec![f32::NAN; pixels * channels];
                max_pool(simd, rows, channels, &mut out);
                assert_eq!(out, expected, "{simd:?}: {channels} channels, {pixels} pixels");
            }
        }
    }
}

#[test]
fn bytes_become_numbers_and_the_rest_zero() {
    let mut out = [9.0; 4];
    widen(&[0, 255], &mut out);
    assert_eq!(out, [0.0, 255.0, 0.0, 0.0]);
}

#[test]
fn a_pixel_of_half_the_size_is_added_to_two() {
    let mut out = [0.0; 4];
    add_widened(&[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0], 2, &mut out);
    assert_eq!(out, [11.0, 22.0, 13.0, 24.0]);
}

#[test]
fn aligned_values_begin_at_a_cache_line() {
    assert!((0..100).all(|len| Aligned::new(len).as_ptr().addr().is_multiple_of(64)));
}

#[test]
#[should_panic(expected = "every tap stands in its row")]
fn a_row_that_is_too_short_is_refused() {
    let layer = Dense { taps: 16, step: 16, weights: values(256), bias: values(16), relu: false };
    dense(Simd::best(), &layer, &[&[0.0; 31]], &mut [0.0; 32]);
}

#[test]
#[should_panic(expected = "every tap stands in its row")]
fn a_step_whose_product_wraps_around_is_no_way_past_the_checks() {
    let layer = Dense { taps: 1, step: usize::MAX / 2 + 1, weights: values(16), bias: values(16), relu: false };
    dense(Simd::best(), &layer, &[&[1.0; 4]], &mut [0.0; 48]);
}
