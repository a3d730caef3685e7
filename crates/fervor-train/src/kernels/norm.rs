//! Batch normalisation over channels-last rows, with the ReLU and the shortcut that follow it.
//!
//! Rows are pixels (or, for flat input, samples). Sums run over fixed pieces of rows and are added
//! in order, so results don't depend on the number of threads.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::simd::vectorised;

/// Rows that a task works on.
const ROWS: usize = 512;

/// Rows whose sums are kept in single precision before they go to double precision.
const SHORT: usize = 32;

/// Coefficients are repeated until they are a multiple of this many: two vectors. Else the last few channels of every row
/// would be worked on one by one, which took as long as all the others with 20 channels.
const LANES: usize = 32;

/// A coefficient a channel, for so many rows that they fill whole vectors; their number divides [`ROWS`] and [`SHORT`].
fn repeated(channels: &[f32]) -> Vec<f32> {
    let common = 1 << channels.len().trailing_zeros().min(LANES.trailing_zeros());
    channels.repeat(LANES / common)
}

/// What the forward pass makes.
pub struct Normalised {
    /// Same shape as the input.
    pub y: Vec<f32>,
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Variance of each channel, of the population.
    pub variance: Vec<f32>,
}

/// Gradients.
pub struct Gradients {
    /// Of the input.
    pub dx: Vec<f32>,
    /// Of the shortcut, when there was one and it was followed by a ReLU.
    pub dshortcut: Option<Vec<f32>>,
    /// Of the scale.
    pub dgamma: Vec<f32>,
    /// Of the shift.
    pub dbeta: Vec<f32>,
}

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, plus `shortcut`, then ReLU if asked.
pub fn forward(x: &[f32], shortcut: Option<&[f32]>, gamma: &[f32], beta: &[f32], epsilon: f32, relu: bool) -> Normalised {
    let channels = gamma.len();
    let (mean, variance) = statistics(x, channels);
    let (scale, shift) = line(gamma, beta, &mean, &variance, epsilon);
    let [scale, shift] = [scale, shift].map(|values| repeated(&values));
    let mut y = Vec::with_capacity(x.len());
    let piece = ROWS * channels;
    y.spare_capacity_mut()[..x.len()].par_chunks_mut(piece).zip(x.par_chunks(piece)).enumerate().for_each(|(i, (y, x))| {
        let shortcut = shortcut.map(|s| &s[i * piece..][..x.len()]);
        apply(x, shortcut, &scale, &shift, relu, y);
    });
    // SAFETY: `apply` has written all pieces.
    unsafe { y.set_len(x.len()) };
    Normalised { y, mean, variance }
}

/// Everything that [`backward`] needs of the forward pass.
pub struct Saved<'a> {
    /// The input.
    pub x: &'a [f32],
    /// The output; only its sign is used, and only after a ReLU with a shortcut.
    pub y: Option<&'a [f32]>,
    /// Scale.
    pub gamma: &'a [f32],
    /// Shift.
    pub beta: &'a [f32],
    /// As returned by [`forward`].
    pub mean: &'a [f32],
    /// As returned by [`forward`].
    pub variance: &'a [f32],
    /// As given to [`forward`].
    pub epsilon: f32,
    /// As given to [`forward`].
    pub relu: bool,
}

/// Gradients from that of the output, `dy`, whose memory is reused.
///
/// With `xhat = (x - mean) * inverse` and means over a channel's rows:
/// `dx = gamma * inverse * (dy - mean(dy) - xhat * mean(dy * xhat))`.
pub fn backward(saved: &Saved, mut dy: Vec<f32>) -> Gradients {
    let channels = saved.gamma.len();
    let rows = dy.len() / channels;
    let (scale, shift) = line(saved.gamma, saved.beta, saved.mean, saved.variance, saved.epsilon);
    let p = repeated(&scale);
    let [scale, shift, mean] = [&scale, &shift, saved.mean].map(repeated);
    let piece = ROWS * channels;
    // First pass: the ReLU's mask, and the sums.
    let sums: Vec<(Vec<f64>, Vec<f64>)> = dy
        .par_chunks_mut(piece)
        .zip(saved.x.par_chunks(piece))
        .enumerate()
        .map(|(i, (dy, x))| {
            match (saved.relu, saved.y) {
                (true, Some(y)) => mask_by_output(&y[i * piece..][..x.len()], dy),
                (true, None) => mask_by_input(x, &scale, &shift, dy),
                (false, _) => {}
            }
            sum_pairs(x, &mean, dy)
        })
        .collect();
    let (dbeta, centred) = add_up(&sums, channels);
    let inverse: Vec<f64> = (saved.variance.iter()).map(|v| 1.0 / (f64::from(*v) + f64::from(saved.epsilon)).sqrt()).collect();
    let dgamma: Vec<f32> = (0..channels).map(|c| (centred[c] * inverse[c]) as f32).collect();
    // dx = p * dy + q * x + r
    let q: Vec<f32> = (0..channels)
        .map(|c| {
            let slope = f64::from(saved.gamma[c]) * inverse[c] * inverse[c] * inverse[c];
            (-slope * centred[c] / rows as f64) as f32
        })
        .collect();
    let r: Vec<f32> = (0..channels)
        .map(|c| {
            let mean = f64::from(saved.gamma[c]) * inverse[c] * dbeta[c] / rows as f64;
            (-mean - f64::from(q[c]) * f64::from(saved.mean[c])) as f32
        })
        .collect();
    let [q, r] = [q, r].map(|values| repeated(&values));
    let dbeta = dbeta.into_iter().map(|sum| sum as f32).collect();
    // With a shortcut the masked gradient is its gradient, and must survive.
    if saved.y.is_some() {
        let mut dx = Vec::with_capacity(dy.len());
        let pieces = dx.spare_capacity_mut()[..dy.len()].par_chunks_mut(piece).zip(dy.par_chunks(piece));
        pieces.zip(saved.x.par_chunks(piece)).for_each(|((dx, dy), x)| slope_beside(x, &p, &q, &r, dy, dx));
        // SAFETY: all pieces have been written.
        unsafe { dx.set_len(dy.len()) };
        Gradients { dx, dshortcut: Some(dy), dgamma, dbeta }
    } else {
        dy.par_chunks_mut(piece).zip(saved.x.par_chunks(piece)).for_each(|(dy, x)| slope(x, &p, &q, &r, dy));
        Gradients { dx: dy, dshortcut: None, dgamma, dbeta }
    }
}

