//! What the tests share: folders that live as long as a test, and the data beside the workspace.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder that lives as long as the test.
pub struct World(pub tempfile::TempDir);

impl World {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }
}

/// Data too large for the repository, in the folder that `FERVOR_TEST_DATA` names, or else beside the workspace. Tests that need it
/// are ignored unless they are asked for.
///
/// # Panics
/// If it is not there: a test that was asked for must not pass by doing nothing.
pub fn shared(name: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("FERVOR_TEST_DATA").map_or_else(beside, PathBuf::from).join(name);
    assert!(path.exists(), "this test needs {}; FERVOR_TEST_DATA names another folder", path.display());
    path
}

/// What an error says: places, message, causes, and what helps.
pub fn told(error: &fervor::Error) -> String {
    let places = error.contexts().iter().map(|place| format!("{place}: ")).collect::<String>();
    let hint = error.hint().map_or_else(String::new, |hint| format!("\nhint: {hint}"));
    format!("{places}{}{hint}", error.explained())
}
