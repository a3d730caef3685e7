//! Archives whose bytes depend on nothing but what is in them: sorted, of nobody, of the time of the last commit.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::Result;

/// A file: its bytes, and whether it is a program.
pub struct File {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it may be run.
    pub runs: bool,
}

impl File {
    /// A file to read.
    pub fn plain(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), runs: false }
    }

    /// A program.
    pub fn program(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), runs: true }
    }
}

/// Files by their paths.
pub type Files = BTreeMap<String, File>;

/// A gzipped tar. `folders`: with an entry for each folder, as Debian's tools expect them.
pub fn tar_gz(files: &Files, time: u64, folders: bool) -> Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    let entry = |kind: EntryType, mode: u32, size: usize| {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header.set_mtime(time);
        header
    };
    let mut made = std::collections::BTreeSet::new();
    for (path, file) in files {
        let ends = path.match_indices('/').map(|(end, _)| &path[..=end]);
        for folder in ends.filter(|_| folders) {
            if made.insert(folder.to_owned()) {
                tar.append_data(&mut entry(EntryType::Directory, 0o755, 0), folder, std::io::empty())?;
            }
        }
        let mode = if file.runs { 0o755 } else { 0o644 };
        tar.append_data(&mut entry(EntryType::Regular, mode, file.bytes.len()), path, file.bytes.as_slice())?;
    }
    gz(&tar.into_inner()?)
}

/// Gzipped, without a name or a time.
pub fn gz(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packer: GzEncoder<Vec<u8>> = GzBuilder::new().write(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}

/// A Debian package: an `ar` archive of three files.
pub fn deb(control: &str, data: &Files, time: u64) -> Result<Vec<u8>> {
    let control = Files::from([("control".to_owned(), File::plain(control))]);
    let parts = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tar_gz(&control, time, true)?),
        ("data.tar.gz", tar_gz(data, time, true)?),
    ];
    let mut all = b"!<arch>\n".to_vec();
    for (name, bytes) in parts {
        writeln!(all, "{name:<16}{time:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, "100644", bytes.len())?;
        all.extend_from_slice(&bytes);
        if bytes.len() % 2 == 1 {
            all.push(b'\n');
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn files() -> Files {
        let program = ("usr/bin/fervor".to_owned(), File::program("#!/bin/sh\n"));
        Files::from([program, ("usr/share/doc/fervor/copyright".to_owned(), File::plain("ours"))])
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        assert_eq!(tar_gz(&files(), 7, true).unwrap(), tar_gz(&files(), 7, true).unwrap());
        assert_ne!(tar_gz(&files(), 7, true).unwrap(), tar_gz(&files(), 8, true).unwrap());
    }

    #[test]
    fn debians_tools_read_the_package() {
        let control = "Package: fervor\nVersion: 1\nArchitecture: amd64\nMaintainer: us <us@localhost>\nDescription: faces\n";
        let path = std::env::temp_dir().join(format!("xtask-{}.deb", std::process::id()));
        std::fs::write(&path, deb(control, &files(), 1_700_000_000).unwrap()).unwrap();
        for (question, answer) in [("--info", "Package: fervor"), ("--contents", "usr/share/doc/fervor/copyright")] {
            let Ok(said) = Command::new("dpkg-deb").arg(question).arg(&path).output() else { return };
            let text = String::from_utf8_lossy(&said.stdout);
            assert!(said.status.success() && text.contains(answer), "{text}{}", String::from_utf8_lossy(&said.stderr));
        }
        std::fs::remove_file(&path).unwrap();
    }
}
