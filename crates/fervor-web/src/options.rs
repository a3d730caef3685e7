//! How one picture is to be looked at, and what looks at it.

use std::sync::Arc;

use fervor::analyzer::Before;
use fervor::{Analyzer, AutoFaces, Bundle, DetectorOptions, Error, Result, WholePicture};
use serde::Deserialize;

/// Of so many different options the finders are kept.
const KEPT: usize = 4;

/// What may be said of a picture, as JSON; what is not said is as everywhere.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Options {
    long_side: Option<usize>,
    threshold: Option<f32>,
    max_faces: Option<usize>,
    detail: bool,
    turns: Option<bool>,
    /// The picture is one face.
    whole: bool,
    /// Where faces were a moment ago.
    near: Option<Before>,
}

impl Options {
    /// The options of an empty text are those of `{}`.
    pub fn parse(json: &str) -> Result<Self> {
        if json.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(json).map_err(|e| Error::input(format!("the options are not understood: {e}")))
    }

    /// What differs from picture to picture, taken out: the rest is the same for all pictures of a camera.
    pub fn take_near(&mut self) -> Option<Before> {
        self.near.take()
    }

    fn detector(&self) -> DetectorOptions {
        let known = DetectorOptions::default();
        let sided = known.clone().with_long_side(self.long_side.unwrap_or(known.long_side));
        let sure = sided.with_threshold(self.threshold.unwrap_or(known.threshold));
        let most = sure.with_max_faces(self.max_faces.unwrap_or(known.max_faces));
        most.with_detail(self.detail).with_turns(self.turns.unwrap_or(known.turns))
    }
}

/// Analyzers by their options, the last used at the end: a page has one for its camera and one for its pictures.
#[derive(Debug, Default)]
pub struct Finders(Vec<(Options, Analyzer)>);

impl Finders {
    /// The analyzer of these options.
    pub fn analyzer(&mut self, options: &Options, bundle: &Arc<Bundle>) -> Result<&Analyzer> {
        let kept = match self.0.iter().position(|(kept, _)| kept == options) {
            Some(index) => self.0.remove(index),
            None => {
                self.0.truncate(KEPT - 1);
                let bundle = Arc::clone(bundle);
                let made = if options.whole {
                    Analyzer::new(WholePicture, bundle)
                } else {
                    Analyzer::new(AutoFaces::new(options.detector())?, bundle)
                };
                (options.clone(), made)
            }
        };
        self.0.insert(0, kept);
        Ok(&self.0[0].1)
    }
}
