//! Batches whose chips are mixed with each other, and their targets with them.

use fervor::Chip;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use crate::recipe::AugmentRecipe;

/// How the chips of one batch are mixed: each with one other of the same batch, all in the same way.
pub struct Mix {
    /// The other one of each.
    partners: Vec<usize>,
    /// What stays of each chip's own target: a half or more, so that its label stays the likeliest.
    own: f32,
    way: Way,
}

enum Way {
    /// `own * chip + (1 - own) * other`: mixup (Zhang et al., 2018).
    Blend,
    /// A rectangle of the other: CutMix (Yun et al., 2019).
    Paste { left: usize, top: usize, right: usize, bottom: usize },
}

impl Mix {
    /// Draws how a batch of `n` chips of `side` pixels is mixed; `None`: it is not.
    pub fn draw(recipe: &AugmentRecipe, n: usize, side: usize, rng: &mut impl Rng) -> Option<Self> {
        let any = recipe.mixup > 0.0 || recipe.cutmix > 0.0;
        if !any || n < 2 || !rng.random_bool(recipe.mix_share) {
            return None;
        }
        let blend = recipe.cutmix == 0.0 || recipe.mixup > 0.0 && rng.random_bool(0.5);
        let drawn = beta(if blend { recipe.mixup } else { recipe.cutmix }, rng);
        let own = drawn.max(1.0 - drawn);
        let mut partners: Vec<usize> = (0..n).collect();
        partners.shuffle(rng);
        if blend {
            return Some(Self { partners, own: own as f32, way: Way::Blend });
        }
        // Its centre may lie anywhere, so a part of it may lie outside: the share is counted anew.
        let half = side as f64 * (1.0 - own).sqrt() / 2.0;
        let mut range = || {
            let centre = rng.random_range(0.0..side as f64);
            let end = |x: f64| x.round().clamp(0.0, side as f64) as usize;
            (end(centre - half), end(centre + half))
        };
        let ((left, right), (top, bottom)) = (range(), range());
        let own = 1.0 - ((right - left) * (bottom - top)) as f32 / (side * side) as f32;
        Some(Self { partners, own, way: Way::Paste { left, top, right, bottom } })
    }

    /// The mixed chips.
    pub fn chips(&self, chips: &[Chip]) -> Vec<Chip> {
        let mixed = |(chip, &partner): (&Chip, &usize)| {
            let (side, other) = (chip.size(), chips[partner].pixels());
            chip.clone().edited(|pixels| match self.way {
                Way::Blend => {
                    for (value, other) in pixels.iter_mut().zip(other) {
                        *value = (self.own * f32::from(*value) + (1.0 - self.own) * f32::from(*other) + 0.5) as u8;
                    }
                }
                Way::Paste { left, top, right, bottom } => {
                    for (rows, others) in pixels.chunks_exact_mut(side * side).zip(other.chunks_exact(side * side)) {
                        for y in top..bottom {
                            rows[y * side + left..y * side + right].copy_from_slice(&others[y * side + left..y * side + right]);
                        }
                    }
                }
            })
        };
        chips.iter().zip(&self.partners).map(mixed).collect()
    }

    /// Mixes rows of `width` numbers, one a chip, as the chips are.
    pub fn rows(&self, rows: &[f32], width: usize) -> Vec<f32> {
        let other = self.partners.iter().flat_map(|&partner| &rows[partner * width..(partner + 1) * width]);
        rows.iter().zip(other).map(|(own, other)| self.own * own + (1.0 - self.own) * other).collect()
    }
}

/// A draw from Beta(alpha, alpha) by the method of Jöhnk (1964); takes long for an alpha far above 1.
fn beta(alpha: f64, rng: &mut impl Rng) -> f64 {
    loop {
        let [x, y] = [0, 1].map(|_| rng.random::<f64>().powf(1.0 / alpha));
        if x + y > 0.0 && x + y <= 1.0 {
            return x / (x + y);
        }
    }
}

#[cfg(test)]
mod tests {
    use fervor::Preprocess;
    use fervor::preprocess::{Color, Filter, Framing};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const SIDE: usize = 16;

    /// Four chips of one grey each.
    fn chips() -> Vec<Chip> {
        let framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
        let preprocess = Preprocess { size: SIDE, color: Color::Gray, framing, filter: Filter::Bilinear, standardize: None };
        [0, 80, 160, 240].map(|grey| preprocess.golden_chip().edited(|pixels| pixels.fill(grey))).into()
    }

    fn draws(mixup: f64, cutmix: f64, mix_share: f64) -> Vec<Option<Mix>> {
        let recipe = AugmentRecipe { mixup, cutmix, mix_share, ..AugmentRecipe::default() };
        (0..200).map(|seed| Mix::draw(&recipe, 4, SIDE, &mut ChaCha8Rng::seed_from_u64(seed))).collect()
    }

    /// The mean grey of a mixed chip must be that of the mixed rows: picture and target hold the same shares.
    fn assert_shares_agree(mix: &Mix) {
        let greys: Vec<f32> = mix.rows(&[0.0, 80.0, 160.0, 240.0], 1);
        for (chip, grey) in mix.chips(&chips()).iter().zip(greys) {
            let mean = chip.pixels().iter().map(|value| f32::from(*value)).sum::<f32>() / (SIDE * SIDE) as f32;
            assert!((mean - grey).abs() <= 0.51, "{mean} {grey}");
        }
    }

    #[test]
    fn mixup_blends_pictures_and_targets_alike() {
        for mix in draws(0.4, 0.0, 1.0).into_iter().flatten() {
            assert!((0.5..=1.0).contains(&mix.own) && matches!(mix.way, Way::Blend));
            assert_shares_agree(&mix);
        }
    }

    #[test]
    fn cutmix_pastes_a_rectangle_of_the_share_that_the_target_has() {
        let mixes: Vec<Mix> = draws(0.0, 1.0, 1.0).into_iter().flatten().collect();
        assert!(mixes.iter().any(|mix| mix.own < 0.7) && mixes.iter().any(|mix| mix.own > 0.9));
        for mix in &mixes {
            assert_shares_agree(mix);
            for (chip, before) in mix.chips(&chips()).iter().zip(chips()) {
                let kept = chip.pixels().iter().filter(|value| **value == before.pixels()[0]).count();
                assert!(kept as f32 >= mix.own * (SIDE * SIDE) as f32 - 0.5);
            }
        }
    }

    #[test]
    fn only_the_asked_share_of_batches_is_mixed_and_each_way_half_of_the_time() {
        let mixes = draws(0.4, 1.0, 0.5);
        let mixed = mixes.iter().flatten().count();
        let blended = mixes.iter().flatten().filter(|mix| matches!(mix.way, Way::Blend)).count();
        assert!((70..=130).contains(&mixed) && (mixed / 4..=3 * mixed / 4).contains(&blended), "{mixed} {blended}");
        assert_eq!(draws(0.0, 0.0, 1.0).iter().flatten().count(), 0);
    }

    #[test]
    fn a_beta_of_one_is_even_and_a_small_one_keeps_to_the_ends() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut inside = |alpha: f64| (0..2000).filter(|_| (0.25..0.75).contains(&beta(alpha, &mut rng))).count();
        assert!((900..=1100).contains(&inside(1.0)));
        assert!(inside(0.2) < 500);
    }
}
