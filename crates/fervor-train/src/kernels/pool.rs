//! Pooling of channels-last pictures.

use rayon::prelude::*;

use super::simd::vectorised;

/// Result of [`max_forward`].
pub struct Pooled {
    /// `[n, h / 2, w / 2, c]`.
    pub y: Vec<f32>,
    /// Which of the four pixels was largest, the first of equals: 0, 1 above, 2, 3 below.
    pub winners: Vec<u8>,
}

/// The largest of each 2 x 2 pixels of `x` (`[n, h, w, c]`); an odd last line or column is left out.
pub fn max_forward(x: &[f32], [n, h, w, c]: [usize; 4]) -> Pooled {
    let (oh, ow) = (h / 2, w / 2);
    let line = ow * c;
    let mut y = vec![0.0; n * oh * line];
    let mut winners = vec![0; y.len()];
    if !y.is_empty() {
        let lines = y.par_chunks_mut(line).zip(winners.par_chunks_mut(line));
        lines.enumerate().for_each(|(i, (y, winners))| {
            let first = ((i / oh) * h + 2 * (i % oh)) * w * c;
            max_line(&x[first..][..w * c], &x[first + w * c..][..w * c], c, y, winners);
        });
    }
    Pooled { y, winners }
}

/// The gradient of `x`, of shape `[n, h, w, c]`.
pub fn max_backward(winners: &[u8], dy: &[f32], [n, h, w, c]: [usize; 4]) -> Vec<f32> {
    let (oh, ow) = (h / 2, w / 2);
    let line = ow * c;
    let mut dx = vec![0.0; n * h * w * c];
    if !dy.is_empty() {
        dx.par_chunks_mut(h * w * c).enumerate().for_each(|(picture, dx)| {
            for (y, lines) in dx.chunks_mut(2 * w * c).take(oh).enumerate() {
                let from = (picture * oh + y) * line;
                let (above, below) = lines.split_at_mut(w * c);
                spread_line(&winners[from..][..line], &dy[from..][..line], c, above, below);
            }
        });
    }
    dx
}

/// Each channel's mean: `[n, pixels, c]` to `[n, c]`.
pub fn mean_forward(x: &[f32], pixels: usize, c: usize) -> Vec<f32> {
    let mut y = vec![0.0; x.len() / pixels];
    y.par_chunks_mut(c).zip(x.par_chunks(pixels * c)).for_each(|(y, x)| mean_picture(x, y));
    y
}

/// The gradient of `x` from that of the means.
pub fn mean_backward(dy: &[f32], pixels: usize, c: usize) -> Vec<f32> {
    let mut dx = vec![0.0; dy.len() * pixels];
    dx.par_chunks_mut(pixels * c).zip(dy.par_chunks(c)).for_each(|(dx, dy)| {
        for dx in dx.chunks_exact_mut(c) {
            for (dx, dy) in dx.iter_mut().zip(dy) {
                *dx = dy / pixels as f32;
            }
        }
    });
    dx
}

vectorised! {
    fn max_line(above: &[f32], below: &[f32], c: usize, y: &mut [f32], winners: &mut [u8]) {
        let pairs = above.chunks_exact(2 * c).zip(below.chunks_exact(2 * c));
        let out = y.chunks_exact_mut(c).zip(winners.chunks_exact_mut(c));
        for ((y, winners), (above, below)) in out.zip(pairs) {
            let (a, b) = above.split_at(c);
            let (d, e) = below.split_at(c);
            for i in 0..c {
                let (mut best, mut winner) = (a[i], 0);
                // A NaN wins, so that it is not lost.
                for (x, place) in [(b[i], 1), (d[i], 2), (e[i], 3)] {
                    let wins = x > best || x.is_nan();
                    best = if wins { x } else { best };
                    winner = if wins { place } else { winner };
                }
                y[i] = best;
                winners[i] = winner;
            }
        }
    }
}

vectorised! {
    fn spread_line(winners: &[u8], dy: &[f32], c: usize, above: &mut [f32], below: &mut [f32]) {
        let pairs = above.chunks_exact_mut(2 * c).zip(below.chunks_exact_mut(2 * c));
        let out = dy.chunks_exact(c).zip(winners.chunks_exact(c));
        for ((dy, winners), (above, below)) in out.zip(pairs) {
            let (a, b) = above.split_at_mut(c);
            let (d, e) = below.split_at_mut(c);
            for i in 0..c {
                a[i] = if winners[i] == 0 { dy[i] } else { 0.0 };
                b[i] = if winners[i] == 1 { dy[i] } else { 0.0 };
                d[i] = if winners[i] == 2 { dy[i] } else { 0.0 };
                e[i] = if winners[i] == 3 { dy[i] } else { 0.0 };
            }
        }
    }
}

vectorised! {
    fn mean_picture(x: &[f32], y: &mut [f32]) {
        let c = y.len();
        y.fill(0.0);
        for x in x.chunks_exact(c) {
            for i in 0..c {
                y[i] += x[i];
            }
        }
        let pixels = (x.len() / c) as f32;
        for i in 0..c {
            y[i] /= pixels;
        }
    }
}
