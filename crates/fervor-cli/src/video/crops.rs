//! A small picture of each track's face, for people to know who it is.

use std::collections::BTreeMap;

use fervor::Prediction;
use fervor::picture::Picture;

/// Pixels of a picture's side: twice what the page shows.
pub const SIDE: u32 = 96;
/// A better look must be this much better: the first good one stays.
const BETTER: f32 = 1.15;

/// The best look at each track until now.
#[derive(Default)]
pub struct Crops(BTreeMap<u64, (f32, Picture)>);

impl Crops {
    /// Keeps a face of a frame if it is seen better than before: large, clear, certain.
    pub fn look(&mut self, track: u64, portrait: Picture, face: &Prediction) {
        let bounds = &face.face.bounds;
        let clear = 1.0 / (1.0 + face.quality.flags.len() as f32);
        // Beyond what the picture keeps, size is no merit.
        let size = bounds.width.min(bounds.height).min(2.0 * SIDE as f32);
        let worth = size * clear * face.face.score.unwrap_or(1.0) * face.confidence();
        let known = self.0.get(&track).map_or(0.0, |(worth, _)| *worth);
        if worth > BETTER * known {
            self.0.insert(track, (worth, portrait));
        }
    }

    /// Each track's face as a JPEG file's bytes.
    pub fn encoded(&self) -> BTreeMap<u64, Vec<u8>> {
        self.0.iter().filter_map(|(&track, (_, crop))| Some((track, crop.encode_jpeg(85).ok()?))).collect()
    }
}
