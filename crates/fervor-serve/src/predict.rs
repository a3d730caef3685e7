//! `POST /predict`: pictures in, expressions out.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Query, Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Deserializer, Serialize};

use crate::answer::Row;
use crate::body::{self, Hold, Refused};
use crate::compat::Shape;
use crate::deepface;
use crate::engine::{Answer, Reply, Wish};
use crate::error::ApiError;
use crate::settings::MOST_PICTURES;
use crate::state::App;

/// The greatest `min_face`.
const MOST_PIXELS: f32 = 1e6;

/// A file's name in answers is cut after so many characters.
const LONGEST_NAME: usize = 200;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Which model answers, by its name.
    model: Option<String>,
    /// Answer in another program's shape.
    compat: Option<Shape>,
    /// Only so many classes, the most probable.
    top: Option<usize>,
    /// Answer with the picture, drawn on.
    #[serde(default, deserialize_with = "yes_or_no")]
    annotate: bool,
    /// Answer one picture, too, as a list of which each has an answer or its error.
    #[serde(default, deserialize_with = "yes_or_no")]
    list: bool,
    /// Leave out faces of fewer pixels, by the shorter side of their box.
    min_face: Option<f32>,
    /// Leave out faces that the detector is less sure of, 0 to 1.
    min_score: Option<f32>,
}

/// What is known, as a hint.
const KNOWN: &str =
    "known are model=NAME, compat=deepface|fer|rekognition, top=K, annotate=1, list=1, min_face=PIXELS, min_score=SHARE";

impl Options {
    fn go_together(&self) -> Result<(), ApiError> {
        let (compat, form) = (self.compat.is_some(), "the one asks for a picture, the other for JSON");
        let pairs = [
            (self.annotate && compat, "annotate and compat", form),
            (self.annotate && self.list, "annotate and list", form),
            (self.top.is_some() && compat, "top and compat", "the shapes of other programs hold all classes"),
        ];
        match pairs.into_iter().find(|(both, ..)| *both) {
            Some((_, names, hint)) => Err(ApiError::malformed(format!("{names} don't go together"), hint)),
            None => Ok(()),
        }
    }
}

/// A request with all that it asks for.
struct Asked {
    wish: Wish,
    options: Options,
}

impl Asked {
    /// What stands after the `?` of a request; `compat` where nothing else stands there.
    fn read(app: &App, uri: &Uri, compat: Option<Shape>) -> Result<Self, ApiError> {
        let Query(mut options) = Query::<Options>::try_from_uri(uri).map_err(|e| ApiError::malformed(e.body_text(), KNOWN))?;
        options.compat = options.compat.or(compat);
        if options.top == Some(0) {
            return Err(ApiError::malformed("top must be at least 1, it is 0", KNOWN));
        }
        options.go_together()?;
        let (min_face, min_score) = (options.min_face.unwrap_or(0.0), options.min_score.unwrap_or(0.0));
        if !(0.0..=MOST_PIXELS).contains(&min_face) {
            let message = format!("min_face is a number of pixels from 0 to {MOST_PIXELS}, not {min_face}");
            return Err(ApiError::malformed(message, KNOWN));
        }
        if !(0.0..=1.0).contains(&min_score) {
            return Err(ApiError::malformed(format!("min_score is a share from 0 to 1, not {min_score}"), KNOWN));
        }
        let model = app.model_called(options.model.as_deref())?;
        Ok(Self { wish: Wish { model, draw: options.annotate, min_face, min_score }, options })
    }

    fn is_deepface(&self) -> bool {
        self.options.compat == Some(Shape::Deepface)
    }
}

/// Reads 1, true, 0 and false. Anything else is an error, not a yes.
fn yes_or_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => Err(serde::de::Error::custom(format!("give 1 or 0, not {other:?}"))),
    }
}

/// A picture's name and what came of it.
type Named = (String, Result<Answer, ApiError>);

/// `POST /predict`
///
/// # Errors
/// Whatever keeps a single picture, or the request as a whole, from an answer.
pub async fn predict(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let asked = Asked::read(&app, request.uri(), None)?;
    answer_all(&app, request, &asked).await
}

/// `POST /analyze`, as deepface's REST service has it: `/predict?compat=deepface`.
///
/// # Errors
/// As [`predict`].
pub async fn analyze(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let asked = Asked::read(&app, request.uri(), Some(Shape::Deepface))?;
    answer_all(&app, request, &asked).await
}

