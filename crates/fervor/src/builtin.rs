//! The bundles inside the library, one for each feature `model-…`.

/// The model that is used when none is named.
pub const DEFAULT: &str = "fervor-48";

/// The file of the built-in bundle of this name.
#[cfg(any(feature = "model-48", feature = "model-48-votes", feature = "model-nano"))]
macro_rules! model {
    ($name:literal) => {
        include_bytes!(concat!("../models/", $name, "/", $name, ".onnx"))
    };
}

/// How a file stands in the program.
#[cfg_attr(not(any(feature = "model-48", feature = "model-48-votes", feature = "model-nano")), expect(dead_code))]
enum Stored {
    Whole(&'static [u8]),
    #[cfg(all(feature = "model-48", feature = "model-nano"))]
    InParts(&'static parts::Parts),
}

// A static, since a constant may stand in the program once for each crate that asks.
static MODELS: &[(&str, Stored)] = &[
    #[cfg(feature = "model-48")]
    ("fervor-48", Stored::Whole(model!("fervor-48"))),
    #[cfg(feature = "model-48-votes")]
    ("fervor-48-votes", Stored::Whole(model!("fervor-48-votes"))),
    #[cfg(all(feature = "model-nano", not(feature = "model-48")))]
    ("fervor-nano", Stored::Whole(model!("fervor-nano"))),
    #[cfg(all(feature = "model-48", feature = "model-nano"))]
    ("fervor-nano", Stored::InParts(&parts::NANO)),
];

/// Names of the built-in bundles.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(name, _)| *name)
}

/// The file of a built-in bundle.
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    let (_, stored) = MODELS.iter().find(|(known, _)| *known == name)?;
    Some(match stored {
        Stored::Whole(bytes) => bytes,
        #[cfg(all(feature = "model-48", feature = "model-nano"))]
        Stored::InParts(parts) => parts.whole(),
    })
}

/// `fervor-nano` without what `fervor-48` has, too: which pictures they were trained on, a fifth of a megabyte that no packing makes
/// smaller. It is put together once, where it is asked for.
#[cfg(all(feature = "model-48", feature = "model-nano"))]
mod parts {
    use std::sync::OnceLock;

    const OWN: &[u8] = model!("fervor-nano");

    /// Where they begin in either file, and how many bytes are the same from there on. The test below tells the numbers after a
    /// model has changed; with wrong ones the file's seal refuses it.
    const START: usize = 267_003;
    const OTHER_START: usize = 1_131_518;
    const SHARED: usize = 219_813;

    static FRONT: [u8; START] = *OWN.first_chunk().expect("it begins before");
    static BACK: [u8; OWN.len() - START - SHARED] = *OWN.last_chunk().expect("it ends after");

    pub(super) static NANO: Parts = Parts { whole: OnceLock::new() };

    pub(super) struct Parts {
        whole: OnceLock<Vec<u8>>,
    }

    impl Parts {
        pub fn whole(&self) -> &[u8] {
            self.whole.get_or_init(|| {
                let other = super::bytes("fervor-48").unwrap_or_default();
                [&FRONT, &other[OTHER_START..][..SHARED], &BACK].concat()
            })
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_two_files_share_stands_in_the_program_once() {
            const KEY: &[u8] = b"fervor.training_pictures";
            let start = |file: &[u8]| file.windows(KEY.len()).position(|bytes| bytes == KEY).unwrap();
            let other = super::super::bytes("fervor-48").unwrap();
            let (own_start, other_start) = (start(OWN), start(other));
            let shared = OWN[own_start..].iter().zip(&other[other_start..]).take_while(|(a, b)| a == b).count();
            assert_eq!([START, OTHER_START, SHARED], [own_start, other_start, shared]);
            assert!(NANO.whole() == OWN);
        }
    }
}
