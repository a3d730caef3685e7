//! Where bundles come from: from inside the program, from a file, from a run's folder.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::Path;

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
        let path = if path.is_dir() { Cow::Owned(path.join(OF_RUN)) } else { Cow::Borrowed(path) };
        let bytes = std::fs::read(&path).map_err(|e| Error::model("the model file cannot be read").with_source(e));
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

fn unknown(message: &str, name: &str) -> Error {
    let builtin = builtin::names().map(str::to_owned).collect();
    Error::input(format!("{message} {name:?}")).because(Reason::Missing).with_remedy(Remedy::NameModel { builtin })
}
