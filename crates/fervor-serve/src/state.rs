//! [`App`]: what all requests share.

use std::sync::Arc;

use fervor::prediction::ModelInfo;
use fervor::{Analyzer, LabelSet};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::body::Budget;
use crate::engine::{Answer, Engine, Reply};
use crate::error::ApiError;
use crate::guard::{Ids, Key, Rate};
use crate::metrics::Metrics;
use crate::settings::Settings;

/// Live connections at once.
const SOCKETS: usize = 64;

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
    ids: Ids,
    /// Places for live connections.
    sockets: Arc<Semaphore>,
}

impl App {
    /// Starts the workers around `analyzer`.
    pub fn new(analyzer: Analyzer, settings: Settings) -> Self {
        let labels: LabelSet = analyzer.bundle().card().labels.clone();
        let model = ModelInfo::from(analyzer.bundle());
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
            ids: Ids::default(),
            sockets: Arc::new(Semaphore::new(SOCKETS)),
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

    pub(crate) fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// A place for a live connection, free again when it is dropped.
    pub(crate) fn socket_place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.0.sockets).try_acquire_owned().map_err(|_| ApiError::busy())
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
