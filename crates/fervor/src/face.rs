//! A face in a picture, and the seam behind which faces are found.

mod auto;
mod candidates;
mod letterbox;
mod yunet;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::picture::Picture;

pub use auto::AutoFaces;
pub use yunet::{DetectorOptions, YuNet};

/// An axis-aligned box in the pixels of the upright original picture; it may reach over the picture's edge.
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
}

/// The five points of a face as (x, y) in the picture's pixels, as seen by the viewer from left to right:
/// left eye, right eye, nose tip, left mouth corner, right mouth corner.
pub type Landmarks = [[f32; 2]; 5];

/// One face: where it is and how sure the finder is.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// The box around the face; it meets the picture.
    pub bounds: BoundingBox,
    /// How sure the finder is that this is a face, in 0..=1.
    pub score: f32,
    /// Where eyes, nose and mouth are. Absent where the whole picture was taken as the face: then the box is taken exactly, without margin or alignment.
    pub landmarks: Option<Landmarks>,
}

impl Face {
    /// The whole picture as one face.
    pub fn whole(picture: &Picture) -> Self {
        let bounds = BoundingBox { x: 0.0, y: 0.0, width: picture.width() as f32, height: picture.height() as f32 };
        Self { bounds, score: 1.0, landmarks: None }
    }
}

/// Finds the faces of a picture. The two real sides: the detector, and [`WholePicture`] for sets of crops.
pub trait FindFaces: Send + Sync {
    /// The faces of a picture, best score first. No face is a normal answer.
    ///
    /// # Errors
    /// The finder itself fails.
    fn find(&self, picture: &Picture) -> Result<Vec<Face>>;
}

/// Takes every picture as one face: for data sets of crops.
#[derive(Clone, Copy, Debug, Default)]
pub struct WholePicture;

impl FindFaces for WholePicture {
    fn find(&self, picture: &Picture) -> Result<Vec<Face>> {
        Ok(vec![Face::whole(picture)])
    }
}
