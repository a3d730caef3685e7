//! What answers.

use std::sync::Arc;

use fervor::prediction::{ErrorInfo, ModelInfo};
use fervor::{Bundle, Picture, PicturePrediction, Result};
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::options::{Finders, Options};
use crate::{json, said};

/// A model with what finds its faces.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Analyzer {
    bundle: Arc<Bundle>,
    model: ModelInfo,
    finders: Finders,
}

#[wasm_bindgen]
impl Analyzer {
    /// A model of the bytes of its file, which proves itself as it loads.
    ///
    /// # Errors
    /// The file is no bundle, or is damaged.
    #[wasm_bindgen(constructor)]
    pub fn new(bundle: Vec<u8>) -> std::result::Result<Self, String> {
        let bundle = Arc::new(Bundle::load(bundle).map_err(|e| said(&e))?);
        Ok(Self { model: ModelInfo::from(&*bundle), finders: Finders::default(), bundle })
    }

    /// What the model says of itself: `{"name", "sha256", "labels", "description", "licence", "notes"}`.
    pub fn model(&self) -> String {
        let card = self.bundle.card();
        let ModelInfo { name, sha256 } = &self.model;
        let notes: Vec<String> = self.bundle.notes().iter().map(ToString::to_string).collect();
        json!({
            "name": name,
            "sha256": sha256,
            "labels": card.labels.names(),
            "description": card.description,
            "licence": card.licence,
            "notes": notes,
        })
        .to_string()
    }

    /// The row of pixels as canvases hold them: red, green, blue and opacity; what is transparent lies over white.
    pub fn pixels(&mut self, rgba: Vec<u8>, width: u32, height: u32, source: &str, options: &str) -> String {
        self.row(source, options, || Picture::from_rgba(width, height, rgba))
    }

    /// The row of pixels as files are decoded to: red, green, blue.
    pub fn decoded(&mut self, rgb: Vec<u8>, width: u32, height: u32, source: &str, options: &str) -> String {
        self.row(source, options, || Picture::from_rgb(width, height, rgb))
    }

    /// The row of a picture that could not be read: `error` is what the decoder said.
    pub fn unread(&self, error: &str, source: &str) -> String {
        let unknown = |e: serde_json::Error| ErrorInfo { kind: "input".into(), reason: None, message: e.to_string(), hint: None };
        let error = serde_json::from_str(error).unwrap_or_else(unknown);
        json(&PicturePrediction::failed(source, None, self.model.clone(), error))
    }

    fn row(&mut self, source: &str, options: &str, picture: impl FnOnce() -> Result<Picture>) -> String {
        let mut size = None;
        let answered = (|| {
            let mut options = Options::parse(options)?;
            let near = options.take_near();
            let picture = picture()?;
            let analyzer = self.finders.analyzer(&options, &self.bundle)?;
            size = Some((picture.width(), picture.height()));
            let prepared = analyzer.prepare_after(&picture, near.as_ref())?;
            Ok(analyzer.classify(vec![prepared])?.pop().unwrap_or_default())
        })();
        let (model, source) = (self.model.clone(), source.to_owned());
        json(&match answered {
            Ok(faces) => PicturePrediction::answered(source, size.unwrap_or_default(), model, faces),
            Err(error) => PicturePrediction::failed(source, size, model, ErrorInfo::from(&error)),
        })
    }
}
