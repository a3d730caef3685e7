//! Fervor for WebAssembly: pictures in, rows `fervor.prediction/1` out, as JSON. The JavaScript under `js/` makes a package of it,
//! which turns what a browser holds (videos, canvases, files) into bytes and pixels, and keeps all of this in a worker.
//!
//! It is compiled into two modules, so that who shows a camera loads no decoders: the feature `analyzer` is what answers, of pixels;
//! `decoder` makes pixels of files, as the other programs of Fervor do it, to the last bit.
//!
//! Nothing here fetches anything: a model comes as the bytes of its file. Errors are the JSON object that rows have under `error`:
//! `{"kind", "reason", "message", "hint"}`.

#![deny(missing_docs)]

#[cfg(feature = "analyzer")]
mod analyzer;
#[cfg(feature = "decoder")]
mod decoder;
#[cfg(feature = "analyzer")]
mod options;
#[cfg(feature = "analyzer")]
mod tracker;

use fervor::Error;
use fervor::prediction::ErrorInfo;
use serde::Serialize;

#[cfg(feature = "analyzer")]
pub use analyzer::Analyzer;
#[cfg(feature = "decoder")]
pub use decoder::Decoded;
#[cfg(feature = "analyzer")]
pub use tracker::Tracker;

/// An error as JSON.
fn said(error: &Error) -> String {
    json(&ErrorInfo::from(error))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("rows and errors are JSON")
}

#[cfg(all(test, feature = "analyzer", feature = "decoder"))]
mod tests {
    use super::*;
    use serde_json::Value;

    const ASTRONAUT: &[u8] = include_bytes!("../../../examples/astronaut.png");

    fn analyzer() -> Analyzer {
        Analyzer::new(fervor::builtin::bytes("fervor-nano").unwrap().to_vec()).unwrap()
    }

    /// The row of a file, as the package's scripts make it of both modules.
    fn file(analyzer: &mut Analyzer, bytes: &[u8], source: &str, options: &str) -> Value {
        parsed(&match Decoded::new(bytes, 0.0) {
            Ok(decoded) => {
                let (width, height) = (decoded.width(), decoded.height());
                analyzer.decoded(decoded.rgb(), width, height, source, options)
            }
            Err(error) => analyzer.unread(&error, source),
        })
    }

    fn parsed(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_file_and_its_pixels_have_the_same_faces() {
        let decoded = Decoded::new(ASTRONAUT, 0.0).unwrap();
        let (width, height) = (decoded.width(), decoded.height());
        let rgba: Vec<u8> = decoded.rgb().as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
        let mut analyzer = analyzer();
        let row = file(&mut analyzer, ASTRONAUT, "a", "");
        let pixels = parsed(&analyzer.pixels(rgba, width, height, "a", "{}"));
        assert_eq!(row, pixels);
        assert_eq!(row["faces"][0]["label"], "happy");
        assert_eq!(row["model"]["sha256"], parsed(&analyzer.model())["sha256"]);
    }

    #[test]
    fn what_is_no_picture_has_its_reason_in_its_row() {
        let mut analyzer = analyzer();
        let row = file(&mut analyzer, b"text", "notes.txt", "");
        assert_eq!((&row["source"], &row["error"]["reason"]), (&"notes.txt".into(), &"not_a_picture".into()));
        let row = parsed(&analyzer.pixels(vec![0; 7], 2, 1, "canvas", ""));
        assert_eq!(row["error"]["reason"], "mismatch");
        let row = parsed(&analyzer.pixels(vec![90; 4], 1, 1, "a", r#"{"longSide": 3}"#));
        assert!(row["error"]["message"].as_str().unwrap().contains("long side"), "{row}");
        let row = parsed(&analyzer.pixels(vec![90; 4], 1, 1, "a", r#"{"longside": 320}"#));
        assert!(row["error"]["message"].as_str().unwrap().contains("longside"), "{row}");
        let error = parsed(&Decoded::new(ASTRONAUT, 1000.0).unwrap_err());
        assert_eq!(error["reason"], "too_large");
    }

    #[test]
    fn a_picture_becomes_a_png_of_the_same_pixels() {
        let decoded = Decoded::new(ASTRONAUT, 0.0).unwrap();
        let again = Decoded::new(&decoded.png().unwrap(), 0.0).unwrap();
        assert_eq!(decoded.rgb(), again.rgb());
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
        let row = file(&mut analyzer, ASTRONAUT, "frame", "").to_string();
        for time in [0.0, 0.04, 0.08] {
            let faces = parsed(&tracker.update(&row, time).unwrap());
            assert_eq!((&faces[0]["track"], &faces[0]["age"]), (&1.into(), &time.into()));
        }
        assert_eq!(parsed(&tracker.update("{}", 1.0).unwrap_err())["reason"], "damaged");
    }
}
