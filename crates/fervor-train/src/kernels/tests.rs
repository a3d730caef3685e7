//! The kernels against Burn's own operations, on shapes that fit no block.

use burn::tensor::{
    Device, Tensor, TensorData,
    activation::relu,
    module::{batch_norm_train, conv2d as burn_conv2d, max_pool2d},
    ops::{ConvOptions, MaxPoolOptions},
};

use fervor_simd::tile;

use super::{conv::Geometry, precision::Arithmetic, *};

/// Numbers between -1 and 1 that look random.
fn noise<const D: usize>(shape: [usize; D], salt: u64, device: &Device) -> Tensor<D> {
    let values = noise_values(shape.iter().product(), salt);
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn noise_values(len: usize, salt: u64) -> Vec<f32> {
    let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

#[track_caller]
fn assert_close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let close = (a - b).abs() <= 2e-5 * size;
        assert!(close, "{what}: number {i} is {a}, not {b} (largest {size})");
    }
}

const SHAPES: [Geometry; 10] = [
    shape([1, 1, 9, 7], 5, 3, 1, 1),
    shape([2, 3, 11, 8], 33, 3, 1, 0),
    shape([3, 17, 7, 7], 20, 3, 1, 1),
    shape([1, 16, 12, 12], 48, 3, 2, 1),
    shape([2, 32, 7, 9], 40, 1, 2, 0),
    shape([2, 24, 5, 6], 64, 1, 1, 0),
    shape([2, 9, 13, 10], 7, 5, 1, 2),
    shape([5, 13, 6, 6], 31, 4, 3, 2),
    shape([37, 8, 3, 3], 16, 3, 1, 1),
    shape([1, 130, 5, 5], 70, 3, 1, 1),
];

const fn shape(x: [usize; 4], o: usize, kernel: usize, stride: usize, padding: usize) -> Geometry {
    Geometry { n: x[0], c: x[1], h: x[2], w: x[3], o, kh: kernel, kw: kernel, stride, padding }
}

/// Output, and gradients of input, weights and bias.
fn convolve(g: &Geometry, ours: bool, with_bias: bool, positive: bool) -> Vec<Vec<f32>> {
    convolve_in(Precision::F32, g, ours, with_bias, positive)
}

/// As training does it: only the way forward knows of the precision.
fn convolve_in(precision: Precision, g: &Geometry, ours: bool, with_bias: bool, positive: bool) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let x = noise([g.n, g.c, g.h, g.w], 1, &device).require_grad();
    let weight = noise([g.o, g.c, g.kh, g.kw], 2, &device).require_grad();
    let bias = noise([g.o], 3, &device).require_grad();
    let given = with_bias.then_some(&bias);
    let y = if ours {
        autocast(precision, || conv2d(&x, &weight, given, g.stride, g.padding, positive)).expect("a supported shape")
    } else {
        let options = ConvOptions::new([g.stride; 2], [g.padding; 2], [1, 1], 1);
        let y = burn_conv2d(x.clone(), weight.clone(), given.cloned(), options);
        if positive { relu(y) } else { y }
    };
    let loss = (y.clone() * noise([g.n, g.o, g.oh(), g.ow()], 4, &device)).sum();
    let gradients = loss.backward();
    let mut all = vec![values(y), values(x.grad(&gradients).unwrap()), values(weight.grad(&gradients).unwrap())];
    if with_bias {
        all.push(values(bias.grad(&gradients).unwrap()));
    }
    all
}

#[test]
fn convolutions_and_their_gradients_agree_with_burns_own() {
    for g in SHAPES {
        for (with_bias, positive) in [(true, false), (false, false), (true, true), (false, true)] {
            let ours = convolve(&g, true, with_bias, positive);
            let theirs = convolve(&g, false, with_bias, positive);
            for (name, (ours, theirs)) in ["y", "dx", "dw", "db"].iter().zip(ours.iter().zip(&theirs)) {
                assert_close(&format!("{name} of {g:?} {with_bias} {positive}"), ours, theirs);
            }
        }
    }
}

/// Output, and gradients of input and weights, straight from the kernels.
fn convolve_with(arithmetic: &Arithmetic, g: &Geometry) -> [Vec<f32>; 3] {
    let x = noise_values(g.n * g.h * g.w * g.c, 5);
    let weight = noise_values(g.o * g.c * g.kh * g.kw, 6);
    let bias = noise_values(g.o, 7);
    let dy = noise_values(g.n * g.oh() * g.ow() * g.o, 8);
    [
        conv::forward(arithmetic, g, &x, &weight, Some(&bias), true),
        conv::input_gradient(arithmetic, g, &dy, &weight),
        weight_gradient::weight_gradient(arithmetic, g, &x, &dy),
    ]
}

