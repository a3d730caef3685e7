//! The page as one file that a browser opens from anywhere, be it a memory stick: scripts, styles, pictures, WebAssembly and models stand
//! in it, since a browser gives the scripts of a folder only through a server.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::folder::{about, index};
use crate::package::Package;
use crate::page;

/// What the file may do: run what stands in it. It can reach no address at all.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline' data: 'wasm-unsafe-eval'; style-src 'unsafe-inline'; img-src data: \
blob:; media-src blob:; connect-src data: blob:; form-action 'none'; base-uri 'none'";

/// The page in one file. Without a server there is no worker: answers are computed in the page's own thread.
///
/// # Panics
/// If the package has no model.
pub fn single(package: &Package) -> String {
    let own: BTreeMap<&str, &[u8]> = page::files().map(|(path, bytes)| (path.trim_start_matches('/'), bytes)).collect();
    let mut html = index(&text(own[""]), POLICY, "");
    let (mut modules, mut files) = (Map::new(), Map::new());
    files.insert("page/about.json".into(), address("application/json", about(package, false).to_string().as_bytes()));
    for (path, bytes) in &own {
        match path.rsplit_once('.') {
            Some((_, "js")) => module(&mut modules, path, "page", &text(bytes)),
            Some((_, "css")) => {
                let link = format!("<link rel=\"stylesheet\" href=\"{path}\">");
                html = html.replace(&link, &format!("<style>\n{}</style>", text(bytes)));
            }
            Some((_, kind @ ("svg" | "jpg" | "png"))) => {
                let kind = match kind {
                    "svg" => "image/svg+xml",
                    "jpg" => "image/jpeg",
                    _ => "image/png",
                };
                let inside = address(kind, bytes);
                html = html.replace(&format!("\"{path}\""), &inside.to_string());
            }
            _ => {}
        }
    }
    for (name, bytes) in package.files() {
        let path = format!("page/web/{name}");
        match name.rsplit_once('.') {
            Some(("builds", "js")) => module(&mut modules, &path, "page/web", &builds(package)),
            Some((_, "js")) => {
                module(&mut modules, &path, "page/web", &text(bytes));
                // The map of modules knows it by this name.
                files.insert(path.clone(), path.into());
            }
            Some((_, "wasm")) => _ = files.insert(path, address("application/wasm", bytes)),
            _ => _ = files.insert(path, address("application/octet-stream", bytes)),
        }
    }
    let scripts = format!(
        "<script type=\"importmap\">{}</script>\n<script>globalThis.FILES = {};</script>\n<script type=\"module\">import \"page/main.js\";</script>",
        json!({ "imports": modules }),
        Value::Object(files)
    );
    html.replace("<script type=\"module\" src=\"page/main.js\"></script>", &scripts)
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Bytes as an address that holds them.
fn address(kind: &str, bytes: &[u8]) -> Value {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes)).into()
}

/// Adds a script to the map of modules; what it imports beside it, it imports by the names of the map.
fn module(modules: &mut Map<String, Value>, path: &str, folder: &str, script: &str) {
    let script = script.replace("from \"./", &format!("from \"{folder}/"));
    modules.insert(path.to_owned(), address("text/javascript", script.as_bytes()));
}

/// Where the builds of the package are: in the file.
fn builds(package: &Package) -> String {
    let at = |name: &str| format!("new URL(globalThis.FILES[\"page/web/{name}\"])");
    let kinds = ["relaxed", "simd", "plain"].map(|kind| (kind, format!("fervor_{kind}.wasm")));
    let there: Vec<String> = kinds
        .iter()
        .filter(|(_, name)| package.get(name).is_some())
        .map(|(kind, name)| format!("{kind}: {}", at(name)))
        .collect();
    format!(
        "export const modules = {{ {} }};\nexport const decoder = {};\nexport const models = {{}};\n",
        there.join(", "),
        at("fervor_files.wasm")
    )
}
