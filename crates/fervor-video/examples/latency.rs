//! From a frame to its answer on one thread, as `fervor watch` works: `cargo run --release -p fervor-video --example latency -- FILM`.

use std::sync::Arc;
use std::time::Instant;

use fervor::{Analyzer, Bundle, DetectorOptions, YuNet, builtin};
use fervor_video::pipeline::Settings;
use fervor_video::{Follower, Options, Source};

/// A few drawn pictures, where nothing else is named.
const DRAWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clips/b-frames.mp4");

fn main() -> fervor::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| DRAWN.to_owned());
    let bundle = Bundle::builtin(builtin::DEFAULT)?.with_lanes(1);
    let analyzer = Arc::new(Analyzer::new(YuNet::new(DetectorOptions::default().with_threads(1))?, Arc::new(bundle)));
    for (what, look) in [("every frame whole", 0.0), ("whole every 0.2 s", 0.2)] {
        let mut follower = Follower::new(Arc::clone(&analyzer), Settings::default().with_look(look));
        let mut times = Vec::new();
        for frame in Source::open(&path, &Options::default())? {
            let (frame, begun) = (frame?, Instant::now());
            follower.see(frame);
            times.push(1e3 * begun.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize];
        println!("{what}: half of the frames under {:.1} ms, 95 of 100 under {:.1} ms", at(0.5), at(0.95));
    }
    Ok(())
}