#[test]
fn all_instruction_sets_give_what_the_portable_kernels_give() {
    for g in SHAPES {
        let families = [
            (tile::supported(), false),
            ([Some(&tile::PORTABLE_PAIRS), tile::pair_kernels()].into_iter().flatten().collect(), true),
        ];
        for (family, pairs) in families {
            let all: Vec<_> =
                family.into_iter().map(|kernels| (kernels.name, convolve_with(&Arithmetic { kernels, pairs }, &g))).collect();
            for (name, made) in &all[1..] {
                for (what, (made, portable)) in ["y", "dx", "dw"].iter().zip(made.iter().zip(&all[0].1)) {
                    assert_close(&format!("{name} {what} {g:?}"), made, portable);
                }
            }
        }
    }
}

#[test]
fn pairs_of_bfloat16_give_what_single_precision_gives_to_their_eight_bits() {
    for g in SHAPES {
        let single = convolve_with(&Arithmetic { kernels: tile::kernels(), pairs: false }, &g);
        let pairs = convolve_with(&Arithmetic { kernels: &tile::PORTABLE_PAIRS, pairs: true }, &g);
        for (what, (pairs, single)) in ["y", "dx", "dw"].iter().zip(pairs.iter().zip(&single)) {
            // Each factor is off by at most 1 / 256 of itself; their errors are not all of one sign.
            let size = single.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            let worst = pairs.iter().zip(single).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst > 0.0 && worst < size / 128.0, "{what} {g:?}: {worst} of {size}");
        }
    }
}

#[test]
fn a_convolution_is_rounded_only_where_it_was_asked_for_and_its_gradients_with_it() {
    let g = shape([2, 16, 8, 8], 24, 3, 1, 1);
    let plain = convolve(&g, true, false, true);
    assert_eq!(plain, convolve(&g, true, false, true));
    let rounded = convolve_in(Precision::Bf16, &g, true, false, true);
    let differs = tile::pair_kernels().is_some();
    for (plain, rounded) in plain.iter().zip(&rounded) {
        assert_eq!(plain != rounded, differs);
    }
    assert_eq!(plain, convolve(&g, true, false, true), "and no longer than that");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let g = shape([19, 24, 10, 10], 40, 3, 1, 1);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let conv = |threads: &rayon::ThreadPool| {
            [Precision::F32, Precision::Bf16].map(|precision| threads.install(|| convolve_in(precision, &g, true, true, true)))
        };
        let norm = |threads: &rayon::ThreadPool| threads.install(|| normalise(true, [40, 24, 9, 9], true, true));
        let pool = pool.build().unwrap();
        (conv(&pool), norm(&pool))
    };
    let one = on(1);
    for threads in [2, 3, 3, 8] {
        assert!(one == on(threads), "{threads} threads");
    }
}

/// Output, mean, variance, and gradients of input, scale, shift and shortcut.
fn normalise<const D: usize>(ours: bool, shape: [usize; D], with_shortcut: bool, positive: bool) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let x = (noise(shape, 1, &device) * 3.0 + 5.0).require_grad();
    let shortcut = noise(shape, 2, &device).require_grad();
    let gamma = noise([shape[1]], 3, &device).require_grad();
    let beta = noise([shape[1]], 4, &device).require_grad();
    let given = with_shortcut.then_some(&shortcut);
    let (y, mean, variance) = if ours {
        let made = batch_norm(&x, given, &gamma, &beta, 1e-3, positive).expect("supported");
        (made.output, made.mean, made.variance)
    } else {
        let made = batch_norm_train(x.clone(), gamma.clone(), beta.clone(), 1e-3);
        let y = match given {
            Some(shortcut) => made.output + shortcut.clone(),
            None => made.output,
        };
        let y = if positive { relu(y) } else { y };
        (y, made.mean, made.variance)
    };
    let gradients = (y.clone() * noise(shape, 5, &device)).sum().backward();
    let mut all = vec![
        values(y),
        values(mean),
        values(variance),
        values(x.grad(&gradients).unwrap()),
        values(gamma.grad(&gradients).unwrap()),
        values(beta.grad(&gradients).unwrap()),
    ];
    if with_shortcut {
        all.push(values(shortcut.grad(&gradients).unwrap()));
    }
    all
}

