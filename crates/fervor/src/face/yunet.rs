//! The built-in face detector: YuNet-s (Wu, Peng, Yu: "YuNet: a tiny millisecond-level face detector", 2023), 53,184
//! parameters, in the form that libfacedetection ships. `models/yunet-s/README.md` says where the weights come from.

mod network;
mod rows;

use std::iter;

use crate::error::{Error, Result};
use crate::face::{BoundingBox, Face, FindFaces};
use crate::picture::Picture;

use super::candidates::{decode, is_fragment, suppress};
use super::letterbox::{Letterbox, Pixels};
use super::shelf::Shelves;
use super::{near, turned};
use network::Network;

/// A small picture is shown to the network at most so many times as large as it is.
const MOST_ENLARGED: usize = 5;

/// No look is smaller than this many pixels.
const LEAST_LOOK: usize = 64;

/// The greatest usual look.
const MOST_LONG_SIDE: usize = 4096;

/// The look for large faces gives those from this share of the picture's longer side upwards.
const LARGE: f32 = 0.3;

/// A face under this side, in pixels of the usual look, calls for a look at more detail.
const SMALL: f32 = 16.0;

/// A face under this side, in pixels of the look for small faces, calls for one more: where there are some, there are others.
const SMALLEST: f32 = 24.0;

/// How faces are looked for.
///
/// ```
/// use fervor::{DetectorOptions, YuNet};
///
/// let small_faces = YuNet::new(DetectorOptions::default().with_long_side(1280).with_threshold(0.6))?;
/// # Ok::<(), fervor::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DetectorOptions {
    /// The picture's longer side in the network's input, in pixels, 64..=4096. Faces are seen there from about 12 pixels upwards.
    pub long_side: usize,
    /// The least score of a face, in 0..=1. Lower finds more small faces and more things that are none.
    pub threshold: f32,
    /// Of two boxes that overlap more than this (intersection over union, 0..=1), only the better is kept.
    pub nms: f32,
    /// At most so many faces, the best.
    pub max_faces: usize,
    /// Whether pictures are looked at in all their detail, whatever was found at less: every face from about 9 pixels upwards is
    /// found, and a picture of 12 million pixels takes 30 times as long.
    pub detail: bool,
    /// Whether faces that lie on their side or stand on their head are looked for, too, where none was found that is clearly upright.
    pub turns: bool,
    /// Threads for the network; `None`: the rayon pool that the caller runs in, by itself all cores.
    pub threads: Option<usize>,
}

impl Default for DetectorOptions {
    /// A long side of 640 pixels, a threshold of 0.7, an overlap of 0.3, a thousand faces, turned ones too, the caller's threads.
    fn default() -> Self {
        Self { long_side: 640, threshold: 0.7, nms: 0.3, max_faces: 1000, detail: false, turns: true, threads: None }
    }
}

impl DetectorOptions {
    /// The same with another [`long_side`](Self::long_side).
    #[must_use]
    pub fn with_long_side(self, long_side: usize) -> Self {
        Self { long_side, ..self }
    }

    /// The same with another [`threshold`](Self::threshold).
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { threshold, ..self }
    }

    /// The same with another [`nms`](Self::nms).
    #[must_use]
    pub fn with_nms(self, nms: f32) -> Self {
        Self { nms, ..self }
    }

    /// The same with another [`max_faces`](Self::max_faces).
    #[must_use]
    pub fn with_max_faces(self, max_faces: usize) -> Self {
        Self { max_faces, ..self }
    }

    /// The same with or without all [`detail`](Self::detail).
    #[must_use]
    pub fn with_detail(self, detail: bool) -> Self {
        Self { detail, ..self }
    }

    /// The same with or without faces that are [turned](Self::turns).
    #[must_use]
    pub fn with_turns(self, turns: bool) -> Self {
        Self { turns, ..self }
    }

    /// The same with so many [`threads`](Self::threads) of its own.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// The longest side that a picture without a face is looked at with; a larger one is shrunk to it, and faces under about 9 pixels
    /// of that are missed.
    pub fn longest_seen(&self) -> usize {
        if self.detail { 2 * MOST_LONG_SIDE } else { 2 * self.long_side }
    }

    fn check(&self) -> Result<()> {
        if !(LEAST_LOOK..=MOST_LONG_SIDE).contains(&self.long_side) {
            let range = format!("{LEAST_LOOK}..={MOST_LONG_SIDE}");
            return Err(Error::input(format!("the detector's long side must be {range} pixels, got {}", self.long_side)));
        }
        for (name, value) in [("threshold", self.threshold), ("nms", self.nms)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::input(format!("the detector's {name} must be in 0..=1, got {value}")));
            }
        }
        Ok(())
    }
}

