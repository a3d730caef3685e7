//! How long the detector takes: `cargo bench -p fervor --bench detector`. Median and least milliseconds.

use std::hint::black_box;
use std::time::Instant;

use fervor::{DetectorOptions, FindFaces, Picture, YuNet};

const RUNS: usize = 50;

/// Median and least.
fn milliseconds(mut work: impl FnMut()) -> [f64; 2] {
    work();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    [times[RUNS / 2], times[0]]
}

/// Smooth waves: no faces, nothing to suppress, every pixel different from black.
fn waves(width: u32, height: u32) -> Picture {
    let value = |i: u32| 128.0 + 100.0 * ((i % width) as f32 * 0.05).sin() * ((i / width) as f32 * 0.07).cos();
    let rgb = (0..width * height).flat_map(|i| [value(i) as u8, value(i + 7) as u8, value(i + 13) as u8]).collect();
    Picture::from_rgb(width, height, rgb).expect("three bytes a pixel")
}

fn main() {
    for threads in [Some(1), None] {
        let usual = DetectorOptions::default();
        let options = threads.map_or(usual.clone(), |count| usual.with_threads(count));
        let detector = YuNet::new(options).expect("usual options");
        let name = threads.map_or("all threads".to_owned(), |count| format!("{count} thread"));
        for (width, height, long_side) in [(320, 320, 320), (640, 480, 640), (1280, 960, 1280)] {
            let picture = waves(width, height);
            let [median, least] = milliseconds(|| drop(black_box(detector.find_at(&picture, long_side))));
            println!("{name}: one look at {width} x {height}: {median:.2} ms, at least {least:.2}");
        }
        let picture = waves(640, 480);
        let [median, least] = milliseconds(|| drop(black_box(detector.find(&picture))));
        println!("{name}: find in {picture:?}, with its look for large faces: {median:.2} ms, at least {least:.2}");
    }
}
