//! Files that appear whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file that gets its name when it is whole: until [`finish`](Self::finish) it is a hidden sibling, which disappears if it is
/// dropped before. A link is followed; what is no regular file (a pipe, a device) is written straight.
pub struct WholeFile {
    file: File,
    /// The sibling and the name that it gets.
    ends: Option<(PathBuf, PathBuf)>,
}

impl WholeFile {
    /// Begins a file; one of that name stays until the new one is whole.
    ///
    /// # Errors
    /// A folder of that name, or a place that cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(io::Error::new(ErrorKind::IsADirectory, "a folder has this name")),
            Ok(found) if !found.is_file() => return Ok(Self { file: File::options().write(true).open(path)?, ends: None }),
            _ => {}
        }
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        // Of this process alone, so that nobody else's file is in the way.
        let mut name = OsString::from(".");
        name.push(target.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "no file name"))?);
        name.push(format!(".{}.part", std::process::id()));
        let part = target.with_file_name(name);
        Ok(Self { file: File::create(&part)?, ends: Some((part, target)) })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// The disk is full, or the name is taken by a folder meanwhile.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Some((part, target)) = &self.ends {
            fs::rename(part, target)?;
            self.ends = None;
        }
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.ends {
            // What is half written is of no use, and there is nothing to do about a part that stays.
            let _ = fs::remove_file(part);
        }
    }
}

/// Writes a file in one go: whole, or not at all.
///
/// # Errors
/// As [`WholeFile`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = WholeFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        fs::write(&path, "old").unwrap();
        let mut half = WholeFile::create(&path).unwrap();
        half.write_all(b"ne").unwrap();
        drop(half);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        write_whole(&path, b"new").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(dir.path())), ("new", vec!["a.json".to_owned()]));
    }

    #[test]
    fn folders_are_refused_and_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        assert!(write_whole(&dir.path().join("sub"), b"x").is_err());
        assert!(write_whole(&dir.path().join("missing/a"), b"x").is_err());
        assert_eq!(names(dir.path()), ["sub"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_stay_devices() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        write_whole(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
