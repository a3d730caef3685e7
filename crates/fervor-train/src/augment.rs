//! What is done to training chips: one warp (shift, rotation, scale, crop), mirroring, light, erasing, a worse camera.
//!
//! All of it works on the raw chip and draws from the given generator only, so that a picture looks the same in an
//! epoch whichever thread prepares it.

use fervor::Chip;
use fervor::picture::Bilinear;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat};
use rand::{Rng, RngExt};

use crate::recipe::AugmentRecipe;

mod degrade;

use degrade::Flaw;
pub use degrade::shrink;

/// The chip as this epoch sees it.
pub fn augment(recipe: &AugmentRecipe, chip: Chip, rng: &mut impl Rng) -> Chip {
    let (channels, side) = (chip.channels(), chip.size());
    let map = Warp::draw(recipe, side, rng);
    let light = Light::draw(recipe, rng);
    let hole = Hole::draw(recipe, side, rng);
    let mut flaw = Flaw::draw(recipe, rng);
    // Drawn last, and only where a recipe has them: the recipes of before draw what they always did.
    let exposure = either(recipe.overexpose, rng).then(|| rng.random_range(1.2..=2.5f32));
    let quality = either(recipe.jpeg, rng).then(|| rng.random_range(10..=60u8));
    chip.edited(|pixels| {
        for plane in pixels.chunks_exact_mut(side * side).take(channels) {
            if let Some(warp) = &map {
                warp.apply(plane, side);
            }
            if let Some(light) = &light {
                light.apply(plane);
            }
            if let Some(hole) = &hole {
                hole.apply(plane, side);
            }
            if let Some(flaw) = &mut flaw {
                flaw.apply(plane, side);
            }
            if let Some(gain) = exposure {
                plane.iter_mut().for_each(|pixel| *pixel = (gain * f32::from(*pixel) + 0.5) as u8); // `as` saturates
            }
        }
        if let Some(quality) = quality {
            through_jpeg(pixels, side, quality);
        }
    })
}

/// Whether something of this probability happens; what never happens draws nothing.
fn either(probability: f64, rng: &mut impl Rng) -> bool {
    probability > 0.0 && rng.random_bool(probability)
}

/// What a camera's or a web site's compression leaves of a chip, of one channel or of three.
fn through_jpeg(pixels: &mut [u8], side: usize, quality: u8) {
    let plane = side * side;
    let gray = pixels.len() == plane;
    let interleaved: Vec<u8> = (0..plane).flat_map(|i| pixels[i..].iter().step_by(plane)).copied().collect();
    let color = if gray { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut file = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut file, quality);
    encoder.write_image(&interleaved, side as u32, side as u32, color).expect("memory takes what is written");
    let read = image::load_from_memory_with_format(&file, ImageFormat::Jpeg).expect("what was just written is whole");
    let values = if gray { read.into_luma8().into_raw() } else { read.into_rgb8().into_raw() };
    for (i, value) in values.into_iter().enumerate() {
        let channels = pixels.len() / plane;
        pixels[i % channels * plane + i / channels] = value;
    }
}

/// A value in `-limit..=limit`.
fn either_way(limit: f64, rng: &mut impl Rng) -> f32 {
    if limit > 0.0 { rng.random_range(-limit..=limit) as f32 } else { 0.0 }
}

/// Where each pixel comes from: `source = matrix * (target - centre) + centre + offset`.
struct Warp {
    matrix: [[f32; 2]; 2],
    offset: [f32; 2],
}

impl Warp {
    fn draw(recipe: &AugmentRecipe, side: usize, rng: &mut impl Rng) -> Option<Self> {
        let mirrored = recipe.flip && rng.random_bool(0.5);
        let shift = [either_way(recipe.shift, rng), either_way(recipe.shift, rng)];
        let angle = either_way(recipe.rotation, rng).to_radians();
        let zoom = 1.0 + either_way(recipe.scale, rng);
        // A crop that keeps the share `1 - cut` of the side has `cut / 2` of room to move either way.
        let cut = if recipe.crop > 0.0 { rng.random_range(0.0..=recipe.crop) } else { 0.0 };
        let place = [either_way(cut / 2.0, rng), either_way(cut / 2.0, rng)];
        let step = (1.0 - cut as f32) / zoom;
        let (sin, cos) = angle.sin_cos();
        let across = if mirrored { -step } else { step };
        let warp = Self {
            matrix: [[across * cos, -step * sin], [across * sin, step * cos]],
            offset: [0, 1].map(|axis| (shift[axis] + place[axis]) * side as f32),
        };
        let changes = warp.matrix != [[1.0, 0.0], [0.0, 1.0]] || warp.offset != [0.0, 0.0];
        changes.then_some(warp)
    }

