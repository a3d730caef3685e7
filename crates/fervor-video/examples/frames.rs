//! What a video says of itself, and each of its frames: `cargo run -p fervor-video --example frames -- FILE`.

use fervor_video::{Options, Source};

/// A few drawn pictures, where nothing else is named.
const DRAWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clips/b-frames.mp4");

fn main() -> Result<(), fervor::Error> {
    let path = std::env::args().nth(1).unwrap_or_else(|| DRAWN.to_owned());
    let mut source = Source::open(path, &Options::default())?;
    println!("{:?}", source.clip());
    for frame in &mut source {
        let frame = frame?;
        match frame.picture {
            Ok(picture) => println!("{} {:.6} {}", frame.index, frame.time, &picture.content_hash().to_string()[..12]),
            Err(error) => println!("{} {:.6} {}", frame.index, frame.time, error.explained()),
        }
    }
    Ok(())
}
