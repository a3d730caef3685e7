//! What several commands set up: threads, the model, the face finder.

use std::sync::Arc;

use fervor::{Analyzer, AutoFaces, Bundle, DetectorOptions, FindFaces, PicturePrediction, Result, WholePicture, YuNet};

use crate::cli::{Faces, Pictures};
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

/// The model as its card says, `card`, or as one of its heads answers alone.
///
/// # Errors
/// `Input`: it has no such head.
pub fn head(bundle: Bundle, head: &str) -> Result<Bundle> {
    if head == "card" { Ok(bundle) } else { bundle.through_head(head) }
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

/// How faces are looked for.
pub fn detector(pictures: &Pictures) -> DetectorOptions {
    DetectorOptions::default().with_detail(pictures.analysis.detail)
}

/// Whether a picture in which no face was found was only looked at smaller than it is.
pub fn is_shrunk(pictures: &Pictures, answer: &PicturePrediction) -> bool {
    let longest = answer.width.max(answer.height).unwrap_or(0) as usize;
    pictures.analysis.faces != Faces::Whole && longest > detector(pictures).longest_seen()
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
