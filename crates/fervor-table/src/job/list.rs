//! What a list names, in a few bytes: by it a job knows its list again.

use std::path::Path;

use fervor::error::{Error, Reason, Result};
use fervor::hash::Hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The digest of a list of paths, taken as they come, so that a list of any length takes no memory.
#[derive(Clone, Debug, Default)]
pub struct ListDigest {
    paths: u64,
    hash: Sha256,
}

impl ListDigest {
    /// The next path, as it stands in the list.
    pub fn add(&mut self, path: &Path) {
        self.paths += 1;
        self.hash.update(path.as_os_str().as_encoded_bytes());
        self.hash.update([0]);
    }

    pub(super) fn finish(self) -> ListFacts {
        ListFacts { paths: self.paths, sha256: Hex(&self.hash.finalize()).to_string() }
    }
}

/// What a job keeps of its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ListFacts {
    paths: u64,
    sha256: String,
}

impl ListFacts {
    /// Refuses a list that is not this one.
    pub fn refuse_another(&self, here: &Self, folder: &Path) -> Result<()> {
        if self == here {
            return Ok(());
        }
        let differs = match (self.paths, here.paths) {
            (there, here) if there == here => "the list names other paths here than there, or in another order".to_owned(),
            (there, here) => format!("the paths of its list are {there} there and {here} here"),
        };
        Err(Error::input(format!("the folder holds another job: {differs}"))
            .because(Reason::Mismatch)
            .context(folder.display())
            .with_hint("name the same list again to go on with it, or name another folder"))
    }
}
