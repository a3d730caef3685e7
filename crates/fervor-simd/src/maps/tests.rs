//! Every instruction set against the formulas, number by number.

use super::*;
use crate::tile::supported;

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect()
}

/// Maps with zeros in the border and values elsewhere.
fn maps(shape: Shape) -> Vec<f32> {
    let mut maps = vec![0.0; shape.len()];
    let inner = Shape { border: 0, ..shape };
    copy(inner, &values(inner.len()), shape, &mut maps);
    maps
}

fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{what}: {a} instead of {b} at {i}");
    }
}

/// The formula, number by number.
fn convolution(
    (x, from): (&[f32], Shape),
    (weight, [_, channels, kh, kw]): (&[f32], [usize; 4]),
    bias: &[f32],
    (stride, padding): (usize, usize),
    (out, to): (&mut [f32], Shape),
    (onto, relu): (bool, bool),
) {
    for y in 0..to.height {
        for x_out in 0..to.width {
            for o in 0..to.channels {
                let mut sum = bias[o];
                for (ky, kx, c) in (0..kh).flat_map(|a| (0..kw).flat_map(move |b| (0..channels).map(move |c| (a, b, c)))) {
                    let (sy, sx) = (y * stride + ky, x_out * stride + kx);
                    let inside = (padding..padding + from.height).contains(&sy) && (padding..padding + from.width).contains(&sx);
                    if inside {
                        let at = from.row(sy - padding) + (sx - padding) * channels + c;
                        sum += x[at] * weight[((o * channels + c) * kh + ky) * kw + kx];
                    }
                }
                let out = &mut out[to.row(y) + x_out * to.channels + o];
                let value = if onto { *out + sum } else { sum };
                *out = if relu { value.max(0.0) } else { value };
            }
        }
    }
}

#[test]
fn every_instruction_set_convolves_maps_like_the_formula() {
    // Height, width, channels, out, kernel, stride, padding, border of the output.
    let cases = [
        (7, 9, 1, 20, 3, 1, 1, 1),
        (6, 6, 48, 40, 3, 1, 1, 0),
        (5, 8, 3, 33, 3, 2, 1, 2),
        (9, 9, 17, 16, 5, 1, 0, 1),
        (4, 4, 96, 7, 1, 1, 0, 0),
        (6, 5, 520, 5, 3, 1, 1, 0),
    ];
    for (height, width, channels, columns, kernel, stride, padding, border) in cases {
        let from = Shape { height, width, channels, border: padding + border % 2 };
        let side = |size: usize| (size + 2 * padding - kernel) / stride + 1;
        let to = Shape { height: side(height), width: side(width), channels: columns, border };
        let dims = [columns, channels, kernel, kernel];
        let (x, weight, bias) = (maps(from), values(dims.iter().product()), values(columns));
        for (onto, relu) in [(false, false), (false, true), (true, true)] {
            let mut expected = maps(to);
            convolution((&x, from), (&weight, dims), &bias, (stride, padding), (&mut expected, to), (onto, relu));
            for kernels in supported() {
                let conv = Conv::new((&weight, dims), Some(&bias), (stride, padding), [from, to], onto, relu);
                let mut conv = conv.expect("shapes that fit");
                conv.use_kernels(kernels, &weight, dims);
                let mut out = maps(to);
                conv.run(&x, &mut out);
                assert_close(&format!("{} {from:?} {dims:?}", kernels.name), &out, &expected);
            }
        }
    }
}

#[test]
fn pooling_on_the_way_gives_what_pooling_afterwards_gives() {
    for (height, width) in [(8, 8), (9, 7), (130, 60)] {
        let from = Shape { height, width, channels: 5, border: 1 };
        let to = Shape { height, width, channels: 18, border: 0 };
        let pooled = Shape { height: height / 2, width: width / 2, channels: 18, border: 1 };
        let (x, weight) = (maps(from), values(18 * 5 * 9));
        let after = Affine { scale: (0..18).map(|c| c as f32 - 9.0).collect(), shift: values(18) };
        let conv = Conv::new((&weight, [18, 5, 3, 3]), None, (1, 1), [from, to], false, true).unwrap();
        let mut whole = vec![0.0; to.len()];
        conv.run(&x, &mut whole);
        affine(&after, to, &mut whole);
        let (mut expected, mut found) = (vec![0.0; pooled.len()], vec![0.0; pooled.len()]);
        max_pool(2, 2, to, &whole, pooled, &mut expected);
        conv.run_pooled(&x, Some(&after), &mut Vec::new(), pooled, &mut found);
        assert_eq!(found, expected);
    }
}

