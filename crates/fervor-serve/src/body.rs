//! Bodies, metered: no request holds more than its limit, all together no more than the service's budget, none stands still.
//! A body may take its time on a slow line as long as it comes on.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, Instant, timeout};

use crate::error::ApiError;

/// The grain in which memory is counted.
const GRAIN: usize = 1024;

/// Of a body so much at least must come in every span of the service's time limit: 3 kB a second with its 10 seconds.
const PROGRESS: usize = 32 << 10;

/// A client that is refused in the middle of its upload may finish it, within these bounds, so that it hears why.
const PATIENCE: Duration = Duration::from_secs(2);
const LINGER: usize = 256 << 20;

/// The memory that all bodies together may take.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

/// A request's share of the [`Budget`], given back when it is dropped.
#[derive(Default)]
pub struct Hold(Mutex<Option<OwnedSemaphorePermit>>);

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// More bytes than this.
    TooLarge(usize),
    /// The budget is used up.
    Busy,
    /// Too little came for too long.
    Slow,
    /// The client broke off.
    Broken,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_api().info.message)
    }
}

impl StdError for Refused {}

impl Refused {
    /// As the client is told.
    pub fn to_api(self) -> ApiError {
        match self {
            Self::TooLarge(limit) => ApiError::too_large(
                format!("the request has more than {limit} bytes"),
                "make the pictures smaller, or send fewer at once",
            ),
            Self::Busy => ApiError::busy(),
            Self::Slow => ApiError::slow(),
            Self::Broken => ApiError::broken_off(),
        }
    }

    /// The refusal at the bottom of an error, if there is one.
    pub fn beneath(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(refused) = error.downcast_ref() {
                return Some(*refused);
            }
            next = error.source();
        }
        None
    }
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / GRAIN).clamp(1, u32::MAX as usize))))
    }

    fn take(&self, hold: &Hold, bytes: usize) -> Result<(), Refused> {
        let grains = u32::try_from(bytes.div_ceil(GRAIN)).map_err(|_| Refused::Busy)?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(grains).map_err(|_| Refused::Busy)?;
        let mut held = hold.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_mut() {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// The request with its body metered, and the memory that it comes to hold. A body of which less than [`PROGRESS`] comes while it
/// is waited for so long as `patience` is given up.
///
/// # Errors
/// [`Refused::TooLarge`], when the request announces more than `limit` bytes.
pub async fn metered(
    request: Request,
    limit: usize,
    budget: &Budget,
    patience: Duration,
) -> Result<(Request, Arc<Hold>), Refused> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > limit as u64) {
        return Err(Refused::TooLarge(limit));
    }
    let (parts, body) = request.into_parts();
    let hold = Arc::new(Hold::default());
    let state = Meter {
        body: Some(body.into_data_stream()),
        left: limit,
        limit,
        budget: budget.clone(),
        hold: Arc::clone(&hold),
        patience,
        waited: Duration::ZERO,
        came: 0,
    };
    let body = Body::from_stream(stream::unfold(state, Meter::next));
    Ok((Request::from_parts(parts, body), hold))
}

struct Meter {
    /// Gone after the end or a refusal.
    body: Option<BodyDataStream>,
    left: usize,
    limit: usize,
    budget: Budget,
    hold: Arc<Hold>,
    patience: Duration,
    /// Time spent waiting for the client, and bytes that came, since the body last came on far enough.
    waited: Duration,
    came: usize,
}

impl Meter {
    async fn next(mut self) -> Option<(Result<Bytes, Refused>, Self)> {
        let mut body = self.body.take()?;
        let start = Instant::now();
        let chunk = timeout(self.patience.saturating_sub(self.waited), body.next()).await;
        self.waited += start.elapsed();
        let refused = match chunk {
            Err(_) => Refused::Slow,
            Ok(None) => return None,
            Ok(Some(Err(_))) => Refused::Broken,
            Ok(Some(Ok(chunk))) if chunk.len() > self.left => Refused::TooLarge(self.limit),
            Ok(Some(Ok(chunk))) => match self.budget.take(&self.hold, chunk.len()) {
                Ok(()) => {
                    self.left -= chunk.len();
                    self.came += chunk.len();
                    if self.came >= PROGRESS {
                        (self.waited, self.came) = (Duration::ZERO, 0);
                    }
                    self.body = Some(body);
                    return Some((Ok(chunk), self));
                }
                Err(refused) => refused,
            },
        };
        Some((Err(refused), self))
    }
}

/// Before a request is refused, what of its body nobody read is read without keeping anything: a connection closed under an upload hides
/// the answer from its client.
pub async fn heard(request: Request, next: Next) -> Response {
    let awaits_leave = request.headers().contains_key(header::EXPECT);
    let rest = Rest::default();
    let request = request.map(|body| Body::new(Lent { body: Some(body), began: false, rest: rest.clone() }));
    let response = next.run(request).await;
    let refused = response.status().is_client_error() || response.status().is_server_error();
    let unread = rest.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    // Who waits for leave to send has not begun.
    if let Some((body, began)) = unread
        && refused
        && (began || !awaits_leave)
    {
        drain(body.into_data_stream()).await;
    }
    response
}

/// What was left of a body when it was dropped, and whether anybody had begun to read it.
#[derive(Clone, Default)]
struct Rest(Arc<Mutex<Option<(Body, bool)>>>);

/// A body that comes back when it is dropped before its end.
struct Lent {
    body: Option<Body>,
    began: bool,
    rest: Rest,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.began = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.rest.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((body, self.began));
        }
    }
}

async fn drain(mut body: BodyDataStream) {
    let mut bytes = 0;
    let reading = async {
        while let Some(Ok(chunk)) = body.next().await {
            bytes += chunk.len();
            if bytes > LINGER {
                break;
            }
        }
    };
    let _ = timeout(PATIENCE, reading).await;
}

/// A whole metered body.
///
/// # Errors
/// As the meter refuses.
pub async fn whole(request: Request) -> Result<Bytes, Refused> {
    let mut chunks = request.into_body().into_data_stream();
    let Some(first) = chunks.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(refusal)?;
    let Some(second) = chunks.next().await else { return Ok(first) };
    let mut all = BytesMut::with_capacity(2 * first.len());
    all.extend_from_slice(&first);
    all.extend_from_slice(&second.map_err(refusal)?);
    while let Some(chunk) = chunks.next().await {
        all.extend_from_slice(&chunk.map_err(refusal)?);
    }
    Ok(all.freeze())
}

/// Reads what came aside, where it keeps no other request waiting: a body of many megabytes takes its time.
///
/// # Errors
/// As `read` does; a fault of ours, where it panics.
pub async fn aside<T: Send + 'static>(read: impl FnOnce() -> Result<T, ApiError> + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|_| Err(ApiError::internal()))
}

fn refusal(error: axum::Error) -> Refused {
    Refused::beneath(&error).unwrap_or(Refused::Broken)
}
