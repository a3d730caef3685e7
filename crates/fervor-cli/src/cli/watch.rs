//! Arguments of `fervor watch`.

use std::ffi::OsString;

use clap::Args;

use super::{Analysis, parse};

#[derive(Debug, Args)]
pub struct Watch {
    /// camera:0, an address such as rtsp://..., a video, which is played at its own speed, or - for JPEGs or H.264 from standard input
    pub source: OsString,
    /// Answer at most so many frames a second [default: all that there is time for]
    #[arg(long, value_name = "RATE", value_parser = parse::frames_a_second)]
    pub fps: Option<f64>,
    /// Averages answers over the track's past: the time constant in seconds; 0 not at all
    #[arg(long, value_name = "SECONDS", default_value_t = fervor::track::TrackOptions::default().smoothing, value_parser = parse::seconds)]
    pub smoothing: f64,
    /// Look at whole frames every so often, and between only where faces were; 0 looks at every frame whole
    #[arg(long, value_name = "SECONDS", default_value_t = 0.2, value_parser = parse::seconds)]
    pub look: f64,
    #[command(flatten)]
    pub analysis: Analysis,
    /// The least score of a face, 0 to 1
    #[arg(long, value_name = "SCORE", default_value_t = fervor::DetectorOptions::default().threshold, value_parser = parse::score, allow_negative_numbers = true)]
    pub threshold: f32,
    /// What decodes: this program, an ffmpeg process, or whichever can
    #[arg(long, default_value = "auto", value_parser = ["auto", "own", "ffmpeg"])]
    pub decoder: String,
}
