//! A small picture of each track's face, for people to know who it is.

use std::collections::BTreeMap;

use fervor::picture::Picture;
use fervor::preprocess::Filter;
use fervor::{BoundingBox, Prediction, Result};

/// Pixels of a picture's side: twice what the page shows.
const SIDE: u32 = 96;
/// More of the surroundings than the detector's box, as a share of its longer side.
const MARGIN: f32 = 0.15;
/// A better look must be this much better: most frames are not cut.
const BETTER: f32 = 1.15;

/// The best look at each track until now.
#[derive(Default)]
pub struct Crops(BTreeMap<u64, (f32, Picture)>);

impl Crops {
    /// Keeps a face of a frame if it is seen better than before: large, clear, certain.
    pub fn look(&mut self, track: u64, frame: &Picture, face: &Prediction) {
        let BoundingBox { width, height, .. } = face.face.bounds;
        let clear = 1.0 / (1.0 + face.quality.flags.len() as f32);
        // Beyond what the picture keeps, size is no merit.
        let worth = width.min(height).min(2.0 * SIDE as f32) * clear * face.face.score.unwrap_or(1.0) * face.confidence();
        let known = self.0.get(&track).map_or(0.0, |(worth, _)| *worth);
        if worth > BETTER * known
            && let Ok(crop) = cut(frame, &face.face.bounds)
        {
            self.0.insert(track, (worth, crop));
        }
    }

    /// Each track's face as a JPEG file's bytes.
    pub fn encoded(&self) -> BTreeMap<u64, Vec<u8>> {
        self.0.iter().filter_map(|(&track, (_, crop))| Some((track, crop.encode_jpeg(85).ok()?))).collect()
    }
}

/// A square about the box, inside the frame.
fn cut(frame: &Picture, bounds: &BoundingBox) -> Result<Picture> {
    let (wide, tall) = (frame.width() as f32, frame.height() as f32);
    let side = (bounds.width.max(bounds.height) * (1.0 + 2.0 * MARGIN)).clamp(1.0, wide.min(tall));
    let corner = |from: f32, length: f32, all: f32| (from + length / 2.0 - side / 2.0).clamp(0.0, all - side) as u32;
    let (x, y) = (corner(bounds.x, bounds.width, wide), corner(bounds.y, bounds.height, tall));
    frame.cropped(x, y, side as u32, side as u32)?.resized(SIDE, SIDE, Filter::Bilinear)
}
