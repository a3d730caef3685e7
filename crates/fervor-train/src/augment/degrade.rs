//! What a worse camera does: blur, fewer pixels, noise.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::recipe::AugmentRecipe;

/// Largest standard deviation of the blur, as a share of the side.
const BLUR: f32 = 0.05;
/// Smallest side, as a share of the chip's.
const SMALLEST: f32 = 1.0 / 3.0;
/// Largest standard deviation of the noise, of 255.
const NOISE: f32 = 30.0;

/// One way in which a chip gets worse.
pub enum Flaw {
    /// Gaussian, with this standard deviation as a share of the side.
    Blur(f32),
    /// Shrunk to this share of its side and enlarged again.
    Coarse(f32),
    /// Gaussian, with this standard deviation; the generator is the chip's own.
    Noise(f32, Box<ChaCha8Rng>),
}

impl Flaw {
    pub fn draw(recipe: &AugmentRecipe, rng: &mut impl Rng) -> Option<Self> {
        if recipe.degrade == 0.0 || !rng.random_bool(recipe.degrade) {
            return None;
        }
        let strength: f32 = rng.random_range(0.15..=1.0);
        Some(match rng.random_range(0..3) {
            0 => Self::Blur(BLUR * strength),
            1 => Self::Coarse(1.0 - strength * (1.0 - SMALLEST)),
            _ => Self::Noise(NOISE * strength, Box::new(ChaCha8Rng::seed_from_u64(rng.random()))),
        })
    }

    pub fn apply(&mut self, plane: &mut [u8], side: usize) {
        match self {
            Self::Blur(sigma) => blur(plane, side, *sigma * side as f32),
            Self::Coarse(share) => coarsen(plane, side, ((side as f32 * *share).round() as usize).max(1)),
            Self::Noise(deviation, rng) => {
                for pixel in plane {
                    *pixel = (f32::from(*pixel) + *deviation * normal(rng) + 0.5) as u8; // `as` saturates
                }
            }
        }
    }
}

/// A normal number (Box and Muller, 1958).
fn normal(rng: &mut impl Rng) -> f32 {
    let (a, b): (f32, f32) = (rng.random(), rng.random());
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f32::consts::TAU * b).cos()
}

/// Rows, then columns; the pixels of the edge go on outside.
fn blur(plane: &mut [u8], side: usize, sigma: f32) {
    let reach = (3.0 * sigma).ceil() as isize;
    let mut weights: Vec<f32> = (-reach..=reach).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    let near = |at: usize, step: usize| (at as isize + step as isize - reach).clamp(0, side as isize - 1) as usize;
    let mut rows = vec![0.0; side * side];
    for y in 0..side {
        for x in 0..side {
            let terms = weights.iter().enumerate().map(|(i, weight)| weight * f32::from(plane[y * side + near(x, i)]));
            rows[y * side + x] = terms.sum();
        }
    }
    for y in 0..side {
        for x in 0..side {
            let sum: f32 = weights.iter().enumerate().map(|(i, weight)| weight * rows[near(y, i) * side + x]).sum();
            plane[y * side + x] = (sum + 0.5) as u8;
        }
    }
}

/// A plane of `side` pixels a side with `small` of them, by the mean of what each covers. Not `fervor::picture::area_means`,
/// whose means are rounded to bytes: trained models follow from these very numbers.
pub fn shrink(plane: &[u8], side: usize, small: usize) -> Vec<f32> {
    let ratio = side as f32 / small as f32;
    // How much of each old pixel a new one covers, along one axis.
    let cover: Vec<Vec<(usize, f32)>> = (0..small)
        .map(|i| {
            let (start, end) = (i as f32 * ratio, (i + 1) as f32 * ratio);
            let pixels = start as usize..(end.ceil() as usize).min(side);
            pixels.map(|at| (at, (end.min((at + 1) as f32) - start.max(at as f32)) / ratio)).collect()
        })
        .collect();
    let mut less = vec![0.0; small * small];
    for (y, rows) in cover.iter().enumerate() {
        for (x, columns) in cover.iter().enumerate() {
            let row = |row: usize| columns.iter().map(|(at, share)| share * f32::from(plane[row * side + at])).sum::<f32>();
            less[y * small + x] = rows.iter().map(|(at, share)| share * row(*at)).sum();
        }
    }
    less
}

