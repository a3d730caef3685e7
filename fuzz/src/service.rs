//! The HTTP service without its socket: any body is answered, and no answer says that the service broke.

use std::cell::LazyCell;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use fervor::{Analyzer, WholePicture};
use fervor_serve::{App, Settings, app};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::tiny::{self, Kind};

struct Service {
    runtime: Runtime,
    router: Router,
}

thread_local! {
    static SERVICE: LazyCell<Service> = LazyCell::new(|| {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let bundle = tiny::bundle(Kind::Own);
        let settings = Settings { threads: 1, max_upload: 1 << 20, ..Settings::default() };
        let analyzer = Analyzer::new(WholePicture, Arc::new(bundle));
        let router = runtime.block_on(async { app(App::new(analyzer, settings)) });
        Service { runtime, router }
    });
}

/// The first byte picks the door, the second says where the JSON ends (in fours; 0: it has the whole body); the rest is the body.
pub fn service(bytes: &[u8]) {
    let &[door, json, ref body @ ..] = bytes else { return };
    let request = match door % 6 {
        0 | 1 => Request::post("/v2/models/tiny/infer"),
        2 => Request::post("/v2/models/tiny-pictures/infer"),
        3 => Request::post("/predict").header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge"),
        4 => Request::post("/predict").header(header::CONTENT_TYPE, "application/json"),
        _ => Request::post("/predict?top=2&annotate=1").header(header::CONTENT_TYPE, "application/octet-stream"),
    };
    let request = match json {
        0 => request,
        fours => request.header("Inference-Header-Content-Length", 4 * usize::from(fours)),
    };
    let request = request.body(Body::from(body.to_vec())).expect("a request");
    SERVICE.with(|service| {
        service.runtime.block_on(async {
            let response = service.router.clone().oneshot(request).await.expect("an answer");
            let status = response.status();
            assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{status}");
            to_bytes(response.into_body(), usize::MAX).await.expect("a whole answer");
        });
    });
}
