//! The engine: threads that decode pictures and find faces, and that classify the faces of all waiting requests together.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fervor::analyzer::{Before, Prepared};
use fervor::{Analyzer, Limits, Picture, Prediction};
use fervor_draw::FaceDrawing;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::body::Hold;
use crate::error::ApiError;
use crate::metrics::Metrics;

/// Pictures whose faces go through the network together, at most.
const BATCH: usize = 16;

/// So long a prepared picture waits for others to join its batch while there are others to prepare.
const PATIENCE: Duration = Duration::from_millis(4);

/// Worker threads around one [`Analyzer`] a model, with one bounded queue before them.
///
/// A worker takes the next picture from the queue, decodes it and finds its faces. When nothing waits, or enough pictures
/// are ready, or the first of them has waited long enough, a worker takes its share of those that are ready through the
/// network as one batch. So a request alone is answered at once, and under load the batches grow by themselves.
pub struct Engine {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    capacity: usize,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    /// At least one.
    analyzers: Vec<Arc<Analyzer>>,
    limits: Limits,
    metrics: Arc<Metrics>,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    ready: Vec<Ready>,
    /// Workers with nothing to do.
    idle: usize,
    closed: bool,
}

/// What is asked of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wish {
    /// Which of the models answers.
    pub model: usize,
    /// The picture with boxes, labels and bars is wanted, too.
    pub draw: bool,
    /// Faces whose box has a shorter side under this many pixels are left out.
    pub min_face: f32,
    /// Faces that the detector is less sure of are left out.
    pub min_score: f32,
}

impl Wish {
    fn takes(&self, face: &Prediction) -> bool {
        let bounds = face.face.bounds;
        bounds.width.min(bounds.height) >= self.min_face && face.face.score.is_none_or(|score| score >= self.min_score)
    }
}

/// The right to have one picture in the engine.
pub struct Place(#[expect(dead_code, reason = "held, never read")] OwnedSemaphorePermit);

/// What is known of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// Best detection first; none is a normal answer.
    pub faces: Vec<Prediction>,
    /// The picture with boxes, labels and bars as a PNG, where it was asked for.
    pub drawn: Option<Vec<u8>>,
}

impl Answer {
    /// Where the faces are, for the frame that follows.
    pub fn places(&self) -> Before {
        Before { width: self.width, height: self.height, boxes: self.faces.iter().map(|face| face.face.bounds).collect() }
    }
}

/// The engine's answer to come. An engine that fails drops the sender.
pub type Reply<T> = oneshot::Receiver<Result<T, ApiError>>;

enum Job {
    Picture(PictureJob),
    /// Anything else that uses a model's network, done as it comes.
    Other(usize, Box<dyn FnOnce(&Analyzer) + Send>),
}

struct PictureJob {
    bytes: Bytes,
    wish: Wish,
    before: Option<Before>,
    reply: oneshot::Sender<Result<Answer, ApiError>>,
    place: Place,
    hold: Option<Arc<Hold>>,
    entered: Instant,
}

struct Ready {
    wish: Wish,
    size: (u32, u32),
    /// Kept only to be drawn on.
    picture: Option<Picture>,
    prepared: Prepared,
    reply: oneshot::Sender<Result<Answer, ApiError>>,
    place: Place,
    since: Instant,
}

enum Task {
    Work(Job),
    Classify(Vec<Ready>),
}

impl Engine {
    /// Starts `threads` workers for these models, at least one. At most `capacity` pictures are inside, waiting or worked on.
    pub fn start(analyzers: Vec<Arc<Analyzer>>, limits: Limits, threads: usize, capacity: usize, metrics: Arc<Metrics>) -> Self {
        let shared = Arc::new(Shared { analyzers, limits, metrics, queue: Mutex::default(), wake: Condvar::new() });
        let worker = |index: usize| {
            let shared = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name(format!("fervor-{index}"));
            builder.spawn(move || shared.work()).expect("the system can start a thread")
        };
        let workers = (0..threads.max(1)).map(worker).collect();
        let capacity = capacity.clamp(1, Semaphore::MAX_PERMITS);
        Self { shared, places: Arc::new(Semaphore::new(capacity)), capacity, workers }
    }

    /// The analyzer of a model.
    pub fn analyzer(&self, model: usize) -> &Analyzer {
        &self.shared.analyzers[model]
    }

    /// The same, to be kept.
    pub fn shared_analyzer(&self, model: usize) -> Arc<Analyzer> {
        Arc::clone(&self.shared.analyzers[model])
    }

    /// Pictures inside, waiting or worked on.
    pub fn inside(&self) -> usize {
        self.capacity - self.places.available_permits()
    }

    /// How many pictures may be inside.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// A place, if there is one.
    ///
    /// # Errors
    /// [`ApiError::busy`]: every place is taken.
    pub fn place(&self) -> Result<Place, ApiError> {
        Arc::clone(&self.places).try_acquire_owned().map(Place).map_err(|_| ApiError::busy())
    }