/// To `small` pixels a side and back by bilinear interpolation; weighted in this order and not as `fervor::picture::Bilinear`
/// does it, since the last bit of a training chip decides about the bits of every model trained with it.
fn coarsen(plane: &mut [u8], side: usize, small: usize) {
    if small >= side {
        return;
    }
    let (ratio, less) = (side as f32 / small as f32, shrink(plane, side, small));
    let place = |at: usize| {
        let x = ((at as f32 + 0.5) / ratio - 0.5).clamp(0.0, small as f32 - 1.0);
        (x as usize, (x as usize + 1).min(small - 1), x.fract())
    };
    for y in 0..side {
        let (top, bottom, fy) = place(y);
        for x in 0..side {
            let (left, right, fx) = place(x);
            let between = |row: usize| less[row * small + left] * (1.0 - fx) + less[row * small + right] * fx;
            plane[y * side + x] = (between(top) * (1.0 - fy) + between(bottom) * fy + 0.5) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes: nothing suffers more from blur and from fewer pixels.
    fn stripes() -> Vec<u8> {
        (0..48 * 48).map(|i| if i % 4 < 2 { 40 } else { 200 }).collect()
    }

    fn spread(plane: &[u8]) -> f64 {
        let mean = plane.iter().map(|v| f64::from(*v)).sum::<f64>() / plane.len() as f64;
        (plane.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / plane.len() as f64).sqrt()
    }

    fn after(mut flaw: Flaw, mut plane: Vec<u8>) -> Vec<u8> {
        flaw.apply(&mut plane, 48);
        plane
    }

    #[test]
    fn blur_and_fewer_pixels_take_detail_and_keep_the_mean_and_a_plain_chip() {
        for flaw in [|x: f32| Flaw::Blur(0.05 * x), |x: f32| Flaw::Coarse(1.0 - x * 2.0 / 3.0)] {
            let (weak, strong) = (after(flaw(0.2), stripes()), after(flaw(1.0), stripes()));
            assert!(spread(&strong) < spread(&weak) && spread(&weak) < spread(&stripes()));
            let mean = strong.iter().map(|v| f64::from(*v)).sum::<f64>() / 2304.0;
            assert!((mean - 120.0).abs() < 2.0, "{mean}");
            assert_eq!(after(flaw(1.0), vec![77; 48 * 48]), vec![77; 48 * 48]);
        }
    }

    #[test]
    fn a_shrunk_plane_holds_the_means_of_what_its_pixels_cover() {
        let plane: Vec<u8> = (0..9 * 9).map(|i| (i % 9 * 10 + i / 9) as u8).collect();
        assert_eq!(shrink(&plane, 9, 9), plane.iter().map(|v| f32::from(*v)).collect::<Vec<_>>());
        let thirds = shrink(&plane, 9, 3);
        let expected = [11.0, 41.0, 71.0, 14.0, 44.0, 74.0, 17.0, 47.0, 77.0];
        assert!(thirds.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{thirds:?}");
        assert!(shrink(&[90; 81], 9, 4).iter().all(|v| (v - 90.0).abs() < 1e-4));
    }

    #[test]
    fn noise_has_the_deviation_that_was_drawn() {
        let noisy = after(Flaw::Noise(20.0, Box::new(ChaCha8Rng::seed_from_u64(1))), vec![128; 48 * 48]);
        assert!((spread(&noisy) - 20.0).abs() < 1.5, "{}", spread(&noisy));
    }

    #[test]
    fn the_asked_share_of_chips_gets_worse_each_way_a_third_of_the_time() {
        let recipe = AugmentRecipe { degrade: 0.6, ..AugmentRecipe::default() };
        let mut ways = [0; 4];
        for seed in 0..600 {
            match Flaw::draw(&recipe, &mut ChaCha8Rng::seed_from_u64(seed)) {
                None => ways[0] += 1,
                Some(Flaw::Blur(sigma)) => ways[1] += usize::from((0.0..=BLUR).contains(&sigma)),
                Some(Flaw::Coarse(share)) => ways[2] += usize::from((SMALLEST - 1e-6..1.0).contains(&share)),
                Some(Flaw::Noise(deviation, _)) => ways[3] += usize::from((0.0..=NOISE).contains(&deviation)),
            }
        }
        assert!((200..=280).contains(&ways[0]) && ways[1..].iter().all(|n| (90..=150).contains(n)), "{ways:?}");
        assert!((0..50).all(|seed| Flaw::draw(&AugmentRecipe::default(), &mut ChaCha8Rng::seed_from_u64(seed)).is_none()));
    }
}
