//! [`App`]: what all requests share.

use std::collections::HashSet;
use std::sync::Arc;

use fervor::prediction::ModelInfo;
use fervor::{Analyzer, Card, Error, LabelSet, Reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::body::Budget;
use crate::engine::{Answer, Engine, Reply};
use crate::error::ApiError;
use crate::guard::{Ids, Key, Rate};
use crate::metrics::Metrics;
use crate::oip;
use crate::page;
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
    /// At least one; the first answers where none is named.
    models: Vec<ModelInfo>,
    budget: Budget,
    key: Option<Key>,
    rate: Option<Rate>,
    closing: watch::Sender<bool>,
    ids: Ids,
    /// Places for live connections.
    sockets: Arc<Semaphore>,
    /// Places for videos.
    videos: Arc<Semaphore>,
}

impl App {
    /// Starts the workers around `analyzer`; what there is to say about its model is logged.
    pub fn new(analyzer: Analyzer, settings: Settings) -> Self {
        Self::started(vec![analyzer], settings)
    }

    /// The same with several models: a request names one of them, and the first answers where it names none.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): no model, or two whose names a client could not tell apart.
    pub fn with_models(analyzers: Vec<Analyzer>, settings: Settings) -> fervor::Result<Self> {
        let mut taken = HashSet::new();
        for name in analyzers.iter().map(|analyzer| &analyzer.bundle().card().name) {
            if !taken.insert(name.clone()) || !taken.insert(oip::pictures_of(name)) {
                return Err(Error::input(format!("two models go by this name: {name}")).because(Reason::Exists));
            }
        }
        if analyzers.is_empty() {
            return Err(Error::input("a service needs a model").because(Reason::Empty));
        }
        Ok(Self::started(analyzers, settings))
    }

    fn started(analyzers: Vec<Analyzer>, settings: Settings) -> Self {
        let models: Vec<ModelInfo> = analyzers.iter().map(|analyzer| ModelInfo::from(analyzer.bundle())).collect();
        for bundle in analyzers.iter().map(Analyzer::bundle) {
            for note in bundle.notes() {
                tracing::warn!(model = bundle.card().name, "{note}");
            }
        }
        let metrics = Arc::new(Metrics::new(page::labels_of(analyzers.iter().map(|analyzer| analyzer.bundle().card()))));
        let analyzers = analyzers.into_iter().map(Arc::new).collect();
        let engine = Engine::start(analyzers, settings.limits(), settings.threads, settings.queue, Arc::clone(&metrics));
        Self(Arc::new(Shared {
            engine,
            metrics,
            models,
            budget: Budget::new(settings.budget()),
            key: settings.api_key.as_deref().map(Key::new),
            rate: settings.rate.map(Rate::new),
            closing: watch::Sender::new(false),
            ids: Ids::default(),
            sockets: Arc::new(Semaphore::new(SOCKETS)),
            videos: Arc::new(Semaphore::new(settings.video.map_or(0, |video| video.at_once))),
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

    /// The models; the first answers where a request names none.
    pub fn models(&self) -> &[ModelInfo] {
        &self.0.models
    }

    /// The place of the model that a request names.
    pub(crate) fn model_called(&self, name: Option<&str>) -> Result<usize, ApiError> {
        let Some(name) = name else { return Ok(0) };
        self.models().iter().position(|model| model.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.models().iter().map(|model| model.name.as_str()).collect();
            ApiError::no_model(name, &names.join(", "))
        })
    }

    /// The classes of all models.
    pub(crate) fn labels(&self) -> &LabelSet {
        self.metrics().labels()
    }

    /// What a model says of itself.
    pub(crate) fn card(&self, model: usize) -> &Card {
        self.engine().analyzer(model).bundle().card()
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

    /// A place for a video, free again when it is dropped.
    pub(crate) fn video_place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.0.videos).try_acquire_owned().map_err(|_| ApiError::busy())
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
