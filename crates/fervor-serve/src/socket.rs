//! `GET /ws`: frames in, predictions with tracks and smoothed probabilities out. Old frames are dropped rather than answered late.
//!
//! Each binary message is a frame: a picture of any format that is read. Each answer is a text message with JSON:
//! `{"frame", "dropped", "ms", "width", "height", "faces": [...]}`, where `frame` counts the frames that came, from 1, and
//! `dropped` those of them that got no answer because a newer one came while another was worked on. A frame that is no picture
//! is answered with `{"frame", "error"}`, and the connection goes on. The text message `{"smoothing": 0.5}` sets the time
//! constant of the smoothing in seconds; `{"time": 12.48}` says when the next frame is shown, in seconds of a film's own clock,
//! where frames do not come as they happen. Where the time goes back, that error is the frame's answer, and it is not worked on.
//! After `{"look": 0.2}` all of a frame is looked at every 0.2 seconds only, and in those between, faces are looked for where they
//! were.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::RequestExt;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, Request, State};
use axum::response::Response;
use bytes::Bytes;
use fervor::analyzer::Before;
use fervor::prediction::LiveFace;
use fervor::track::{TrackOptions, Tracked, Tracker};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use crate::connections::Place;
use crate::engine::{Answer, Wish};
use crate::error::ApiError;
use crate::origin;
use crate::state::App;

/// Bytes of a frame, at most: four times those of a good JPEG of 1920 x 1080.
const FRAME_BYTES: usize = 2 << 20;

/// A connection without a message for so long is closed.
const IDLE: Duration = Duration::from_secs(120);

/// In the end the other side has so long to close, too.
const PARTING: Duration = Duration::from_secs(2);

/// The greatest time constant of the smoothing, and time between two looks at everything, in seconds.
const MOST_SECONDS: f64 = 60.0;

/// The latest second of a film: four months.
const MOST_TIME: f64 = 1e7;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Which model answers.
    model: Option<String>,
}

/// The handler.
///
/// # Errors
/// A request that is no WebSocket's, from a page of another origin, for a model that is not there, or too many.
pub async fn upgrade(State(app): State<App>, mut request: Request) -> Result<Response, ApiError> {
    if !origin::is_welcome(request.headers(), &app.settings().allow_origins) {
        return Err(ApiError::origin());
    }
    let options = Query::<Options>::try_from_uri(request.uri());
    let Query(Options { model }) = options.map_err(|e| ApiError::malformed(e.body_text(), "known is model=NAME"))?;
    let wish = Wish { model: app.model_called(model.as_deref())?, ..Wish::default() };
    // The connection's place among all goes along with the WebSocket.
    let connection = request.extensions_mut().remove::<Arc<Place>>();
    let upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection> = request.extract_parts().await;
    let upgrade = upgrade.map_err(|e| ApiError::malformed(e.body_text(), "open this address as a WebSocket"))?;
    let place = app.socket_place()?;
    let limit = FRAME_BYTES.min(app.settings().max_upload);
    let upgrade = upgrade.max_message_size(limit).max_frame_size(limit).protocols(["fervor"]);
    Ok(upgrade.on_upgrade(async move |socket| {
        live(socket, app, wish, place).await;
        drop(connection);
    }))
}

/// A frame as it came.
struct Frame {
    number: u64,
    bytes: Bytes,
    came: Instant,
    /// When it is shown in its film, if that was said.
    time: Option<f64>,
    /// Why it is not worked on.
    refused: Option<ApiError>,
}

impl Frame {
    /// When it is shown, in seconds; one that does not say is shown as it comes.
    fn shown(&self, start: Instant) -> f64 {
        self.time.unwrap_or_else(|| self.came.duration_since(start).as_secs_f64())
    }
}

/// What a client may say, one thing at a time.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Saying {
    Smoothing(f64),
    Look(f64),
    Time(f64),
}

/// The last frame's faces, and when all of one was looked at.
struct Last {
    looked: f64,
    faces: Before,
}

#[derive(Serialize)]
struct Live<'a> {
    frame: u64,
    dropped: u64,
    /// Milliseconds from the frame's arrival to its answer.
    ms: f64,
    width: u32,
    height: u32,
    /// When it is shown in its film, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<f64>,
    faces: Vec<LiveFace<'a>>,
}

#[derive(Serialize)]
struct Failed<'a> {
    frame: u64,
    dropped: u64,
    error: &'a ApiError,
}

/// One live connection: at most one frame is worked on, at most one waits, and a newer one takes its place.
async fn live(mut socket: WebSocket, app: App, wish: Wish, place: OwnedSemaphorePermit) {
    app.metrics().sockets.up();
    let why = talk(&mut socket, &app, wish).await;
    let parting = async {
        if let Some((code, reason)) = why {
            let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))).await;
        }
        // Until the other side has closed, too: its close is answered as it is read, and what it had sent would reset the connection.
        while let Some(Ok(_)) = socket.recv().await {}
    };
    let _ = tokio::time::timeout(PARTING, parting).await;
    app.metrics().sockets.down();
    drop(place);
}