/// Finds faces with YuNet-s, in pictures of any size, with up to four looks:
///
/// 1. The usual look has the picture's longer side at [`DetectorOptions::long_side`], but shows small pictures at most
///    5 times as large as they are: beyond that it finds less, not more.
/// 2. The look for large faces, at a quarter of that and so a sixteenth of the work, always: a face that takes nearly all of
///    the picture is too large for the usual look (64 to 77 of 86 tight crops found, 86 with this one).
/// 3. The look for small faces, at twice the usual side, only where the picture has that detail and the usual look found
///    nothing or a face under 16 pixels of the network's input: of 9-pixel faces 112 of 118 instead of 18.
/// 4. The look for the smallest, at four times the usual side, only where the third found a face under 24 pixels of its
///    input: never in a picture without faces, which would pay sixteen times the usual look for nothing.
///
/// Measured on photographs at a long side of 640; no look added a false face there. [`DetectorOptions::detail`] takes the finer
/// looks whatever the coarser ones found, up to the picture's own size.
///
/// The detector knows upright faces. One that lies on its side it mostly misses, one that stands on its head it often finds, with
/// its landmarks the wrong way up and a low score. So where no face scores 0.9 (1 in 25 photographs of faces) the picture is
/// looked at in the other three turns, too, unless [`DetectorOptions::turns`] says no.
pub struct YuNet {
    network: Network,
    options: DetectorOptions,
    shelves: Shelves,
}

impl YuNet {
    /// The detector with its built-in weights.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): an option is outside its range.
    pub fn new(options: DetectorOptions) -> Result<Self> {
        options.check()?;
        let network = Network::new(options.threads)?;
        Ok(Self { network, options, shelves: Shelves::default() })
    }

    /// The faces that a single look with the picture's longer side at `long_side` (1..=8192) shows, best first.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): `long_side` is outside its range.
    pub fn find_at(&self, picture: &Picture, long_side: usize) -> Result<Vec<Face>> {
        if !(1..=2 * MOST_LONG_SIDE).contains(&long_side) {
            return Err(Error::input(format!("the look's long side must be 1..={} pixels, got {long_side}", 2 * MOST_LONG_SIDE)));
        }
        let laid = Letterbox::new(picture.width(), picture.height(), long_side);
        Ok(self.look(&laid, &laid.resize(picture.into(), &self.shelves)?))
    }

    /// The faces in the resized picture `rgb`.
    fn look(&self, laid: &Letterbox, rgb: &[u8]) -> Vec<Face> {
        let mut faces = Vec::new();
        for (map, stride) in self.network.forward(laid, rgb, &self.shelves.values).iter().zip(network::STRIDES) {
            decode(&map.values, map.width, stride, self.options.threshold, laid, &mut faces);
        }
        self.suppress(faces)
    }

    pub(super) fn suppress(&self, faces: Vec<Face>) -> Vec<Face> {
        suppress(faces, self.options.nms, self.options.max_faces)
    }
}

impl FindFaces for YuNet {
    fn find(&self, picture: &Picture) -> Result<Vec<Face>> {
        let faces = self.find_upright(picture)?;
        self.with_turned(picture, faces)
    }

    fn find_near(&self, picture: &Picture, boxes: &[BoundingBox]) -> Result<Option<Vec<Face>>> {
        near::find(self, picture, boxes)
    }
}

impl YuNet {
    /// The longer side of the usual look at a picture, in pixels.
    pub(super) fn usual(&self, picture: &Picture) -> usize {
        let longest = picture.width().max(picture.height()) as usize;
        self.options.long_side.min(longest.saturating_mul(MOST_ENLARGED))
    }

    /// How much two boxes may overlap.
    pub(super) fn overlap(&self) -> f32 {
        self.options.nms
    }

    /// These upright faces of the picture, with those that are turned where they are asked for.
    pub(super) fn with_turned(&self, picture: &Picture, faces: Vec<Face>) -> Result<Vec<Face>> {
        if self.options.turns { turned::add(self, picture, faces) } else { Ok(faces) }
    }

    /// The faces that stand upright, best first.
    pub(super) fn find_upright(&self, picture: &Picture) -> Result<Vec<Face>> {
        let longest = picture.width().max(picture.height()) as usize;
        let usual = self.usual(picture);
        let laid = Letterbox::new(picture.width(), picture.height(), usual);
        let resized = laid.resize(picture.into(), &self.shelves)?;
        let mut faces = self.look(&laid, &resized);

        // From the picture as already resized: shrinking a large one twice would cost more than the look.
        let resized = Pixels { size: laid.inner, rgb: &resized };
        let laid = Letterbox::new(picture.width(), picture.height(), (usual / 4).max(LEAST_LOOK));
        let mut large = self.look(&laid, &laid.resize(resized, &self.shelves)?);
        large.retain(|face| side(face) >= LARGE * longest as f32);
        faces.retain(|face| !large.iter().any(|large| is_fragment(face, large)));
        faces.append(&mut large);
        let mut faces = self.suppress(faces);

        let mut seen = usual;
        let finest = if self.options.detail { usize::MAX } else { 2 };
        for (limit, even_without_faces) in iter::once((SMALL, true)).chain(iter::repeat((SMALLEST, false))).take(finest) {
            // The size of an input pixel in the picture's pixels.
            let pixel = longest as f32 / seen as f32;
            let smallest = faces.iter().map(side).fold(f32::INFINITY, f32::min);
            let calls = if faces.is_empty() { even_without_faces } else { smallest < limit * pixel } || self.options.detail;
            let finer = longest.min(2 * seen).min(2 * MOST_LONG_SIDE);
            if finer * 4 < seen * 5 || !calls {
                break;
            }
            seen = finer;
            let mut small = self.find_at(picture, seen)?;
            if !faces.is_empty() {
                small.retain(|face| side(face) < 1.5 * limit * pixel);
            }
            faces.append(&mut small);
            faces = self.suppress(faces);
        }
        Ok(faces)
    }
}

/// The side of a square of the box's area, in the picture's pixels.
fn side(face: &Face) -> f32 {
    face.bounds.area().sqrt()
}
