//! Fervor for WebAssembly: pictures in, rows `fervor.prediction/1` out, as JSON. The JavaScript under `js/` makes a package of it,
//! which turns what a browser holds (videos, canvases, files) into bytes and pixels, and keeps all of this in a worker.
//!
//! Nothing here fetches anything: a model comes as the bytes of its file.
//!
//! Errors are the JSON object that rows have under `error`: `{"kind", "reason", "message", "hint"}`.

#![deny(missing_docs)]

mod options;

use std::sync::Arc;

use fervor::prediction::{ErrorInfo, LiveFace, ModelInfo};
use fervor::track::{TrackOptions, Tracked};
use fervor::{Bundle, Error, Limits, Picture, PicturePrediction, Result};
use serde::Serialize;
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;

use options::{Finders, Options};

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

    /// The row of a picture as a file of any format that is read; one that cannot be read has its error in the row.
    pub fn file(&mut self, bytes: &[u8], source: &str, options: &str) -> String {
        self.row(source, options, |limits| Picture::decode(bytes, limits))
    }

    /// The row of pixels as canvases hold them: red, green, blue and opacity; what is transparent lies over white.
    pub fn pixels(&mut self, rgba: &[u8], width: u32, height: u32, source: &str, options: &str) -> String {
        self.row(source, options, |_| Picture::from_rgba(width, height, rgba))
    }

    fn row(&mut self, source: &str, options: &str, picture: impl FnOnce(&Limits) -> Result<Picture>) -> String {
        let mut size = None;
        let answered = (|| {
            let options = Options::parse(options)?;
            let picture = picture(&options.limits())?;
            size = Some((picture.width(), picture.height()));
            self.finders.analyzer(&options, &self.bundle)?.analyze(&picture)
        })();
        let (model, source) = (self.model.clone(), source.to_owned());
        json(&match (answered, size) {
            (Ok(faces), Some(size)) => PicturePrediction::answered(source, size, model, faces),
            (Ok(_), None) => unreachable!("an answer is of a picture"),
            (Err(error), size) => PicturePrediction::failed(source, size, model, ErrorInfo::from(&error)),
        })
    }
}

/// Joins the faces of successive frames into tracks with smoothed probabilities.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Tracker(fervor::Tracker);

#[wasm_bindgen]
impl Tracker {
    /// A tracker that has seen no frame. `smoothing` is the time constant in seconds.
    #[wasm_bindgen(constructor)]
    pub fn new(smoothing: f64) -> Self {
        Self(fervor::Tracker::new(TrackOptions::default().with_smoothing(smoothing)))
    }

    /// Sets the smoothing's time constant from now on, in seconds.
    pub fn smooth(&mut self, seconds: f64) {
        self.0.set_smoothing(seconds);
    }

    /// The faces of a row, which is of the frame at `time` in seconds: a list as the service's WebSocket sends it, each with its
    /// `track` and `age`; label, confidence, words and probabilities are smoothed.
    ///
    /// # Errors
    /// What is given is no row.
    pub fn update(&mut self, row: &str, time: f64) -> std::result::Result<String, String> {
        let row = PicturePrediction::parse(row).map_err(|e| said(&e))?;
        let tracked: Vec<Tracked> = self.0.update(&row.faces, time);
        let faces: Vec<LiveFace> = row.faces.iter().zip(&tracked).map(|(face, tracked)| LiveFace::new(face, tracked)).collect();
        Ok(json(&faces))
    }
}

/// A picture's file of any format that is read as a PNG, upright: for browsers that cannot show it.
///
/// # Errors
/// The picture cannot be read.
#[wasm_bindgen]
pub fn png(bytes: &[u8]) -> std::result::Result<Vec<u8>, String> {
    Picture::decode(bytes, &Limits::default()).and_then(|picture| picture.encode_png()).map_err(|e| said(&e))
}

/// The version of Fervor.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// An error as JSON.
fn said(error: &Error) -> String {
    json(&ErrorInfo::from(error))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("rows and errors are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn analyzer() -> Analyzer {
        Analyzer::new(fervor::builtin::bytes("fervor-nano").unwrap().to_vec()).unwrap()
    }

    fn parsed(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_file_and_its_pixels_have_the_same_faces() {
        let png = include_bytes!("../../../examples/astronaut.png");
        let picture = Picture::decode(png, &Limits::default()).unwrap();
        let rgba: Vec<u8> = picture.rgb().as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
        let mut analyzer = analyzer();
        let file = parsed(&analyzer.file(png, "a", ""));
        let pixels = parsed(&analyzer.pixels(&rgba, picture.width(), picture.height(), "a", "{}"));
        assert_eq!(file, pixels);
        assert_eq!(file["faces"][0]["label"], "happy");
        assert_eq!(file["model"]["sha256"], parsed(&analyzer.model())["sha256"]);
    }

    #[test]
    fn what_is_no_picture_has_its_reason_in_its_row() {
        let row = parsed(&analyzer().file(b"text", "notes.txt", ""));
        assert_eq!((&row["source"], &row["error"]["kind"]), (&"notes.txt".into(), &"input".into()));
        let row = parsed(&analyzer().pixels(&[0; 7], 2, 1, "canvas", ""));
        assert_eq!(row["error"]["reason"], "mismatch");
        let row = parsed(&analyzer().file(b"text", "a", r#"{"longSide": 3}"#));
        assert!(row["error"]["message"].as_str().unwrap().contains("not a picture"), "{row}");
        let row = parsed(&analyzer().pixels(&[90; 4], 1, 1, "a", r#"{"longside": 320}"#));
        assert!(row["error"]["message"].as_str().unwrap().contains("longside"), "{row}");
    }

    #[test]
    fn a_file_that_is_no_bundle_is_refused_in_words() {
        let error = parsed(&Analyzer::new(b"not a bundle".to_vec()).unwrap_err());
        assert_eq!(error["kind"], "model");
    }

    #[test]
    fn faces_of_successive_frames_are_one_track() {
        let mut analyzer = analyzer();
        let mut tracker = Tracker::new(0.5);
        let row = analyzer.file(include_bytes!("../../../examples/astronaut.png"), "frame", "");
        for time in [0.0, 0.04, 0.08] {
            let faces = parsed(&tracker.update(&row, time).unwrap());
            assert_eq!((&faces[0]["track"], &faces[0]["age"]), (&1.into(), &time.into()));
        }
        assert_eq!(parsed(&tracker.update("{}", 1.0).unwrap_err())["reason"], "damaged");
    }
}
