//! Connections: so many at once, and none that only holds its place. What waits for nothing makes room for what comes.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// A request's head must be there so long after its first byte, and the first one's so long after the connection came.
pub const HEAD: Duration = Duration::from_secs(10);

/// A connection without a request is closed after this, and one whose client takes nothing of its answer.
pub const IDLE: Duration = Duration::from_secs(75);

/// After the call to stop a head that began to come has so long to come whole.
const LAST_HEAD: Duration = Duration::from_secs(1);

/// Places beyond the limit, for health checks while every connection is at work.
const SPARE: usize = 8;

/// File handles that the process needs beside connections.
const OTHER_HANDLES: usize = 32;

/// All open connections.
pub struct Connections {
    most: usize,
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// A connection ended, or ended its request.
    freed: Notify,
}

/// One connection: what it does, and how it is told to end.
pub struct Connection {
    state: Mutex<State>,
    over: Notify,
    /// It came when all places were taken by work: only what costs nothing is answered.
    crowded: bool,
    ended: AtomicBool,
}

#[derive(Clone, Copy)]
enum State {
    /// Nothing has come since then; the first request of a connection is due sooner than the next.
    Waiting { since: Instant, first: bool },
    /// A head began to come then.
    Head { since: Instant },
    /// Requests are worked on.
    Busy,
    /// An answer is on its way.
    Sending {
        /// Since then its client has taken nothing of what lies ready.
        stuck: Option<Instant>,
        /// Nothing will be added to what lies ready.
        whole: bool,
    },
}

/// A connection's place among all, free again when it is dropped. An upgraded connection takes it along.
pub struct Place {
    id: u64,
    connection: Arc<Connection>,
    all: Arc<Connections>,
}

impl Connections {
    /// At most so many, and no more than the process has file handles for.
    pub fn new(most: usize) -> Arc<Self> {
        let handles = file_handles().saturating_sub(OTHER_HANDLES + SPARE).max(4);
        Arc::new(Self { most: most.clamp(1, handles), open: Mutex::default(), freed: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection that came. Where all are taken, the one that has waited longest makes room; where all are at work,
    /// a few more are let in that may only ask how the service is.
    pub async fn admit(self: &Arc<Self>, id: u64) -> Place {
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.try_admit(id) {
                return place;
            }
            freed.await;
        }
    }

    fn try_admit(self: &Arc<Self>, id: u64) -> Option<Place> {
        let mut open = self.lock();
        let going = open.values().filter(|connection| !connection.ended.load(Relaxed)).count();
        let idle = open.values().filter_map(|connection| Some((connection.waits_since()?, connection)));
        let longest = idle.min_by_key(|(since, _)| *since).map(|(_, connection)| connection);
        if open.len() >= self.most + SPARE {
            // Those that were told to end are gone in a moment; their handles are not there before.
            if let Some(longest) = longest.filter(|_| open.len() == going) {
                longest.end();
            }
            return None;
        }
        let crowded = match longest.filter(|_| going >= self.most) {
            Some(longest) => {
                longest.end();
                going > self.most
            }
            None => going >= self.most,
        };
        let state = Mutex::new(State::Waiting { since: Instant::now(), first: true });
        let connection = Arc::new(Connection { state, over: Notify::new(), crowded, ended: AtomicBool::new(false) });
        open.insert(id, Arc::clone(&connection));
        Some(Place { id, connection, all: Arc::clone(self) })
    }

    /// Ends when no connection is left.
    pub async fn none_left(&self) {
        loop {
            let freed = self.freed.notified();
            if self.lock().is_empty() {
                return;
            }
            freed.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.lock().remove(&self.id);
        self.all.freed.notify_waiters();
    }
}

impl Place {
    /// Whether only what costs nothing is answered.
    pub fn is_crowded(&self) -> bool {
        self.connection.crowded
    }

    /// A request came whole as far as its head.
    pub fn begins(&self) {
        self.connection.set(State::Busy);
    }

    /// Its answer begins to go out.
    pub fn sends(&self) {
        self.connection.set(State::Sending { stuck: None, whole: false });
    }

    /// Its answer is whole: with its last byte the request ends.
    pub fn ends(&self) {
        self.connection.set(State::Sending { stuck: Some(Instant::now()), whole: true });
    }

    /// Ends when the connection must be closed: it waited too long, or another needs its place.
    pub async fn over(&self) {
        while !self.connection.ended.load(Relaxed) {
            let told = self.connection.over.notified();
            let wake = self.connection.due().unwrap_or_else(|| Instant::now() + HEAD);
            let _ = tokio::time::timeout_at(wake.into(), told).await;
            if self.connection.due().is_some_and(|due| due <= Instant::now()) {
                self.connection.end();
            }
        }
    }

    /// Ends some time after the call to stop, where no request has begun by then. Requests at hand go on.
    pub async fn never_begins(&self) {
        tokio::time::sleep(LAST_HEAD).await;
        if self.connection.waits_since().is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// The stream, watched: bytes that come while nothing is worked on begin a head.
    pub fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched { stream, connection: Arc::clone(&self.connection), all: Arc::clone(&self.all) }
    }
}

impl Connection {
    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn end(&self) {
        self.ended.store(true, Relaxed);
        self.over.notify_one();
    }

    /// Since when it has nothing to do, if it has nothing to do and was not told to end.
    fn waits_since(&self) -> Option<Instant> {
        match self.state() {
            State::Waiting { since, .. } | State::Head { since } if !self.ended.load(Relaxed) => Some(since),
            _ => None,
        }
    }

    fn due(&self) -> Option<Instant> {
        match self.state() {
            State::Waiting { since, first: true } | State::Head { since } => Some(since + HEAD),
            State::Waiting { since, first: false } | State::Sending { stuck: Some(since), .. } => Some(since + IDLE),
            State::Busy | State::Sending { stuck: None, .. } => None,
        }
    }

    fn came(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Waiting { since, first: true } => *state = State::Head { since },
            State::Waiting { first: false, .. } | State::Sending { whole: true, .. } => {
                *state = State::Head { since: Instant::now() };
                self.over.notify_one();
            }
            State::Head { .. } | State::Busy | State::Sending { whole: false, .. } => {}
        }
    }

    /// What came of an attempt to send.
    fn sent(&self, taken: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Sending { stuck, whole } = &mut *state {
            *stuck = match (taken, *whole) {
                (true, false) => None,
                (true, true) => Some(Instant::now()),
                (false, _) => stuck.or_else(|| Some(Instant::now())),
            };
        }
    }

    /// Nothing lies ready any more.
    fn flushed(&self, all: &Connections) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Sending { whole: true, .. }) {
            *state = State::Waiting { since: Instant::now(), first: false };
            all.freed.notify_waiters();
        }
    }
}

/// A stream whose reads and writes are noticed.
pub struct Watched<S> {
    stream: S,
    connection: Arc<Connection>,
    all: Arc<Connections>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.connection.came();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.connection.sent(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.connection.flushed(&self.all);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.connection.sent(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// File handles that the process may have open. Where the system does not tell: as many as macOS gives.
fn file_handles() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    match soft {
        Some("unlimited") => usize::MAX,
        soft => soft.and_then(|number| number.parse().ok()).unwrap_or(256),
    }
}
