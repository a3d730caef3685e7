//! Frames with their times, upright and within limits, from video files, animations, streams and cameras.
//!
//! ```no_run
//! use fervor_video::{Options, Source};
//!
//! let mut source = Source::open("interview.mp4", &Options::default())?;
//! println!("{} x {}, by {}", source.clip().width, source.clip().height, source.clip().decoder);
//! for frame in &mut source {
//!     let frame = frame?; // an error here is the end: why nothing follows
//!     match frame.picture {
//!         Ok(picture) => println!("{}: {:.3} s, {picture:?}", frame.index, frame.time),
//!         Err(error) => println!("{}: {:.3} s, {error}", frame.index, frame.time), // others follow
//!     }
//! }
//! # Ok::<(), fervor::Error>(())
//! ```
//!
//! | what | by |
//! |---|---|
//! | MP4 and MOV with H.264 or HEVC | pure Rust, nothing installed (feature `decoders`) |
//! | H.264 and HEVC as they stand (Annex B), Motion JPEG, also from standard input | pure Rust |
//! | animated GIF, WebP, PNG | pure Rust |
//! | everything else: MKV, WebM, AVI, network streams, cameras | an `ffmpeg` process, where one is found |
//!
//! Times are the file's own: what the container says of each frame, edit lists included, never a count times a frame rate.
//! They never go back: recordings laid end to end, whose clock begins anew, go on where the one before ends.
//! Memory is bounded whatever the length: the index of the file, and a handful of frames.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod clip;
#[cfg(feature = "decoders")]
mod codec;
pub mod ffmpeg;
mod follow;
mod input;
pub mod live;
#[cfg(feature = "decoders")]
mod mp4;
#[cfg(feature = "decoders")]
mod nal;
mod options;
pub mod pipeline;
mod sniff;
mod source;
#[cfg(feature = "decoders")]
mod turn;
#[cfg(feature = "decoders")]
mod yuv;

pub use clip::{Clip, Decoder, Frame};
pub use follow::Follower;
pub use options::{Decoders, Options, VideoLimits};
pub use source::Source;
