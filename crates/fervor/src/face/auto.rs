//! `--faces auto`: tells crops of faces from photographs.

use crate::error::Result;
use crate::face::yunet::{DetectorOptions, YuNet};
use crate::face::{Face, FindFaces};
use crate::picture::Picture;

/// Takes a picture that is nothing but a face whole, and looks for faces in every other.
pub struct AutoFaces {
    detector: YuNet,
}

impl AutoFaces {
    /// With these options for the detector.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): an option is outside its range.
    pub fn new(options: DetectorOptions) -> Result<Self> {
        Ok(Self { detector: YuNet::new(options)? })
    }
}

impl FindFaces for AutoFaces {
    fn find(&self, picture: &Picture) -> Result<Vec<Face>> {
        let (width, height) = (picture.width(), picture.height());
        if width.max(height) <= 64 && width.abs_diff(height) * 8 <= width.max(height) {
            return Ok(vec![Face::whole(picture)]);
        }
        self.detector.find(picture)
    }
}
