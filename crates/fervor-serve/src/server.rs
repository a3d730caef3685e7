//! [`serve`]: a socket for the service. Connections have limits, the end is graceful.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::guard::Peer;
use crate::routes;
use crate::state::App;

/// Connections at once; others wait in the system's backlog.
const CONNECTIONS: usize = 2048;

/// A request's head must be there after this, and a connection without requests is closed after it.
const HEAD: Duration = Duration::from_secs(30);

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
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = Arc::clone(&connections).acquire_owned();
        let accepted = async { (place.await, listener.accept().await) };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
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
        let router: Router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(address));
            router.clone().oneshot(request.map(Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let app = app.clone();
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            app.metrics().connections.up();
            // A client that breaks off is no news.
            tokio::select! {
                _ = &mut connection => {}
                () = app.closed() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
            app.metrics().connections.down();
            drop(place);
        });
    }
    drop(listener);
    app.close();
    tracing::info!("stopping: finishing the requests at hand");
    let grace = app.settings().timeout + GRACE;
    if tokio::time::timeout(grace, connections.acquire_many(CONNECTIONS as u32)).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    Ok(())
}
