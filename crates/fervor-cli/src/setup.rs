//! What several commands set up: threads, the model, the face finder.

use std::path::Path;
use std::sync::Arc;

use fervor::{Analyzer, AutoFaces, Bundle, DetectorOptions, Result, WholePicture, YuNet, builtin, bundle};

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
    Ok(model_with_bytes(name, threads)?.0)
}

/// The same with the bytes of its file.
///
/// # Errors
/// As [`model`].
pub fn model_with_bytes(name: &str, threads: Option<usize>) -> Result<(Bundle, Vec<u8>)> {
    let bytes = match builtin::bytes(name) {
        Some(bytes) => bytes.to_vec(),
        None if name.ends_with(".onnx") || Path::new(name).exists() => bundle::read(Path::new(name))?,
        None => return Err(builtin::unknown(name)),
    };
    let bundle = Bundle::load(bytes.clone()).map_err(|e| e.context(name))?;
    Ok((with_threads(bundle, threads), bytes))
}

/// The bundle on that many threads, or on all cores.
pub fn with_threads(bundle: Bundle, threads: Option<usize>) -> Bundle {
    match threads {
        Some(threads) => bundle.with_threads(threads),
        None => bundle,
    }
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
