//! `fervor watch`: live pictures in, a JSON line out for each that there was time for.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fervor::prediction::{ErrorInfo, LiveFace};
use fervor::track::TrackOptions;
use fervor::{DetectorOptions, Error, Result};
use fervor_video::live::{Arrived, Live, Next};
use fervor_video::pipeline::{Seen, Settings};
use fervor_video::{Follower, Options, Source};
use serde::Serialize;

use crate::cli::Watch;
use crate::verdict::Verdict;
use crate::{interrupt, remedy, setup, talk};

/// How often Ctrl-C is looked for while nothing comes.
const PATIENCE: Duration = Duration::from_millis(200);

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    /// The frame's number in the source, from 0.
    frame: u64,
    /// Seconds of the source's clock.
    time: f64,
    /// Frames that nobody had time for, so far.
    dropped: u64,
    /// Milliseconds from the frame's arrival to this line.
    ms: f64,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Faces { width: u32, height: u32, faces: Vec<LiveFace<'a>> },
    Error { error: ErrorInfo },
}

/// Runs the command.
///
/// # Errors
/// Usage, a model that does not load, a source that cannot be opened or of which no frame could be read.
pub fn run(args: &Watch) -> Result<Verdict> {
    setup::threads(args.analysis.threads);
    let stop = interrupt::flag("stopping")?;
    let model = setup::model(&args.analysis.model, args.analysis.threads)?;
    let detector = DetectorOptions::default().with_detail(args.analysis.detail).with_threshold(args.threshold);
    let analyzer = Arc::new(setup::analyzer(args.analysis.faces, Arc::new(model), detector)?);
    let track = TrackOptions::default().with_smoothing(args.smoothing);
    let mut follower = Follower::new(analyzer, Settings::default().with_track(track).with_look(args.look));

    let options = Options::default().with_decoders(args.decoder.parse()?);
    let source = Source::open(&args.source, &options).map_err(|error| error.context(args.source.to_string_lossy()))?;
    let clip = source.clip();
    talk::note(format_args!("{} x {} pixels, {}, decoder {}; Ctrl-C ends", clip.width, clip.height, clip.codec, clip.decoder));
    // Pipes and cameras come at their own speed.
    let paced = !clip.live && args.source != "-";
    let live = Live::new(source, args.fps, paced);
    let mut answered = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        match live.next_within(PATIENCE) {
            Ok(Next::Nothing) => {}
            Ok(Next::End) => break,
            Ok(Next::Frame(arrived)) => {
                answered += 1;
                if !answer(&mut follower, *arrived)? {
                    break;
                }
            }
            Err(error) if answered == 0 => return Err(error),
            Err(error) => {
                talk::warn(talk::at(&args.source.to_string_lossy(), &error));
                return Ok(Verdict::No);
            }
        }
    }
    Ok(Verdict::Yes)
}

/// Looks at a frame and tells; false if nobody listens any more.
fn answer(follower: &mut Follower, arrived: Arrived) -> Result<bool> {
    let Arrived { frame, came, dropped, .. } = arrived;
    let seen = follower.see(frame);
    let outcome = outcome(&seen);
    let ms = (came.elapsed().as_secs_f64() * 1e4).round() / 10.0;
    let line = Line { frame: seen.index, time: (seen.time * 1e6).round() / 1e6, dropped, ms, outcome };
    let mut out = io::stdout().lock();
    let line = serde_json::to_string(&line).expect("a line is JSON");
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Error::output("the answer cannot be written").with_source(e)),
    }
}

fn outcome(seen: &Seen) -> Outcome<'_> {
    let (width, height) = seen.size;
    match &seen.faces {
        Ok(faces) => {
            let faces = faces.iter().map(|face| LiveFace::new(&face.prediction, &face.track)).collect();
            Outcome::Faces { width, height, faces }
        }
        Err(error) => {
            let error = ErrorInfo { hint: error.remedy().map(remedy::words), ..ErrorInfo::from(error) };
            Outcome::Error { error }
        }
    }
}
