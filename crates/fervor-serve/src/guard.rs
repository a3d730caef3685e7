//! What stands before every request: its id, its line in the log, its numbers, its headers; and before those that cost
//! something, the key and the rate.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;
use crate::body;
use crate::error::ApiError;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The page loads nothing from elsewhere, runs no script but its own files, stands in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const SECURITY: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(), geolocation=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Ids for requests: unlike in every process, one after the other in each.
pub struct Ids {
    prefix: u64,
    next: AtomicU64,
}

impl Default for Ids {
    fn default() -> Self {
        // The standard library's hasher is seeded by the system's random numbers.
        Self { prefix: RandomState::new().hash_one(0u8), next: AtomicU64::new(1) }
    }
}

impl Ids {
    /// The client's own id where it sent a plain one, else a new one.
    fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let plain = |id: &&HeaderValue| {
            (1..=64).contains(&id.len()) && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        };
        let new = || {
            let id = format!("{:012x}-{:x}", self.prefix >> 16, self.next.fetch_add(1, Relaxed));
            HeaderValue::try_from(id).expect("hexadecimal digits are a header's value")
        };
        headers.get(REQUEST_ID).filter(plain).cloned().unwrap_or_else(new)
    }
}

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
    for (name, value) in SECURITY {
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

/// Lets a request through that shows the key and keeps the rate.
pub async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.key().is_some_and(|key| !key.is_shown(request.headers())) {
        body::discard(request).await;
        return ApiError::key().into_response();
    }
    let peer = request.extensions().get::<Peer>().copied();
    if let (Some(rate), Some(Peer(address))) = (app.rate(), peer)
        && !rate.admits(address.ip(), Instant::now())
    {
        body::discard(request).await;
        return ApiError::rate().into_response();
    }
    next.run(request).await
}

/// The API key. Compared in a time that does not depend on what was sent.
pub struct Key([u8; Key::LONGEST]);

impl Key {
    /// Bytes of a key, at most.
    pub const LONGEST: usize = 256;

    /// # Panics
    /// If the key is longer than [`Key::LONGEST`].
    pub fn new(key: &str) -> Self {
        Self(padded(key.as_bytes()).expect("the key is checked where it is read"))
    }

    /// Whether a request shows the key: as `Authorization: Bearer KEY`, as `X-API-Key: KEY`, or, from the page's WebSocket,
    /// which can set no header, as the subprotocol `key.` with the key's bytes in hexadecimal.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let plain = headers.get("x-api-key").map(HeaderValue::as_bytes);
        let protocols = headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let protocol = protocols.split(',').find_map(|name| from_hex(name.trim().strip_prefix("key.")?));
        let shown = bearer.or(plain).map(<[u8]>::to_vec).or(protocol);
        shown.and_then(|shown| padded(&shown)).is_some_and(|shown| bool::from(shown.ct_eq(&self.0)))
    }
}

/// Keys hold no zero byte, so that padding makes no two of them equal.
fn padded(key: &[u8]) -> Option<[u8; Key::LONGEST]> {
    let mut padded = [0; Key::LONGEST];
    padded.get_mut(..key.len())?.copy_from_slice(key);
    Some(padded)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A bucket of tokens for each client address: one a request, `rate` a second come back, a second's worth fits in.
pub struct Rate {
    rate: f64,
    buckets: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Rate {
    /// Clients that are remembered, at most.
    const CLIENTS: usize = 10_000;

    /// So many requests a second.
    pub fn new(rate: f64) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    fn admits(&self, address: IpAddr, now: Instant) -> bool {
        let full = self.rate.max(1.0);
        let filled = |&(tokens, then): &(f64, Instant)| (tokens + self.rate * now.duration_since(then).as_secs_f64()).min(full);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= Self::CLIENTS {
            // A full bucket is as good as none.
            buckets.retain(|_, bucket| filled(bucket) < full);
            if buckets.len() >= Self::CLIENTS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(network(address)).or_insert((full, now));
        let tokens = filled(bucket);
        let admitted = tokens >= 1.0;
        *bucket = (if admitted { tokens - 1.0 } else { tokens }, now);
        admitted
    }
}

/// A client of IPv6 has 2^64 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) >> 64 << 64).to_be_bytes()),
    }
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
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("x-api-key"), REQUEST_ID])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_client_may_come_as_often_as_the_rate_says() {
        let (rate, start) = (Rate::new(2.0), Instant::now());
        let here = IpAddr::from([127, 0, 0, 1]);
        let admitted = |ms: u64| rate.admits(here, start + Duration::from_millis(ms));
        assert_eq!([0, 0, 0, 400, 500, 600].map(admitted), [true, true, false, false, true, false]);
        assert!(rate.admits(IpAddr::from([127, 0, 0, 2]), start), "another client has its own bucket");
    }

    #[test]
    fn only_the_key_opens() {
        let key = Key::new("s3cret");
        let shown = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            key.is_shown(&headers)
        };
        assert!(shown("authorization", "Bearer s3cret"));
        assert!(shown("x-api-key", "s3cret"));
        assert!(shown("sec-websocket-protocol", "fervor, key.733363726574"));
        for wrong in ["Bearer s3cre", "Bearer s3crett", "Bearer ", "s3cret", "Basic s3cret"] {
            assert!(!shown("authorization", wrong), "{wrong}");
        }
        assert!(!shown("x-api-key", &"x".repeat(300)));
        assert!(!shown("sec-websocket-protocol", "key.zz"));
        assert!(!key.is_shown(&HeaderMap::new()));
    }

    #[test]
    fn a_request_keeps_its_own_id_only_if_it_is_plain() {
        let ids = Ids::default();
        let of = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            ids.of(&headers)
        };
        assert_eq!(of("order-7.b"), "order-7.b");
        assert_ne!(of("a b"), "a b");
        assert_ne!(of("a b"), of("a b"));
    }
}
