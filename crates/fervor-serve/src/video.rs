//! `POST /video`: a video in, a JSON line a frame out as it is looked at. Only where the operator allows it, and within what the
//! operator allows: in bytes, seconds, frames, and at once.
//!
//! Decoded by what is inside the program: a stranger's file starts no other one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fervor::prediction::LiveFace;
use fervor::track::TrackOptions;
use fervor::{Error, Remedy};
use fervor_video::pipeline::{Seen, Settings as Looking};
use fervor_video::{Decoders, Follower, Options as Asked, Source, VideoLimits};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::body::{self, Hold, Refused};
use crate::error::ApiError;
use crate::settings::VideoSettings;
use crate::state::App;

/// Lines that wait for their client.
const WAITING: usize = 64;

/// The greatest time constant of the smoothing, in seconds.
const MOST_SMOOTHING: f64 = 60.0;

/// The greatest of the other times, in seconds.
const MOST_TIME: f64 = 1e6;

/// What may stand after the `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Which model answers.
    model: Option<String>,
    /// Seconds between the frames that are looked at.
    every: Option<f64>,
    /// Where to begin and to end, in seconds.
    start: Option<f64>,
    end: Option<f64>,
    /// The time constant of the smoothing, in seconds.
    smoothing: Option<f64>,
}

/// What is known, as a hint.
const KNOWN: &str = "known are model=NAME, every=SECONDS, start=SECONDS, end=SECONDS, smoothing=SECONDS from 0 to 60";

