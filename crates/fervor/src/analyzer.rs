//! [`Analyzer`]: picture, faces, chips, one batch, predictions. What most callers use.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;
use crate::error::Result;
use crate::face::{AutoFaces, BoundingBox, DetectorOptions, Face, FindFaces};
use crate::picture::Picture;
use crate::prediction::Prediction;
use crate::preprocess::Chip;
use crate::quality::Quality;

mod many;

pub use many::Answer;

/// A face finder and a bundle: from a picture to an answer for each of its faces. Immutable, shared between threads.
///
/// ```
/// use fervor::{Analyzer, WholePicture};
///
/// let analyzer = Analyzer::builtin()?; // a network and a detector that are inside the library
/// let crops = Analyzer::builtin()?.with_finder(WholePicture); // for pictures that are one face each
/// # assert_eq!(analyzer.bundle().sha256(), crops.bundle().sha256());
/// # Ok::<(), fervor::Error>(())
/// ```
pub struct Analyzer {
    finder: Box<dyn FindFaces>,
    bundle: Arc<Bundle>,
}

impl fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyzer").field("bundle", &self.bundle).finish_non_exhaustive()
    }
}

/// A picture's faces, ready for the network: what [`Analyzer::prepare`] hands to [`Analyzer::classify`].
#[derive(Clone, Debug)]
pub struct Prepared {
    size: (u32, u32),
    faces: Vec<(Face, Quality, Chip)>,
}

/// Where the faces of a picture were, for the one that follows closely upon it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// That picture's width, in pixels.
    pub width: u32,
    /// That picture's height, in pixels.
    pub height: u32,
    /// The boxes, in its pixels.
    pub boxes: Vec<BoundingBox>,
}

impl Prepared {
    /// How many faces the picture has.
    pub fn faces(&self) -> usize {
        self.faces.len()
    }

    /// Each face as it was found, with its quality and its chip. Its box may reach over the picture's edge, where a prediction's
    /// ends, and the chip with it.
    pub fn iter(&self) -> impl Iterator<Item = (&Face, &Quality, &Chip)> {
        self.faces.iter().map(|(face, quality, chip)| (face, quality, chip))
    }
}

impl Analyzer {
    /// The model that is used when none is named, [`builtin::DEFAULT`](crate::builtin::DEFAULT), and faces as [`AutoFaces`]
    /// finds them: in photographs by the detector, in crops of faces by taking all of them.
    ///
    /// # Errors
    /// None that depends on the caller: detector and network are inside the library and prove themselves as they load.
    #[cfg(feature = "model-48")]
    #[cfg_attr(docsrs, doc(cfg(feature = "model-48")))]
    pub fn builtin() -> Result<Self> {
        Self::auto(Arc::new(Bundle::builtin(crate::builtin::DEFAULT)?))
    }

    /// Faces as [`AutoFaces`] finds them, named by this bundle.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the threads of the detector cannot be started.
    pub fn auto(bundle: Arc<Bundle>) -> Result<Self> {
        Ok(Self::new(AutoFaces::new(DetectorOptions::default())?, bundle))
    }

    /// Faces as `finder` finds them, named by `bundle`.
    pub fn new(finder: impl FindFaces + 'static, bundle: Arc<Bundle>) -> Self {
        Self { finder: Box::new(finder), bundle }
    }

    /// The same network with another finder, for example a [`YuNet`](crate::YuNet) of other options.
    #[must_use]
    pub fn with_finder(self, finder: impl FindFaces + 'static) -> Self {
        Self { finder: Box::new(finder), ..self }
    }

    /// The same finder with another network.
    #[must_use]
    pub fn with_bundle(self, bundle: Arc<Bundle>) -> Self {
        Self { bundle, ..self }
    }

    /// The network and what it says of itself.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The faces of one picture with their expressions, the largest first; none is a normal answer.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the detector or the network fails.
    pub fn analyze(&self, picture: &Picture) -> Result<Vec<Prediction>> {
        let prepared = self.prepare(picture)?;
        Ok(self.classify(vec![prepared])?.pop().unwrap_or_default())
    }

    /// The part that is done for each picture alone, best in parallel: faces, quality, chips.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the detector fails.
    pub fn prepare(&self, picture: &Picture) -> Result<Prepared> {
        Ok(self.prepared(picture, self.finder.find(picture)?))
    }

    /// The same for a picture that follows closely upon one whose faces had these boxes: as
    /// [`FindFaces::find_near`] finds them again, else by a full look. Faces that were not there before are only seen by that.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_near(&self, picture: &Picture, boxes: &[BoundingBox]) -> Result<Prepared> {
        match self.finder.find_near(picture, boxes)? {
            Some(faces) => Ok(self.prepared(picture, faces)),
            None => self.prepare(picture),
        }
    }

    /// [`prepare_near`](Self::prepare_near) the boxes of the picture before, if there was one and it was as large; else
    /// [`prepare`](Self::prepare).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_after(&self, picture: &Picture, before: Option<&Before>) -> Result<Prepared> {
        match before.filter(|before| (before.width, before.height) == (picture.width(), picture.height())) {
            Some(before) => self.prepare_near(picture, &before.boxes),
            None => self.prepare(picture),
        }
    }

    fn prepared(&self, picture: &Picture, mut faces: Vec<Face>) -> Prepared {
        let preprocess = &self.bundle.card().preprocess;
        // What a picture is about comes first: scores of clear faces differ by chance.
        faces.sort_by(|a, b| b.bounds.area().total_cmp(&a.bounds.area()));
        let faces = faces.into_iter().map(|face| {
            let (quality, chip) = (Quality::of(picture, &face), preprocess.chip(picture, &face));
            (face, quality, chip)
        });
        Prepared { size: (picture.width(), picture.height()), faces: faces.collect() }
    }

    /// The part that is done for all faces of many pictures at once; a list of predictions for each picture, in order.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the network fails.
    pub fn classify(&self, pictures: Vec<Prepared>) -> Result<Vec<Vec<Prediction>>> {
        let counts: Vec<usize> = pictures.iter().map(Prepared::faces).collect();
        let (mut seen, mut chips) = (Vec::new(), Vec::new());
        for Prepared { size: (width, height), faces } in pictures {
            for (face, quality, chip) in faces {
                seen.push((Face { bounds: face.bounds.within(width, height), ..face }, quality));
                chips.push(chip);
            }
        }
        let card = self.bundle.card();
        let mut predictions = seen.into_iter().zip(self.bundle.logits(&chips)?).map(|((face, quality), logits)| {
            let probabilities = card.probabilities(&logits, Some(&quality));
            // The threshold belongs to the card's own temperature.
            let clear = card.conformal.map(|sets| (sets, card.probabilities(&logits, None)));
            let plausible = clear.map(|(sets, clear)| sets.set(&clear).into_iter().map(str::to_owned).collect());
            Prediction { face, probabilities, plausible, quality }
        });
        Ok(counts.into_iter().map(|count| predictions.by_ref().take(count).collect()).collect())
    }
}
