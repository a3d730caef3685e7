//! `POST /predict`: pictures in, expressions out.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Deserializer, Serialize};
use tokio::time::Instant;

use crate::answer::Row;
use crate::body::{self, Refused};
use crate::compat::Shape;
use crate::engine::{Answer, Reply};
use crate::error::ApiError;
use crate::settings::MOST_PICTURES;
use crate::state::App;

/// A file's name in answers is cut after so many characters.
const LONGEST_NAME: usize = 200;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Answer in another program's shape.
    compat: Option<Shape>,
    /// Only so many classes, the most probable.
    top: Option<usize>,
    /// Answer with the picture, drawn on.
    #[serde(default, deserialize_with = "yes_or_no")]
    annotate: bool,
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

/// The handler.
///
/// # Errors
/// Whatever keeps a single picture, or the request as a whole, from an answer.
pub async fn predict(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let deadline = Instant::now() + app.settings().timeout;
    let options = options(&request)?;
    match tokio::time::timeout_at(deadline, answer_all(&app, request, &options, deadline)).await {
        Ok(response) => response,
        Err(_) => Err(ApiError::timeout()),
    }
}

fn options(request: &Request) -> Result<Options, ApiError> {
    let hint = "known are compat=deepface|fer|rekognition, top=K, annotate=1";
    let Query(options) = Query::<Options>::try_from_uri(request.uri()).map_err(|e| ApiError::malformed(e.body_text(), hint))?;
    if options.top == Some(0) {
        return Err(ApiError::malformed("top must be at least 1, it is 0", hint));
    }
    if options.annotate && options.compat.is_some() {
        return Err(ApiError::malformed(
            "annotate and compat don't go together",
            "the one asks for a picture, the other for JSON",
        ));
    }
    Ok(options)
}

async fn answer_all(app: &App, request: Request, options: &Options, deadline: Instant) -> Result<Response, ApiError> {
    let limit = app.settings().max_request();
    let is_form = content_type(request.headers()).is_some_and(|kind| kind.starts_with("multipart/form-data"));
    // A raw body is one picture: its own limit is the request's.
    let limit = if is_form { limit } else { app.settings().max_upload };
    let (request, hold) = body::metered(request, limit, app.budget(), deadline).await.map_err(Refused::to_api)?;
    if !is_form {
        let expected = expect_picture(request.headers());
        let bytes = body::whole(request).await.map_err(Refused::to_api)?;
        expected?;
        let reply = app.engine().analyze(app.engine().place()?, bytes, options.annotate, Some(hold));
        let answer = app.settled(Ok(reply)).await?;
        return one(app, "picture".to_owned(), answer, options);
    }
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| {
        ApiError::malformed(e.body_text(), "name the boundary in Content-Type, as every form library does by itself")
    })?;
    let mut results = Vec::new();
    let mut waiting = VecDeque::new();
    // One request must not fill the queue alone.
    let share = (app.engine().capacity() / 4).max(1);
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let name = picture_name(&field)?;
        if results.len() + waiting.len() == MOST_PICTURES {
            let hint = "send the others in another request";
            return Err(ApiError::too_large(format!("a request holds at most {MOST_PICTURES} pictures"), hint));
        }
        if options.annotate && results.len() + waiting.len() == 1 {
            return Err(ApiError::input("annotate=1 takes one picture, the request holds more", "send one request a picture"));
        }
        let bytes = read(&mut field, app.settings().max_upload).await?;
        while waiting.len() >= share {
            settle_first(app, &mut waiting, &mut results).await;
        }
        // The first picture must find a place; further ones wait for theirs, and the client's upload with them.
        let place = match results.len() + waiting.len() {
            0 => app.engine().place()?,
            _ => app.engine().wait_for_place().await,
        };
        let reply = bytes.map(|bytes| app.engine().analyze(place, bytes, options.annotate, Some(Arc::clone(&hold))));
        waiting.push_back((name, reply));
    }
    while !waiting.is_empty() {
        settle_first(app, &mut waiting, &mut results).await;
    }
    match results.len() {
        0 => Err(ApiError::input("the form holds no picture", "send it as the field `image` or `file`")),
        1 => {
            let (name, answer) = results.remove(0);
            one(app, name, answer?, options)
        }
        _ => Ok(many(app, results, options)),
    }
}

async fn settle_first(app: &App, waiting: &mut VecDeque<(String, Result<Reply<Answer>, ApiError>)>, results: &mut Vec<Named>) {
    if let Some((name, reply)) = waiting.pop_front() {
        results.push((name, app.settled(reply).await));
    }
}

fn one(app: &App, source: String, answer: Answer, options: &Options) -> Result<Response, ApiError> {
    if let Some(png) = answer.drawn {
        return Ok(([(header::CONTENT_TYPE, "image/png")], Body::from(png)).into_response());
    }
    Ok(match options.compat {
        Some(shape) => Json(shape.one(&answer)).into_response(),
        None => Json(Row::of(source, Ok(answer), app.model(), options.top)).into_response(),
    })
}

fn many(app: &App, results: Vec<Named>, options: &Options) -> Response {
    #[derive(Serialize)]
    struct Rows {
        results: Vec<Row>,
        failed: usize,
    }
    if let Some(shape) = options.compat {
        return Json(shape.many(results.iter().map(|(_, answer)| answer.as_ref()))).into_response();
    }
    let failed = results.iter().filter(|(_, answer)| answer.is_err()).count();
    let row = |(name, answer): Named| Row::of(name, answer, app.model(), options.top);
    Json(Rows { results: results.into_iter().map(row).collect(), failed }).into_response()
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok().map(str::to_ascii_lowercase)
}

/// A raw body says that it is a picture, or says nothing.
fn expect_picture(headers: &HeaderMap) -> Result<(), ApiError> {
    match content_type(headers) {
        None => Ok(()),
        Some(kind) if kind.starts_with("image/") || kind.starts_with("application/octet-stream") => Ok(()),
        // What curl says of every body by itself.
        Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => Ok(()),
        Some(kind) => {
            let hint = "send the picture's bytes as image/jpeg, or a form as multipart/form-data with the field `image`";
            Err(ApiError::unsupported(format!("a body of this type is not taken: {}", shortened(&kind)), hint))
        }
    }
}

/// The name that the picture gets in its row.
fn picture_name(field: &Field<'_>) -> Result<String, ApiError> {
    let known =
        field.name().is_some_and(|name| ["image", "file", "images", "files"].contains(&name.strip_suffix("[]").unwrap_or(name)));
    if !known {
        let name = shortened(field.name().unwrap_or_default());
        return Err(ApiError::input(
            format!("a field that is not known: {name:?}"),
            "send pictures as the field `image` or `file`",
        ));
    }
    Ok(field.file_name().filter(|name| !name.is_empty()).map_or_else(|| "picture".to_owned(), shortened))
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
