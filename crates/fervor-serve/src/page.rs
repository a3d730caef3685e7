//! The page: files inside the program, nothing from elsewhere.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::settings::MOST_PICTURES;
use crate::state::App;

/// A file of the page: its address, its type, its bytes.
struct File(&'static str, &'static str, &'static [u8]);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: &[File] = &[
    File("/", HTML, include_bytes!("../page/index.html")),
    File("/api", HTML, include_bytes!("../page/api.html")),
    File("/page/style.css", CSS, include_bytes!("../page/style.css")),
    File("/page/main.js", SCRIPT, include_bytes!("../page/main.js")),
    File("/page/api.js", SCRIPT, include_bytes!("../page/api.js")),
    File("/page/view.js", SCRIPT, include_bytes!("../page/view.js")),
    File("/page/pictures.js", SCRIPT, include_bytes!("../page/pictures.js")),
    File("/page/camera.js", SCRIPT, include_bytes!("../page/camera.js")),
    File("/page/timeline.js", SCRIPT, include_bytes!("../page/timeline.js")),
    File("/page/batch.js", SCRIPT, include_bytes!("../page/batch.js")),
    File("/page/icon.svg", "image/svg+xml", include_bytes!("../page/icon.svg")),
    File("/page/astronaut.jpg", "image/jpeg", include_bytes!("../page/astronaut.jpg")),
    File("/page/drawn.jpg", "image/jpeg", include_bytes!("../page/drawn.jpg")),
];

/// Routes of all files, and of what the page must know.
pub fn routes() -> Router<App> {
    let router = Router::new().route("/page/about.json", get(about));
    FILES.iter().fold(router, |router, File(path, kind, bytes)| {
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(bytes);
        let tag = format!("\"{hash:016x}\"");
        router.route(path, get(async move |headers: HeaderMap| send(kind, bytes, &tag, &headers)))
    })
}

/// A file changes only with the program: browsers keep it and ask whether it did.
fn send(kind: &'static str, bytes: &'static [u8], tag: &str, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let fresh = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache")];
    if known {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    (fresh, [(header::CONTENT_TYPE, kind)], bytes).into_response()
}

/// `GET /page/about.json`: the model and the limits.
async fn about(State(app): State<App>) -> Json<Value> {
    let card = app.engine().analyzer().bundle().card();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "model": {
            "name": card.name,
            "description": card.description,
            "labels": card.labels.names(),
            "licence": card.licence,
            "accuracy": card.metrics.get("validation.accuracy"),
        },
        "max_upload": app.settings().max_upload,
        "max_pictures": MOST_PICTURES,
        "needs_key": app.key().is_some(),
    }))
}