    /// Bilinear; what lies outside is the nearest pixel of the edge.
    fn apply(&self, plane: &mut [u8], side: usize) {
        let source = plane.to_vec();
        let centre = (side as f32 - 1.0) / 2.0;
        let [[xx, xy], [yx, yy]] = self.matrix;
        for (row, line) in plane.chunks_exact_mut(side).enumerate() {
            let dy = row as f32 - centre;
            for (column, pixel) in line.iter_mut().enumerate() {
                let dx = column as f32 - centre;
                let x = xx * dx + xy * dy + centre + self.offset[0];
                let y = yx * dx + yy * dy + centre + self.offset[1];
                let at = Bilinear::at([x, y].map(f64::from), [side, side]);
                *pixel = (at.single(at.places.map(|place| f32::from(source[place]))) + 0.5) as u8;
            }
        }
    }
}

/// `contrast * (value - 127.5) + 127.5 + brightness`, held inside 0..=255.
struct Light {
    contrast: f32,
    brightness: f32,
}

impl Light {
    fn draw(recipe: &AugmentRecipe, rng: &mut impl Rng) -> Option<Self> {
        let contrast = 1.0 + either_way(recipe.contrast, rng);
        let brightness = 255.0 * either_way(recipe.brightness, rng);
        (contrast != 1.0 || brightness != 0.0).then_some(Self { contrast, brightness })
    }

    fn apply(&self, plane: &mut [u8]) {
        for pixel in plane {
            *pixel = (self.contrast * (f32::from(*pixel) - 127.5) + 127.5 + self.brightness + 0.5) as u8; // `as` saturates
        }
    }
}

/// A rectangle that becomes middle grey.
struct Hole {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Hole {
    fn draw(recipe: &AugmentRecipe, side: usize, rng: &mut impl Rng) -> Option<Self> {
        if recipe.erase == 0.0 || !rng.random_bool(recipe.erase) {
            return None;
        }
        let [least, most] = recipe.erase_area;
        let area = rng.random_range(least..=most) * (side * side) as f64;
        // Width to height between 1:3 and 3:1, even in the logarithm, as in the paper's code.
        let aspect = rng.random_range(-(3f64.ln())..=3f64.ln()).exp();
        let length = |x: f64| (x.sqrt().round() as usize).clamp(1, side);
        let (width, height) = (length(area * aspect), length(area / aspect));
        let (left, top) = (rng.random_range(0..=side - width), rng.random_range(0..=side - height));
        Some(Self { left, top, width, height })
    }

