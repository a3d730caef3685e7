//! `cargo xtask static`: the program as one file that runs on any Linux of its processor. Nothing is needed but the compiler's own
//! targets (`rustup target add`): it brings a C library and a linker along.

use std::fs;
use std::path::PathBuf;

use crate::Result;
use crate::web;
use crate::workspace::{self, cargo, remap, root, run};

/// What a program is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// PCs and servers.
    X86_64,
    /// Single-board computers, phones, newer servers.
    Aarch64,
}

impl Processor {
    /// All of them, that of this machine first.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The processor of this name, or of this target.
    pub fn called(name: &str) -> Result<Self> {
        let known = |processor: &&Self| [processor.name(), processor.target()].contains(&name);
        Ok(*Self::ALL.iter().find(known).ok_or_else(|| format!("known are x86_64 and aarch64, not {name:?}"))?)
    }

    /// As the compiler calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// As Debian calls it.
    pub fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Aarch64 => "aarch64-unknown-linux-musl",
        }
    }
}

/// What the program for small machines has: everything but training, jobs in Parquet, the engine for networks from elsewhere, and
/// the model that has been trained on votes.
pub const FEATURES: &str = "serve,decoders";

/// What the linker is asked: functions that are alike stand in the program once, and addresses that are set at its start take a bit each.
const LINK: &str = "-C link-arg=--icf=all -C link-arg=--pack-dyn-relocs=relr";

/// More than this is no program for small machines.
const MOST_BYTES: u64 = 12_000_000;

/// Builds the program; the page can compute in the browser if the package for it has been made before.
pub fn build(processor: Processor) -> Result<PathBuf> {
    let package = root().join(web::PLACE);
    let mut features = vec![FEATURES];
    if package.join("fervor_plain.wasm").is_file() {
        features.push("browser");
    } else {
        eprintln!("without Fervor for the browser: `cargo xtask web` before this adds it");
    }
    let (folder, target) = (workspace::target("static"), processor.target());
    let variable = format!("CARGO_TARGET_{}", target.to_uppercase().replace('-', "_"));
    run(cargo()
        .args(["rustc", "--locked", "--profile", "small", "--package", "fervor-cli", "--no-default-features", "--target", target])
        .args(["--features", &features.join(","), "--target-dir"])
        .arg(&folder)
        .args(["--", "-C", "strip=symbols"])
        .env("FERVOR_WEB_PACKAGE", &package)
        .env(format!("{variable}_LINKER"), "rust-lld")
        .env(format!("{variable}_RUSTFLAGS"), format!("{} {LINK}", remap()))
        .env_remove("RUSTFLAGS"))?;
    let program = folder.join(target).join("small/fervor");
    let bytes = fs::metadata(&program)?.len();
    println!("{bytes:>9} bytes  {}", program.display());
    if bytes > MOST_BYTES {
        return Err(format!(
            "the program for {} has grown to {bytes} bytes, more than {MOST_BYTES}: look with `nm --size-sort` at what came in, \
             or compile more of it for size (`profile.small` in Cargo.toml)",
            processor.name()
        )
        .into());
    }
    Ok(program)
}
