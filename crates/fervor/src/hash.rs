//! SHA-256 in hexadecimal: how hashes of files, recipes and pictures are written down.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of these bytes: 64 hexadecimal digits in lower case.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Hex(&Sha256::digest(bytes)).to_string()
}

/// Bytes that display as hexadecimal digits in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_hash_is_written_as_sha256sum_writes_it() {
        assert_eq!(super::sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
