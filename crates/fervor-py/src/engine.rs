//! What answers in this process: made at the first question, and made anew in a process that was forked.

use std::sync::Arc;

use fervor::analyzer::Answer;
use fervor::{Analyzer, AutoFaces, Bundle, DetectorOptions, Error, Limits, Picture, Result, WholePicture, YuNet};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::sources::Source;

/// How faces are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faces {
    /// By the detector in photographs, whole in crops of faces.
    Auto,
    /// By the detector.
    Detect,
    /// Each picture is one face.
    Whole,
}

impl Faces {
    /// The name that Python uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Detect => "detect",
            Self::Whole => "whole",
        }
    }

    /// The way of this name.
    pub fn parse(name: &str) -> Result<Self> {
        [Self::Auto, Self::Detect, Self::Whole]
            .into_iter()
            .find(|way| way.name() == name)
            .ok_or_else(|| Error::input(format!("faces is \"auto\", \"detect\" or \"whole\", not {name:?}")))
    }
}

/// What an analyzer is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How faces are looked for.
    pub faces: Faces,
    /// Threads; `None`: as many as there are cores, and one where somebody else already runs a process for each.
    pub threads: Option<usize>,
    /// Whether pictures are looked at in all their detail.
    pub detail: bool,
    /// The least score of a face.
    pub threshold: f32,
    /// Faces with a shorter side, in pixels, are left out.
    pub minimum_face: f32,
}

/// An analyzer and its threads.
pub struct Engine {
    analyzer: Analyzer,
    minimum_face: f32,
    /// `None`: the thread that asks does the work itself, so that as many threads of Python can ask at once.
    pool: Option<ThreadPool>,
    /// The process that it was made in: threads do not survive a fork.
    process: u32,
}

/// How many threads may ask a network of one thread at once, before one waits for another.
const LANES: usize = 64;

fn analyzer(faces: Faces, bundle: Arc<Bundle>, options: DetectorOptions) -> Result<Analyzer> {
    Ok(match faces {
        Faces::Auto => Analyzer::new(AutoFaces::new(options)?, bundle),
        Faces::Detect => Analyzer::new(YuNet::new(options)?, bundle),
        Faces::Whole => Analyzer::new(WholePicture, bundle),
    })
}

impl Engine {
    /// An engine for this process, on that many threads.
    pub fn new(bundle: Bundle, settings: &Settings, threads: usize) -> Result<Self> {
        let options = DetectorOptions::default().with_detail(settings.detail).with_threshold(settings.threshold);
        let (pool, options, bundle) = if threads <= 1 {
            (None, options.with_threads(1), bundle.with_lanes(LANES))
        } else {
            let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|number| format!("fervor-{number}")).build();
            let pool = pool.map_err(|e| Error::input(format!("{threads} threads cannot be started")).with_source(e))?;
            (Some(pool), options, bundle)
        };
        let analyzer = analyzer(settings.faces, Arc::new(bundle), options)?;
        Ok(Self { analyzer, minimum_face: settings.minimum_face, pool, process: std::process::id() })
    }

    /// An analyzer for many frames at once, each on one thread.
    pub fn for_frames(bundle: Bundle, settings: &Settings, threads: usize) -> Result<Arc<Analyzer>> {
        let options = DetectorOptions::default().with_detail(settings.detail).with_threshold(settings.threshold);
        let bundle = Arc::new(bundle.with_lanes(threads));
        Ok(Arc::new(analyzer(settings.faces, bundle, options.with_threads(1))?))
    }

    /// Whether its threads live in this process.
    pub fn is_here(&self) -> bool {
        self.process == std::process::id()
    }

    /// The answer to one picture, which is given back beside it.
    pub fn one(&self, source: &Source) -> Result<(Picture, Answer)> {
        self.run(|| {
            let picture = source.read(&Limits::default())?;
            let faces = self.analyzer.analyze(&picture)?;
            let size = (picture.width(), picture.height());
            Ok((picture, self.without_small(Answer { size, faces })))
        })
    }

    /// An answer or an error for each, in order.
    pub fn all<S: Sync>(&self, sources: &[S], read: impl Fn(&S) -> Result<Picture> + Send + Sync) -> Vec<Result<Answer>> {
        let answers = match &self.pool {
            Some(pool) => pool.install(|| self.analyzer.answer_all(sources, read)),
            None => {
                let one = |source: &S| read(source).and_then(|picture| self.analyzer.prepare(&picture));
                self.analyzer.answers(sources.iter().map(one).collect())
            }
        };
        answers.into_iter().map(|answer| answer.map(|answer| self.without_small(answer))).collect()
    }

    fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    fn without_small(&self, mut answer: Answer) -> Answer {
        answer.faces.retain(|face| face.face.bounds.width.min(face.face.bounds.height) >= self.minimum_face);
        answer
    }
}