/// A line of the answer.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    /// A frame that was looked at.
    Seen { frame: u64, time: f64, shot: bool, width: u32, height: u32, faces: Vec<LiveFace<'a>> },
    /// A frame that could not be; others follow.
    Broken { frame: u64, time: f64, error: &'a ApiError },
    /// The last line. Without it the answer is not whole.
    End { done: bool, frames: u64, error: Option<&'a ApiError> },
}

/// What is looked at, and what it holds while it is.
struct Work {
    source: Source,
    follower: Follower,
    app: App,
    _hold: Arc<Hold>,
    _place: OwnedSemaphorePermit,
}

/// The handler.
///
/// # Errors
/// Times between which no frame can lie or none does; a body that is no video that can be decoded here, or is too large; a service that looks at as many as it may.
pub async fn video(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let Some(allowed) = app.settings().video else { return Err(ApiError::not_found("/video")) };
    let Query(options) = Query::<Options>::try_from_uri(request.uri()).map_err(|e| ApiError::malformed(e.body_text(), KNOWN))?;
    let model = app.model_called(options.model.as_deref())?;
    let asked = asked(&options, &allowed, app.settings().limits())?;
    // Taken once the video is there: a client that is slow to send it keeps nobody from being answered.
    drop(app.video_place()?);
    let (request, hold) =
        body::metered(request, allowed.bytes, app.budget(), app.settings().timeout).await.map_err(Refused::to_api)?;
    let bytes = body::whole(request).await.map_err(Refused::to_api)?;
    let place = app.video_place()?;
    let (source, (hold, place)) = opened(bytes, asked, (hold, place)).await?;
    let track = TrackOptions::default().with_smoothing(options.smoothing.unwrap_or(0.5));
    let follower = Follower::new(app.engine().shared_analyzer(model), Looking::default().with_track(track));
    let (lines, answer) = mpsc::channel(WAITING);
    let work = Work { source, follower, app, _hold: hold, _place: place };
    let runtime = tokio::runtime::Handle::current();
    // Not on the pool for short work: a video takes its time.
    std::thread::Builder::new()
        .name("fervor-video".to_owned())
        .spawn(move || {
            let patience = work.app.settings().timeout;
            // Nobody who does not read keeps this thread.
            let send = |line| {
                runtime.block_on(async { tokio::time::timeout(patience, lines.send(line)).await.is_ok_and(|sent| sent.is_ok()) })
            };
            work.run(send);
        })
        .map_err(|_| ApiError::busy())?;
    let lines = stream::unfold(answer, async |mut answer| {
        answer.recv().await.map(|line: Bytes| (Ok::<_, std::convert::Infallible>(line), answer))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

/// Opens a video, and gives back what is held meanwhile. It goes along with the work: a client that hangs up frees it no sooner
/// than the opening ends.
async fn opened<H: Send + 'static>(
    bytes: impl AsRef<[u8]> + Send + Sync + 'static,
    asked: Asked,
    held: H,
) -> Result<(Source, H), ApiError> {
    let opening = tokio::task::spawn_blocking(move || (Source::read(bytes, &asked), held));
    let (source, held) = opening.await.map_err(|_| ApiError::internal())?;
    Ok((source.map_err(|error| refused(&error))?, held))
}

/// The options of the source, within what is allowed.
fn asked(options: &Options, allowed: &VideoSettings, picture: fervor::Limits) -> Result<Asked, ApiError> {
    let times = [
        ("every", options.every, MOST_TIME),
        ("start", options.start, MOST_TIME),
        ("end", options.end, MOST_TIME),
        ("smoothing", options.smoothing, MOST_SMOOTHING),
    ];
    for (name, time, most) in times {
        if let Some(time) = time.filter(|time| !(0.0..=most).contains(time)) {
            return Err(ApiError::malformed(format!("{name} is a time from 0 to {most} seconds, got {time}"), KNOWN));
        }
    }
    if let (Some(start), Some(end)) = (options.start, options.end)
        && start >= end
    {
        return Err(ApiError::malformed(format!("start={start} is not before end={end}: no frame lies between"), KNOWN));
    }
    let picture = VideoLimits::default().picture.with_bytes(picture.bytes);
    let limits = VideoLimits::default().with_picture(picture).with_frames(allowed.frames).with_seconds(allowed.seconds);
    let mut asked = Asked::default().with_decoders(Decoders::Own).with_limits(limits);
    asked.every = options.every.unwrap_or(0.0);
    (asked.start, asked.end) = (options.start, options.end);
    Ok(asked)
}

/// The error of a video, whose hint is about videos.
fn refused(error: &Error) -> ApiError {
    let mut refused = ApiError::of_picture(error);
    if error.remedy() == Some(&Remedy::Shrink) {
        refused.info.hint = Some("send a shorter or smaller video".to_owned());
    }
    refused
}

impl Work {
    /// Looks at frame after frame until the end, or until nobody listens.
    fn run(self, send: impl Fn(Bytes) -> bool) {
        let Self { source, mut follower, app, .. } = self;
        let (mut frames, mut ended) = (0, None);
        for frame in source {
            if app.is_closing() {
                ended = Some(ApiError::busy());
                break;
            }
            let seen = match frame {
                Ok(frame) => follower.see(frame),
                Err(error) => {
                    ended = Some(refused(&error));
                    break;
                }
            };
            frames += 1;
            if !send(told(&seen, &app)) {
                return;
            }
        }
        let end = Line::End { done: ended.is_none(), frames, error: ended.as_ref() };
        send(line(&end));
    }
}

fn told(seen: &Seen, app: &App) -> Bytes {
    let (frame, time) = (seen.index, (seen.time * 1e6).round() / 1e6);
    match &seen.faces {
        Ok(faces) => {
            app.metrics().frames_answered.add(1);
            let faces = faces.iter().map(|face| LiveFace::new(&face.prediction, &face.track)).collect();
            let (width, height) = seen.size;
            line(&Line::Seen { frame, time, shot: seen.new_shot, width, height, faces })
        }
        Err(error) => line(&Line::Broken { frame, time, error: &refused(error) }),
    }
}

fn line(line: &Line<'_>) -> Bytes {
    let mut text = serde_json::to_vec(line).expect("a line is JSON");
    text.push(b'\n');
    text.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    /// Bytes that are not there before they are let go.
    struct Slow(Mutex<Receiver<()>>);

    impl AsRef<[u8]> for Slow {
        fn as_ref(&self) -> &[u8] {
            // The other end was dropped: let go.
            let _ = self.0.lock().unwrap().recv();
            b"no video at all"
        }
    }

    /// Each was told that times are seconds and not negative, and a time without a frame was no error at all.
    #[test]
    fn a_time_that_is_not_allowed_is_told_with_what_is() {
        let asked = |query: &str| {
            let Query(options) = Query::<Options>::try_from_uri(&format!("/video?{query}").parse().unwrap()).unwrap();
            asked(&options, &VideoSettings::default(), fervor::Limits::default())
        };
        let cases = [
            ("smoothing=61", "smoothing is a time from 0 to 60 seconds, got 61"),
            ("every=-1", "every is a time from 0 to 1000000 seconds, got -1"),
            ("end=NaN", "end is a time from 0 to 1000000 seconds, got NaN"),
            ("start=5&end=5", "start=5 is not before end=5: no frame lies between"),
        ];
        for (query, message) in cases {
            let error = asked(query).unwrap_err();
            assert_eq!((error.status.as_u16(), error.info.message.as_str()), (400, message));
        }
        assert!(asked("every=0.2&start=1&end=2&smoothing=60").is_ok());
    }

    #[tokio::test]
    async fn a_video_without_a_frame_in_the_time_asked_for_is_refused() {
        let clip = include_bytes!("../../fervor-video/tests/clips/b-frames.mp4");
        let late = Asked::default().with_decoders(Decoders::Own).with_start(9.0);
        let error = opened(clip, late, ()).await.unwrap_err();
        let told = "no frame begins at 9 s or later; the last one begins at 0.96 s";
        assert_eq!((error.status.as_u16(), error.info.message.as_str()), (422, told));
    }

    /// The hint for one that lasts too long was to make the picture smaller.
    #[test]
    fn a_video_over_a_limit_is_to_be_shorter_or_smaller() {
        let limits = VideoLimits::default().with_seconds(0.1);
        let clip = include_bytes!("../../fervor-video/tests/clips/b-frames.mp4");
        let options = Asked::default().with_decoders(Decoders::Own).with_limits(limits);
        let over = Source::read(clip, &options).unwrap().find_map(Result::err).unwrap();
        let told = refused(&over);
        assert_eq!((told.status.as_u16(), told.info.hint.as_deref()), (413, Some("send a shorter or smaller video")));
    }

    /// Its place was free while the opening went on, so that any number could be opened at the same time.
    #[tokio::test]
    async fn a_client_that_hangs_up_frees_its_place_when_the_opening_ends() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let (letting_go, wait) = channel();
        let opening = opened(Slow(Mutex::new(wait)), Asked::default().with_decoders(Decoders::Own), place);
        assert!(timeout(Duration::from_millis(50), opening).await.is_err());
        assert_eq!(places.available_permits(), 0);
        drop(letting_go);
        let place = timeout(Duration::from_secs(60), places.acquire()).await;
        assert!(place.is_ok_and(|place| place.is_ok()), "the opening has ended");
    }
}
