//! What several commands set up: threads, the model, the face finder.

use std::sync::Arc;

use fervor::{Analyzer, AutoFaces, Bundle, DetectorOptions, FindFaces, Result, WholePicture, YuNet};

use crate::cli::Faces;
use crate::talk;

/// Sets the number of threads that pictures are worked on with.
pub fn threads(threads: Option<usize>) {
    if let Some(threads) = threads {
        // Fails only if the pool exists already, which no command does before this.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
}

/// The model that a user names, on that many threads or all cores; what there is to say about it is told.
///
/// # Errors
/// As [`Bundle::find`].
pub fn model(name: &str, threads: Option<usize>) -> Result<Bundle> {
    let bundle = Bundle::find(name)?;
    for note in bundle.notes() {
        talk::note(format_args!("{name}: {note}"));
    }
    Ok(match threads {
        Some(threads) => bundle.with_threads(threads),
        None => bundle,
    })
}

/// What finds faces.
///
/// # Errors
/// A detector that does not load.
pub fn finder(faces: Faces, options: DetectorOptions) -> Result<Box<dyn FindFaces>> {
    Ok(match faces {
        Faces::Auto => Box::new(AutoFaces::new(options)?),
        Faces::Detect => Box::new(YuNet::new(options)?),
        Faces::Whole => Box::new(WholePicture),
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
