//! The Open Inference Protocol, version 2, over HTTP: what KServe's and Triton's clients speak.
//!
//! Two models: the bundle itself, which takes chips (a face cut out and laid as the card says), and the bundle's name with
//! `-pictures`, which takes whole picture files and finds the faces. Tensors travel as JSON, or as bytes after the JSON (the
//! extension `binary_tensor_data`).

use axum::Json;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use fervor::prediction::ErrorInfo;
use fervor::{Analyzer, Chip, Prediction};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::body::{self, Refused};
use crate::error::ApiError;
use crate::settings::MOST_PICTURES;
use crate::state::App;
use crate::tensor::{Inference, Output};

/// Chips in one request, at most.
const MOST_CHIPS: usize = 1024;

/// Only one version of a model is there at a time.
const VERSION: &str = "1";

/// Says where in a body the JSON ends and the tensors' bytes begin.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// A model by its name in the address.
pub struct Model {
    name: String,
    kind: Kind,
}

/// The two models of a bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Chips,
    Pictures,
}

impl FromRequestParts<App> for Model {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        let Path(name) = path.map_err(|e| ApiError::malformed(e.body_text(), "GET /v2/models lists the models"))?;
        let kind = match name.strip_prefix(app.model().name.as_str()) {
            Some("") => Kind::Chips,
            Some("-pictures") => Kind::Pictures,
            _ => return Err(ApiError::not_found(format!("the model {name:?}"))),
        };
        Ok(Self { name, kind })
    }
}

/// `GET /v2`
pub async fn server() -> Json<Value> {
    Json(json!({ "name": "fervor", "version": env!("CARGO_PKG_VERSION"), "extensions": ["binary_tensor_data"] }))
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
    let name = &app.model().name;
    Json(json!({ "models": [name, format!("{name}-pictures")] }))
}

/// `GET /v2/models/{model}`
pub async fn model(State(app): State<App>, Model { name, kind }: Model) -> Json<Value> {
    let card = app.engine().analyzer().bundle().card();
    let ([channels, size, _], classes) = (card.preprocess.shape(), card.labels.len());
    let tensor = |name: &str, datatype: &str, shape: &[i64]| json!({ "name": name, "datatype": datatype, "shape": shape });
    let (inputs, outputs) = match kind {
        Kind::Chips => (
            vec![tensor("chip", "UINT8", &[-1, channels as i64, size as i64, size as i64])],
            vec![tensor("logits", "FP32", &[-1, classes as i64]), tensor("probabilities", "FP32", &[-1, classes as i64])],
        ),
        Kind::Pictures => (
            vec![tensor("picture", "BYTES", &[-1])],
            vec![
                tensor("picture_index", "INT64", &[-1]),
                tensor("box", "FP32", &[-1, 4]),
                tensor("score", "FP32", &[-1]),
                tensor("label", "BYTES", &[-1]),
                tensor("probabilities", "FP32", &[-1, classes as i64]),
            ],
        ),
    };
    let parameters = json!({ "labels": card.labels.names(), "sha256": app.model().sha256, "licence": card.licence });
    Json(json!({
        "name": name, "versions": [VERSION], "platform": "fervor_onnx", "inputs": inputs, "outputs": outputs, "parameters": parameters,
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
pub async fn infer(State(app): State<App>, Model { name, kind }: Model, request: Request) -> Result<Response, ApiError> {
    let deadline = Instant::now() + app.settings().timeout;
    let inference = async {
        let json_length = json_length(&request)?;
        let limit = app.settings().max_request();
        let (request, hold) = body::metered(request, limit, app.budget(), deadline).await.map_err(Refused::to_api)?;
        let bytes = body::whole(request).await.map_err(Refused::to_api)?;
        let inference = Inference::read(&bytes, json_length)?;
        let outputs = match kind {
            Kind::Chips => chips(&app, &inference).await?,
            Kind::Pictures => pictures(&app, &inference).await?,
        };
        drop(hold);
        let outputs = inference.asked(outputs)?;
        let (json, bytes) = inference.answer(&name, VERSION, &outputs);
        Ok(written(&json, bytes))
    };
    tokio::time::timeout_at(deadline, inference).await.unwrap_or_else(|_| Err(ApiError::timeout()))
}

/// Errors in the protocol's form, `{"error": text}`, with our kind, reason and hint beside.
pub async fn protocol_errors(mut response: Response) -> Response {
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

async fn chips(app: &App, inference: &Inference) -> Result<Vec<Output>, ApiError> {
    let card = app.engine().analyzer().bundle().card();
    let [channels, size, _] = card.preprocess.shape();
    let input = inference.input("chip")?;
    let &[count, c, h, w] = input.shape.as_slice() else {
        return Err(input.wrong_shape(format!("[n, {channels}, {size}, {size}]")));
    };
    if [c, h, w] != [channels, size, size] || !(1..=MOST_CHIPS).contains(&count) {
        return Err(input.wrong_shape(format!("[1 to {MOST_CHIPS}, {channels}, {size}, {size}]")));
    }
    let pixels = input.pixels()?;
    let blank = card.preprocess.golden_chip();
    let chip = |values: &[u8]| blank.clone().edited(|pixels| pixels.copy_from_slice(values));
    let chips: Vec<Chip> = pixels.chunks_exact(channels * size * size).map(chip).collect();
    let run = move |analyzer: &Analyzer| analyzer.bundle().logits(&chips).map_err(|error| ApiError::of_picture(&error));
    let reply = app.engine().run(app.engine().place()?, run);
    let logits = reply.await.unwrap_or_else(|_| Err(ApiError::internal()))?;
    // Whoever sends chips has the picture: nothing is known of its quality here.
    let probabilities = logits.iter().flat_map(|row| card.probabilities(row, None).values().to_vec()).collect();
    let shape = [count, card.labels.len()];
    Ok(vec![Output::floats("logits", &shape, logits.concat()), Output::floats("probabilities", &shape, probabilities)])
}

async fn pictures(app: &App, inference: &Inference) -> Result<Vec<Output>, ApiError> {
    let input = inference.input("picture")?;
    let files = input.files(|text| BASE64.decode(text).ok())?;
    if files.is_empty() || files.len() > MOST_PICTURES {
        return Err(input.wrong_shape(format!("[1 to {MOST_PICTURES}]")));
    }
    let mut replies = Vec::with_capacity(files.len());
    for (index, file) in files.into_iter().enumerate() {
        // The first picture must find a place; further ones wait for theirs.
        let place = if index == 0 { app.engine().place()? } else { app.engine().wait_for_place().await };
        replies.push(app.engine().analyze(place, Bytes::from(file), false, None));
    }
    let mut faces: Vec<(usize, Prediction)> = Vec::new();
    for (index, reply) in replies.into_iter().enumerate() {
        let answer = app.settled(Ok(reply)).await.map_err(|error| error.of(format_args!("picture {index}")))?;
        faces.extend(answer.faces.into_iter().map(|face| (index, face)));
    }
    let n = faces.len();
    let classes = app.engine().analyzer().bundle().card().labels.len();
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
