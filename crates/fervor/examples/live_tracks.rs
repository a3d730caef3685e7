//! Faces followed from frame to frame, their answers smoothed in time: `cargo run --example live_tracks -- frame-*.png`.

use fervor::preprocess::Filter;
use fervor::track::{TrackOptions, Tracker};
use fervor::{Analyzer, Picture, Result};

const FRAMES_PER_SECOND: f64 = 25.0;

fn main() -> Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let frames: Vec<Picture> = if paths.is_empty() { pan()? } else { paths.iter().map(Picture::open).collect::<Result<_>>()? };

    let analyzer = Analyzer::builtin()?;
    let mut tracker = Tracker::new(TrackOptions::default().with_smoothing(0.3));
    for (number, frame) in frames.iter().enumerate() {
        let time = number as f64 / FRAMES_PER_SECOND;
        let faces = analyzer.analyze(frame)?;
        for (face, track) in faces.iter().zip(tracker.update(&faces, time)) {
            let (class, probability) = track.probabilities.top();
            let x = face.face.bounds.x;
            println!("{time:.2} s: face {} at x = {x:.0}, for {:.2} s: {class} {probability:.2}", track.id, track.age);
        }
    }
    Ok(())
}

/// Frames of a camera that moves over the photograph.
fn pan() -> Result<Vec<Picture>> {
    let photograph = Picture::open("examples/astronaut.png")?.resized(256, 256, Filter::Bilinear)?;
    (0..6).map(|frame| photograph.cropped(6 * frame, 0, 200, 200)).collect()
}
