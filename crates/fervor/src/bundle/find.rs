//! Where bundles come from: from inside the program, from a file, from a run's folder.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Bundle;
use crate::builtin;
use crate::error::{Error, Reason, Remedy, Result};

/// The bundle of a training run's folder.
const OF_RUN: &str = "best.onnx";

impl Bundle {
    /// The built-in bundle of this name, such as [`builtin::DEFAULT`]; its bytes stay where they are.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input), [`Reason::Missing`]: no built-in bundle has this name.
    pub fn builtin(name: &str) -> Result<Self> {
        let bytes = builtin::bytes(name).ok_or_else(|| unknown("no built-in model has the name", name))?;
        Self::load(bytes).map_err(|e| e.context(name))
    }

    /// Loads a model file, or the best one of a training run's folder.
    ///
    /// # Errors
    /// As [`Bundle::load`], and a file that cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let path = if path.is_dir() { Cow::Owned(of_run(path)?) } else { Cow::Borrowed(path) };
        let bytes = std::fs::read(&path).map_err(|e| Error::model("the model file cannot be read").with_source(e));
        let bytes = bytes.and_then(|bytes| match lookalike(&bytes) {
            Some((found, hint)) => Err(Error::model(format!("not an ONNX model, but {found}"))
                .because(Reason::Unsupported)
                .with_remedy(hint.map_or(Remedy::TrainBundle, Remedy::advice))),
            None => Ok(bytes),
        });
        bytes.and_then(Self::load).map_err(|e| e.context(path.display()))
    }

    /// The bundle that a user names: the built-in one of this name, a file, or a training run's folder.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input), [`Reason::Missing`]: nothing has this name. Else as [`Bundle::open`]; what is there and
    /// may not be read is [`Reason::Inaccessible`].
    pub fn find(name: &str) -> Result<Self> {
        if builtin::bytes(name).is_some() {
            return Self::builtin(name);
        }
        // A link that leads nowhere is there.
        match Path::new(name).symlink_metadata() {
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(unknown("no built-in model and no file has the name", name))
            }
            _ => Self::open(Path::new(name)),
        }
    }
}

/// The best bundle of a run's folder.
fn of_run(folder: &Path) -> Result<PathBuf> {
    let path = folder.join(OF_RUN);
    match path.symlink_metadata() {
        Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::model(format!("the folder has no {OF_RUN}"))
            .because(Reason::Missing)
            .with_hint("a training run's folder has one once its first epoch is done; of another folder, name the file")
            .context(path.display())),
        _ => Ok(path),
    }
}

/// What a file that is no ONNX looks like, and what to do where training a bundle is not the answer.
fn lookalike(bytes: &[u8]) -> Option<(&'static str, Option<&'static str>)> {
    const EXPORT: Option<&str> = Some("export the network to ONNX with the tool that wrote it");
    const UNPACK: Option<&str> = Some("unpack it and name the .onnx file");
    let start = &bytes[..bytes.len().min(512)];
    let holds = |part: &[u8]| start.windows(part.len()).any(|window| window == part);
    match start {
        [] => Some(("an empty file", Some("copy or download the file again"))),
        [b'P', b'K', 3, 4, ..] if holds(b"data.pkl") => Some(("a PyTorch checkpoint", EXPORT)),
        [b'P', b'K', 3, 4, ..] if holds(b"metadata.json") || holds(b"config.json") => Some(("a Keras model", EXPORT)),
        [b'P', b'K', 3, 4, ..] => Some(("a ZIP archive", UNPACK)),
        [0x1F, 0x8B, ..] => Some(("a gzip archive", UNPACK)),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(("an xz archive", UNPACK)),
        [0x89, b'H', b'D', b'F', ..] => Some(("an HDF5 file, as Keras writes it", EXPORT)),
        [0x80, 2..=5, ..] => Some(("a Python pickle, as PyTorch and scikit-learn write it", EXPORT)),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Some(("a TensorFlow Lite model", EXPORT)),
        [_, _, _, _, _, _, 0, 0, b'{', b'"', ..] => Some(("safetensors: weights without their network", EXPORT)),
        [b'v', ..] if start.starts_with(b"version https://git-lfs") => {
            Some(("a Git LFS pointer: the model itself was not downloaded", Some("download it: git lfs pull")))
        }
        [b'<' | b'{' | b'[', ..] => Some(("a text", None)),
        _ => None,
    }
}

fn unknown(message: &str, name: &str) -> Error {
    let builtin = builtin::names().map(str::to_owned).collect();
    Error::input(format!("{message} {name:?}")).because(Reason::Missing).with_remedy(Remedy::NameModel { builtin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_tools_are_called_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(&[u8], &str); 6] = [
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
            (b"PK\x03\x04\0\0\0\0archive/data.pkl", "a PyTorch checkpoint"),
            (b"\x89HDF\r\n\x1A\n", "an HDF5 file"),
            (b"\x80\x02}q\0", "a Python pickle"),
            (b"<!doctype html>", "a text"),
            (b"", "an empty file"),
        ];
        for (bytes, name) in cases {
            let path = folder.path().join("model.onnx");
            std::fs::write(&path, bytes).unwrap();
            let error = Bundle::open(&path).unwrap_err();
            assert_eq!(error.reason(), Reason::Unsupported, "{error}");
            assert!(error.message().contains(name) && error.remedy().is_some(), "{error}");
        }
        let empty = tempfile::tempdir().unwrap();
        let error = Bundle::open(empty.path()).unwrap_err();
        assert!(error.message().contains("no best.onnx") && error.reason() == Reason::Missing, "{error}");
    }
}