/// Talks until one side ends it; why, if it is this one.
async fn talk(socket: &mut WebSocket, app: &App, wish: Wish) -> Option<(u16, &'static str)> {
    let start = Instant::now();
    let mut tracker = Tracker::new(TrackOptions::default());
    let (mut frames, mut dropped) = (0, 0);
    let mut clock = None;
    // Why the time that was said is none: it belongs to the next frame.
    let mut refused = None;
    let mut look = 0.0;
    let mut last: Option<Last> = None;
    let mut waiting: Option<Frame> = None;
    let mut work: Option<BoxFuture<'static, (Frame, Result<Answer, ApiError>)>> = None;
    loop {
        if work.is_none() {
            work = waiting.take().map(|mut frame| {
                if let Some(error) = frame.refused.take() {
                    return std::future::ready((frame, Err(error))).boxed();
                }
                // Times are rounded: a hair early is in time.
                last.take_if(|last| frame.shown(start) - last.looked >= look - 1e-6);
                answer(app.clone(), wish, frame, last.as_ref().map(|last| last.faces.clone()))
            });
        }
        let answered = async {
            match &mut work {
                Some(work) => work.await,
                None => std::future::pending().await,
            }
        };
        let reply = tokio::select! {
            // An answer before the next frame: the frame that waits is then not replaced but worked on.
            biased;
            () = app.closed() => return Some((close_code::AWAY, "the service stops")),
            (frame, answer) = answered => {
                work = None;
                app.metrics().frames_answered.add(1);
                let time = frame.shown(start);
                let looked = last.take().map_or(time, |last| last.looked);
                last = answer.as_ref().ok().map(|answer| Last { looked, faces: answer.places() });
                match &answer {
                    Ok(answer) => json(&live_answer(&frame, dropped, answer, &tracker.update(&answer.faces, time))),
                    Err(error) => json(&Failed { frame: frame.number, dropped, error }),
                }
            }
            message = socket.recv() => match message {
                None | Some(Ok(Message::Close(_))) => return None,
                Some(Err(error)) => return Some(fault(&error)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Binary(bytes))) => {
                    frames += 1;
                    let frame =
                        Frame { number: frames, bytes, came: Instant::now(), time: clock, refused: refused.take() };
                    if waiting.replace(frame).is_some() {
                        dropped += 1;
                        app.metrics().frames_dropped.add(1);
                    }
                    continue;
                }
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(Saying::Smoothing(smoothing)) if (0.0..=MOST_SECONDS).contains(&smoothing) => {
                        tracker.set_smoothing(smoothing);
                        continue;
                    }
                    Ok(Saying::Look(seconds)) if (0.0..=MOST_SECONDS).contains(&seconds) => {
                        look = seconds;
                        continue;
                    }
                    Ok(Saying::Time(time)) => {
                        refused = no_time(clock, time);
                        clock = if refused.is_some() { clock } else { Some(time) };
                        continue;
                    }
                    _ => {
                        let hint = "send frames as binary messages, and as text only {\"smoothing\": seconds} or {\"look\": seconds} \
                                    from 0 to 60, or {\"time\": seconds} that never go back";
                        json(&Failed { frame: frames, dropped, error: &ApiError::malformed("a message that is not known", hint) })
                    }
                },
            },
            () = tokio::time::sleep(IDLE) => return Some((close_code::POLICY, "nothing came for two minutes")),
        };
        // A client that does not read is no client.
        if !matches!(tokio::time::timeout(app.settings().timeout, socket.send(reply)).await, Ok(Ok(()))) {
            return None;
        }
    }
}

fn answer(app: App, wish: Wish, frame: Frame, before: Option<Before>) -> BoxFuture<'static, (Frame, Result<Answer, ApiError>)> {
    Box::pin(async move {
        let timeout = app.settings().timeout;
        let answer = async {
            let place = app.engine().wait_for_place().await;
            app.settled(Ok(app.engine().follow(place, frame.bytes.clone(), wish, before))).await
        };
        let answer = tokio::time::timeout(timeout, answer).await.unwrap_or_else(|_| Err(ApiError::timeout()));
        (frame, answer)
    })
}

/// Why a frame cannot be shown at this time, after another that was shown at `clock`.
fn no_time(clock: Option<f64>, time: f64) -> Option<ApiError> {
    let message = match clock {
        Some(clock) if time < clock => format!("time goes back from {clock} to {time}"),
        _ if !(0.0..=MOST_TIME).contains(&time) => format!("a time is from 0 to {MOST_TIME} seconds, not {time}"),
        _ => return None,
    };
    Some(ApiError::malformed(message, "send {\"time\": seconds} that never go back, each before its frame"))
}

/// What the client did wrong, where it is not simply gone.
fn fault(error: &axum::Error) -> (u16, &'static str) {
    if error.to_string().contains("too long") {
        (close_code::SIZE, "a message has at most 2 MiB")
    } else {
        (close_code::PROTOCOL, "not the WebSocket protocol")
    }
}

fn json(value: &impl Serialize) -> Message {
    Message::Text(serde_json::to_string(value).expect("an answer is JSON").into())
}

fn live_answer<'a>(frame: &Frame, dropped: u64, answer: &'a Answer, tracked: &'a [Tracked]) -> Live<'a> {
    let face = |(face, tracked)| LiveFace::new(face, tracked);
    let ms = (frame.came.elapsed().as_secs_f64() * 1e4).round() / 10.0;
    let (width, height, time) = (answer.width, answer.height, frame.time);
    Live { frame: frame.number, dropped, ms, width, height, time, faces: answer.faces.iter().zip(tracked).map(face).collect() }
}
