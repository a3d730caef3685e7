//! The seal of a model file, by which it proves that it is as it was made: a metadata entry that is the file's last 81 bytes,
//! `0x72` (field 14 of ONNX's `ModelProto`), 79; `0x0a`, 11, `fervor.seal`; `0x12`, 64, the digits of the SHA-256 of all before.

use prost::Message;
use sha2::{Digest, Sha256};

use crate::error::{Error, Reason, Remedy, Result};
use crate::hash::Hex;
use crate::onnx::{ModelProto, StringStringEntryProto};

/// The metadata key of the seal.
pub(super) const KEY: &str = "fervor.seal";
/// Bytes of the entry.
const LEN: usize = 81;

/// The hashes of a file.
pub(super) struct Hashes {
    /// Of the whole file.
    pub(super) file: String,
    /// Of all before the seal, if there is one.
    pub(super) sealed: Option<String>,
}

/// Seals a model's bytes that carry no seal yet.
pub(super) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let entry = entry(&crate::hash::sha256(&bytes));
    bytes.extend(entry);
    bytes
}

/// The hashes of a file whose metadata state this seal.
///
/// # Errors
/// `Model`, [`Reason::Changed`]: the seal is not that of the bytes, or something stands after it.
pub(super) fn check(bytes: &[u8], stated: Option<&str>) -> Result<Hashes> {
    let Some(stated) = stated else { return Ok(Hashes { file: crate::hash::sha256(bytes), sealed: None }) };
    let (body, end) = bytes.split_at(bytes.len().saturating_sub(LEN));
    let mut hasher = Sha256::new_with_prefix(body);
    let sealed = Hex(&hasher.clone().finalize()).to_string();
    if end != entry(&sealed) {
        return Err(Error::model(format!(
            "the file is not as it was made: weights, card or training pictures were changed; its seal says {stated}, its contents \
             are {sealed}"
        ))
        .because(Reason::Changed)
        .with_remedy(Remedy::CopyAgain));
    }
    hasher.update(end);
    Ok(Hashes { file: Hex(&hasher.finalize()).to_string(), sealed: Some(sealed) })
}

/// The bytes of the metadata entry.
fn entry(sha256: &str) -> Vec<u8> {
    let entry = StringStringEntryProto { key: KEY.to_owned(), value: sha256.to_owned() };
    ModelProto { metadata_props: vec![entry], ..ModelProto::default() }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_has_the_bytes_that_its_description_says() {
        let (bytes, digits) = (seal(b"abc".to_vec()), crate::hash::sha256("abc"));
        let expected = [&b"abc\x72\x4f\x0a\x0bfervor.seal\x12\x40"[..], digits.as_bytes()].concat();
        assert_eq!(bytes, expected);
        assert_eq!(bytes.len(), 3 + LEN);
        let hashes = check(&bytes, Some(&digits)).unwrap();
        assert_eq!((hashes.file, hashes.sealed), (crate::hash::sha256(&bytes), Some(digits)));
    }

    #[test]
    fn what_follows_a_seal_breaks_it() {
        let digits = crate::hash::sha256("abc");
        let mut bytes = seal(b"abc".to_vec());
        bytes.push(0);
        assert_eq!(check(&bytes, Some(&digits)).err().unwrap().reason(), Reason::Changed);
        assert_eq!(check(b"short", Some(&digits)).err().unwrap().reason(), Reason::Changed);
    }
}