/// The straight line that a channel's normalisation is: `scale * x + shift`.
fn line(gamma: &[f32], beta: &[f32], mean: &[f32], variance: &[f32], epsilon: f32) -> (Vec<f32>, Vec<f32>) {
    (0..gamma.len())
        .map(|c| {
            let root = (f64::from(variance[c]) + f64::from(epsilon)).sqrt();
            let scale = f64::from(gamma[c]) / root;
            let shift = f64::from(beta[c]) - scale * f64::from(mean[c]);
            (scale as f32, shift as f32)
        })
        .unzip()
}

/// Mean and variance of each channel.
///
/// Sums of differences from the first row: without that, the squares of a channel far from zero
/// would swallow its variance.
fn statistics(x: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let pivot = &x[..channels];
    let wide = &repeated(pivot);
    let sums: Vec<(Vec<f64>, Vec<f64>)> = x.par_chunks(ROWS * channels).map(|x| sum_squares(x, wide)).collect();
    let (sum, squares) = add_up(&sums, channels);
    let rows = (x.len() / channels) as f64;
    (0..channels)
        .map(|c| {
            let mean = sum[c] / rows;
            let variance = (squares[c] / rows - mean * mean).max(0.0);
            ((mean + f64::from(pivot[c])) as f32, variance as f32)
        })
        .unzip()
}

/// Adds sums that repeat the channels.
fn add_up(sums: &[(Vec<f64>, Vec<f64>)], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let mut total = (vec![0.0; channels], vec![0.0; channels]);
    for (first, second) in sums {
        for (total, sums) in [(&mut total.0, first), (&mut total.1, second)] {
            for row in sums.chunks_exact(channels) {
                total.iter_mut().zip(row).for_each(|(total, sum)| *total += sum);
            }
        }
    }
    total
}

/// Sum of `dy` over all rows, for a bias.
pub fn sum_rows(dy: &[f32], channels: usize) -> Vec<f32> {
    let zero = repeated(&vec![0.0; channels]);
    let sums: Vec<(Vec<f64>, Vec<f64>)> = dy.par_chunks(ROWS * channels).map(|dy| sum_pairs(dy, &zero, dy)).collect();
    let (sum, _) = add_up(&sums, channels);
    sum.into_iter().map(|sum| sum as f32).collect()
}

/// Zeroes `dy` where `y` is not positive, and returns its sum over all rows.
pub fn mask_and_sum_rows(y: &[f32], dy: &mut [f32], channels: usize) -> Vec<f32> {
    let piece = ROWS * channels;
    dy.par_chunks_mut(piece).zip(y.par_chunks(piece)).for_each(|(dy, y)| mask_by_output(y, dy));
    sum_rows(dy, channels)
}