async fn answer_all(app: &App, request: Request, asked: &Asked) -> Result<Response, ApiError> {
    let kind = content_type(request.headers()).unwrap_or_default();
    let (is_form, is_json) =
        (kind.starts_with("multipart/form-data"), asked.is_deepface() && kind.starts_with("application/json"));
    // A raw body is one picture: its own limit is the request's.
    let limit = if is_form || is_json { app.settings().max_request() } else { app.settings().max_upload };
    let expected = if is_form || is_json { Ok(()) } else { expect_picture(request.headers(), asked) };
    let patience = app.settings().timeout;
    let (request, hold) = body::metered(request, limit, app.budget(), patience).await.map_err(Refused::to_api)?;
    if is_form {
        return answer_form(app, request, asked, &hold).await;
    }
    let bytes = body::whole(request).await.map_err(Refused::to_api)?;
    expected?;
    if is_json {
        return answer_json(app, bytes, asked, &hold).await;
    }
    in_time(app, async {
        let reply = app.engine().analyze(app.engine().place()?, bytes, asked.wish, Some(hold));
        answered(app, "picture".to_owned(), app.settled(Ok(reply)).await, asked)
    })
    .await
}

/// Once the client has sent its part, the answer has the service's time limit.
async fn in_time<T>(app: &App, answer: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    tokio::time::timeout(app.settings().timeout, answer).await.unwrap_or_else(|_| Err(ApiError::timeout()))
}

/// The pictures of deepface's JSON.
async fn answer_json(app: &App, body: Bytes, asked: &Asked, hold: &Arc<Hold>) -> Result<Response, ApiError> {
    let (limit, held) = (app.settings().max_upload, Arc::clone(hold));
    let read = move || {
        let asked = deepface::read(&body, limit);
        drop((body, held));
        asked
    };
    let deepface::Asked { pictures, is_list } = body::aside(read).await?;
    let results = in_time(app, async {
        let mut queue = Pictures::new(app, asked.wish, hold);
        for picture in pictures {
            queue.send("picture".to_owned(), picture).await?;
        }
        Ok(queue.settled().await)
    });
    let mut results = results.await?;
    if is_list {
        let rows = results.iter().map(|(_, answer)| answer.as_ref());
        return Ok(Json(Shape::deepface_list(rows)).into_response());
    }
    let (name, answer) = results.remove(0);
    answered(app, name, answer, asked)
}

/// The pictures of a form. They are worked on as they come.
async fn answer_form(app: &App, request: Request, asked: &Asked, hold: &Arc<Hold>) -> Result<Response, ApiError> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| {
        ApiError::malformed(e.body_text(), "name the boundary in Content-Type, as every form library does by itself")
    })?;
    let mut queue = Pictures::new(app, asked.wish, hold);
    // A client may send the field several times.
    let mut knows_action = None;
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let name = match part(&field, asked.is_deepface())? {
            Part::Picture(name) => name,
            Part::Actions => {
                let actions = read(&mut field, app.settings().max_upload).await??;
                let known = deepface::asks_for_emotion(&String::from_utf8_lossy(&actions));
                knows_action = Some(known || knows_action == Some(true));
                continue;
            }
            Part::Setting => {
                read(&mut field, app.settings().max_upload).await?.ok();
                continue;
            }
        };
        if queue.len() == MOST_PICTURES {
            return Err(ApiError::too_many_pictures());
        }
        if asked.options.annotate && queue.len() == 1 {
            return Err(ApiError::input("annotate=1 takes one picture, the request holds more", "send one request a picture"));
        }
        let bytes = read(&mut field, app.settings().max_upload).await?;
        in_time(app, queue.send(name, bytes)).await?;
    }
    if knows_action == Some(false) {
        return Err(deepface::no_such_action());
    }
    let mut results = in_time(app, async { Ok(queue.settled().await) }).await?;
    match results.len() {
        0 => Err(ApiError::input("the form holds no picture", "send it as the field `image` or `file`")),
        1 => {
            let (name, answer) = results.remove(0);
            answered(app, name, answer, asked)
        }
        _ => Ok(many(app, results, asked)),
    }
}

/// A request's pictures on their way through the engine, answered in their order.
struct Pictures<'a> {
    app: &'a App,
    wish: Wish,
    hold: &'a Arc<Hold>,
    waiting: VecDeque<(String, Result<Reply<Answer>, ApiError>)>,
    results: Vec<Named>,
}

impl<'a> Pictures<'a> {
    fn new(app: &'a App, wish: Wish, hold: &'a Arc<Hold>) -> Self {
        Self { app, wish, hold, waiting: VecDeque::new(), results: Vec::new() }
    }

    fn len(&self) -> usize {
        self.waiting.len() + self.results.len()
    }

    /// Sends a picture in, or keeps why it is none. The first one must find a place; further ones wait for theirs, and the
    /// client's upload with them.
    async fn send(&mut self, name: String, bytes: Result<Bytes, ApiError>) -> Result<(), ApiError> {
        let engine = self.app.engine();
        // One request must not fill the queue alone.
        while self.waiting.len() >= (engine.capacity() / 4).max(1) {
            self.settle_first().await;
        }
        let place = if self.len() == 0 { engine.place()? } else { engine.wait_for_place().await };
        let reply = bytes.map(|bytes| engine.analyze(place, bytes, self.wish, Some(Arc::clone(self.hold))));
        self.waiting.push_back((name, reply));
        Ok(())
    }

    async fn settle_first(&mut self) {
        if let Some((name, reply)) = self.waiting.pop_front() {
            self.results.push((name, self.app.settled(reply).await));
        }
    }

