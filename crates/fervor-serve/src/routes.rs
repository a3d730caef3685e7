//! [`app`]: every address of the service, and what answers there.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::ApiError;
use crate::state::App;
use crate::{body, health, middleware, oip, openapi, page, predict, socket, video};

/// The service: every route behind its guards. [`serve`](crate::serve) gives it a socket.
pub fn app(state: App) -> Router {
    let admit = from_fn_with_state(state.clone(), middleware::admit);
    let guarded = Router::new()
        .route("/predict", post(predict::predict))
        .route("/analyze", post(predict::analyze))
        .route("/ws", get(socket::upgrade))
        .route("/metrics", get(health::metrics))
        .route_layer(admit.clone());
    let guarded = match state.settings().video {
        Some(_) => guarded.merge(Router::new().route("/video", post(video::video)).route_layer(admit.clone())),
        None => guarded,
    };
    // Health alone is open: what asks for it can carry no key.
    let protocol = Router::new()
        .route("/v2", get(oip::server).route_layer(admit.clone()))
        .route("/v2/", get(oip::server).route_layer(admit.clone()))
        .route("/v2/health/live", get(oip::live))
        .route("/v2/health/ready", get(oip::ready))
        .route("/v2/models", get(oip::models).route_layer(admit.clone()));
    // A model by its name alone, or with its version.
    let protocol =
        ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"].into_iter().fold(protocol, |protocol, model| {
            protocol
                .route(model, get(oip::model).route_layer(admit.clone()))
                .route(&format!("{model}/config"), get(oip::config).route_layer(admit.clone()))
                .route(&format!("{model}/ready"), get(oip::model_ready))
                .route(&format!("{model}/infer"), post(oip::infer).route_layer(admit.clone()))
        });
    let open = Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/openapi.json", get(openapi::document))
        .merge(page::routes());
    guarded
        .merge(protocol)
        .merge(open)
        .fallback(async |request: Request| ApiError::not_found(request.uri().path()))
        .method_not_allowed_fallback(async |request: Request| ApiError::method(request.method()))
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), middleware::address))
        .layer(from_fn(body::heard))
        .layer(from_fn(oip::protocol_errors))
        .layer(middleware::cors(&state.settings().allow_origins))
        .layer(from_fn_with_state(state.clone(), middleware::observe))
        .with_state(state)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked; the service goes on");
    ApiError::internal().into_response()
}
