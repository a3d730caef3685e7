//! The page: files inside the program, nothing from elsewhere.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use fervor::{Card, LabelSet, Probabilities};
use fervor_draw::timeline::{LANES_SCRIPT, LANES_STYLE};
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::origin;
use crate::settings::MOST_PICTURES;
use crate::state::App;

/// A file of the page: its address, its type, its bytes.
struct File(&'static str, &'static str, &'static [u8]);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: &[File] = &[
    File("/", HTML, include_bytes!("../page/index.html")),
    File("/page/style.css", CSS, include_bytes!("../page/style.css")),
    File("/page/main.js", SCRIPT, include_bytes!("../page/main.js")),
    File("/page/api.js", SCRIPT, include_bytes!("../page/api.js")),
    File("/page/client.js", SCRIPT, include_bytes!("../page/client.js")),
    File("/page/where.js", SCRIPT, include_bytes!("../page/where.js")),
    File("/page/view.js", SCRIPT, include_bytes!("../page/view.js")),
    File("/page/drawing.js", SCRIPT, include_bytes!("../page/drawing.js")),
    File("/page/choices.js", SCRIPT, include_bytes!("../page/choices.js")),
    File("/page/files.js", SCRIPT, include_bytes!("../page/files.js")),
    File("/page/csv.js", SCRIPT, include_bytes!("../page/csv.js")),
    File("/page/pictures.js", SCRIPT, include_bytes!("../page/pictures.js")),
    File("/page/camera.js", SCRIPT, include_bytes!("../page/camera.js")),
    File("/page/timeline.js", SCRIPT, include_bytes!("../page/timeline.js")),
    File("/page/recording.js", SCRIPT, include_bytes!("../page/recording.js")),
    File("/page/video.js", SCRIPT, include_bytes!("../page/video.js")),
    // The lanes are those of a film's report.
    File("/page/lanes.js", SCRIPT, LANES_SCRIPT.as_bytes()),
    File("/page/lanes.css", CSS, LANES_STYLE.as_bytes()),
    File("/page/batch.js", SCRIPT, include_bytes!("../page/batch.js")),
    File("/page/icon.svg", "image/svg+xml", include_bytes!("../page/icon.svg")),
    File("/page/icon-512.png", "image/png", include_bytes!("../page/icon-512.png")),
    File("/page/astronaut.jpg", "image/jpeg", include_bytes!("../page/astronaut.jpg")),
    File("/page/drawn.jpg", "image/jpeg", include_bytes!("../page/drawn.jpg")),
];

/// All files of the page by their addresses.
pub fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().map(|File(path, _, bytes)| (*path, *bytes))
}

/// Routes of all files, and of what the page must know.
pub fn routes() -> Router<App> {
    let router =
        Router::new().route("/page/about.json", get(about)).route("/page/web/{*name}", get(packed)).route("/api", get(api));
    FILES.iter().fold(router, |router, File(path, kind, bytes)| {
        let tag = tag(bytes);
        router.route(path, get(async move |headers: HeaderMap| send(kind, *bytes, &tag, &headers)))
    })
}

/// `GET /page/web/…`: a file of Fervor for the browser, where there is one.
async fn packed(State(app): State<App>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(bytes) = app.settings().package.as_ref().and_then(|package| package.get(&name)) else {
        return ApiError::not_found(&name).into_response();
    };
    let kind = match name.rsplit('.').next() {
        Some("js") => SCRIPT,
        // What lets a browser compile it while it comes.
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    send(kind, bytes.to_vec(), &tag(bytes), &headers)
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{:016x}\"", BuildHasherDefault::<DefaultHasher>::new().hash_one(bytes))
}

/// `GET /api`: its examples can be copied, for they name this service's address, its model, and the key where it asks for one.
async fn api(State(app): State<App>, headers: HeaderMap) -> Response {
    let address = origin::address(&headers).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let key = |text: &'static str| if app.key().is_some() { text } else { "" };
    let models = app.models().iter().map(|model| format!("<code>{}</code>", escaped(&model.name)));
    let text = include_str!("../page/api.html")
        .replace("{{address}}", &address)
        .replace("{{model}}", &escaped(&app.models()[0].name))
        .replace("{{digits}}", &app.models()[0].sha256[..4])
        .replace("{{models}}", &models.collect::<Vec<String>>().join(", "))
        .replace("{{key:curl}}", key("-H 'Authorization: Bearer KEY' "))
        .replace("{{key:python}}", key(", \"Authorization\": \"Bearer KEY\""))
        .replace("{{key:javascript}}", key(", headers: { Authorization: \"Bearer KEY\" }"));
    let tag = tag(text.as_bytes());
    send(HTML, text, &tag, &headers)
}

/// A text as HTML holds it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A file changes only with the program: browsers keep it and ask whether it did.
fn send(kind: &'static str, bytes: impl IntoResponse, tag: &str, headers: &HeaderMap) -> Response {
    let tags = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|tags| tags.to_str().ok());
    // Proxies weaken a tag where they compress.
    let mut tags = tags.flat_map(|tags| tags.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    let known = tags.any(|known| known == tag || known == "*");
    let fresh = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache")];
    if known {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    (fresh, [(header::CONTENT_TYPE, kind)], bytes).into_response()
}

/// How a face of each class looks, in the words that answers have, for sums over many faces.
pub fn words(labels: &LabelSet) -> Map<String, Value> {
    let sure = |label: &String| labels.names().iter().map(|other| if other == label { 50.0 } else { 0.0 }).collect::<Vec<f32>>();
    let word = |label: &String| Probabilities::from_logits(labels, &sure(label), 1.0).short_words();
    labels.names().iter().map(|label| (label.clone(), word(label).into())).collect()
}

/// `GET /page/about.json`: the models and the limits.
async fn about(State(app): State<App>) -> Json<Value> {
    let package = app.settings().package.as_ref();
    let cards = || (0..app.models().len()).map(|index| app.card(index));
    let here = package.into_iter().flat_map(|package| package.models()).map(|bundle| bundle.card());
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "words": words(&labels_of(cards().chain(here))),
        "models": cards().zip(app.models()).map(|(card, model)| about_model(card, &model.sha256)).collect::<Vec<Value>>(),
        "server": true,
        "browser": package.map(|package| package.about()),
        "max_upload": app.settings().max_upload,
        "max_pictures": MOST_PICTURES,
        "needs_key": app.key().is_some(),
    }))
}

/// What the page is told of a model.
pub fn about_model(card: &Card, sha256: &str) -> Value {
    json!({
        "name": card.name,
        "sha256": sha256,
        "description": card.description,
        "labels": card.labels.names(),
        "licence": card.licence,
        "accuracy": card.metrics.get("validation.accuracy"),
        "plausible": card.conformal.is_some(),
    })
}

/// The classes of all these models, each once, in the order of their first appearance.
pub fn labels_of<'a>(cards: impl Iterator<Item = &'a Card>) -> LabelSet {
    let mut names: Vec<&String> = Vec::new();
    for name in cards.flat_map(|card| card.labels.names()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    LabelSet::new(names).expect("the names of label sets make a label set")
}