#[test]
fn every_instruction_set_runs_dense_layers_like_the_formula() {
    for (depth, columns) in [(5, 3), (40, 33), (1600, 20), (3500, 7)] {
        let (weight, bias) = (values(depth * columns), values(columns));
        for n in [1, 2, 3, 4, 9, 13] {
            let x = values(n * depth);
            for relu in [false, true] {
                let formula = |i: usize| {
                    let (row, column) = (i / columns, i % columns);
                    let sum: f64 =
                        (0..depth).map(|k| f64::from(x[row * depth + k]) * f64::from(weight[column * depth + k])).sum();
                    let value = sum as f32 + bias[column];
                    if relu { value.max(0.0) } else { value }
                };
                let expected: Vec<f32> = (0..n * columns).map(formula).collect();
                for kernels in supported() {
                    let layer = Dense::on(kernels, depth, bias.clone(), relu, |column, k| weight[column * depth + k]);
                    let mut out = vec![f32::NAN; n * columns];
                    layer.run(&x, &mut out);
                    assert_close(&format!("{} {depth}x{columns} {n}", kernels.name), &out, &expected);
                }
            }
        }
    }
}

#[test]
fn planes_become_maps_and_means_are_of_the_pixels_alone() {
    let shape = Shape { height: 2, width: 3, channels: 2, border: 1 };
    let planes: Vec<f32> = (0..12).map(|i| i as f32).collect();
    let mut out = vec![0.0; shape.len()];
    from_planes(&planes, &Affine { scale: vec![1.0, 10.0], shift: vec![0.5, 0.0] }, shape, &mut out);
    assert_eq!(out[shape.row(1) + 2..][..4], [4.5, 100.0, 5.5, 110.0]);
    assert_eq!(out.iter().filter(|value| **value == 0.0).count(), shape.len() - 12);
    let mut means = [0.0; 2];
    mean(shape, &out, &mut means);
    assert_eq!(means, [3.0, 85.0]);
}

#[test]
fn shapes_that_no_buffer_holds_have_no_length() {
    let shape = |height, width, channels, border| Shape { height, width, channels, border };
    let good = shape(7, 5, 3, 2);
    assert_eq!(good.checked_len(), Some(good.len()));
    // Of 32-bit addresses this is one row too many: as a product it would come to 2^20.
    let wraps = shape(1024, 1024, 4097, 0).checked_len();
    assert_eq!(wraps, (usize::BITS == 64).then_some((1 << 32) + (1 << 20)));
    for absurd in
        [shape(usize::MAX, 2, 1, 0), shape(1, 1, usize::MAX, 0), shape(1, 1, 1, usize::MAX), shape(1 << 31, 1 << 31, 1, 0)]
    {
        assert_eq!(absurd.checked_len(), None, "{absurd:?}");
    }
}

#[test]
fn shapes_that_do_not_fit_make_no_layer() {
    let from = Shape { height: 4, width: 4, channels: 2, border: 0 };
    let to = |height: usize, channels: usize| Shape { height, width: 2, channels, border: 0 };
    let make = |dims: [usize; 4], strides: (usize, usize), to: Shape| {
        Conv::new((&values(dims.iter().product()), dims), None, strides, [from, to], false, false).is_some()
    };
    assert!(make([3, 2, 3, 3], (1, 0), to(2, 3)));
    assert!(!make([3, 2, 3, 3], (1, 1), to(2, 3)), "padding without a border");
    assert!(!make([3, 1, 3, 3], (1, 0), to(2, 3)), "other channels");
    assert!(!make([3, 2, 3, 3], (1, 0), to(3, 3)), "another height");
    assert!(!make([3, 2, 3, 3], (0, 0), to(2, 3)), "no stride");
    assert!(!make([3, 2, 5, 5], (1, 0), to(2, 3)), "a kernel larger than the maps");
    // 2^64 weights: as a product that wraps around, none.
    let huge = Shape { height: 1 << 16, width: 1 << 16, channels: 1 << 16, border: 1 << 15 };
    let one = Shape { height: 1, width: 1, border: 0, ..huge };
    assert!(Conv::new((&[], [1 << 16; 4]), None, (1, 0), [huge, one], false, false).is_none(), "too many weights");
}
