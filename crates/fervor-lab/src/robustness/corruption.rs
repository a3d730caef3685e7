//! The corruptions themselves.

use image::imageops;
use image::{ImageBuffer, Rgb};
use serde::{Deserialize, Serialize};

use super::STRENGTHS;
use crate::random::SplitMix64;
use fervor::error::Result;
use fervor::face::{BoundingBox, Face};
use fervor::picture::{Bilinear, Filter, Limits, Picture};

/// One way in which pictures of faces get worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Corruption {
    /// Gaussian.
    Blur,
    /// Gaussian, of each value alone.
    Noise,
    /// Written as JPEG and read again.
    Jpeg,
    /// Light taken away.
    Darker,
    /// Light added, clipped at white.
    Brighter,
    /// Less contrast around the middle grey.
    Contrast,
    /// Turned either way.
    Rotation,
    /// A grey square somewhere.
    Occlusion,
    /// A face of fewer pixels.
    Resolution,
    /// The box moved in a random direction.
    Shift,
    /// The box larger or smaller than it should be.
    Scale,
}

impl Corruption {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::Blur,
        Self::Noise,
        Self::Jpeg,
        Self::Darker,
        Self::Brighter,
        Self::Contrast,
        Self::Rotation,
        Self::Occlusion,
        Self::Resolution,
        Self::Shift,
        Self::Scale,
    ];

    /// The name in JSON and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blur => "blur",
            Self::Noise => "noise",
            Self::Jpeg => "jpeg",
            Self::Darker => "darker",
            Self::Brighter => "brighter",
            Self::Contrast => "contrast",
            Self::Rotation => "rotation",
            Self::Occlusion => "occlusion",
            Self::Resolution => "resolution",
            Self::Shift => "shift",
            Self::Scale => "scale",
        }
    }

    /// What the values of [`values`](Self::values) are.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Blur => "standard deviation, % of the side",
            Self::Noise => "standard deviation, of 255",
            Self::Jpeg => "quality",
            Self::Darker | Self::Brighter => "light, times",
            Self::Contrast => "contrast, times",
            Self::Rotation => "degrees",
            Self::Occlusion => "% of the area",
            Self::Resolution => "pixels a side",
            Self::Shift => "% of the side",
            Self::Scale => "side, times (or one over it)",
        }
    }

    /// The five strengths, weakest first.
    pub fn values(self) -> [f64; STRENGTHS] {
        match self {
            Self::Blur => [1.0, 2.0, 3.0, 4.5, 6.0],
            Self::Noise => [6.0, 12.0, 20.0, 30.0, 45.0],
            Self::Jpeg => [50.0, 30.0, 20.0, 12.0, 7.0],
            Self::Darker => [0.75, 0.55, 0.4, 0.28, 0.18],
            Self::Brighter => [1.25, 1.5, 1.8, 2.2, 2.7],
            Self::Contrast => [0.75, 0.55, 0.4, 0.25, 0.15],
            Self::Rotation => [5.0, 10.0, 15.0, 22.0, 30.0],
            Self::Occlusion => [2.0, 5.0, 10.0, 15.0, 25.0],
            Self::Resolution => [32.0, 24.0, 20.0, 16.0, 12.0],
            Self::Shift => [4.0, 8.0, 12.0, 16.0, 20.0],
            Self::Scale => [1.1, 1.2, 1.3, 1.4, 1.5],
        }
    }

    /// The picture made worse, and the face that a caller would then cut out; `seed` decides directions, places and noise.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): a picture that cannot be encoded.
    ///
    /// # Panics
    /// If `strength` is outside 1..=5.
    pub fn apply(self, picture: &Picture, strength: usize, seed: u64) -> Result<(Picture, Face)> {
        let value = self.values()[strength - 1];
        // A seed of its own for each corruption and strength.
        let mut random = SplitMix64(seed ^ (((self as u64) << 8 | strength as u64) << 48));
        let (width, height) = (picture.width(), picture.height());
        let side = f64::from(width.max(height));
        let mapped = |change: &mut dyn FnMut(f64) -> f64| {
            let rgb = picture.rgb().iter().map(|&v| (change(f64::from(v)) + 0.5) as u8).collect();
            Picture::from_rgb(width, height, rgb)
        };
        let whole = Face::whole(picture);
        let made = match self {
            Self::Blur => blurred(picture, value / 100.0 * side)?,
            Self::Noise => {
                // The three channels of a grey picture stay equal.
                let grey = picture.is_gray();
                let mut rgb = Vec::with_capacity(picture.rgb().len());
                for pixel in picture.rgb().as_chunks::<3>().0 {
                    let same = gaussian(&mut random);
                    rgb.extend(
                        pixel.map(|v| (f64::from(v) + value * if grey { same } else { gaussian(&mut random) } + 0.5) as u8),
                    );
                }
                Picture::from_rgb(width, height, rgb)?
            }
            Self::Jpeg => Picture::decode(&picture.encode_jpeg(value as u8)?, &Limits::default())?,
            Self::Darker | Self::Brighter => mapped(&mut |v| v * value)?,
            Self::Contrast => mapped(&mut |v| 127.5 + (v - 127.5) * value)?,
            Self::Rotation => {
                let degrees = if random.next() & 1 == 0 { value } else { -value };
                rotated(picture, degrees.to_radians())?
            }
            Self::Occlusion => occluded(picture, value / 100.0, &mut random)?,
            Self::Resolution => {
                let scale = value / side;
                let small = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
                let less = picture.resized(small(width), small(height), Filter::Bilinear)?;
                less.resized(width, height, Filter::Bicubic)?
            }
            Self::Shift => {
                let angle = random.share() * std::f64::consts::TAU;
                let [dx, dy] = [angle.cos(), angle.sin()].map(|part| (part * value / 100.0 * side) as f32);
                let bounds = BoundingBox { x: dx, y: dy, ..whole.bounds };
                return Ok((picture.clone(), Face { bounds, ..whole }));
            }
            Self::Scale => {
                let times = if random.next() & 1 == 0 { value } else { 1.0 / value } as f32;
                let (w, h) = (whole.bounds.width * times, whole.bounds.height * times);
                let (x, y) = ((width as f32 - w) / 2.0, (height as f32 - h) / 2.0);
                return Ok((picture.clone(), Face { bounds: BoundingBox { x, y, width: w, height: h }, ..whole }));
            }
        };
        Ok((made, whole))
    }
}

