//! What the tests share.

use std::path::{Path, PathBuf};

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
