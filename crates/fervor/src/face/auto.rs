//! Tells crops of faces from photographs.

use crate::error::Result;
use crate::face::yunet::{DetectorOptions, YuNet};
use crate::face::{BoundingBox, Face, FindFaces};
use crate::picture::{Picture, mean_and_deviation};

/// Crops are at most so many pixels wide or high.
const CROP_SIDE: u32 = 160;

/// Grey crops of this side and below are taken for data-set crops such as FER-2013's 48 x 48.
const GRAY_CROP_SIDE: u32 = 64;

/// A face this high, as a share of the picture's height, is all of the picture.
const ALL_FACE: f32 = 0.75;

/// Grey values that spread by less (standard deviation) show nothing. Of the 646 crops of FER-2013 in which the detector finds no
/// face, 14 empty ones lie under 5 and all others above 16.
const SHOWS_NOTHING: f32 = 10.0;

/// A face under this share of a tiny grey picture's height is a face in a scene. FER-2013's test crops have none under 0.35.
const IN_A_SCENE: f32 = 0.3;

/// Takes a small picture that is nothing but a face whole, and gives the detector's faces for every other.
///
/// The rule, for a picture that is roughly square (the shorter side at least 0.8 of the longer):
/// - grey and at most 64 pixels: whole, unless the largest face found is under 0.3 of its height. Of such tight crops the
///   detector misses about 1 in 100, and they are still faces; but where it finds none and nothing is to be seen (grey values
///   that spread by less than 10), as in a black picture, there is none.
/// - at most 160 pixels: whole if the largest face found is at least 0.75 of its height.
///
/// So all 3,589 crops of FER-2013's test split are taken whole, and a thumbnail of a portrait is not.
pub struct AutoFaces {
    detector: YuNet,
}

impl AutoFaces {
    /// A finder whose detector has these options.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): an option is outside its range.
    pub fn new(options: DetectorOptions) -> Result<Self> {
        Ok(Self { detector: YuNet::new(options)? })
    }
}

impl FindFaces for AutoFaces {
    fn find(&self, picture: &Picture) -> Result<Vec<Face>> {
        let faces = self.detector.find_upright(picture)?;
        let tallest = faces.iter().map(|face| face.bounds.height).reduce(f32::max);
        let share = tallest.map(|height| height / picture.height() as f32);
        if is_crop(picture, share) { Ok(vec![Face::whole(picture)]) } else { self.detector.with_turned(picture, faces) }
    }

    fn find_near(&self, picture: &Picture, boxes: &[BoundingBox]) -> Result<Option<Vec<Face>>> {
        // What may be nothing but a face is judged as a whole.
        if picture.width().max(picture.height()) <= CROP_SIDE { Ok(None) } else { self.detector.find_near(picture, boxes) }
    }
}

/// Whether the picture, whose largest face takes this share of its height, is nothing but a face.
fn is_crop(picture: &Picture, share: Option<f32>) -> bool {
    let (shorter, longer) = (picture.width().min(picture.height()), picture.width().max(picture.height()));
    let square = 5 * u64::from(shorter) >= 4 * u64::from(longer);
    if !square || longer > CROP_SIDE {
        return false;
    }
    if longer <= GRAY_CROP_SIDE && picture.is_gray() {
        return share.map_or_else(|| shows_something(picture), |share| share >= IN_A_SCENE);
    }
    share.is_some_and(|share| share >= ALL_FACE)
}

fn shows_something(picture: &Picture) -> bool {
    mean_and_deviation(&picture.luma()).1 >= SHOWS_NOTHING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_is_small_square_and_all_face() {
        struct Case {
            picture: &'static str,
            size: (u32, u32),
            gray: bool,
            share: Option<f32>,
            whole: bool,
        }
        let cases = [
            Case { picture: "FER crop, found", size: (48, 48), gray: true, share: Some(0.99), whole: true },
            Case { picture: "FER crop, missed", size: (48, 48), gray: true, share: None, whole: true },
            Case { picture: "grey thumbnail of a group", size: (64, 60), gray: true, share: Some(0.2), whole: false },
            Case { picture: "colour crop", size: (128, 128), gray: false, share: Some(0.9), whole: true },
            Case { picture: "colour thumbnail of a portrait", size: (128, 128), gray: false, share: Some(0.5), whole: false },
            Case { picture: "colour thumbnail of a landscape", size: (48, 48), gray: false, share: None, whole: false },
            Case { picture: "wide grey thumbnail", size: (64, 36), gray: true, share: None, whole: false },
            Case { picture: "close-up photograph", size: (640, 640), gray: false, share: Some(0.9), whole: false },
            Case { picture: "large grey photograph", size: (200, 200), gray: true, share: None, whole: false },
        ];
        for case in cases {
            let (width, height) = case.size;
            let pixel = if case.gray { [90, 90, 90] } else { [90, 80, 70] };
            // One half is dark, so that there is something to be seen.
            let count = (width * height) as usize;
            let rgb = [[0; 3].repeat(count / 2), pixel.repeat(count - count / 2)].concat();
            let picture = Picture::from_rgb(width, height, rgb).unwrap();
            assert_eq!(is_crop(&picture, case.share), case.whole, "{}", case.picture);
        }
    }

    #[test]
    fn a_picture_in_which_nothing_is_to_be_seen_has_no_face() {
        let auto = AutoFaces::new(DetectorOptions::default().with_threads(1)).unwrap();
        for (side, value) in [(48, 0), (64, 20), (48, 255), (32, 128)] {
            let noise = |i: usize| value + (i * 7 % 5) as u8 / 2;
            let gray: Vec<u8> = (0..side * side).map(|i| if value == 255 { 255 } else { noise(i) }).collect();
            let picture = Picture::from_gray(side as u32, side as u32, &gray).unwrap();
            assert_eq!(auto.find(&picture).unwrap(), [], "{side} pixels of {value}");
        }
    }
}
