//! The Open Inference Protocol, version 2, over HTTP: what KServe's and Triton's clients speak.
//!
//! Two models a bundle: the bundle itself, which takes chips (a face cut out and laid as the card says), and the bundle's name with
//! `-pictures`, which takes whole picture files and finds the faces. Tensors travel as JSON, or as bytes after the JSON (the
//! extension `binary_tensor_data`).

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fervor::prediction::ErrorInfo;
use fervor::{Analyzer, Card, Chip, Prediction};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::{self, Refused};
use crate::deepface::from_base64;
use crate::engine::Wish;
use crate::error::ApiError;
use crate::state::App;
use crate::tensor::{Inference, Input, Output};

/// Chips in one request, at most.
const MOST_CHIPS: usize = 1024;

/// Only one version of a model is there at a time.
const VERSION: &str = "1";

/// Says where in a body the JSON ends and the tensors' bytes begin.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// A model by its name in the address; a version there must be the one that is loaded.
pub struct Model {
    name: String,
    /// Its place in the service's list.
    index: usize,
    kind: Kind,
}

/// The two models of a bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Chips,
    Pictures,
}

/// What a model takes or gives: a name, a type as the protocol writes it, a shape without the batch.
type Tensor = (&'static str, &'static str, Vec<i64>);

/// What a request holds for a model.
enum Held {
    Chips(Vec<Chip>),
    Pictures(Vec<Bytes>),
}

impl FromRequestParts<App> for Model {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Address {
            model: String,
            version: Option<String>,
        }
        let path = Path::<Address>::from_request_parts(parts, app).await;
        let path = path.map_err(|e| ApiError::malformed(e.body_text(), "GET /v2/models lists the models"))?;
        let Path(Address { model: name, version }) = path;
        let called = |index: usize| {
            let own = &app.models()[index].name;
            let kind = if name == *own { Some(Kind::Chips) } else { (name == pictures_of(own)).then_some(Kind::Pictures) };
            kind.map(|kind| (index, kind))
        };
        let (index, kind) =
            (0..app.models().len()).find_map(called).ok_or_else(|| ApiError::no_model(&name, &all(app).join(", ")))?;
        match version {
            Some(version) if version != VERSION => Err(ApiError::not_found(format!("version {version:?} of the model {name}"))),
            _ => Ok(Self { name, index, kind }),
        }
    }
}

/// The name under which a model takes whole pictures.
pub fn pictures_of(name: &str) -> String {
    format!("{name}-pictures")
}

/// The names of all models.
pub fn all(app: &App) -> Vec<String> {
    app.models().iter().flat_map(|model| [model.name.clone(), pictures_of(&model.name)]).collect()
}

impl Kind {
    /// What a model of this kind takes and gives.
    fn tensors(self, card: &Card) -> (Vec<Tensor>, Vec<Tensor>) {
        let ([channels, size, _], classes) = (card.preprocess.shape().map(|n| n as i64), card.labels.len() as i64);
        match self {
            Self::Chips => (
                vec![("chip", "UINT8", vec![channels, size, size])],
                vec![("logits", "FP32", vec![classes]), ("probabilities", "FP32", vec![classes])],
            ),
            Self::Pictures => (
                vec![("picture", "BYTES", vec![])],
                vec![
                    ("picture_index", "INT64", vec![]),
                    ("box", "FP32", vec![4]),
                    ("score", "FP32", vec![]),
                    ("label", "BYTES", vec![]),
                    ("probabilities", "FP32", vec![classes]),
                ],
            ),
        }
    }
}

/// `GET /v2`
pub async fn server() -> Json<Value> {
    let extensions = ["binary_tensor_data", "model_configuration"];
    Json(json!({ "name": "fervor", "version": env!("CARGO_PKG_VERSION"), "extensions": extensions }))
}

/// `GET /v2/health/live`
pub async fn live() -> StatusCode {
    StatusCode::OK
}

