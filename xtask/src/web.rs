//! `cargo xtask web`: the npm package. The same crate is compiled once for each kind of processor that browsers show; which of them a
//! page gets is decided as it loads. The JavaScript around them is one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use wasm_bindgen_cli_support::Bindgen;

use crate::Result;
use crate::workspace::{self, cargo, read, root, run, version, write};

/// A build of what answers: its name and what the compiler may use.
pub struct Flavour {
    name: &'static str,
    flags: &'static str,
}

/// All builds, best first.
pub const FLAVOURS: &[Flavour] = &[
    Flavour { name: "relaxed", flags: "-C target-feature=+simd128,+relaxed-simd" },
    Flavour { name: "simd", flags: "-C target-feature=+simd128" },
    Flavour { name: "plain", flags: "" },
];

/// The build of what decodes files: one for all browsers.
const DECODER: Flavour = Flavour { name: "plain", flags: "" };

/// The models of the package, the one that is loaded unasked first.
const MODELS: [&str; 3] = ["fervor-nano", "fervor-48", "fervor-48-votes"];

/// Where the package is written, in the repository.
pub const PLACE: &str = "target/npm/fervor-web";

const TARGET: &str = "wasm32-unknown-unknown";

/// Writes the package.
pub fn package(flavours: &[Flavour]) -> Result<()> {
    let source = root().join("crates/fervor-web");
    let out = root().join(PLACE);
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let (wasm, script) = bind(&compile(&DECODER, "decoder")?, "fervor_files")?;
    write(&out.join("fervor_files.wasm"), wasm)?;
    write(&out.join("fervor_files.js"), script)?;
    let mut glue: Option<String> = None;
    for flavour in flavours {
        let (wasm, script) = bind(&compile(flavour, "analyzer")?, "fervor_web")?;
        if glue.get_or_insert_with(|| script.clone()) != &script {
            return Err(format!("the build {:?} needs another JavaScript than the others", flavour.name).into());
        }
        write(&out.join(format!("fervor_{}.wasm", flavour.name)), wasm)?;
    }
    write(&out.join("fervor_web.js"), glue.unwrap_or_default())?;
    for entry in fs::read_dir(source.join("js"))? {
        let path = entry?.path();
        write(&out.join(path.file_name().expect("an entry has a name")), read(&path)?)?;
    }
    for name in ["client.js", "client.d.ts"] {
        write(&out.join(name), read(&root().join("crates/fervor-serve/page").join(name))?)?;
    }
    for name in MODELS {
        let file = format!("{name}.onnx");
        write(&out.join("models").join(&file), read(&root().join("crates/fervor/models").join(name).join(&file))?)?;
    }
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        write(&out.join(name), read(&root().join(name))?)?;
    }
    write(&out.join("README.md"), read(&source.join("README.md"))?)?;
    let kinds: Vec<&str> = flavours.iter().map(|flavour| flavour.name).collect();
    write(&out.join("builds.js"), builds(&kinds))?;
    write(&out.join("package.json"), serde_json::to_string_pretty(&manifest()?)? + "\n")?;
    report(&out, flavours[0].name)
}

/// The module as the compiler writes it.
fn compile(flavour: &Flavour, feature: &str) -> Result<PathBuf> {
    let all = workspace::target("web");
    let folder = all.join(flavour.name);
    eprintln!("compiling the {feature}, build {:?}", flavour.name);
    run(cargo()
        .args([
            "build",
            "--locked",
            "--package",
            "fervor-web",
            "--profile",
            "web",
            "--no-default-features",
            "--features",
            feature,
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(&folder)
        // Paths of the machine that builds have no place in what is published.
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", format!("{} {}", flavour.flags, crate::workspace::remap()))
        .env_remove("RUSTFLAGS"))?;
    Ok(folder.join(TARGET).join("web/fervor_web.wasm"))
}

/// The module and its JavaScript.
fn bind(module: &Path, name: &str) -> Result<(Vec<u8>, String)> {
    let scratch = module.with_extension("bound");
    let mut tool = Bindgen::new();
    tool.input_path(module).web(true)?.typescript(false).omit_default_module_path(true);
    tool.out_name(name).remove_name_section(true).remove_producers_section(true);
    tool.generate(&scratch)?;
    let script = String::from_utf8(read(&scratch.join(format!("{name}.js")))?)?;
    Ok((read(&scratch.join(format!("{name}_bg.wasm")))?, script))
}

/// Where the builds are. Written out, since bundlers find files by such lines alone.
fn builds(kinds: &[&str]) -> String {
    let line = |kind: &&str| format!("  {kind}: new URL(\"./fervor_{kind}.wasm\", import.meta.url),\n");
    let model = |name: &&str| format!("  \"{name}\": new URL(\"./models/{name}.onnx\", import.meta.url),\n");
    format!(
        "// Where the files of this package are: bundlers find them by such lines.\n\nexport const modules = {{\n{}}};\n\nexport const decoder = new URL(\"./fervor_files.wasm\", import.meta.url);\n\nexport const \
         models = {{\n{}}};\n",
        kinds.iter().map(line).collect::<String>(),
        MODELS.iter().map(model).collect::<String>()
    )
}

fn manifest() -> Result<Value> {
    Ok(json!({
        "name": "fervor-web",
        "version": version()?,
        "description": "Finds the faces of a picture and says which expression each shows, in the browser: nothing leaves the device.",
        "keywords": ["face", "expression", "emotion", "face-detection", "wasm", "webassembly", "camera"],
        "license": "MIT OR Apache-2.0",
        "type": "module",
        "sideEffects": false,
        "types": "./fervor.d.ts",
        "main": "./fervor.js",
        "exports": {
            ".": { "types": "./fervor.d.ts", "node": "./node.js", "default": "./fervor.js" },
            "./client": { "types": "./client.d.ts", "default": "./client.js" },
            "./worker": "./worker.js",
            "./script": "./script.js",
            "./models/*": "./models/*",
            "./*.wasm": "./*.wasm",
            "./package.json": "./package.json",
        },
        "engines": { "node": ">=18" },
    }))
}

/// What a person downloads, as servers send it.
fn report(out: &Path, first: &str) -> Result<()> {
    let packed = |name: &str| -> Result<usize> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&read(&out.join(name))?)?;
        Ok(packer.finish()?.len())
    };
    let scripts = [
        "fervor.js",
        "core.js",
        "worker.js",
        "threads.js",
        "error.js",
        "builds.js",
        "fervor_web.js",
        "fervor_files.js",
        "sources.js",
        "live.js",
    ];
    let mut all = 0;
    let first = format!("fervor_{first}.wasm");
    for name in scripts.into_iter().chain([first.as_str(), "models/fervor-nano.onnx"]) {
        let bytes = packed(name)?;
        all += bytes;
        println!("{bytes:>9} bytes gzipped  {name}");
    }
    println!("{all:>9} bytes gzipped  in all: a camera's first answer");
    let files = packed("fervor_files.wasm")?;
    println!("{:>9} bytes gzipped  with what decodes files, {files}: a file's first answer", all + files);
    println!("{}", out.display());
    Ok(())
}
