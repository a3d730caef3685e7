//! For the machinery around the service: whether it lives, whether it takes work, what it has done.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::state::App;

/// `GET /healthz`: the process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200 while new work is taken, 503 after the call to stop.
pub async fn ready(State(app): State<App>) -> impl IntoResponse {
    if app.is_closing() { (StatusCode::SERVICE_UNAVAILABLE, "closing\n") } else { (StatusCode::OK, "ready\n") }
}

/// `GET /metrics`, for Prometheus.
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let models = app.models().iter().map(|model| model.name.as_str());
    let text = app.metrics().text(models, (app.engine().inside(), app.engine().capacity()));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