/// A normal number (Box and Muller 1958).
fn gaussian(random: &mut SplitMix64) -> f64 {
    let radius = (-2.0 * (1.0 - random.share()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.share()).cos()
}

fn blurred(picture: &Picture, sigma: f64) -> Result<Picture> {
    let image = ImageBuffer::<Rgb<u8>, _>::from_raw(picture.width(), picture.height(), picture.rgb())
        .expect("a picture has three values a pixel");
    Picture::from_rgb(picture.width(), picture.height(), imageops::blur(&image, sigma as f32).into_raw())
}

/// Turned around its middle; what comes from outside is the nearest pixel of the edge.
fn rotated(picture: &Picture, angle: f64) -> Result<Picture> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (middle_x, middle_y) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
    let (sin, cos) = angle.sin_cos();
    let mut rgb = Vec::with_capacity(picture.rgb().len());
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = (x as f64 - middle_x, y as f64 - middle_y);
            let from = Bilinear::at([cos * dx - sin * dy + middle_x, sin * dx + cos * dy + middle_y], [width, height]);
            for channel in 0..3 {
                let value = from.double(from.places.map(|place| f64::from(picture.rgb()[3 * place + channel])));
                rgb.push((value + 0.5) as u8);
            }
        }
    }
    Picture::from_rgb(picture.width(), picture.height(), rgb)
}

/// A square of middle grey that takes this share of the area, wholly inside where it fits.
fn occluded(picture: &Picture, area: f64, random: &mut SplitMix64) -> Result<Picture> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let side = ((area * (width * height) as f64).sqrt().round() as usize).clamp(1, width.min(height));
    let mut place = |room: usize| random.below(room + 1);
    let (left, top) = (place(width - side), place(height - side));
    let mut rgb = picture.rgb().to_vec();
    for row in rgb.chunks_exact_mut(3 * width).skip(top).take(side) {
        row[3 * left..3 * (left + side)].fill(128);
    }
    Picture::from_rgb(picture.width(), picture.height(), rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> Picture {
        let gray: Vec<u8> = (0..48 * 48).map(|i| (40 + 2 * (i % 48) + i / 48 + 37 * i % 61) as u8).collect();
        Picture::from_gray(48, 48, &gray).unwrap()
    }

    /// Mean absolute difference of two pictures of one size.
    fn apart(a: &Picture, b: &Picture) -> f64 {
        a.rgb().iter().zip(b.rgb()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.rgb().len() as f64
    }

    #[test]
    fn every_corruption_changes_a_picture_or_its_box_and_more_with_its_strength() {
        for corruption in Corruption::ALL {
            let change = |strength| {
                let (picture, found) = corruption.apply(&face(), strength, 7).unwrap();
                let whole = Face::whole(&face()).bounds;
                let moved = (found.bounds.x - whole.x).hypot(found.bounds.y - whole.y) + (found.bounds.width - whole.width).abs();
                apart(&picture, &face()) + f64::from(moved)
            };
            assert!(change(1) > 0.0, "{corruption:?}");
            assert!(change(5) > change(1), "{corruption:?}: {} and {}", change(1), change(5));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_picture_and_another_one_another() {
        for corruption in [Corruption::Noise, Corruption::Occlusion, Corruption::Shift] {
            let apply = |seed| corruption.apply(&face(), 3, seed).unwrap();
            assert_eq!(apply(1), apply(1));
            assert_ne!(apply(1), apply(2), "{corruption:?}");
        }
    }

    #[test]
    fn noise_has_the_spread_that_it_says_and_keeps_grey_grey() {
        let plain = Picture::from_gray(64, 64, &[128; 64 * 64]).unwrap();
        let (noisy, _) = Corruption::Noise.apply(&plain, 3, 1).unwrap();
        assert!(noisy.is_gray());
        let spread = (noisy.rgb().iter().map(|&v| (f64::from(v) - 128.0).powi(2)).sum::<f64>() / noisy.rgb().len() as f64).sqrt();
        assert!((spread - 20.0).abs() < 1.5, "{spread}");
    }

    #[test]
    fn tiny_and_narrow_pictures_are_corrupted_without_trouble() {
        for (width, height) in [(1, 1), (1, 9), (40, 2)] {
            let picture = Picture::from_gray(width, height, &vec![90; (width * height) as usize]).unwrap();
            for corruption in Corruption::ALL {
                for strength in 1..=STRENGTHS {
                    let (made, _) = corruption.apply(&picture, strength, 3).unwrap();
                    assert_eq!((made.width(), made.height()), (width, height), "{corruption:?}");
                }
            }
        }
    }
}
