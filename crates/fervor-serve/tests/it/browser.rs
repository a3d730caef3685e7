//! The page that computes in the browser: what is given to it, and the page as a folder.

use std::sync::Arc;

use axum::http::header;
use fervor::{Bundle, WholePicture};
use fervor_serve::{Package, Settings, folder, single};
use serde_json::Value;

use crate::world::World;

/// A package of empty files, with two models.
fn package() -> Package {
    let dir = tempfile::tempdir().unwrap();
    let scripts = ["fervor", "builds", "core", "error", "fervor_files", "fervor_web", "live", "sources", "threads", "worker"]
        .map(|name| format!("{name}.js"));
    for name in scripts.into_iter().chain(["fervor_files.wasm".to_owned(), "fervor_relaxed.wasm".to_owned()]) {
        std::fs::write(dir.path().join(name), "//").unwrap();
    }
    let model = |name| Arc::new(Bundle::builtin(name).unwrap());
    Package::open(dir.path(), vec![model("fervor-nano"), model("fervor-48-votes")]).unwrap()
}

#[tokio::test]
async fn a_service_with_a_package_offers_it_and_allows_no_more_than_it_needs() {
    let world = World::with(WholePicture, Settings { package: Some(Arc::new(package())), ..Settings::default() });
    let about = world.get("/page/about.json").await.json(200);
    assert_eq!(about["server"], true);
    assert_eq!(about["browser"]["models"][0]["name"], "fervor-nano");
    let at = |name: &str| format!("/{}{name}", about["browser"]["package"].as_str().unwrap());
    let model = world.get(&at(about["browser"]["models"][1]["file"].as_str().unwrap())).await;
    assert_eq!(&model.body[..], fervor::builtin::bytes("fervor-48-votes").unwrap());
    let module = world.get(&at("fervor_relaxed.wasm")).await;
    assert_eq!(module.headers[header::CONTENT_TYPE], "application/wasm");
    let policy = module.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("'wasm-unsafe-eval'") && !policy.replace("'wasm-unsafe-eval'", "").contains("unsafe"), "{policy}");
    assert!(about["words"]["contempt"].is_string(), "words for the classes of every model");
    for name in ["fervor_plain.wasm", "..%2FCargo.toml", "models/none.onnx"] {
        assert_eq!(world.get(&at(name)).await.error(404), "not_found", "{name}");
    }
}

#[tokio::test]
async fn without_a_package_nothing_of_it_is_there() {
    let world = World::new();
    let about = world.get("/page/about.json").await.json(200);
    assert_eq!((&about["server"], &about["browser"]), (&true.into(), &Value::Null));
    assert_eq!(world.get("/page/web/fervor.js").await.error(404), "not_found");
}

#[test]
fn the_folder_is_a_whole_page_that_names_every_file() {
    let files = folder(&package());
    let text = |name: &str| std::str::from_utf8(&files[name]).unwrap();
    let html = text("index.html");
    assert!(html.contains("http-equiv=\"Content-Security-Policy\"") && html.contains("manifest.webmanifest"));
    assert!(!html.contains("<!-- head -->") && !html.contains("action="), "{html}");
    let named = html.split('"').filter(|part| part.starts_with("page/"));
    for path in named {
        assert!(files.contains_key(path), "{path}");
    }
    let about: Value = serde_json::from_str(text("page/about.json")).unwrap();
    assert_eq!((&about["server"], &about["offline"]), (&false.into(), &true.into()));
    let manifest: Value = serde_json::from_str(text("manifest.webmanifest")).unwrap();
    assert!(manifest["icons"].as_array().unwrap().iter().all(|icon| files.contains_key(icon["src"].as_str().unwrap())));
    let offline = text("offline.js");
    for path in files.keys().filter(|path| *path != "offline.js") {
        let kept = offline.contains(&format!("\"{path}\""));
        assert_eq!(kept, !path.ends_with("fervor-48-votes.onnx"), "the first model alone is kept before it is asked for: {path}");
    }
    assert!(!offline.contains("{{"), "{offline}");
}

#[test]
fn the_single_file_names_no_other() {
    let html = single(&package());
    assert!(html.contains("connect-src data: blob:") && html.contains("<script type=\"importmap\">"));
    for attribute in ["src=\"", "href=\"", "data-src=\""] {
        let named = html.split(attribute).skip(1).map(|rest| &rest[..rest.len().min(5)]);
        for start in named {
            assert!(start == "data:" || start.starts_with(['#', 'a']), "{attribute}{start}: an address outside of it");
        }
    }
}

#[test]
fn a_folder_that_is_no_package_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let error = Package::open(dir.path(), Vec::new()).unwrap_err();
    assert!(
        error.to_string().contains("no package of Fervor for the browser") && error.reason() == fervor::Reason::Missing,
        "{error}"
    );
}