    fn apply(&self, plane: &mut [u8], side: usize) {
        for line in plane.chunks_exact_mut(side).skip(self.top).take(self.height) {
            line[self.left..self.left + self.width].fill(128);
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

    /// A chip whose values are `value(row, column)` in every channel.
    fn chip(side: usize, color: Color, value: impl Fn(usize, usize) -> u8) -> Chip {
        let framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
        let preprocess = Preprocess { size: side, color, framing, filter: Filter::Bilinear, standardize: None };
        preprocess.golden_chip().edited(|pixels| {
            for (index, pixel) in pixels.iter_mut().enumerate() {
                let place = index % (side * side);
                *pixel = value(place / side, place % side);
            }
        })
    }

    fn ramp() -> Chip {
        chip(16, Color::Gray, |row, column| (10 * column + row) as u8)
    }

    fn with(change: impl FnOnce(&mut AugmentRecipe)) -> AugmentRecipe {
        let mut recipe = AugmentRecipe::default();
        change(&mut recipe);
        recipe
    }

    /// What `seeds` many epochs make of a chip.
    fn draws(recipe: &AugmentRecipe, chip: &Chip, seeds: u64) -> Vec<Chip> {
        (0..seeds).map(|seed| augment(recipe, chip.clone(), &mut ChaCha8Rng::seed_from_u64(seed))).collect()
    }

    #[test]
    fn without_a_section_nothing_changes() {
        assert!(draws(&AugmentRecipe::default(), &ramp(), 5).iter().all(|chip| *chip == ramp()));
    }

    #[test]
    fn the_same_generator_gives_the_same_chip() {
        let recipe = with(|r| {
            r.flip = true;
            (r.shift, r.rotation, r.scale, r.crop) = (0.1, 10.0, 0.1, 0.1);
            (r.brightness, r.contrast, r.erase) = (0.1, 0.1, 0.5);
        });
        let (first, second) = (draws(&recipe, &ramp(), 20), draws(&recipe, &ramp(), 20));
        assert_eq!(first, second);
        assert!(first.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_flip_mirrors_half_of_the_chips_exactly() {
        let mirror = chip(16, Color::Gray, |row, column| (10 * (15 - column) + row) as u8);
        let chips = draws(&with(|r| r.flip = true), &ramp(), 200);
        let mirrored = chips.iter().filter(|chip| **chip == mirror).count();
        assert_eq!(chips.iter().filter(|chip| **chip == ramp()).count() + mirrored, 200);
        assert!((70..=130).contains(&mirrored), "{mirrored}");
    }

    #[test]
    fn a_shift_moves_by_at_most_its_share_and_repeats_the_edge() {
        for moved in draws(&with(|r| r.shift = 0.25), &chip(16, Color::Gray, |_, column| 10 * column as u8), 50) {
            let row = &moved.pixels()[..16];
            assert!(row.windows(2).all(|pair| pair[0] <= pair[1]), "{row:?}");
            // Column 8 comes from columns 4 to 12: 16 x 0.25 is 4.
            assert!((40..=120).contains(&row[8]), "{row:?}");
        }
    }

    #[test]
    fn a_quarter_turn_swaps_rows_and_columns() {
        let warp = Warp { matrix: [[0.0, -1.0], [1.0, 0.0]], offset: [0.0, 0.0] };
        let mut plane: Vec<u8> = (0..9).collect();
        warp.apply(&mut plane, 3);
        assert_eq!(plane, [2, 5, 8, 1, 4, 7, 0, 3, 6]);
    }

    #[test]
    fn a_rotation_keeps_the_centre() {
        let dot = chip(17, Color::Gray, |row, column| if row == 8 && column == 8 { 255 } else { 0 });
        for turned in draws(&with(|r| r.rotation = 30.0), &dot, 20) {
            assert_eq!(turned.pixels()[8 * 17 + 8], 255);
        }
    }

    #[test]
    fn scale_and_crop_change_the_size_of_a_square() {
        let square = |row: usize, column: usize| if (5..12).contains(&row) && (5..12).contains(&column) { 255 } else { 0 };
        let dark = chip(17, Color::Gray, square);
        let area = |chip: &Chip| chip.pixels().iter().filter(|pixel| **pixel > 127).count();
        let areas: Vec<usize> = draws(&with(|r| r.scale = 0.3), &dark, 60).iter().map(area).collect();
        assert!(areas.iter().any(|a| *a < 49) && areas.iter().any(|a| *a > 49), "{areas:?}");
        let areas: Vec<usize> = draws(&with(|r| r.crop = 0.3), &dark, 60).iter().map(area).collect();
        assert!(areas.iter().all(|a| *a >= 42) && areas.iter().any(|a| *a > 60), "{areas:?}");
    }

    #[test]
    fn light_changes_every_pixel_by_the_same_rule() {
        let flat = chip(16, Color::Rgb, |_, _| 128);
        let levels: Vec<u8> = draws(&with(|r| r.brightness = 0.2), &flat, 60)
            .iter()
            .map(|chip| {
                assert!(chip.pixels().iter().all(|pixel| *pixel == chip.pixels()[0]));
                chip.pixels()[0]
            })
            .collect();
        assert!(levels.iter().any(|l| *l < 100) && levels.iter().any(|l| *l > 156));
        assert!(levels.iter().all(|l| (77..=180).contains(l)), "{levels:?}");

        let spread = |chip: &Chip| chip.pixels().iter().max().unwrap() - chip.pixels().iter().min().unwrap();
        let halves = chip(16, Color::Gray, |row, _| if row < 8 { 100 } else { 156 });
        let spreads: Vec<u8> = draws(&with(|r| r.contrast = 0.5), &halves, 60).iter().map(spread).collect();
        assert!(spreads.iter().any(|s| *s < 40) && spreads.iter().any(|s| *s > 70), "{spreads:?}");
    }

    #[test]
    fn an_overexposed_chip_is_brighter_everywhere_and_white_is_lost() {
        let chips = draws(&with(|r| r.overexpose = 0.5), &ramp(), 200);
        let bright: Vec<&Chip> = chips.iter().filter(|chip| **chip != ramp()).collect();
        assert!((70..=130).contains(&bright.len()), "{}", bright.len());
        assert!(bright.iter().all(|chip| chip.pixels().iter().zip(ramp().pixels()).all(|(new, old)| new >= old)));
        assert!(bright.iter().any(|chip| chip.pixels().iter().filter(|pixel| **pixel == 255).count() > 50));
    }

    #[test]
    fn jpeg_changes_half_of_the_chips_a_little_and_keeps_channels_apart() {
        let colors = chip(16, Color::Rgb, |row, column| (7 * row + 8 * column) as u8).edited(|pixels| pixels[..256].fill(30));
        let chips = draws(&with(|r| r.jpeg = 0.5), &colors, 100);
        let changed: Vec<&Chip> = chips.iter().filter(|chip| **chip != colors).collect();
        assert!((30..=70).contains(&changed.len()), "{}", changed.len());
        for chip in changed {
            let far = chip.pixels().iter().zip(colors.pixels()).map(|(a, b)| f32::from(a.abs_diff(*b))).sum::<f32>() / 768.0;
            assert!(far < 25.0, "{far}");
        }
    }

    #[test]
    fn jpeg_keeps_a_picture_and_loses_more_of_it_at_lower_quality() {
        for (color, side) in [(Color::Gray, 48), (Color::Rgb, 48), (Color::Gray, 21), (Color::Rgb, 21)] {
            // A slow wave with a fine grain, another wave in each channel.
            let waves = chip(side, color, |_, _| 0).edited(|pixels| {
                for (i, pixel) in pixels.iter_mut().enumerate() {
                    let (channel, row, column) = (i / (side * side), i / side % side, i % side);
                    let wave = ((row * (channel + 1) + column) as f32 / 9.0).sin();
                    *pixel = (120.0 + 70.0 * wave + ((row * 31 + column * 17) % 23) as f32) as u8;
                }
            });
            let far = |quality: u8| {
                let after = waves.clone().edited(|pixels| through_jpeg(pixels, side, quality));
                let apart = after.pixels().iter().zip(waves.pixels()).map(|(a, b)| f64::from(a.abs_diff(*b)));
                apart.sum::<f64>() / waves.pixels().len() as f64
            };
            let [low, high, best] = [far(10), far(60), far(100)];
            assert!(0.5 < high && high < low && low < 16.0, "{color:?} of {side}: {low} {high}");
            assert!(best < 3.0, "each channel comes back to its place: {color:?} of {side}: {best}");
        }
    }

    #[test]
    fn recipes_without_overexposure_and_jpeg_draw_as_many_numbers_as_before() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        augment(&AugmentRecipe::default(), ramp(), &mut rng);
        assert_eq!(rng, ChaCha8Rng::seed_from_u64(7));
    }

    #[test]
    fn erasing_wipes_a_rectangle_of_the_right_size_in_all_channels() {
        let white = chip(20, Color::Rgb, |_, _| 255);
        let chips = draws(&with(|r| (r.erase, r.erase_area) = (0.5, [0.05, 0.2])), &white, 200);
        let mut erased = 0;
        for chip in &chips {
            let gone: Vec<usize> = chip.pixels().chunks(400).map(|p| p.iter().filter(|v| **v == 128).count()).collect();
            assert!(gone.iter().all(|count| *count == gone[0]));
            if gone[0] > 0 {
                erased += 1;
                assert!((12..=100).contains(&gone[0]), "{gone:?}");
            }
        }
        assert!((70..=130).contains(&erased), "{erased}");
    }
}
