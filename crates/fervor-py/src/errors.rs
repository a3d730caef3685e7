//! Errors of the library as Python's exceptions, whose classes `fervor.errors` defines.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fervor::prediction::ErrorInfo;
use fervor::{Error, Remedy};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Works without the interpreter's lock; an error, and also a panic, becomes an exception.
pub fn work<T: Send>(py: Python<'_>, work: impl FnOnce() -> fervor::Result<T> + Send) -> PyResult<T> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(done) => done.map_err(|e| raised(py, &e)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            let message = format!("a fault in Fervor itself: {text}");
            Err(exception(py, "internal", &message, None, None).map_or_else(|e| e, PyErr::from_value))
        }
    }
}

/// The exception for an error, whose text has the place, the message and the causes.
pub fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let place: String = error.contexts().iter().map(|context| format!("{context}: ")).collect();
    let message = format!("{place}{}", error.explained());
    let hint = error.remedy().map(words);
    exception(py, error.kind().name(), &message, Some(error.reason().name()), hint.as_deref())
        .map_or_else(|e| e, PyErr::from_value)
}

/// The exception for an error that a row holds.
pub fn of_row<'py>(py: Python<'py>, source: &str, error: &ErrorInfo) -> PyResult<Bound<'py, PyAny>> {
    let message = if source.is_empty() { error.message.clone() } else { format!("{source}: {}", error.message) };
    exception(py, &error.kind, &message, error.reason.map(fervor::Reason::name), error.hint.as_deref())
}

/// An error as rows hold it, with the hint in this door's words.
pub fn told(error: &Error) -> ErrorInfo {
    ErrorInfo { hint: error.remedy().map(words), ..ErrorInfo::from(error) }
}

fn exception<'py>(
    py: Python<'py>,
    kind: &str,
    message: &str,
    reason: Option<&str>,
    hint: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let facts = PyDict::new(py);
    facts.set_item("reason", reason)?;
    facts.set_item("hint", hint)?;
    py.import("fervor.errors")?.getattr("of_kind")?.call1((kind,))?.call((message,), Some(&facts))
}

/// What can be done, in the arguments of this module.
pub fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::MapClass { class } => format!("say what to do with it: map={{{class:?}: \"a class\"}}, or None to leave it out"),
        Remedy::ChooseSplit => "choose the part with split=".to_owned(),
        Remedy::GiveVotes => "give the table of votes with votes=".to_owned(),
        Remedy::Shrink => "make it smaller".to_owned(),
        remedy => remedy.to_string(),
    }
}

/// Fails as a fault in Fervor would: for tests.
#[pyfunction]
#[pyo3(name = "_panic")]
pub fn panic_now(py: Python<'_>) -> PyResult<()> {
    work(py, || panic!("on purpose"))
}

/// Something of Arrow's that should not happen.
pub fn unexpected(error: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}
