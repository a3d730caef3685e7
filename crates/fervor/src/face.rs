//! A face in a picture, and the seam behind which faces are found.

mod auto;
mod candidates;
mod letterbox;
mod near;
mod shelf;
mod turned;
mod yunet;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::picture::Picture;

pub use auto::AutoFaces;
pub use yunet::{DetectorOptions, YuNet};

/// An axis-aligned box in the pixels of the upright original picture. A finder's may reach over the picture's edge; those of a
/// [`Prediction`](crate::Prediction) end there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundingBox {
    /// The left edge.
    pub x: f32,
    /// The top edge.
    pub y: f32,
    /// How wide the box is.
    pub width: f32,
    /// How high the box is.
    pub height: f32,
}

impl BoundingBox {
    /// Width times height, in square pixels.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// Intersection over union, 0 for boxes that do not meet.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        let both = width.max(0.0) * height.max(0.0);
        let either = self.area() + other.area() - both;
        if either > 0.0 { both / either } else { 0.0 }
    }

    /// The part of the box that lies in a picture of this width and height.
    #[must_use]
    pub fn within(&self, width: u32, height: u32) -> Self {
        let [left, right] = [self.x, self.x + self.width].map(|x| x.clamp(0.0, width as f32));
        let [top, bottom] = [self.y, self.y + self.height].map(|y| y.clamp(0.0, height as f32));
        Self { x: left, y: top, width: right - left, height: bottom - top }
    }
}

/// The five points of a face as (x, y) in the picture's pixels, as the viewer sees them from left to right where the face is upright:
/// left eye, right eye, nose tip, left mouth corner, right mouth corner.
pub type Landmarks = [[f32; 2]; 5];

/// One face: where it is and how sure the finder is.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// The box around the face; it meets the picture.
    pub bounds: BoundingBox,
    /// How sure the finder is that this is a face, in 0..=1. Absent where none judged it: a whole picture that is taken as a face.
    pub score: Option<f32>,
    /// Where eyes, nose and mouth are. Absent where the whole picture was taken as the face: then the box is taken exactly, without margin or alignment.
    pub landmarks: Option<Landmarks>,
}

impl Face {
    /// The whole picture as one face.
    pub fn whole(picture: &Picture) -> Self {
        let bounds = BoundingBox { x: 0.0, y: 0.0, width: picture.width() as f32, height: picture.height() as f32 };
        Self { bounds, score: None, landmarks: None }
    }

    /// By how many quarter turns, clockwise, the picture has to be turned for this face to stand upright: 0 to 3. By its landmarks,
    /// from the eyes to the mouth; 0 without them.
    pub fn quarter_turns(&self) -> u8 {
        let Some([left_eye, right_eye, _, left_mouth, right_mouth]) = self.landmarks else { return 0 };
        let [right, down] = [0, 1].map(|axis| left_mouth[axis] + right_mouth[axis] - left_eye[axis] - right_eye[axis]);
        match (right.abs() > down.abs(), right > 0.0, down < 0.0) {
            (true, true, _) => 1,
            (true, false, _) => 3,
            (false, _, true) => 2,
            (false, _, false) => 0,
        }
    }

    /// The score, or none at all.
    pub(crate) fn certainty(&self) -> f32 {
        self.score.unwrap_or(0.0)
    }
}

/// Finds the faces of a picture. The two real sides: the detector, and [`WholePicture`] for sets of crops.
pub trait FindFaces: Send + Sync {
    /// The faces of a picture, best score first. No face is a normal answer.
    ///
    /// # Errors
    /// The finder itself fails.
    fn find(&self, picture: &Picture) -> Result<Vec<Face>>;

    /// The faces of a picture that follows closely upon one whose faces had these boxes, one for each, in their order: a look at
    /// their surroundings alone. None if one of them is not found again, or if the finder has no cheaper way than
    /// [`find`](Self::find).
    ///
    /// # Errors
    /// The finder itself fails.
    fn find_near(&self, picture: &Picture, boxes: &[BoundingBox]) -> Result<Option<Vec<Face>>> {
        let _ = (picture, boxes);
        Ok(None)
    }
}

impl<F: FindFaces + ?Sized> FindFaces for Box<F> {
    fn find(&self, picture: &Picture) -> Result<Vec<Face>> {
        (**self).find(picture)
    }

    fn find_near(&self, picture: &Picture, boxes: &[BoundingBox]) -> Result<Option<Vec<Face>>> {
        (**self).find_near(picture, boxes)
    }
}

/// Takes every picture as one face: for data sets of crops.
#[derive(Clone, Copy, Debug, Default)]
pub struct WholePicture;

impl FindFaces for WholePicture {
    fn find(&self, picture: &Picture) -> Result<Vec<Face>> {
        Ok(vec![Face::whole(picture)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_ends_at_the_picture() {
        let bounds = BoundingBox { x: -10.0, y: -35.0, width: 50.0, height: 1707.0 };
        assert_eq!(bounds.within(1600, 1600), BoundingBox { x: 0.0, y: 0.0, width: 40.0, height: 1600.0 });
        let inside = BoundingBox { x: 1.5, y: 2.5, width: 3.0, height: 4.0 };
        assert_eq!(inside.within(10, 10), inside);
    }

    #[test]
    fn a_face_says_how_the_picture_must_be_turned() {
        let upright: Landmarks = [[4.0, 4.0], [8.0, 5.0], [6.0, 7.0], [5.0, 9.0], [7.0, 9.0]];
        // A quarter turn against the clock takes (x, y) to (y, -x).
        let mut landmarks = upright;
        for turns in 0..4 {
            let face = Face {
                bounds: BoundingBox { x: 0.0, y: 0.0, width: 9.0, height: 9.0 },
                score: Some(0.9),
                landmarks: Some(landmarks),
            };
            assert_eq!(face.quarter_turns(), turns);
            landmarks = landmarks.map(|[x, y]| [y, -x]);
        }
    }
}
