//! Many files on all cores, a row or an error each: `cargo run --example batch -- *.jpg`.

use std::path::PathBuf;

use fervor::{Analyzer, Picture, Result};
use rayon::prelude::*;

/// Files whose faces go through the network together; this bounds the memory.
const TOGETHER: usize = 64;

fn main() -> Result<()> {
    let mut paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        paths = ["examples/astronaut.png", "examples/NOTICE.md", "examples/missing.png"].map(PathBuf::from).into();
    }
    let analyzer = Analyzer::builtin()?;
    for paths in paths.chunks(TOGETHER) {
        // Each alone: reading, decoding, finding faces.
        let prepared: Vec<Result<_>> =
            paths.par_iter().map(|path| Picture::open(path).and_then(|picture| analyzer.prepare(&picture))).collect();
        let mut wrong = Vec::new();
        let mut whole = Vec::new();
        for (path, prepared) in paths.iter().zip(prepared) {
            match prepared {
                Ok(prepared) => whole.push((path, prepared)),
                Err(error) => wrong.push((path, error)),
            }
        }
        // All at once: the network.
        let (paths, prepared): (Vec<_>, Vec<_>) = whole.into_iter().unzip();
        for (path, faces) in paths.into_iter().zip(analyzer.classify(prepared)?) {
            let faces: Vec<String> = faces.iter().map(|face| format!("{} ({:.2})", face.label(), face.confidence())).collect();
            println!("{}\t{}", path.display(), if faces.is_empty() { "no face".to_owned() } else { faces.join(", ") });
        }
        for (path, error) in wrong {
            let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            println!("{}\terror: {}{hint}", path.display(), error.explained());
        }
    }
    Ok(())
}
