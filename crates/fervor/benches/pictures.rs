//! Milliseconds from a file's bytes to a chip, on one thread: `cargo bench -p fervor --bench pictures [-- PHOTOGRAPH]`.
//!
//! Without a photograph a drawn picture of 1920 x 1080 pixels is used, saved as JPEG.

use std::hint::black_box;
use std::time::Instant;

use fervor::picture::Filter;
use fervor::preprocess::{Color, Framing};
use fervor::{BoundingBox, Face, Limits, Picture, Preprocess};

fn main() {
    let limits = Limits::default();
    let bytes = match std::env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        Some(path) => std::fs::read(path).expect("the photograph can be read"),
        None => drawing(1920, 1080).encode_jpeg(90).expect("1080p fits into JPEG"),
    };
    let picture = Picture::decode(&bytes, &limits).expect("the photograph is whole");
    println!("{} x {} pixels, {} KiB", picture.width(), picture.height(), bytes.len() / 1024);

    let face = face(&picture);
    let whole = Face::whole(&picture);
    let preprocess = |color, framing| Preprocess { size: 48, color, framing, filter: Filter::Bilinear, standardize: None };
    let tight = preprocess(Color::Gray, Framing::Margin { margin: 0.2, shift_y: 0.0 });
    let aligned = preprocess(Color::Gray, Framing::Aligned { eye_distance: 0.4, eye_y: 0.35 });

    measure("decode", || Picture::decode(&bytes, &limits).unwrap());
    measure("resize, long side 640", || {
        let scale = 640.0 / f64::from(picture.width().max(picture.height()));
        let side = |v: u32| (f64::from(v) * scale).round() as u32;
        picture.resized(side(picture.width()), side(picture.height()), Filter::Bilinear).unwrap()
    });
    measure("chip of a 400 px face, margin", || tight.chip(&picture, &face));
    measure("chip of a 400 px face, aligned", || aligned.chip(&picture, &face));
    measure("chip of the whole picture", || tight.chip(&picture, &whole));
}

/// The median and the least of a second's runs.
fn measure<T>(name: &str, mut work: impl FnMut() -> T) {
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || start.elapsed().as_secs_f64() < 1.0 {
        let start = Instant::now();
        black_box(work());
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("{name:<32} median {:8.3} ms   least {:8.3} ms   ({} runs)", times[times.len() / 2], times[0], times.len());
}

/// A face of 400 x 400 pixels in the picture's middle, a little turned.
fn face(picture: &Picture) -> Face {
    let (x, y) = (picture.width() as f32 / 2.0, picture.height() as f32 / 2.0);
    let landmarks = [[-85.0, -60.0], [80.0, -75.0], [5.0, 25.0], [-60.0, 110.0], [75.0, 100.0]];
    Face {
        bounds: BoundingBox { x: x - 200.0, y: y - 200.0, width: 400.0, height: 400.0 },
        score: Some(1.0),
        landmarks: Some(landmarks.map(|[u, v]| [x + u, y + v])),
    }
}

/// Waves with a little noise: about as hard to code as a photograph.
fn drawing(width: u32, height: u32) -> Picture {
    let mut noise = 1_u32;
    let pixel = |i: u32| {
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (noise >> 28) as f32;
        [(x / 37.0).sin() * (y / 23.0).cos(), (x / 11.0 + y / 90.0).sin(), (y / 17.0).cos()]
            .map(|v| (120.0 + 90.0 * v + grain) as u8)
    };
    Picture::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).expect("three values a pixel")
}
