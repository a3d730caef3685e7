//! The bundles inside the library, one for each feature `model-…`.

/// The model that is used when none is named.
pub const DEFAULT: &str = "fervor-48";

/// The file of the built-in bundle of this name, with its name.
#[cfg(any(feature = "model-48", feature = "model-48-votes", feature = "model-nano"))]
macro_rules! model {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../models/", $name, "/", $name, ".onnx")))
    };
}

// A static, since a constant may stand in the program once for each crate that asks.
static MODELS: &[(&str, &[u8])] = &[
    #[cfg(feature = "model-48")]
    model!("fervor-48"),
    #[cfg(feature = "model-48-votes")]
    model!("fervor-48-votes"),
    #[cfg(feature = "model-nano")]
    model!("fervor-nano"),
];

/// Names of the built-in bundles.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(name, _)| *name)
}

/// The file of a built-in bundle.
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    MODELS.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes)
}
