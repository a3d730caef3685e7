//! A model: one file with its card, loaded and proven.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fervor::{Bundle, Error, Reason, builtin};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::Pickled;
use crate::errors::{raised, unexpected, work};

/// Where a model came from, by which another process finds it again.
#[derive(Clone)]
enum Origin {
    Builtin(String),
    Path(PathBuf),
    Bytes,
}

/// A model: an ONNX network with its card inside. Loading proves that the file is as it was made and that the network gives the
/// answers that it gave where it was trained. Immutable; pickles as its name, or as its path and hash.
#[pyclass(frozen, module = "fervor", name = "Model")]
pub struct Model {
    origin: Origin,
    pub bundle: Arc<Bundle>,
}

impl Model {
    /// The model that Python names: one that is loaded, a built-in one's name, or a path.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        match object.cast::<Self>() {
            Ok(model) => Ok(model.clone().unbind()),
            Err(_) => Py::new(object.py(), load(object)?),
        }
    }

    /// The network anew, to be set up for other threads.
    pub fn fresh(&self) -> fervor::Result<Bundle> {
        match &self.origin {
            Origin::Builtin(name) => Bundle::builtin(name),
            _ => Bundle::load(self.bundle.bytes().to_vec()),
        }
    }

    fn new(origin: Origin, bundle: Bundle) -> Self {
        Self { origin, bundle: Arc::new(bundle) }
    }
}

/// Loads a model: the name of a built-in one, the path of a bundle or of a training run's folder, or a bundle's bytes.
#[pyfunction]
pub fn load(model: &Bound<'_, PyAny>) -> PyResult<Model> {
    let py = model.py();
    if let Ok(bytes) = model.cast::<PyBytes>() {
        let bytes = PyBackedBytes::from(bytes.clone());
        let bundle = work(py, move || Bundle::load(bytes.to_vec()))?;
        return Ok(Model::new(Origin::Bytes, bundle));
    }
    let path: PathBuf = model.extract()?;
    let name = path.to_string_lossy().into_owned();
    let bundle = work(py, || Bundle::find(&name))?;
    let origin = match builtin::bytes(&name) {
        Some(_) => Origin::Builtin(name),
        // A worker of another folder finds it, too.
        None => Origin::Path(std::path::absolute(Path::new(&name)).unwrap_or(path)),
    };
    Ok(Model::new(origin, bundle))
}

/// Loads what was pickled, and refuses another file of that name.
#[pyfunction]
#[pyo3(name = "_model")]
pub fn model_of(model: &Bound<'_, PyAny>, sha256: &str) -> PyResult<Model> {
    let found = load(model)?;
    if found.bundle.has_sha256(sha256) {
        return Ok(found);
    }
    let message = format!("the model {} is another one here than where it was pickled", model.str()?);
    Err(raised(model.py(), &Error::model(message).because(Reason::Changed).with_hint("give every machine the same file")))
}

/// The names of the built-in models; the first is the default.
#[pyfunction]
#[pyo3(name = "models")]
pub fn builtin_models() -> Vec<&'static str> {
    builtin::names().collect()
}

#[pymethods]
impl Model {
    /// The model's name.
    #[getter]
    fn name(&self) -> &str {
        &self.bundle.card().name
    }

    /// SHA-256 of the file, in hexadecimal.
    #[getter]
    fn sha256(&self) -> &str {
        self.bundle.sha256()
    }

    /// The classes, in the order of the network's answers.
    #[getter]
    fn labels(&self) -> Vec<String> {
        self.bundle.card().labels.names().to_vec()
    }

    /// Size of the file in bytes.
    #[getter]
    fn size(&self) -> usize {
        self.bundle.size()
    }

    /// The network's parameters.
    #[getter]
    fn parameters(&self) -> u64 {
        self.bundle.cost().parameters
    }

    /// What whoever uses the model should hear.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.bundle.notes().iter().map(ToString::to_string).collect()
    }

    /// All that the model says of itself: labels, preprocessing, temperature, what it was trained on, licence, scores.
    #[getter]
    fn card<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let json = serde_json::to_string(self.bundle.card()).map_err(unexpected)?;
        py.import("json")?.getattr("loads")?.call1((json,))
    }

    fn __repr__(&self) -> String {
        let card = self.bundle.card();
        let sha256 = self.bundle.sha256();
        format!(
            "<fervor.Model {}: {} classes, {} bytes, sha256 {}>",
            card.name,
            card.labels.len(),
            self.bundle.size(),
            &sha256[..12]
        )
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.sha256() == other.sha256()
    }

    fn __hash__(&self) -> u64 {
        u64::from_str_radix(&self.sha256()[..15], 16).unwrap_or_default()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Pickled<'py, (Bound<'py, PyAny>, &str)> {
        let origin = match &self.origin {
            Origin::Builtin(name) => name.into_pyobject(py)?.into_any(),
            Origin::Path(path) => path.to_string_lossy().into_pyobject(py)?.into_any(),
            Origin::Bytes => PyBytes::new(py, self.bundle.bytes()).into_any(),
        };
        Ok((py.import("fervor._fervor")?.getattr("_model")?, (origin, self.sha256())))
    }
}
