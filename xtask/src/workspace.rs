//! Where things are in the workspace, and commands that run in it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Result;

/// Whether everything is built a second time.
static AGAIN: AtomicBool = AtomicBool::new(false);

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the repository").to_owned()
}

/// The folder that one kind of things is built in: `target/KIND`, or where `FERVOR_KIND_TARGET` says.
pub fn target(kind: &str) -> PathBuf {
    let again = if AGAIN.load(Ordering::Relaxed) { "-again" } else { "" };
    let here = || root().join("target").join(format!("{kind}{again}"));
    env::var_os(format!("FERVOR_{}_TARGET", kind.to_uppercase())).filter(|_| again.is_empty()).map_or_else(here, PathBuf::from)
}

/// From here on everything is built in other folders, and from nothing.
pub fn begin_again(kinds: &[&str]) -> Result<()> {
    AGAIN.store(true, Ordering::Relaxed);
    for folder in kinds.iter().map(|kind| target(kind)).filter(|folder| folder.exists()) {
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

/// The version that all crates share.
pub fn version() -> Result<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    Ok(line.ok_or("Cargo.toml names no version")?.to_owned())
}

/// Cargo, in the repository's root, as it was called.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command to its good end.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|e| format!("{:?} cannot be started: {e}", command.get_program()))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// A file with what it says when it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| format!("{} cannot be read: {e}", path.display()).into())
}

/// A file, with the folders above it.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes).map_err(|e| format!("{} cannot be written: {e}", path.display()).into())
}

/// Flags that keep this machine's paths out of what is built, so that the same sources give the same bytes elsewhere.
pub fn remap() -> String {
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo"))).unwrap_or_default();
    format!("--remap-path-prefix={home}=/cargo --remap-path-prefix={}=/fervor", root().display())
}
