//! The Python module `fervor._fervor`: thin over the crates that answer. What people import is the package `fervor` around it.

mod analyzer;
mod answer;
mod arrays;
mod draw;
mod engine;
mod errors;
mod lab;
mod model;
mod sources;
mod table;
mod teller;
mod timeline;
mod video;

use pyo3::prelude::*;

/// What makes an object again where it is unpickled: a function and its arguments.
type Pickled<'py, Arguments> = PyResult<(Bound<'py, PyAny>, Arguments)>;

/// The native half of the package `fervor`.
#[pymodule]
mod _fervor {
    #[pymodule_export]
    use super::analyzer::Analyzer;
    #[pymodule_export]
    use super::answer::{Answer, Face, answer_of, face_of};
    #[pymodule_export]
    use super::errors::panic_now;
    #[pymodule_export]
    use super::lab::{Audit, Evaluation, audit, evaluate};
    #[pymodule_export]
    use super::model::{Model, builtin_models, load, model_of};
    #[pymodule_export]
    use super::table::{Table, table_of};
    #[pymodule_export]
    use super::timeline::Timeline;
    #[pymodule_export]
    use super::video::{Frame, Track, Video};
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // A photograph of twelve million pixels takes 36 MB.
        fervor::Picture::keep_memory(64 << 20);
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
