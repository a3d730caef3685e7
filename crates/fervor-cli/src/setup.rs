//! What several commands set up: threads, the model, the face finder.

use std::path::Path;
use std::sync::Arc;

use fervor::{Analyzer, AutoFaces, Bundle, DetectorOptions, Result, WholePicture, YuNet, builtin};

use crate::cli::Faces;

/// Sets the number of threads that pictures are worked on with.
pub fn threads(threads: Option<usize>) {
    if let Some(threads) = threads {
        // Fails only if the pool exists already, which no command does before this.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
}

/// The built-in model of this name, or the bundle at this path.
///
/// # Errors
/// No such model, or a bundle that does not load.
pub fn model(name: &str, threads: Option<usize>) -> Result<Bundle> {
    let bundle = match builtin::bytes(name) {
        Some(bytes) => Bundle::load(bytes.to_vec()),
        None if name.ends_with(".onnx") || Path::new(name).exists() => Bundle::open(Path::new(name)),
        None => Err(builtin::unknown(name)),
    }?;
    Ok(match threads {
        Some(threads) => bundle.with_threads(threads),
        None => bundle,
    })
}

/// The analyzer for a model and a way of finding faces.
///
/// # Errors
/// A detector that does not load.
pub fn analyzer(faces: Faces, bundle: Arc<Bundle>, options: DetectorOptions) -> Result<Analyzer> {
    Ok(match faces {
        Faces::Auto => Analyzer::new(AutoFaces::new(options)?, bundle),
        Faces::Detect => Analyzer::new(YuNet::new(options)?, bundle),
        Faces::Whole => Analyzer::new(WholePicture, bundle),
    })
}
