//! [`Colours`]: what is around a face, by which one is told from another for a moment.

use crate::face::{BoundingBox, Face};
use crate::picture::Picture;

/// Steps of each colour channel.
const STEPS: usize = 4;

/// Pixels that are looked at in each region, across and down.
const TAKEN: [usize; 2] = [16, 12];

/// Under so many pixels in the picture nothing is said.
const LEAST: f32 = 40.0;

/// The colours of hair and clothes around a face: enough to tell two people who cross each other apart, as long as they are dressed
/// differently. It is kept as long as a track lasts and says nothing about who somebody is.
#[derive(Clone, Debug, PartialEq)]
pub struct Colours {
    /// The share of each colour; all 0 where nothing could be seen.
    shares: [f32; STEPS * STEPS * STEPS],
}

impl Colours {
    /// What is around this face of the picture.
    pub fn of(picture: &Picture, face: &Face) -> Self {
        let BoundingBox { x, y, width, height } = face.bounds;
        // Clothes: below the chin, wider than the face. Hair: the upper edge of the face and what is above it.
        let regions = [
            BoundingBox { x: x - 0.4 * width, y: y + 1.15 * height, width: 1.8 * width, height },
            BoundingBox { x: x - 0.1 * width, y: y - 0.3 * height, width: 1.2 * width, height: 0.5 * height },
        ];
        let mut shares = [0.0; STEPS * STEPS * STEPS];
        let mut count = 0.0;
        for region in regions {
            for row in 0..TAKEN[1] {
                for column in 0..TAKEN[0] {
                    let across = region.x + region.width * (column as f32 + 0.5) / TAKEN[0] as f32;
                    let down = region.y + region.height * (row as f32 + 0.5) / TAKEN[1] as f32;
                    let inside = |at: f32, side: u32| at >= 0.0 && at < side as f32;
                    if inside(across, picture.width()) && inside(down, picture.height()) {
                        count += 1.0;
                        add(&mut shares, picture.pixel(across as u32, down as u32));
                    }
                }
            }
        }
        let scale = if count >= LEAST { 1.0 / count } else { 0.0 };
        shares.iter_mut().for_each(|share| *share *= scale);
        Self { shares }
    }

    /// How alike two are, in 0..=1 (the Bhattacharyya coefficient of their shares); none where one of them saw nothing.
    pub fn likeness(&self, other: &Self) -> Option<f32> {
        let seen = |colours: &Self| colours.shares.iter().any(|&share| share > 0.0);
        let both = || self.shares.iter().zip(&other.shares).map(|(a, b)| (a * b).sqrt()).sum::<f32>().min(1.0);
        (seen(self) && seen(other)).then(both)
    }

    /// Moved a little towards another.
    pub(super) fn towards(&mut self, other: &Self, weight: f32) {
        for (share, other) in self.shares.iter_mut().zip(&other.shares) {
            *share += weight * (other - *share);
        }
    }
}

/// Shares a pixel between the two nearest steps of each channel, so that a little more light changes little.
fn add(shares: &mut [f32; STEPS * STEPS * STEPS], pixel: [u8; 3]) {
    let steps = pixel.map(|value| {
        let at = f32::from(value) / 255.0 * (STEPS - 1) as f32;
        let lower = (at as usize).min(STEPS - 2);
        (lower, at - lower as f32)
    });
    for corner in 0..8_usize {
        let (mut index, mut weight) = (0, 1.0);
        for (channel, (lower, upper_share)) in steps.iter().enumerate() {
            let upper = corner >> channel & 1;
            index = index * STEPS + lower + upper;
            weight *= if upper == 1 { *upper_share } else { 1.0 - upper_share };
        }
        shares[index] += weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_red_and_a_blue_jacket_are_told_apart_in_other_light_too() {
        let dressed = |rgb: [u8; 3]| {
            let picture = Picture::from_rgb(100, 200, rgb.repeat(100 * 200)).unwrap();
            let bounds = BoundingBox { x: 30.0, y: 20.0, width: 40.0, height: 50.0 };
            Colours::of(&picture, &Face { bounds, score: None, landmarks: None })
        };
        let (red, darker, blue) = (dressed([200, 30, 40]), dressed([180, 20, 30]), dressed([30, 40, 200]));
        assert!(red.likeness(&darker).unwrap() > 0.8);
        assert!(red.likeness(&blue).unwrap() < 0.4);
        let picture = Picture::from_gray(40, 40, &[9; 1600]).unwrap();
        let unseen = Colours::of(
            &picture,
            &Face { bounds: BoundingBox { x: 0.0, y: 0.0, width: 900.0, height: 900.0 }, score: None, landmarks: None },
        );
        assert_eq!(unseen.likeness(&red), None);
    }
}
