//! [`Package`]: Fervor for the browser as the page loads it: scripts and WebAssembly, which the project's `xtask` makes, and models.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use fervor::{Bundle, Error, Reason, Result};
use serde_json::{Value, json};

use crate::page::about_model;

mod names;

use names::{BUILDS, FILES};

/// Fervor for the browser: with it, the page computes answers where it is opened, and sends no picture anywhere.
#[derive(Clone)]
pub struct Package {
    files: BTreeMap<String, Cow<'static, [u8]>>,
    models: Vec<Arc<Bundle>>,
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.keys()).finish()
    }
}

impl Package {
    /// The package in this folder, with these models; the first is loaded unasked, best a small one.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): a file of the package cannot be read.
    pub fn open(folder: &Path, models: Vec<Arc<Bundle>>) -> Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            let bytes = fs::read(&path)
                .map_err(|e| Error::input(format!("no package of Fervor for the browser: {}", path.display())).with_source(e))?;
            Ok((name.to_owned(), Cow::Owned(bytes)))
        };
        let there = |name: &&str| *name == BUILDS[0] || folder.join(name).is_file();
        let names = FILES.into_iter().chain(BUILDS.into_iter().filter(there));
        Ok(Self::of(names.map(read).collect::<Result<_>>()?, models))
    }

    /// The package inside this program, with these models.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input), [`Unsupported`](Reason::Unsupported): it was built without.
    pub fn builtin(models: Vec<Arc<Bundle>>) -> Result<Self> {
        let missing = || Error::input("this program was built without Fervor for the browser").because(Reason::Unsupported);
        Ok(Self::of(inside::files().ok_or_else(missing)?, models))
    }

    /// Whether there is a package inside this program.
    pub fn is_builtin() -> bool {
        inside::IS_THERE
    }

    fn of(mut files: BTreeMap<String, Cow<'static, [u8]>>, models: Vec<Arc<Bundle>>) -> Self {
        for bundle in &models {
            files.insert(model_file(bundle), Cow::Owned(bundle.bytes().to_vec()));
        }
        Self { files, models }
    }

    /// A file, by its path in the package.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|bytes| &**bytes)
    }

    /// All files.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), &**bytes))
    }

    /// The models.
    pub(crate) fn models(&self) -> &[Arc<Bundle>] {
        &self.models
    }

    /// What the page is told: where the package is, and its models.
    pub(crate) fn about(&self) -> Value {
        let model = |bundle: &Arc<Bundle>| {
            let mut about = about_model(bundle.card(), bundle.sha256());
            about["file"] = model_file(bundle).into();
            about
        };
        json!({ "package": "page/web/", "models": self.models.iter().map(model).collect::<Vec<Value>>() })
    }
}

/// Where a model's file is in the package.
pub(crate) fn model_file(bundle: &Bundle) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    format!("models/{}.onnx", bundle.card().name.chars().map(plain).collect::<String>())
}

#[cfg(not(feature = "browser"))]
mod inside {
    use super::{BTreeMap, Cow};

    pub const IS_THERE: bool = false;

    pub fn files() -> Option<BTreeMap<String, Cow<'static, [u8]>>> {
        None
    }
}

/// The package as `build.rs` has packed it: all files, one behind the other, in one stream.
#[cfg(feature = "browser")]
mod inside {
    use std::io::Read;

    use lzma_rust2::XzReader;

    use super::{BTreeMap, Cow};

    pub const IS_THERE: bool = true;

    static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/package.xz"));

    /// Names and lengths of the files.
    static INDEX: &[(&str, usize)] = include!(concat!(env!("OUT_DIR"), "/package.rs"));

    pub fn files() -> Option<BTreeMap<String, Cow<'static, [u8]>>> {
        let mut stream = XzReader::new(PACKED, false);
        let file = |(name, length): &(&str, usize)| {
            let mut bytes = vec![0; *length];
            stream.read_exact(&mut bytes).expect("what was packed is whole");
            ((*name).to_owned(), Cow::Owned(bytes))
        };
        Some(INDEX.iter().map(file).collect())
    }
}
