//! A film's frames, looked at: with progress, until the end or until the program is asked to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use fervor::prediction::ErrorInfo;
use fervor::timeline::Timeline;
use fervor::track::Tracked;
use fervor::{Bundle, DetectorOptions, Error, Prediction, Reason, Result};
use fervor_video::pipeline::{Analysis, Settings};
use fervor_video::{Options, Source};

use super::annotate::Annotated;
use super::crops::{self, Crops};
use super::films::Film;
use crate::cli::Video;
use crate::{remedy, setup, talk};

/// What looks at films.
pub struct Eye {
    analyzer: Arc<fervor::Analyzer>,
    options: Options,
    settings: Settings,
    annotate: Option<PathBuf>,
    stop: Arc<AtomicBool>,
}

/// A film that was looked at.
pub struct Looked {
    pub timeline: Timeline,
    pub crops: Crops,
    /// Why it ended before its end.
    pub ended: Option<Error>,
    /// How long it took.
    pub seconds: f64,
}

impl Eye {
    /// # Errors
    /// A detector that does not load.
    pub fn new(args: &Video, bundle: Bundle, stop: Arc<AtomicBool>) -> Result<Self> {
        let threads = args.analysis.threads.or_else(|| std::thread::available_parallelism().map(Into::into).ok()).unwrap_or(1);
        // Frames are what runs in parallel: the detector and the network take one thread each.
        let bundle = bundle.with_lanes(threads);
        let detector =
            DetectorOptions::default().with_detail(args.analysis.detail).with_threshold(args.threshold).with_threads(1);
        let analyzer = setup::analyzer(args.analysis.faces, Arc::new(bundle), detector)?;
        let mut options = Options::default().with_decoders(args.decoder.parse()?);
        options.every = args.every.or(args.fps.map(|fps| 1.0 / fps)).unwrap_or(0.0);
        (options.start, options.end) = (args.start, args.end);
        let settings = Settings::default().with_threads(threads).with_look(args.look);
        let settings = settings.with_pictures(args.annotate.is_some()).with_portraits(crops::SIDE);
        Ok(Self { analyzer: Arc::new(analyzer), options, settings, annotate: args.annotate.clone(), stop })
    }

    pub fn model(&self) -> &Bundle {
        self.analyzer.bundle()
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Looks at a film's frames.
    ///
    /// # Errors
    /// A film that cannot be opened. One that ends early is no error: what was seen is there, with the reason.
    pub fn look_at(&self, film: &Film) -> Result<Looked> {
        if let Some(why) = &film.refused {
            return Err(Error::input(why).because(Reason::Missing));
        }
        let source = Source::open(&film.path, &self.options)?;
        let clip = source.clip().clone();
        let begun = Instant::now();
        let mut timeline = Timeline::new(film.source(), self.analyzer.bundle());
        if clip.width > 0 {
            timeline.set_size(clip.width, clip.height);
        }
        let mut crops = Crops::default();
        let from = self.options.start.unwrap_or(0.0);
        let to = [clip.duration, self.options.end].into_iter().flatten().fold(f64::INFINITY, f64::min);
        let bar = talk::film(to - from);
        // What comes but once has been taken for its pictures.
        let sound = film.path.is_file().then_some(film.path.as_path());
        let annotated = self.annotate.as_deref().map(|output| Annotated::new(output, sound, &clip, &self.options));
        let mut annotated = annotated.transpose().map_err(|error| error.context("--annotate"))?;
        let (mut ended, mut undrawn) = (None, None);
        for seen in Analysis::new(source, Arc::clone(&self.analyzer), self.settings.clone()) {
            let seen = match seen {
                Ok(seen) => seen,
                Err(error) => {
                    ended = Some(error);
                    break;
                }
            };
            match seen.faces {
                Ok(faces) => {
                    let mut portraits = Vec::with_capacity(faces.len());
                    let (faces, tracks): (Vec<Prediction>, Vec<Tracked>) = faces
                        .into_iter()
                        .map(|face| {
                            portraits.push(face.portrait);
                            (face.prediction, face.track)
                        })
                        .unzip();
                    timeline.push(seen.index, seen.time, &faces, &tracks)?;
                    for ((portrait, face), track) in portraits.into_iter().zip(&faces).zip(&tracks) {
                        portrait.into_iter().for_each(|portrait| crops.look(track.id, portrait, face));
                    }
                    // What was seen is kept, whatever becomes of its drawing.
                    if let (Some(film), Some(picture)) = (&mut annotated, &seen.picture)
                        && let Err(error) = film.show(picture, &faces, &tracks, seen.time)
                    {
                        undrawn = Some(error.context("--annotate"));
                        annotated = None;
                    }
                }
                Err(error) => timeline.push_failed(seen.index, seen.time, told(&error))?,
            }
            talk::film_is_at(&bar, seen.time - from, timeline.len());
            if self.is_stopped() {
                break;
            }
        }
        if let Some(Err(error)) = annotated.map(Annotated::finish) {
            undrawn = Some(error.context("--annotate"));
        }
        bar.finish_and_clear();
        if timeline.is_empty()
            && let Some(error) = ended
        {
            return Err(error);
        }
        if ended.is_none() && !self.is_stopped() {
            // The last frame that was looked at lasts until the film ends, or until what was asked for does.
            let first = if self.options.start.is_none() { timeline.start() } else { 0.0 };
            let end = [clip.duration.map(|duration| first + duration), self.options.end].into_iter().flatten().reduce(f64::min);
            end.into_iter().for_each(|end| timeline.set_end(end));
        }
        let ended = ended.or(undrawn);
        Ok(Looked { timeline, crops, ended, seconds: begun.elapsed().as_secs_f64() })
    }
}

/// An error as rows hold it, with the hint in this program's words.
fn told(error: &Error) -> ErrorInfo {
    ErrorInfo { hint: error.remedy().map(remedy::words), ..ErrorInfo::from(error) }
}
