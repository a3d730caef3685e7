//! The bundles inside the library, one for each feature `model-…`.

use crate::error::Error;

/// The model that is used when none is named.
pub const DEFAULT: &str = "fervor-48";

/// Names of the built-in bundles.
pub const NAMES: &[&str] = &[
    #[cfg(feature = "model-48")]
    "fervor-48",
    #[cfg(feature = "model-48-votes")]
    "fervor-48-votes",
    #[cfg(feature = "model-nano")]
    "fervor-nano",
];

// Statics, since constants may stand in the program once for each crate that asks.
#[cfg(feature = "model-48")]
static FERVOR_48: &[u8] = include_bytes!("../../../models/fervor-48/fervor-48.onnx");
#[cfg(feature = "model-48-votes")]
static FERVOR_48_VOTES: &[u8] = include_bytes!("../../../models/fervor-48-votes/fervor-48-votes.onnx");
#[cfg(feature = "model-nano")]
static FERVOR_NANO: &[u8] = include_bytes!("../../../models/fervor-nano/fervor-nano.onnx");

/// The file of a built-in bundle.
#[inline(never)]
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    match name {
        #[cfg(feature = "model-48")]
        "fervor-48" => Some(FERVOR_48),
        #[cfg(feature = "model-48-votes")]
        "fervor-48-votes" => Some(FERVOR_48_VOTES),
        #[cfg(feature = "model-nano")]
        "fervor-nano" => Some(FERVOR_NANO),
        _ => None,
    }
}

/// The error for a name that is neither built in nor a file.
pub fn unknown(name: &str) -> Error {
    Error::input(format!("no built-in model and no file has the name {name:?}"))
        .with_hint(format!("built in: {}; a bundle's path ends in .onnx", NAMES.join(", ")))
}
