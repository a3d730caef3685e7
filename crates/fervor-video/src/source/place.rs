//! What a source's name means.

use std::io::Read;
use std::path::{Path, PathBuf};

use fervor::{Error, Result};

use crate::ffmpeg::Input;
use crate::input::{too_large, unreadable};

/// Where a source is.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    StandardInput,
    Camera(String),
    Address(String),
    File(PathBuf),
}

impl Place {
    pub(super) fn of(name: &Path) -> Self {
        match name.to_str() {
            Some("-") => Self::StandardInput,
            Some(text) if text.starts_with("camera:") => Self::Camera(text["camera:".len()..].to_owned()),
            Some(text) if is_address(text) => Self::Address(text.to_owned()),
            _ => Self::File(name.to_owned()),
        }
    }
}

/// Whether it begins as `rtsp://` does: a word, and what no path has.
fn is_address(name: &str) -> bool {
    name.split_once("://")
        .is_some_and(|(scheme, _)| scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)))
}

/// Lays all bytes into a temporary file, which is removed with what is returned.
pub(super) fn in_a_file(bytes: &mut (impl Read + ?Sized), limit: u64) -> Result<Input> {
    let failed = |e| Error::output("a temporary file cannot be written").with_source(e);
    let mut file = tempfile::Builder::new().prefix("fervor-").tempfile().map_err(failed)?;
    let copied = std::io::copy(&mut bytes.take(limit.saturating_add(1)), &mut file).map_err(unreadable)?;
    if copied > limit {
        return Err(too_large(format!("the video has more than {limit} bytes")));
    }
    let path = file.into_temp_path();
    Ok(Input::File(path.to_path_buf(), Some(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_pipe_a_camera_an_address_or_a_file() {
        assert_eq!(Place::of("-".as_ref()), Place::StandardInput);
        assert_eq!(Place::of("camera:0".as_ref()), Place::Camera("0".into()));
        assert_eq!(Place::of("rtsp://10.0.0.2/live".as_ref()), Place::Address("rtsp://10.0.0.2/live".into()));
        for name in ["a.mp4", "C:\\videos\\a.mp4", "c://a.mp4", "./camera:0", "a b://c"] {
            assert_eq!(Place::of(name.as_ref()), Place::File(name.into()), "{name}");
        }
    }
}
