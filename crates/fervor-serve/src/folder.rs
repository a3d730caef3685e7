//! The page as a folder of files that any web server gives, without a service behind it: everything is computed in the browser.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fervor::hash::sha256;
use serde_json::{Value, json};

use crate::package::{Package, model_file};
use crate::page;

/// What a page of a folder may do, as its server may not say it: load what stands beside it, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; \
media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'none'; base-uri 'none'";

/// The files of the page by their paths: copied to any web server, under whichever address, they are a page that finds faces and
/// names their expressions in the browser. It can be installed, and opens without a network once it has been opened with one.
///
/// # Panics
/// If the package has no model.
pub fn folder(package: &Package) -> BTreeMap<String, Cow<'static, [u8]>> {
    let mut files: BTreeMap<String, Cow<'static, [u8]>> = BTreeMap::new();
    for (path, bytes) in page::files() {
        files.insert(path.trim_start_matches('/').to_owned(), Cow::Borrowed(bytes));
    }
    // The page itself has the empty path.
    let html = String::from_utf8_lossy(&files.remove("").expect("there is a page")).into_owned();
    for (name, bytes) in package.files() {
        files.insert(format!("page/web/{name}"), Cow::Owned(bytes.to_vec()));
    }
    let application = "<meta name=\"theme-color\" content=\"#1d4ed8\">\n<link rel=\"manifest\" href=\"manifest.webmanifest\">";
    files.insert("index.html".into(), Cow::Owned(index(&html, POLICY, application).into_bytes()));
    files.insert("page/about.json".into(), Cow::Owned(about(package, true).to_string().into_bytes()));
    files.insert("manifest.webmanifest".into(), Cow::Owned(manifest().to_string().into_bytes()));
    files.insert("offline.js".into(), Cow::Owned(offline(package, &files).into_bytes()));
    files
}

/// The page with what a server would say in headers, and more in its head.
pub fn index(html: &str, policy: &str, more: &str) -> String {
    let head = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<meta name=\"referrer\" content=\"no-referrer\">\n{more}"
    );
    html.replace("<!-- head -->", &head)
        .replace(" action=\"predict\" method=\"post\" enctype=\"multipart/form-data\"", "")
        .replace("<noscript><button>Send</button></noscript>", "")
        .replace("Without it, the form below still answers, as JSON.", "Without it there is none.")
}

/// What a page without a service is told; `offline`: whether it has a service worker.
pub fn about(package: &Package, offline: bool) -> Value {
    let labels = page::labels_of(package.models().iter().map(|bundle| bundle.card()));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "words": page::words(&labels),
        "models": [],
        "server": false,
        "offline": offline,
        "browser": package.about(),
        "needs_key": false,
    })
}

fn manifest() -> Value {
    json!({
        "name": "Fervor: which expression does a face show?",
        "short_name": "Fervor",
        "description": "Finds the faces in a picture and says which expression each shows. Nothing leaves this device.",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#f6f7fa",
        "theme_color": "#1d4ed8",
        "categories": ["photo", "utilities"],
        "icons": [
            { "src": "page/icon.svg", "type": "image/svg+xml", "sizes": "any", "purpose": "any" },
            { "src": "page/icon-512.png", "type": "image/png", "sizes": "512x512", "purpose": "any" },
        ],
    })
}

/// The service worker; its name for what it keeps changes with any file.
fn offline(package: &Package, files: &BTreeMap<String, Cow<'static, [u8]>>) -> String {
    let first = format!("page/web/{}", model_file(&package.models()[0]));
    let later = |path: &str| path.ends_with(".onnx") && path != first;
    let kept: Vec<&str> = ["./"].into_iter().chain(files.keys().map(String::as_str).filter(|path| !later(path))).collect();
    let all: Vec<u8> = files.iter().flat_map(|(path, bytes)| [path.as_bytes(), sha256(bytes).as_bytes()].concat()).collect();
    include_str!("../page/offline.js")
        .replace("{{version}}", &sha256(&all)[..16])
        .replace("{{files}}", &serde_json::to_string_pretty(&kept).expect("paths are JSON"))
}
