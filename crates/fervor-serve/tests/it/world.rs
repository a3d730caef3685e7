//! A service with a finder of the test's choice, and requests in a line.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use fervor::prediction::ErrorInfo;
use fervor::{Analyzer, AutoFaces, Bundle, DetectorOptions, Face, FindFaces, Picture, WholePicture, builtin};
use fervor_serve::{App, Settings, app, serve};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt;

/// The service under test.
pub struct World {
    pub app: App,
    pub router: Router,
}

/// What was answered.
#[derive(Debug)]
pub struct Said {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub fn bundle() -> Arc<Bundle> {
    Arc::new(Bundle::builtin(builtin::DEFAULT).unwrap())
}

/// The detector that `fervor serve` uses.
pub fn faces() -> AutoFaces {
    AutoFaces::new(DetectorOptions::default().with_threads(1)).unwrap()
}

impl World {
    /// Takes every picture as one face.
    pub fn new() -> Self {
        Self::with(WholePicture, Settings::default())
    }

    pub fn with(finder: impl FindFaces + 'static, settings: Settings) -> Self {
        let app_state = App::new(Analyzer::new(finder, bundle()), settings);
        Self { router: app(app_state.clone()), app: app_state }
    }

    /// Two models, of which the first answers unasked; every picture is one face.
    pub fn of_two_models() -> Self {
        let analyzer = |name| Analyzer::new(WholePicture, Arc::new(Bundle::builtin(name).unwrap()));
        let models = vec![analyzer(builtin::DEFAULT), analyzer("fervor-nano")];
        let app_state = App::with_models(models, Settings::default()).unwrap();
        Self { router: app(app_state.clone()), app: app_state }
    }

    pub async fn send(&self, request: Request<Body>) -> Said {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Said { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Said {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a picture as the body.
    pub async fn predict(&self, picture: Vec<u8>) -> Said {
        self.send(raw("/predict", picture)).await
    }

    /// A number of `/metrics`.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    }

    /// Listens on a free port until the sender is used or dropped.
    pub async fn listen(&self) -> (std::net::SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let app = self.app.clone();
        let server = tokio::spawn(async move { serve(listener, app, async { drop(stopped.await) }).await });
        (address, stop, server)
    }
}

impl Said {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The JSON of an answer with this status.
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The kind of an error with this status; its form is checked.
    pub fn error(&self, status: u16) -> String {
        let json = self.json(status);
        let error = &json["error"];
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{json}");
        assert!(error["hint"].is_string() || error["hint"].is_null(), "{json}");
        let info: ErrorInfo = serde_json::from_value(error.clone()).expect("the error object of every door");
        assert!(!info.hint.is_some_and(|hint| hint.contains("--")), "a client has no flags: {json}");
        error["kind"].as_str().unwrap().to_owned()
    }
}

impl Said {
    /// The kind of an error in the form of the Open Inference Protocol.
    pub fn refused(&self, status: u16) -> String {
        let json = self.json(status);
        assert!(json["error"].as_str().is_some_and(|text| !text.is_empty()), "{json}");
        json["kind"].as_str().unwrap().to_owned()
    }
}

pub fn raw(path: &str, body: Vec<u8>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, "application/octet-stream").body(Body::from(body)).unwrap()
}

/// A form of `(field, file name, bytes)`.
pub fn form(path: &str, parts: &[(&str, &str, &[u8])]) -> Request<Body> {
    let mut body = Vec::new();
    for (field, file, bytes) in parts {
        let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file}\"\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend(b"--edge--\r\n");
    Request::post(path).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge").body(Body::from(body)).unwrap()
}

/// A grey PNG, unlike for each seed.
pub fn png(side: u32, seed: u32) -> Vec<u8> {
    let pixel = |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(97)) >> 13) as u8;
    let gray: Vec<u8> = (0..side * side).map(pixel).collect();
    Picture::from_gray(side, side, &gray).unwrap().encode_png().unwrap()
}

pub fn astronaut() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/astronaut.png")).unwrap()
}

/// Takes its time for every picture.
pub struct Slow(pub Duration);

impl FindFaces for Slow {
    fn find(&self, picture: &Picture) -> fervor::Result<Vec<Face>> {
        std::thread::sleep(self.0);
        WholePicture.find(picture)
    }
}

/// Panics at pictures of 13 pixels a side.
pub struct Superstitious;

impl FindFaces for Superstitious {
    fn find(&self, picture: &Picture) -> fervor::Result<Vec<Face>> {
        assert_ne!(picture.width(), 13, "this one again");
        WholePicture.find(picture)
    }
}
