//! What the fuzz targets do with bytes from strangers. Each function takes any bytes, and panics only where Fervor breaks a promise:
//! an error is a good answer, a panic, a hang or memory beyond the limits is a bug.

#![forbid(unsafe_code)]

mod files;
mod jpeg;
mod service;
pub mod tiny;

pub use files::{manifest, table};
pub use jpeg::jpeg;
pub use service::service;

use std::sync::{Arc, LazyLock};

use fervor::{Analyzer, Bundle, Face, FindFaces, Limits, Picture};
use fervor_video::pipeline::{Analysis, Settings};
use fervor_video::{Decoders, Options, Source, VideoLimits};

/// Small enough that a mutant costs milliseconds, large enough for every path.
pub const LIMITS: Limits = Limits { bytes: 1 << 20, side: 2048, pixels: 1 << 20 };

/// A picture of any format: what decodes is whole and inside the limits, and survives being written.
pub fn picture(bytes: &[u8]) {
    let Ok(picture) = Picture::decode(bytes, &LIMITS) else { return };
    let (width, height) = (picture.width(), picture.height());
    assert!(width > 0 && height > 0 && width.max(height) <= LIMITS.side);
    assert!(u64::from(width) * u64::from(height) <= LIMITS.pixels);
    assert_eq!(picture.rgb().len(), 3 * width as usize * height as usize);
    if picture.rgb().len() <= 1 << 14 {
        let png = picture.encode_png().expect("a picture can be written");
        assert!(Picture::decode(&png, &LIMITS).expect("and read") == picture);
    }
}

/// Finds nobody.
struct Nobody;

impl FindFaces for Nobody {
    fn find(&self, _: &Picture) -> fervor::Result<Vec<Face>> {
        Ok(Vec::new())
    }
}

/// A video of any kind that the decoders inside know: what is decoded is inside the limits, and its frames are in order; also where
/// it is decoded at several places at once.
pub fn video(bytes: &[u8]) {
    static ANALYZER: LazyLock<Arc<Analyzer>> = LazyLock::new(|| {
        let bundle = Bundle::builtin(fervor::builtin::DEFAULT).expect("a model is inside");
        Arc::new(Analyzer::new(Nobody, Arc::new(bundle)))
    });
    let limits = VideoLimits::default().with_picture(LIMITS).with_frames(500);
    let options = Options::default().with_decoders(Decoders::Own).with_limits(limits);
    let Ok(source) = Source::read(bytes.to_vec(), &options) else { return };
    let mut next = 0;
    for frame in source {
        let Ok(frame) = frame else { break };
        assert!(frame.index >= next && frame.time.is_finite());
        next = frame.index + 1;
        if let Ok(picture) = frame.picture {
            assert!(u64::from(picture.width()) * u64::from(picture.height()) <= LIMITS.pixels);
        }
    }
    if next < 500 {
        // A limit asks for one count, and so for one place.
        let options = options.with_limits(VideoLimits::default().with_picture(LIMITS));
        let Ok(source) = Source::read(bytes.to_vec(), &options) else { return };
        let mut next = 0;
        for seen in Analysis::new(source, Arc::clone(&ANALYZER), Settings::default().with_threads(2)).take(2_000) {
            let Ok(seen) = seen else { break };
            assert!(seen.index >= next);
            next = seen.index + 1;
        }
    }
}

/// A model file: one that loads answers its own golden chip with finite logits, one a class.
pub fn bundle(bytes: &[u8]) {
    let Ok(bundle) = Bundle::load(bytes.to_vec()) else { return };
    let chip = bundle.card().preprocess.golden_chip();
    let logits = bundle.logits(std::slice::from_ref(&chip)).expect("the golden check ran the same chip");
    assert_eq!(logits[0].len(), bundle.card().labels.len());
    assert!(logits[0].iter().all(|logit| logit.is_finite()));
    let _ = bundle.features(&[chip]);
}
