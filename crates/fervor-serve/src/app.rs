//! [`App`], what all requests share, and [`app`], the routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fervor::prediction::ModelInfo;
use fervor::{Analyzer, LabelSet};
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;

use crate::body::Budget;
use crate::engine::{Answer, Engine, Reply};
use crate::error::ApiError;
use crate::guard::{self, Key, Rate};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::socket::{self, Sockets};
use crate::{health, oip, openapi, page, predict};

/// What all requests share. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    engine: Engine,
    settings: Settings,
    metrics: Arc<Metrics>,
    model: ModelInfo,
    budget: Budget,
    key: Option<Key>,
    rate: Option<Rate>,
    closing: watch::Sender<bool>,
    ids: guard::Ids,
    sockets: Sockets,
}

impl App {
    /// Starts the workers around `analyzer`; what there is to say about its model is logged.
    pub fn new(analyzer: Analyzer, settings: Settings) -> Self {
        let labels: LabelSet = analyzer.bundle().card().labels.clone();
        let model = ModelInfo::from(analyzer.bundle());
        for note in analyzer.bundle().notes() {
            tracing::warn!(model = model.name, "{note}");
        }
        let metrics = Arc::new(Metrics::new(labels));
        let engine = Engine::start(Arc::new(analyzer), settings.limits(), settings.threads, settings.queue, Arc::clone(&metrics));
        Self(Arc::new(Shared {
            engine,
            metrics,
            model,
            budget: Budget::new(settings.budget()),
            key: settings.api_key.as_deref().map(Key::new),
            rate: settings.rate.map(Rate::new),
            closing: watch::Sender::new(false),
            ids: guard::Ids::default(),
            sockets: Sockets::default(),
            settings,
        }))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// Which model answers.
    pub fn model(&self) -> &ModelInfo {
        &self.0.model
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.0.budget
    }

    pub(crate) fn key(&self) -> Option<&Key> {
        self.0.key.as_ref()
    }

    pub(crate) fn rate(&self) -> Option<&Rate> {
        self.0.rate.as_ref()
    }

    pub(crate) fn ids(&self) -> &guard::Ids {
        &self.0.ids
    }

    pub(crate) fn sockets(&self) -> &Sockets {
        &self.0.sockets
    }

    /// Takes no new work from now on: `/readyz` says so, WebSockets close after the frame at hand.
    pub fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Ends with [`App::close`].
    pub(crate) async fn closed(&self) {
        // The sender lives as long as this app.
        let _ = self.0.closing.subscribe().wait_for(|closing| *closing).await;
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.0.closing.borrow()
    }

    /// Waits for a picture's answer and counts it.
    pub(crate) async fn settled(&self, reply: Result<Reply<Answer>, ApiError>) -> Result<Answer, ApiError> {
        let answer = match reply {
            Ok(reply) => reply.await.unwrap_or_else(|_| Err(ApiError::internal())),
            Err(error) => Err(error),
        };
        let metrics = self.metrics();
        match &answer {
            Ok(answer) => {
                metrics.pictures.add(1);
                answer.faces.iter().for_each(|face| metrics.face(face.label(), face.probabilities.is_uncertain()));
            }
            Err(_) => metrics.pictures_failed.add(1),
        }
        answer
    }
}

/// The service: every route behind its guards. [`serve`](crate::serve) gives it a socket.
pub fn app(state: App) -> Router {
    let admit = middleware::from_fn_with_state(state.clone(), guard::admit);
    let guarded = Router::new()
        .route("/predict", post(predict::predict))
        .route("/ws", get(socket::upgrade))
        .route("/metrics", get(health::metrics))
        .route_layer(admit.clone());
    let protocol = Router::new()
        .route("/v2/models/{model}/infer", post(oip::infer).route_layer(admit))
        .route("/v2", get(oip::server))
        .route("/v2/health/live", get(oip::live))
        .route("/v2/health/ready", get(oip::ready))
        .route("/v2/models", get(oip::models))
        .route("/v2/models/{model}", get(oip::model))
        .route("/v2/models/{model}/ready", get(oip::model_ready))
        .layer(middleware::map_response(oip::protocol_errors));
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
        .layer(guard::cors(&state.settings().allow_origins))
        .layer(middleware::from_fn_with_state(state.clone(), guard::observe))
        .with_state(state)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked; the service goes on");
    ApiError::internal().into_response()
}