/// `GET /v2/health/ready`
pub async fn ready(State(app): State<App>) -> StatusCode {
    if app.is_closing() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

/// `GET /v2/models`
pub async fn models(State(app): State<App>) -> Json<Value> {
    Json(json!({ "models": all(&app) }))
}

/// `GET /v2/models/{model}`
pub async fn model(State(app): State<App>, Model { name, index, kind }: Model) -> Json<Value> {
    let card = app.card(index);
    let (inputs, outputs) = kind.tensors(card);
    let shown = |tensors: Vec<Tensor>| -> Value {
        let shape = |shape: Vec<i64>| [vec![-1], shape].concat();
        tensors.into_iter().map(|(name, kind, of)| json!({ "name": name, "datatype": kind, "shape": shape(of) })).collect()
    };
    let parameters = json!({ "labels": card.labels.names(), "sha256": app.models()[index].sha256, "licence": card.licence });
    Json(json!({
        "name": name, "versions": [VERSION], "platform": "fervor_onnx",
        "inputs": shown(inputs), "outputs": shown(outputs), "parameters": parameters,
    }))
}

/// `GET /v2/models/{model}/config`: the extension `model_configuration`, as clients of Triton read it.
pub async fn config(State(app): State<App>, Model { name, index, kind }: Model) -> Json<Value> {
    let (inputs, outputs) = kind.tensors(app.card(index));
    // Pictures have any number of faces each, so that outputs have no batch in common with inputs.
    let (most, lead) = match kind {
        Kind::Chips => (MOST_CHIPS, None),
        Kind::Pictures => (0, Some(-1)),
    };
    let shown = |tensors: Vec<Tensor>| -> Value {
        let kind = |kind: &str| format!("TYPE_{}", if kind == "BYTES" { "STRING" } else { kind });
        let dims = |shape: Vec<i64>| lead.into_iter().chain(shape).collect::<Vec<i64>>();
        tensors.into_iter().map(|(name, of, shape)| json!({ "name": name, "data_type": kind(of), "dims": dims(shape) })).collect()
    };
    Json(json!({
        "name": name, "platform": "fervor_onnx", "backend": "fervor", "max_batch_size": most,
        "version_policy": { "specific": { "versions": [1] } }, "input": shown(inputs), "output": shown(outputs),
    }))
}

/// `GET /v2/models/{model}/ready`
pub async fn model_ready(State(app): State<App>, _: Model) -> StatusCode {
    ready(State(app)).await
}

/// `POST /v2/models/{model}/infer`
///
/// # Errors
/// Another model, a request that is none, tensors of another kind or shape, a picture that cannot be read.
pub async fn infer(State(app): State<App>, Model { name, index, kind }: Model, request: Request) -> Result<Response, ApiError> {
    let json_length = json_length(&request)?;
    let (limit, patience) = (app.settings().max_request(), app.settings().timeout);
    let (request, hold) = body::metered(request, limit, app.budget(), patience).await.map_err(Refused::to_api)?;
    let bytes = body::whole(request).await.map_err(Refused::to_api)?;
    let read = {
        let (app, hold) = (app.clone(), Arc::clone(&hold));
        move || {
            let mut inference = Inference::read(&bytes, json_length)?;
            drop(bytes);
            let held = match kind {
                Kind::Chips => Held::Chips(chips(app.card(index), &inference.input("chip")?)?),
                Kind::Pictures => Held::Pictures(inference.input("picture")?.files(|text| from_base64(text).ok())?),
            };
            drop(hold);
            Ok((inference, held))
        }
    };
    let inference = async {
        let (inference, held) = body::aside(read).await?;
        let outputs = match held {
            Held::Chips(chips) => answer_chips(&app, index, chips).await?,
            Held::Pictures(files) => answer_pictures(&app, index, files).await?,
        };
        drop(hold);
        let outputs = inference.asked(outputs)?;
        let (json, bytes) = inference.answer(&name, VERSION, &outputs);
        Ok(written(&json, bytes))
    };
    tokio::time::timeout(patience, inference).await.unwrap_or_else(|_| Err(ApiError::timeout()))
}

/// Errors in the protocol's form, `{"error": text}`, with our kind, reason and hint beside: of every address under `/v2`, and of
/// `/analyze`, whose clients expect the same.
pub async fn protocol_errors(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let plain = path == "/v2" || path.starts_with("/v2/") || path == "/analyze";
    let mut response = next.run(request).await;
    if !plain {
        return response;
    }
    let Some(ApiError { info, .. }) = response.extensions_mut().remove() else { return response };
    let ErrorInfo { kind, reason, message, hint } = info;
    let body = Json(json!({ "error": message, "kind": kind, "reason": reason, "hint": hint })).into_response().into_body();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.map(|_| body)
}

fn json_length(request: &Request) -> Result<Option<usize>, ApiError> {
    let Some(value) = request.headers().get(JSON_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    let bad = || ApiError::malformed(format!("not a length: {JSON_LENGTH}: {value:?}"), "give the bytes of the JSON part");
    length.map(Some).ok_or_else(bad)
}

fn written(json: &Value, bytes: Vec<u8>) -> Response {
    if bytes.is_empty() {
        return Json(json).into_response();
    }
    let mut body = json.to_string().into_bytes();
    let length = HeaderValue::from(body.len());
    body.extend(bytes);
    ([(JSON_LENGTH, length), (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))], body).into_response()
}

fn chips(card: &Card, input: &Input) -> Result<Vec<Chip>, ApiError> {
    let [channels, size, _] = card.preprocess.shape();
    let &[count, c, h, w] = input.shape.as_slice() else {
        return Err(input.wrong_shape(format!("[n, {channels}, {size}, {size}]")));
    };
    if [c, h, w] != [channels, size, size] || !(1..=MOST_CHIPS).contains(&count) {
        return Err(input.wrong_shape(format!("[1 to {MOST_CHIPS}, {channels}, {size}, {size}]")));
    }
    let pixels = input.pixels()?;
    let blank = card.preprocess.golden_chip();
    let chip = |values: &[u8]| blank.clone().edited(|pixels| pixels.copy_from_slice(values));
    Ok(pixels.chunks_exact(channels * size * size).map(chip).collect())
}

async fn answer_chips(app: &App, model: usize, chips: Vec<Chip>) -> Result<Vec<Output>, ApiError> {
    let (card, count) = (app.card(model), chips.len());
    let run = move |analyzer: &Analyzer| analyzer.bundle().logits(&chips).map_err(|error| ApiError::of_picture(&error));
    let reply = app.engine().run(app.engine().place()?, model, run);
    let logits = reply.await.unwrap_or_else(|_| Err(ApiError::internal()))?;
    // Whoever sends chips has the picture: nothing is known of its quality here.
    let probabilities = logits.iter().flat_map(|row| card.probabilities(row, None).values().to_vec()).collect();
    let shape = [count, card.labels.len()];
    Ok(vec![Output::floats("logits", &shape, logits.concat()), Output::floats("probabilities", &shape, probabilities)])
}

async fn answer_pictures(app: &App, model: usize, files: Vec<Bytes>) -> Result<Vec<Output>, ApiError> {
    let wish = Wish { model, ..Wish::default() };
    let mut replies = Vec::with_capacity(files.len());
    for (index, file) in files.into_iter().enumerate() {
        // The first picture must find a place; further ones wait for theirs.
        let place = if index == 0 { app.engine().place()? } else { app.engine().wait_for_place().await };
        replies.push(app.engine().analyze(place, file, wish, None));
    }
    let mut faces: Vec<(usize, Prediction)> = Vec::new();
    for (index, reply) in replies.into_iter().enumerate() {
        let answer = app.settled(Ok(reply)).await.map_err(|error| error.of(format_args!("picture {index}")))?;
        faces.extend(answer.faces.into_iter().map(|face| (index, face)));
    }
    let n = faces.len();
    let classes = app.card(model).labels.len();
    let bounds = faces.iter().flat_map(|(_, face)| {
        let b = face.face.bounds;
        [b.x, b.y, b.width, b.height]
    });
    Ok(vec![
        Output::integers("picture_index", &[n], faces.iter().map(|(index, _)| *index as i64).collect()),
        Output::floats("box", &[n, 4], bounds.collect()),
        Output::floats("score", &[n], faces.iter().map(|(_, face)| face.face.score.unwrap_or(1.0)).collect()),
        Output::texts("label", &[n], faces.iter().map(|(_, face)| face.label().to_owned()).collect()),
        Output::floats(
            "probabilities",
            &[n, classes],
            faces.iter().flat_map(|(_, face)| face.probabilities.values().to_vec()).collect(),
        ),
    ])
}
