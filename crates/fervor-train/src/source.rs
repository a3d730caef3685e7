//! Bundles that a recipe names: the source of first weights, and teachers.

use std::path::Path;

use fervor::{Bundle, Result, builtin};

/// The bundle of a built-in model's name, a bundle's path, or a run's folder (its `best.onnx`), with its bytes.
///
/// # Errors
/// `Input`: nothing has that name. `Model`: it is no bundle, or a damaged one.
pub fn open_bundle(name: &str) -> Result<(Bundle, Vec<u8>)> {
    let path = Path::new(name);
    let bytes = match builtin::bytes(name) {
        Some(bytes) => bytes.to_vec(),
        None => {
            let path = if path.is_dir() { path.join("best.onnx") } else { path.to_owned() };
            std::fs::read(&path).map_err(|e| builtin::unknown(name).with_source(e))?
        }
    };
    let bundle = Bundle::load(bytes.clone()).map_err(|e| e.context(name))?;
    Ok((bundle, bytes))
}
