//! Fervor reads facial expressions: it finds the faces of a picture and says which expression each of them shows, how sure it
//! is, and what about the picture should lower your trust. Everything is pure Rust; the detector and a network are inside the
//! library, nothing is downloaded, no picture leaves the process.
//!
//! # The first answer
//!
//! ```no_run
//! let analyzer = fervor::Analyzer::builtin()?;
//! let picture = fervor::Picture::open("photo.jpg")?;
//! for face in analyzer.analyze(&picture)? {
//!     println!("looks {}: {:.0} %", face.label(), 100.0 * face.confidence());
//! }
//! # Ok::<(), fervor::Error>(())
//! ```
//!
//! A picture without a face gives an empty list, which is a normal answer. [`Analyzer`] is immutable and can be shared by all
//! threads of a program; make it once.
//!
//! # A picture's life
//!
//! | from | by | to |
//! |---|---|---|
//! | a file's bytes | [`Picture::decode`], within [`Limits`] | [`Picture`]: RGB, upright |
//! | a picture | [`FindFaces::find`]: [`AutoFaces`], [`YuNet`], [`WholePicture`] | [`Face`]s: box, score, five landmarks |
//! | a picture and a face | [`Quality::of`] | [`Quality`]: flags that lower trust |
//! | a picture and a face | [`Preprocess::chip`] of the model's [`Card`] | [`Chip`]: the network's input, raw 0..=255 |
//! | chips | [`Bundle::logits`] | one number a class |
//! | logits | [`Card::probabilities`], calibrated | [`Probabilities`]; all of it: [`Prediction`] |
//!
//! Each step is public, and each has one implementation, which training, evaluation and every program of the project share. All
//! of them together, step by step:
//!
//! ```
//! use fervor::{AutoFaces, Bundle, DetectorOptions, FindFaces, Picture, Quality, builtin};
//!
//! # let gray: Vec<u8> = (0..48 * 48).map(|i| (i % 48 * 5) as u8).collect();
//! let picture = Picture::from_gray(48, 48, &gray)?;
//! let finder = AutoFaces::new(DetectorOptions::default())?;
//! let bundle = Bundle::builtin(builtin::DEFAULT)?;
//! let card = bundle.card();
//! for face in finder.find(&picture)? {
//!     let quality = Quality::of(&picture, &face);
//!     let chip = card.preprocess.chip(&picture, &face);
//!     let logits = bundle.logits(&[chip])?.remove(0);
//!     let answer = card.probabilities(&logits, Some(&quality));
//!     assert!((answer.values().iter().sum::<f32>() - 1.0).abs() < 1e-5);
//! }
//! # Ok::<(), fervor::Error>(())
//! ```
//!
//! # Many pictures
//!
//! Decoding and finding faces is done for each picture alone, best on all cores; the network takes the faces of many pictures
//! together. [`Analyzer::prepare`] and [`Analyzer::classify`] are these two halves. One bad file is one error and never stops
//! the others:
//!
//! ```
//! use fervor::{Analyzer, Limits, Picture};
//! use rayon::prelude::*;
//!
//! let analyzer = Analyzer::builtin()?;
//! # let png = Picture::from_gray(48, 48, &[128; 48 * 48])?.encode_png()?;
//! let files: Vec<&[u8]> = vec![&png, b"not a picture", &png];
//! let prepared: Vec<_> = files
//!     .par_iter()
//!     .map(|bytes| Picture::decode(bytes, &Limits::default()).and_then(|picture| analyzer.prepare(&picture)))
//!     .collect();
//! let (whole, bad): (Vec<_>, Vec<_>) = prepared.into_iter().partition(Result::is_ok);
//! let answers = analyzer.classify(whole.into_iter().flatten().collect())?;
//! assert_eq!((answers.len(), bad.len()), (2, 1));
//! # Ok::<(), fervor::Error>(())
//! ```
//!
//! # Threads
//!
//! The detector and the network work on the rayon pool that the caller runs in: by itself that is the global pool with all
//! cores. [`DetectorOptions::with_threads`] and [`Bundle::with_threads`] give them a pool of their own; a service, whose requests
//! are what runs in parallel, gives both one thread ([`Bundle::with_lanes`]). Answers are the same on any number of threads. On
//! `wasm32-unknown-unknown` there are no threads, and everything runs in the caller.
//!
//! # Your own model
//!
//! A model is one file, a *bundle*: an ONNX network whose metadata hold a [`Card`] with the classes, the preprocessing, the
//! temperature, and the logits that the network gave where it was trained. Loading runs the network on the same synthetic input
//! and refuses a file that answers differently. What a model is, is in its file; no function here takes a size or a list of
//! classes beside it. `fervor train` of the crate `fervor-cli`, or the crate `fervor-train`, makes bundles.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! let bundle = fervor::Bundle::open("my-model.onnx".as_ref())?;
//! println!("{}: {}", bundle.card().name, bundle.card().labels);
//! let analyzer = fervor::Analyzer::auto(Arc::new(bundle))?;
//! # Ok::<(), fervor::Error>(())
//! ```
//!
//! # Live pictures
//!
//! A [`Tracker`] joins the faces of successive frames into tracks and smooths their probabilities in time:
//!
//! ```
//! use fervor::track::TrackOptions;
//! use fervor::{Analyzer, Picture, Tracker};
//!
//! let analyzer = Analyzer::builtin()?;
//! let mut tracker = Tracker::new(TrackOptions::default());
//! for (number, level) in [100, 110, 120].into_iter().enumerate() {
//!     let frame = Picture::from_gray(48, 48, &[[level, level + 60]; 24 * 48].concat())?; // a crop: taken for a face
//!     let faces = analyzer.analyze(&frame)?;
//!     let tracks = tracker.update(&faces, number as f64 / 25.0);
//!     assert_eq!(tracks[0].id, 1, "the same face in every frame");
//! }
//! # Ok::<(), fervor::Error>(())
//! ```
//!
//! # Errors
//!
//! There is one type, [`Error`]. Programs match on [`Error::kind`] (whose problem it is) and [`Error::reason`] (what is wrong);
//! people read its text, the [context](Error::contexts) in front of it, and the [`Remedy`]. The error underneath is in
//! [`source`](std::error::Error::source), never also in the text.
//!
//! ```
//! use fervor::{ErrorKind, Limits, Picture, Reason};
//!
//! let error = Picture::decode(b"\xFF\xD8\xFF\xE0 the start of a JPEG", &Limits::default()).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Input);
//! assert!(matches!(error.reason(), Reason::Truncated | Reason::Damaged));
//! assert_eq!(error.hint().as_deref(), Some("copy or download the file again"));
//! ```
//!
//! # Limits
//!
//! Pictures of strangers are decoded within [`Limits`]: bytes, width and height, pixels. All are finite by default, and the
//! header is checked before memory is taken. A picture that is not whole is refused, never filled up.
//!
//! # What it never says
//!
//! - What a person feels. The classes are names of how a face *looks*, given by people who looked at pictures, and people often
//!   disagree: ask [`Probabilities::is_uncertain`], and read the model's card and report for how often it is right.
//! - Who a person is. Nothing here recognises, stores or compares identities.
//! - That it is sure because a picture is bad. Flags of [`Quality`] raise the temperature where the card says so; nothing is
//!   dropped because of them.
//!
//! A decision about a person needs more than this, and in some places the law forbids it (in the European Union, emotion
//! recognition at work and in schools).
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `model-48` | yes | the model `fervor-48`, which [`Analyzer::builtin`] uses: 1.4 MB |
//! | `model-48-votes` | | `fervor-48-votes`, trained on ten people's votes a picture, with contempt: 2.4 MB |
//! | `model-nano` | | `fervor-nano`, a third of the size and a tenth of the work: 0.5 MB |
//! | `builtin` | | all three |
//! | `general` | | an engine for every other network in ONNX (`rten`) |
//!
//! Without `general`, networks as Fervor's training makes them run, on the library's own kernels; of any other
//! [`Bundle::load`] says that it is [unsupported](Reason::Unsupported). Without default features the library holds the detector
//! and no model, for programs that load their own.
//!
//! # More
//!
//! `fervor-draw` draws charts and annotated pictures, `fervor-lab` reads data sets and evaluates, `fervor-train` trains,
//! `fervor-serve` answers over HTTP, `fervor-cli` is the program.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod analyzer;
pub mod builtin;
pub mod bundle;
pub mod emotion;
pub mod error;
pub mod face;
pub mod files;
pub mod hash;
/// ONNX messages and a builder of graphs, for the crates that write bundles (`fervor-train`). It shows the types of `prost`, and
/// changes with them: no part of what this crate promises.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod onnx;
pub mod picture;
pub mod prediction;
pub mod preprocess;
pub mod quality;
/// One graph without its card, for tests and benchmarks of the crates that write bundles: no part of what this crate promises.
#[doc(hidden)]
pub mod runtime;
pub mod shot;
pub mod timeline;
pub mod track;
// For the crates that draw and report; no part of what the library promises.
#[doc(hidden)]
pub mod xml;

pub use analyzer::Analyzer;
pub use bundle::{Bundle, Card};
pub use emotion::{Emotion, LabelMap, LabelSet};
pub use error::{Error, ErrorKind, Reason, Remedy, Result};
pub use face::{AutoFaces, BoundingBox, DetectorOptions, Face, FindFaces, WholePicture, YuNet};
pub use picture::{ContentHash, Limits, Picture};
pub use prediction::{PicturePrediction, Prediction, Probabilities};
pub use preprocess::{Chip, Preprocess};
pub use quality::Quality;
pub use shot::Shots;
pub use timeline::Timeline;
pub use track::Tracker;