    /// All answers.
    async fn settled(mut self) -> Vec<Named> {
        while !self.waiting.is_empty() {
            self.settle_first().await;
        }
        self.results
    }
}

/// A request's only picture: its error is the request's, unless a list was asked for.
fn answered(app: &App, source: String, answer: Result<Answer, ApiError>, asked: &Asked) -> Result<Response, ApiError> {
    if asked.options.list { Ok(many(app, vec![(source, answer)], asked)) } else { one(app, source, answer?, asked) }
}

fn one(app: &App, source: String, answer: Answer, Asked { options, wish }: &Asked) -> Result<Response, ApiError> {
    if let Some(png) = answer.drawn {
        return Ok(([(header::CONTENT_TYPE, "image/png")], Body::from(png)).into_response());
    }
    Ok(match options.compat {
        Some(shape) => Json(shape.one(&answer)).into_response(),
        None => Json(Row::of(source, Ok(answer), &app.models()[wish.model], options.top)).into_response(),
    })
}

fn many(app: &App, results: Vec<Named>, Asked { options, wish }: &Asked) -> Response {
    #[derive(Serialize)]
    struct Rows {
        results: Vec<Row>,
        failed: usize,
    }
    if let Some(shape) = options.compat {
        return Json(shape.many(results.iter().map(|(_, answer)| answer.as_ref()))).into_response();
    }
    let failed = results.iter().filter(|(_, answer)| answer.is_err()).count();
    let row = |(name, answer): Named| Row::of(name, answer, &app.models()[wish.model], options.top);
    Json(Rows { results: results.into_iter().map(row).collect(), failed }).into_response()
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok().map(str::to_ascii_lowercase)
}

/// A raw body says that it is a picture, or says nothing.
fn expect_picture(headers: &HeaderMap, asked: &Asked) -> Result<(), ApiError> {
    match content_type(headers) {
        None => Ok(()),
        Some(kind) if kind.starts_with("image/") || kind.starts_with("application/octet-stream") => Ok(()),
        // What curl says of every body by itself.
        Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => Ok(()),
        Some(kind) if kind.starts_with("application/json") && !asked.is_deepface() => {
            let hint = "send the picture's bytes as image/jpeg, a form with the field `image`, or deepface's JSON to /analyze";
            Err(ApiError::unsupported("JSON is not taken here", hint))
        }
        Some(kind) => {
            let hint = "send the picture's bytes as image/jpeg, or a form as multipart/form-data with the field `image`";
            Err(ApiError::unsupported(format!("a body of this type is not taken: {}", shortened(&kind)), hint))
        }
    }
}

/// What deepface's form has beside the picture and the actions; nothing here depends on it.
const DEEPFACE_SETTINGS: [&str; 6] =
    ["align", "anti_spoofing", "detector_backend", "enforce_detection", "max_faces", "model_name"];

/// What a field of a form is.
enum Part {
    /// With the name that it gets in its row.
    Picture(String),
    /// What deepface is asked to say of a face.
    Actions,
    /// Another one of deepface's settings.
    Setting,
}

fn part(field: &Field<'_>, deepface: bool) -> Result<Part, ApiError> {
    let name = field.name().unwrap_or_default();
    let is_picture = ["image", "file", "images", "files"].contains(&name.strip_suffix("[]").unwrap_or(name));
    if is_picture || (deepface && name == "img" && field.file_name().is_some()) {
        let name = field.file_name().filter(|name| !name.is_empty());
        return Ok(Part::Picture(name.map_or_else(|| "picture".to_owned(), shortened)));
    }
    if deepface && name == "actions" {
        return Ok(Part::Actions);
    }
    if deepface && DEEPFACE_SETTINGS.contains(&name) {
        return Ok(Part::Setting);
    }
    if deepface && ["img", "img_path"].contains(&name) {
        let hint = "send the file itself as the field `img`";
        return Err(ApiError::input("a path or an address is never opened; the picture must come with the request", hint));
    }
    let message = format!("a field that is not known: {:?}", shortened(name));
    Err(ApiError::input(message, "send pictures as the field `image` or `file`"))
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect()
}

/// A picture of a form. The inner error is the picture's own: it is too large, and the others go on.
async fn read(field: &mut Field<'_>, limit: usize) -> Result<Result<Bytes, ApiError>, ApiError> {
    let mut bytes = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        length += chunk.len();
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = BytesMut::new();
        }
    }
    if length > limit {
        let hint = "make the picture smaller";
        return Ok(Err(ApiError::too_large(format!("the picture has more than {limit} bytes: {length}"), hint)));
    }
    Ok(Ok(bytes.freeze()))
}

fn broken(error: MultipartError) -> ApiError {
    match Refused::beneath(&error) {
        Some(refused) => refused.to_api(),
        None => ApiError::malformed(format!("the form cannot be read: {}", error.body_text()), "send it as multipart/form-data"),
    }
}
