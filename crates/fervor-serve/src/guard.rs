//! Who a request is from and whether it may come: its id, the API key, the rate of each client.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use subtle::ConstantTimeEq;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The header that carries a request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
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

/// The API key. Compared in a time that does not depend on what was sent.
pub struct Key([u8; Key::LONGEST]);

impl Key {
    /// Bytes of a key, at most.
    pub const LONGEST: usize = 256;

    /// The key of a service.
    ///
    /// # Panics
    /// If the key is longer than [`Key::LONGEST`].
    pub fn new(key: &str) -> Self {
        Self(padded(key.as_bytes()).expect("the key is checked where it is read"))
    }

    /// Whether a request shows the key: as `Authorization: Bearer KEY`, as `X-API-Key: KEY`, or, from the page's WebSocket,
    /// which can set no header, as the subprotocol `key.` with the key's bytes in hexadecimal.
    pub(crate) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, key) = value.as_bytes().split_at_checked(b"Bearer ".len())?;
            scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
        });
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

    pub fn admits(&self, address: IpAddr, now: Instant) -> bool {
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
