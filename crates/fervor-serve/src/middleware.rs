//! What stands before every request: its id, its line in the log, its numbers, its headers; and before those that cost
//! something, the key and the rate.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::connections::Place;
use crate::error::ApiError;
use crate::guard::{Peer, REQUEST_ID};
use crate::origin;
use crate::state::App;

/// The page loads nothing from elsewhere, runs no script but its own files, stands in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What it may do besides where it computes in the browser: compile WebAssembly, and have a worker of its own files.
const POLICY_IN_BROWSER: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; \
media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
frame-ancestors 'none'";

/// How long the JSON before tensors as bytes is, of the Open Inference Protocol.
const TENSORS: HeaderName = HeaderName::from_static("inference-header-content-length");

const SECURITY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(), geolocation=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Gives a request its id, its line in the log, its numbers and its headers.
pub async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = app.ids().of(request.headers());
    // The route's pattern: what a client writes into an address is not logged.
    let route = request.extensions().get::<MatchedPath>().map_or("none".to_owned(), |path| path.as_str().to_owned());
    let method = method_name(request.method());
    let mut response = next.run(request).await;
    let (status, seconds) = (response.status().as_u16(), start.elapsed().as_secs_f64());
    app.metrics().request(&route, method, status, seconds);
    let (name, ms) = (id.to_str().unwrap_or_default(), (seconds * 1e4).round() / 10.0);
    match status {
        500.. => tracing::warn!(id = name, method, route, status, ms, "answered"),
        _ => tracing::info!(id = name, method, route, status, ms, "answered"),
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    let policy = if app.settings().package.is_some() { POLICY_IN_BROWSER } else { POLICY };
    for (name, value) in SECURITY.into_iter().chain([(header::CONTENT_SECURITY_POLICY, policy)]) {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Answers are about persons: no cache keeps them. Files of the page say otherwise themselves.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A fixed set, so that no client can make metrics grow.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Lets a request through that calls the service by a name of its own. Health checks may call it anything.
pub async fn address(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_check = ["/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"].contains(&path);
    if is_check || origin::is_ours(request.headers(), app.settings()) {
        return next.run(request).await;
    }
    let host = request.headers().get(header::HOST);
    tracing::warn!(?host, "refused: the service does not go by this name");
    ApiError::host().into_response()
}

/// Lets a request through that comes from where it may, shows the key and keeps the rate.
pub async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.extensions().get::<Arc<Place>>().is_some_and(|place| place.is_crowded()) {
        return ApiError::busy().into_response();
    }
    if origin::acts(request.method()) && !origin::is_welcome(request.headers(), &app.settings().allow_origins) {
        return ApiError::origin().into_response();
    }
    // Before the key: guesses of it are requests, too.
    let peer = request.extensions().get::<Peer>().copied();
    if let (Some(rate), Some(Peer(address))) = (app.rate(), peer)
        && !rate.admits(address.ip(), Instant::now())
    {
        return ApiError::rate().into_response();
    }
    if app.key().is_some_and(|key| !key.is_shown(request.headers())) {
        return ApiError::key().into_response();
    }
    next.run(request).await
}

/// Which other origins' pages may read answers: by default none.
pub fn cors(origins: &[String]) -> CorsLayer {
    if origins.is_empty() {
        return CorsLayer::new();
    }
    let allowed = match origins {
        [any] if any == "*" => AllowOrigin::any(),
        origins => AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())),
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("x-api-key"), REQUEST_ID, TENSORS])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER, TENSORS])
}