    /// A place, when there is one.
    pub async fn wait_for_place(&self) -> Place {
        Place(Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed"))
    }

    /// Sends a picture's file in. `hold` is what it holds of the memory for bodies, given back when the picture is decoded.
    pub fn analyze(&self, place: Place, bytes: Bytes, wish: Wish, hold: Option<Arc<Hold>>) -> Reply<Answer> {
        let (reply, answer) = oneshot::channel();
        let entered = Instant::now();
        self.enqueue(Job::Picture(PictureJob { bytes, wish, before: None, reply, place, hold, entered }));
        answer
    }

    /// Sends a frame's file in, whose faces are looked for where they were `before`.
    pub fn follow(&self, place: Place, bytes: Bytes, wish: Wish, before: Option<Before>) -> Reply<Answer> {
        let (reply, answer) = oneshot::channel();
        let entered = Instant::now();
        self.enqueue(Job::Picture(PictureJob { bytes, wish, before, reply, place, hold: None, entered }));
        answer
    }

    /// Has a worker run `run` with a model when its turn comes.
    pub fn run<T: Send + 'static>(
        &self,
        place: Place,
        model: usize,
        run: impl FnOnce(&Analyzer) -> Result<T, ApiError> + Send + 'static,
    ) -> Reply<T> {
        let (reply, answer) = oneshot::channel();
        let run = move |analyzer: &Analyzer| {
            if !reply.is_closed() {
                let answer = run(analyzer);
                drop(place);
                let _ = reply.send(answer);
            }
        };
        self.enqueue(Job::Other(model, Box::new(run)));
        answer
    }

    fn enqueue(&self, job: Job) {
        self.shared.lock().jobs.push_back(job);
        self.shared.wake.notify_one();
    }
}

impl Drop for Engine {
    /// Waits until everything inside is answered.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(task) = self.next() {
            // A panic drops the reply, which the waiting request reads as a fault; the worker lives on.
            let done = catch_unwind(AssertUnwindSafe(|| match task {
                Task::Work(Job::Picture(job)) => self.prepare(job),
                Task::Work(Job::Other(model, run)) => run(&self.analyzers[model]),
                Task::Classify(batch) => self.classify(batch),
            }));
            if done.is_err() {
                tracing::error!("a worker panicked; it goes on with the next request");
            }
        }
    }

    /// The next thing to do; `None` when the engine is closed and everything is done.
    fn next(&self) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            let due = (queue.ready.first())
                .filter(|first| queue.jobs.is_empty() || queue.ready.len() >= BATCH || first.since.elapsed() >= PATIENCE)
                .map(|first| first.wish.model);
            if let Some(model) = due {
                // With others idle each takes a share; under load there are none, and the batch is whole.
                let count = queue.ready.len().div_ceil(1 + queue.idle).min(BATCH);
                let batch = queue.ready.extract_if(.., |ready| ready.wish.model == model).take(count).collect();
                if !queue.ready.is_empty() {
                    self.wake.notify_one();
                }
                return Some(Task::Classify(batch));
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(Task::Work(job));
            }
            if queue.closed {
                return None;
            }
            queue.idle += 1;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// Decodes, finds faces, cuts chips.
    fn prepare(&self, job: PictureJob) {
        let PictureJob { bytes, wish, before, reply, place, hold, entered } = job;
        if reply.is_closed() {
            return;
        }
        let start = Instant::now();
        self.metrics.stages.wait.observe((start - entered).as_secs_f64());
        let picture = match Picture::decode(&bytes, &self.limits) {
            Ok(picture) => picture,
            Err(error) => return send(reply, place, Err(ApiError::of_picture(&error))),
        };
        drop((bytes, hold));
        let decoded = Instant::now();
        self.metrics.stages.decode.observe((decoded - start).as_secs_f64());
        let prepared = match self.analyzers[wish.model].prepare_after(&picture, before.as_ref()) {
            Ok(prepared) => prepared,
            Err(error) => return send(reply, place, Err(ApiError::of_picture(&error))),
        };
        let since = Instant::now();
        self.metrics.stages.find.observe((since - decoded).as_secs_f64());
        let size = (picture.width(), picture.height());
        let picture = wish.draw.then_some(picture);
        self.lock().ready.push(Ready { wish, size, picture, prepared, reply, place, since });
        self.wake.notify_one();
    }

    /// Takes a batch of one model through its network.
    fn classify(&self, batch: Vec<Ready>) {
        let Some(model) = batch.first().map(|first| first.wish.model) else { return };
        let start = Instant::now();
        let mut rest = Vec::with_capacity(batch.len());
        let mut prepared = Vec::with_capacity(batch.len());
        let mut faces = 0;
        for ready in batch.into_iter().filter(|ready| !ready.reply.is_closed()) {
            faces += ready.prepared.faces();
            prepared.push(ready.prepared);
            rest.push((ready.wish, ready.size, ready.picture, ready.reply, ready.place));
        }
        self.metrics.batch_pictures.observe(rest.len() as f64);
        self.metrics.batch_faces.observe(faces as f64);
        let predictions = self.analyzers[model].classify(prepared);
        self.metrics.stages.classify.observe(start.elapsed().as_secs_f64());
        let predictions = match predictions {
            Ok(predictions) => predictions,
            Err(error) => {
                let failure = ApiError::of_picture(&error);
                return rest.into_iter().for_each(|(_, _, _, reply, place)| send(reply, place, Err(failure.clone())));
            }
        };
        for ((wish, (width, height), picture, reply, place), mut faces) in rest.into_iter().zip(predictions) {
            faces.retain(|face| wish.takes(face));
            let drawn = picture.map(|picture| drawn(&picture, &faces)).transpose();
            send(reply, place, drawn.map(|drawn| Answer { width, height, faces, drawn }));
        }
    }
}

/// Gives the place back before the answer is out: a client's next request comes at once.
fn send(reply: oneshot::Sender<Result<Answer, ApiError>>, place: Place, answer: Result<Answer, ApiError>) {
    drop(place);
    // Nobody waits any more where the client is gone.
    let _ = reply.send(answer);
}

fn drawn(picture: &Picture, faces: &[Prediction]) -> Result<Vec<u8>, ApiError> {
    let drawings = FaceDrawing::of_all(faces);
    let png = fervor_draw::annotate(picture, &drawings).and_then(|drawn| drawn.encode_png());
    png.map_err(|error| ApiError::of_picture(&error))
}
