//! [`serve`]: a socket for the service. Connections have limits, the end is graceful.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::connections::{Connections, IDLE, Place};
use crate::guard::Peer;
use crate::routes;
use crate::state::App;

/// A request's head takes at most this.
const HEAD_BYTES: usize = 32 << 10;

/// After the call to stop, requests at hand have the time limit of a request and this to end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` ends; then takes no new connection, finishes the requests at hand and returns.
///
/// # Errors
/// Only when the socket cannot be used at all.
pub async fn serve(listener: TcpListener, app: App, stop: impl Future<Output = ()>) -> io::Result<()> {
    let router = routes::app(app.clone());
    let connections = Connections::new(app.settings().max_connections);
    let mut id = 0;
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, most likely: others will be closed soon.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let place = tokio::select! {
            () = &mut stop => break,
            place = connections.admit(id) => Arc::new(place),
        };
        id += 1;
        let stream = place.watch(stream);
        let router: Router = router.clone();
        let held = Arc::clone(&place);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(address));
            request.extensions_mut().insert(Arc::clone(&held));
            answered(router.clone(), request, Arc::clone(&held))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let app = app.clone();
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            app.metrics().connections.up();
            // A client that breaks off is no news.
            tokio::select! {
                // What came before the call to stop is read before it counts.
                biased;
                _ = &mut connection => {}
                // It is dropped, and with it the socket.
                () = place.over() => {}
                () = app.closed() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        _ = connection => {}
                        () = place.over() => {}
                        () = place.never_begins() => {}
                    }
                }
            }
            app.metrics().connections.down();
        });
    }
    drop(listener);
    app.close();
    tracing::info!("stopping: finishing the requests at hand");
    let grace = app.settings().timeout + GRACE;
    if tokio::time::timeout(grace, connections.none_left()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    Ok(())
}

/// A request's answer; until all of it is sent its connection is at work. An upgraded one stays at work.
async fn answered(router: Router, request: hyper::Request<Incoming>, place: Arc<Place>) -> Result<Response, Infallible> {
    place.begins();
    let response = router.oneshot(request.map(Body::new)).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    place.sends();
    Ok(response.map(|body| Body::new(Sending { body, place })))
}

/// An answer's body. With its last byte the request ends.
struct Sending {
    body: Body,
    place: Arc<Place>,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.place.ends();
    }
}