vectorised! {
    /// `y = scale * x + shift (+ shortcut)`, ReLU if asked. Coefficients are [`repeated`], here and below.
    fn apply(
        x: &[f32], shortcut: Option<&[f32]>, scale: &[f32], shift: &[f32], relu: bool, y: &mut [MaybeUninit<f32>]
    ) {
        let wide = scale.len();
        let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
        for (i, (y, x)) in y.chunks_mut(wide).zip(x.chunks(wide)).enumerate() {
            let (scale, shift, y) = (&scale[..x.len()], &shift[..x.len()], &mut y[..x.len()]);
            match shortcut {
                None => {
                    for c in 0..x.len() {
                        let value = scale[c] * x[c] + shift[c];
                        y[c].write(if value < floor { floor } else { value });
                    }
                }
                Some(shortcut) => {
                    let shortcut = &shortcut[i * wide..][..x.len()];
                    for c in 0..x.len() {
                        let value = scale[c] * x[c] + shift[c] + shortcut[c];
                        y[c].write(if value < floor { floor } else { value });
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Zeroes `dy` where the forward pass's ReLU gave zero, from its output.
    fn mask_by_output(y: &[f32], dy: &mut [f32]) {
        for (dy, y) in dy.iter_mut().zip(y) {
            *dy = if *y > 0.0 { *dy } else { 0.0 };
        }
    }
}

vectorised! {
    /// The same, from its input: the very sums of `apply`.
    fn mask_by_input(x: &[f32], scale: &[f32], shift: &[f32], dy: &mut [f32]) {
        let wide = scale.len();
        for (dy, x) in dy.chunks_mut(wide).zip(x.chunks(wide)) {
            let (scale, shift, dy) = (&scale[..x.len()], &shift[..x.len()], &mut dy[..x.len()]);
            for c in 0..x.len() {
                // Read before it is decided on: a load that may not happen is no vector code.
                let (value, gradient) = (scale[c] * x[c] + shift[c], dy[c]);
                dy[c] = if value > 0.0 { gradient } else { 0.0 };
            }
        }
    }
}

vectorised! {
    /// Sums of `x - pivot` and of its square.
    fn sum_squares(x: &[f32], pivot: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let wide = pivot.len();
        let mut total = (vec![0.0f64; wide], vec![0.0f64; wide]);
        let mut sum = vec![0.0f32; wide];
        let mut squares = vec![0.0f32; wide];
        for rows in x.chunks(SHORT * wide) {
            sum.fill(0.0);
            squares.fill(0.0);
            for x in rows.chunks(wide) {
                let (pivot, sum, squares) = (&pivot[..x.len()], &mut sum[..x.len()], &mut squares[..x.len()]);
                for c in 0..x.len() {
                    let value = x[c] - pivot[c];
                    sum[c] += value;
                    squares[c] += value * value;
                }
            }
            for c in 0..wide {
                total.0[c] += f64::from(sum[c]);
                total.1[c] += f64::from(squares[c]);
            }
        }
        total
    }
}

vectorised! {
    /// Sums of `dy` and of `dy * (x - mean)`.
    fn sum_pairs(x: &[f32], mean: &[f32], dy: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let wide = mean.len();
        let mut total = (vec![0.0f64; wide], vec![0.0f64; wide]);
        let mut sum = vec![0.0f32; wide];
        let mut products = vec![0.0f32; wide];
        for (dy, x) in dy.chunks(SHORT * wide).zip(x.chunks(SHORT * wide)) {
            sum.fill(0.0);
            products.fill(0.0);
            for (dy, x) in dy.chunks(wide).zip(x.chunks(wide)) {
                let (dy, mean) = (&dy[..x.len()], &mean[..x.len()]);
                let (sum, products) = (&mut sum[..x.len()], &mut products[..x.len()]);
                for c in 0..x.len() {
                    sum[c] += dy[c];
                    products[c] += dy[c] * (x[c] - mean[c]);
                }
            }
            for c in 0..wide {
                total.0[c] += f64::from(sum[c]);
                total.1[c] += f64::from(products[c]);
            }
        }
        total
    }
}

vectorised! {
    /// `dy = p * dy + q * x + r`.
    fn slope(x: &[f32], p: &[f32], q: &[f32], r: &[f32], dy: &mut [f32]) {
        let wide = p.len();
        for (dy, x) in dy.chunks_mut(wide).zip(x.chunks(wide)) {
            let (p, q, r, dy) = (&p[..x.len()], &q[..x.len()], &r[..x.len()], &mut dy[..x.len()]);
            for c in 0..x.len() {
                dy[c] = p[c] * dy[c] + (q[c] * x[c] + r[c]);
            }
        }
    }
}

vectorised! {
    /// `dx = p * dy + q * x + r`.
    fn slope_beside(x: &[f32], p: &[f32], q: &[f32], r: &[f32], dy: &[f32], dx: &mut [MaybeUninit<f32>]) {
        let wide = p.len();
        for ((dx, dy), x) in dx.chunks_mut(wide).zip(dy.chunks(wide)).zip(x.chunks(wide)) {
            let (p, q, r) = (&p[..x.len()], &q[..x.len()], &r[..x.len()]);
            let (dx, dy) = (&mut dx[..x.len()], &dy[..x.len()]);
            for c in 0..x.len() {
                dx[c].write(p[c] * dy[c] + (q[c] * x[c] + r[c]));
            }
        }
    }
}
