//! [`Analyzer`]: picture, faces, chips, one batch, predictions. What most callers use.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::error::Result;
use crate::face::{Face, FindFaces};
use crate::picture::Picture;
use crate::prediction::Prediction;
use crate::preprocess::Chip;
use crate::quality::Quality;

/// A face finder and a bundle. Immutable, shared between threads.
pub struct Analyzer {
    finder: Box<dyn FindFaces>,
    bundle: Arc<Bundle>,
}

/// A picture's faces, ready for the network: what [`Analyzer::prepare`] hands to [`Analyzer::classify`].
#[derive(Clone, Debug)]
pub struct Prepared {
    faces: Vec<(Face, Quality, Chip)>,
}

impl Prepared {
    /// How many faces the picture has.
    pub fn faces(&self) -> usize {
        self.faces.len()
    }
}

impl Analyzer {
    /// Finds faces with `finder`, names their expressions with `bundle`.
    pub fn new(finder: impl FindFaces + 'static, bundle: Arc<Bundle>) -> Self {
        Self { finder: Box::new(finder), bundle }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The faces of one picture with their expressions, best detection first; none is a normal answer.
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
        let preprocess = &self.bundle.card().preprocess;
        let faces = self.finder.find(picture)?.into_iter().map(|face| {
            let (quality, chip) = (Quality::of(picture, &face), preprocess.chip(picture, &face));
            (face, quality, chip)
        });
        Ok(Prepared { faces: faces.collect() })
    }

    /// The part that is done for all faces of many pictures at once; a list of predictions for each picture, in order.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the network fails.
    pub fn classify(&self, pictures: Vec<Prepared>) -> Result<Vec<Vec<Prediction>>> {
        let chips: Vec<Chip> = pictures.iter().flat_map(|p| p.faces.iter().map(|(_, _, chip)| chip.clone())).collect();
        let card = self.bundle.card();
        let mut logits = self.bundle.logits(&chips)?.into_iter();
        let predict = |(face, quality, _): (Face, Quality, Chip)| {
            let logits = logits.next().expect("one row of logits a chip");
            let probabilities = card.probabilities(&logits, Some(&quality));
            // The threshold belongs to the card's own temperature.
            let clear = card.conformal.map(|sets| (sets, card.probabilities(&logits, None)));
            let plausible = clear.map(|(sets, clear)| sets.set(&clear).into_iter().map(str::to_owned).collect());
            Prediction { face, probabilities, plausible, quality }
        };
        let mut predict = predict;
        Ok(pictures.into_iter().map(|p| p.faces.into_iter().map(&mut predict).collect()).collect())
    }
}