#[test]
fn batch_norms_and_their_gradients_agree_with_burns_own() {
    let names = ["y", "mean", "variance", "dx", "dgamma", "dbeta", "dshortcut"];
    for (with_shortcut, positive) in [(false, false), (false, true), (true, true)] {
        let pairs = [
            [true, false].map(|ours| normalise(ours, [3, 19, 5, 7], with_shortcut, positive)),
            [true, false].map(|ours| normalise(ours, [70, 33, 6, 6], with_shortcut, positive)),
            [true, false].map(|ours| normalise(ours, [65, 40], with_shortcut, positive)),
        ];
        for [ours, theirs] in pairs {
            for (name, (ours, theirs)) in names.iter().zip(ours.iter().zip(&theirs)) {
                assert_close(&format!("{name} {with_shortcut} {positive}"), ours, theirs);
            }
        }
    }
}

/// Output and gradient of input.
fn through(shape: [usize; 4], layer: impl Fn(&Tensor<4>) -> Tensor<4>) -> [Vec<f32>; 2] {
    let x = noise(shape, 1, &Device::flex().autodiff()).require_grad();
    let y = layer(&x);
    let gradients = (y.clone() * noise(y.dims(), 2, &y.device())).sum().backward();
    [values(y), values(x.grad(&gradients).unwrap())]
}

#[test]
fn pools_and_their_gradients_agree_with_burns_own() {
    for shape in [[1, 1, 2, 2], [3, 5, 7, 9], [2, 40, 6, 11], [5, 16, 12, 12]] {
        // Channels last in memory, then first, on the way in.
        for permuted in [false, true] {
            let lay = |x: &Tensor<4>| if permuted { x.clone() * x.clone().swap_dims(2, 3).swap_dims(2, 3) } else { x.clone() };
            let ours = through(shape, |x| max_pool2(&lay(x)).expect("supported"));
            let theirs = through(shape, |x| max_pool2d(lay(x), MaxPoolOptions::new([2, 2])));
            assert_eq!(ours, theirs, "largest of {shape:?}");
            let [n, c, h, w] = shape;
            let ours = through(shape, |x| global_average_pool(&lay(x)).expect("supported").reshape([n, c, 1, 1]));
            let theirs = through(shape, |x| lay(x).reshape([n, c, h * w]).mean_dim(2).reshape([n, c, 1, 1]));
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_close(&format!("mean of {shape:?}"), ours, theirs);
            }
        }
    }
}

#[test]
fn of_equal_pixels_the_first_one_gets_the_gradient() {
    let x = Tensor::<4>::zeros([1, 3, 2, 2], &Device::flex().autodiff()).require_grad();
    let gradients = max_pool2(&x).expect("supported").sum().backward();
    let dx = values(x.grad(&gradients).unwrap());
    assert_eq!(dx, [1.0, 0.0, 0.0, 0.0].repeat(3));
}

#[test]
fn dropout_gives_the_gradient_its_own_mask() {
    for (i, rate) in [0.25, 0.5].into_iter().enumerate() {
        let [y, dx] = through([3, 21, 40, 33], |x| dropout(x.clone(), 77 + i as u64, rate));
        let upstream = noise_values(y.len(), 2);
        let kept = dx.iter().filter(|d| **d != 0.0).count() as f64 / dx.len() as f64;
        assert!((kept - (1.0 - rate)).abs() < 0.01, "kept {kept} at rate {rate}");
        for ((y, dx), dy) in y.iter().zip(&dx).zip(&upstream) {
            let scale = if *y == 0.0 { 0.0 } else { 1.0 / (1.0 - rate as f32) };
            assert_eq!(*dx, dy * scale);
        }
    }
}

#[test]
fn a_mask_is_the_same_in_either_memory_layout_and_in_flat_rows() {
    let device = Device::flex().autodiff();
    let ones = Tensor::<4>::ones([2, 5, 3, 4], &device);
    let plain = values(dropout(ones.clone(), 9, 0.5));
    let weight = Tensor::<4>::ones([5, 5, 1, 1], &device) / 5.0;
    let channels_last = conv2d(&ones, &weight, None, 1, 0, false).expect("supported");
    assert_eq!(plain, values(dropout(channels_last, 9, 0.5)));
    assert_ne!(plain, values(dropout(ones, 10, 0.5)));
}

#[test]
fn a_nan_is_never_hidden() {
    let device = Device::flex().autodiff();
    let x = Tensor::<4>::full([1, 4, 4, 4], f32::NAN, &device);
    let weight = noise([3, 4, 3, 3], 1, &device);
    let any_lost = |t: Tensor<4>| values(t).iter().any(|v| !v.is_nan());
    assert!(!any_lost(conv2d(&x, &weight, None, 1, 1, true).expect("supported")));
    assert!(!any_lost(max_pool2(&x).expect("supported")));
    let one = Tensor::<1>::ones([4], &device);
    assert!(!any_lost(batch_norm(&x, None, &one, &one, 1e-5, true).expect("supported").output));
}
