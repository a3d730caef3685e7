//! Faces, tracks and expressions of a video, and how fast: `cargo run --release -p fervor-video --example faces -- FILE [LOOK]`.

use std::sync::Arc;
use std::time::Instant;

use fervor::{Analyzer, Bundle, DetectorOptions, YuNet, builtin};
use fervor_video::pipeline::{Analysis, Settings};
use fervor_video::{Options, Source};

/// A few drawn pictures, where nothing else is named.
const DRAWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clips/b-frames.mp4");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| DRAWN.to_owned());
    let look = arguments.next().map_or(Ok(0.2), |text| text.parse())?;
    let threads = std::thread::available_parallelism()?.get();
    let bundle = Bundle::builtin(builtin::DEFAULT)?.with_lanes(threads);
    let analyzer = Analyzer::new(YuNet::new(DetectorOptions::default().with_threads(1))?, Arc::new(bundle));
    let source = Source::open(path, &Options::default())?;
    let (start, mut frames) = (Instant::now(), 0);
    for seen in Analysis::new(source, Arc::new(analyzer), Settings::default().with_look(look).with_threads(threads)) {
        let seen = seen?;
        frames += 1;
        let mark = if seen.new_shot {
            " shot"
        } else if seen.whole {
            " look"
        } else {
            ""
        };
        print!("{} {:.3}{mark}", seen.index, seen.time);
        for face in seen.faces? {
            let (prediction, bounds) = (&face.prediction, face.prediction.face.bounds);
            let words = format!("{} {:.2}", prediction.label(), prediction.confidence());
            print!(" | {}: {words} at {:.0},{:.0} {:.0}", face.track.id, bounds.x, bounds.y, bounds.width);
        }
        println!();
    }
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{frames} frames in {seconds:.2} s: {:.0} a second", f64::from(frames) / seconds);
    Ok(())
}
