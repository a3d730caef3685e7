//! Files and folders that appear whole or not at all, also where the power fails: what is written lies on the disk before it
//! gets its name, and the name before anyone is told.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("answer.json");
//! fervor::files::write_whole(&path, b"{}")?;
//! assert_eq!(std::fs::read(&path)?, b"{}");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

/// Bytes of a name that the hidden sibling has in its own: with what stands around them a file system takes it.
const LONGEST_STEM: usize = 200;

/// A file that gets its name when it is whole: until [`finish`](Self::finish) it is a hidden sibling, locked by its writer, which
/// disappears if it is dropped before. It has the permissions of the file that it takes the place of. A link is followed; what is no
/// regular file (a pipe, a device) is written straight.
#[derive(Debug)]
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
        let target = followed(path);
        remove_abandoned(&target);
        let (part, file) = begun(&target, |part| File::options().write(true).create_new(true).open(part), |file| Some(file))?;
        if let Ok(earlier) = fs::metadata(&target) {
            // Some file systems have none to set.
            let _ = file.set_permissions(earlier.permissions());
        }
        Ok(Self { file, ends: Some((part, target)) })
    }

    /// Gives the file another name in the same folder: for what is less than the file should have been. What stands under the
    /// name that it was begun with stays. What is written straight has no name to give.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_as(mut self, name: &OsStr) -> io::Result<()> {
        if let Some((_, target)) = &mut self.ends {
            target.set_file_name(name);
        }
        self.finish()
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// The disk is full, or the name is taken by a folder meanwhile.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Some((part, target)) = &self.ends {
            self.file.sync_all()?;
            rename(part, target)?;
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

/// A folder that gets its name when all in it is whole: until [`finish`](Self::finish) it is a hidden sibling, which disappears
/// if it is dropped before.
#[derive(Debug)]
pub struct WholeFolder {
    /// By its lock others see that somebody writes it.
    _held: Option<File>,
    part: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl WholeFolder {
    /// Begins a folder and those above it. What an earlier run that was killed has left behind is removed.
    ///
    /// # Errors
    /// Something of that name is there already, somebody else is writing it, or a place that cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "something has this name already"));
        }
        remove_abandoned(path);
        if let Some(process) = writer(path) {
            return Err(io::Error::new(ErrorKind::ResourceBusy, format!("process {process} is writing it")));
        }
        fs::create_dir_all(folder_of(path))?;
        // Where a folder cannot be opened, it is not locked.
        let (part, held) = begun(path, |part| fs::create_dir(part).map(|()| File::open(part).ok()), Option::as_ref)?;
        Ok(Self { _held: held, part, target: path.to_owned(), finished: false })
    }

    /// Where the folder is meanwhile: what belongs into it is written there.
    pub fn path(&self) -> &Path {
        &self.part
    }

    /// Gives the folder its name, once every file in it lies on the disk.
    ///
    /// # Errors
    /// The disk is full, or the name is taken meanwhile.
    pub fn finish(mut self) -> io::Result<()> {
        sync_all_of(&self.part)?;
        if self.target.symlink_metadata().is_ok() {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "something has this name already"));
        }
        rename(&self.part, &self.target)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for WholeFolder {
    fn drop(&mut self) {
        if !self.finished {
            // As with a file.
            let _ = fs::remove_dir_all(&self.part);
        }
    }
}

/// Gives a file or a folder another name beside it; after that, also a power failure leaves it the new one.
///
/// # Errors
/// As [`fs::rename`].
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(folder_of(to))
}

/// What a path leads to, also where a link leads to nothing yet.
fn followed(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| match fs::read_link(path) {
        Ok(target) => folder_of(path).join(target),
        Err(_) => path.to_owned(),
    })
}

/// Makes the hidden file or folder beside `target` that becomes it: of this process and this writer alone, so that nobody else's is in
/// the way. `lock` of what was made is locked before it has a name by which others look for it.
fn begun<T>(
    target: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
    lock: impl Fn(&T) -> Option<&File>,
) -> io::Result<(PathBuf, T)> {
    static WRITERS: AtomicU32 = AtomicU32::new(0);
    let name = target.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "no file name"))?;
    loop {
        let writer = format!("{}-{}", std::process::id(), WRITERS.fetch_add(1, Ordering::Relaxed));
        let sibling = |end: &str| {
            let mut sibling = OsString::from(".");
            sibling.push(name.to_str().map_or(name, |name| OsStr::new(stem(name))));
            sibling.push(format!(".{writer}.{end}"));
            target.with_file_name(sibling)
        };
        let (new, part) = (sibling("new"), sibling("part"));
        // Of a process of this number on another machine, or in another container.
        if part.symlink_metadata().is_ok() {
            continue;
        }
        match make(&new) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            made => {
                let made = made?;
                // Where nothing can be locked, nothing is taken for abandoned, either.
                let _ = lock(&made).map(File::try_lock);
                return match fs::rename(&new, &part) {
                    Ok(()) => Ok((part, made)),
                    Err(e) => {
                        let _ = fs::remove_file(&new).or_else(|_| fs::remove_dir(&new));
                        Err(e)
                    }
                };
            }
        }
    }
}

/// As much of a name as a hidden sibling has of it.
fn stem(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_STEM)]
}

/// Whether somebody holds a hidden sibling; `None` where that cannot be known.
fn is_held(part: &Path) -> Option<bool> {
    let kind = part.symlink_metadata().ok()?.file_type();
    let file = match (kind.is_dir(), kind.is_file()) {
        (true, _) => File::open(part).ok()?,
        (_, true) => File::options().write(true).open(part).ok()?,
        // A pipe would keep who opens it waiting.
        _ => return None,
    };
    match file.try_lock() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

/// Removes the hidden files and folders of writers of `target` that were killed. What cannot be looked at or removed stays: it is in
/// nobody's way.
fn remove_abandoned(target: &Path) {
    for (_, part) in parts(target) {
        if is_held(&part) == Some(false) {
            let _ = if part.is_dir() { fs::remove_dir_all(part) } else { fs::remove_file(part) };
        }
    }
}

/// The process that is writing the folder `target`, where that can be known.
fn writer(target: &Path) -> Option<u32> {
    parts(target).into_iter().find_map(|(process, part)| (part.is_dir() && is_held(&part) == Some(true)).then_some(process))
}

/// The hidden files and folders that shall become `target`, each with the number of its writer's process.
fn parts(target: &Path) -> Vec<(u32, PathBuf)> {
    let (Some(name), Ok(entries)) = (target.file_name().and_then(|name| name.to_str()), fs::read_dir(folder_of(target))) else {
        return Vec::new();
    };
    let parts = entries.flatten().filter_map(|entry| {
        let other = entry.file_name();
        let writer = other.to_str()?.strip_prefix('.')?.strip_prefix(stem(name))?.strip_prefix('.')?.strip_suffix(".part")?;
        // Of versions before locks without a count.
        let process = writer.split_once('-').map_or(writer, |(process, _)| process);
        Some((process.parse().ok()?, entry.path()))
    });
    parts.collect()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Brings all files and folders under `folder` to the disk, many at once: a file system writes its journal once for all who wait.
///
/// # Errors
/// A folder that cannot be read, or a disk that refuses.
pub fn sync_all_of(folder: &Path) -> io::Result<()> {
    let entries: Vec<fs::DirEntry> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.par_iter().try_for_each(|entry| {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_all_of(&entry.path())
        } else if kind.is_file() {
            sync_file(&entry.path())
        } else {
            Ok(())
        }
    })?;
    sync_folder(folder)
}

#[cfg(unix)]
fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Only a file that is open for writing can be brought to the disk here.
#[cfg(not(unix))]
fn sync_file(path: &Path) -> io::Result<()> {
    File::options().write(true).open(path)?.sync_all()
}

/// Brings the names in a folder to the disk.
fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file.
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        // Some network file systems keep no folders to bring anywhere.
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
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
        let mut half = WholeFile::create(&path).unwrap();
        half.write_all(b"half").unwrap();
        half.finish_as(OsStr::new("a.partial.json")).unwrap();
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), names(dir.path())),
            ("new", ["a.json", "a.partial.json"].map(str::to_owned).into())
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_writer_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        // The first process of a container has the number 1, always.
        let gone = [".a.json.1.part", ".a.json.4294967295-0.part"];
        let others = [".b.json.1-0.part", ".a.json.old.part", "a.json.4294967295.part"];
        for name in others.iter().chain(&gone) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let mut slow = WholeFile::create(&path).unwrap();
        slow.write_all(b"slow").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        slow.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"slow", "two at a time: each whole, the last one stays");
        let mut left: Vec<&str> = others.iter().copied().chain(["a.json"]).collect();
        left.sort();
        assert_eq!(names(dir.path()), left);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_permissions_and_any_name_that_the_disk_takes() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{}.json", "é".repeat(125)));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(dir.path()).len()), (b"new".to_vec(), 1));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
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
        let (absent, dangling) = (dir.path().join("absent"), dir.path().join("dangling"));
        std::os::unix::fs::symlink("absent", &dangling).unwrap();
        write_whole(&dangling, b"there").unwrap();
        assert!(dangling.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&absent).unwrap(), "there");
        write_whole(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy");
        let half = WholeFolder::create(&path).unwrap();
        fs::write(half.path().join("a"), "a").unwrap();
        assert!(!path.exists());
        drop(half);
        assert_eq!(names(dir.path()), [""; 0]);

        let whole = WholeFolder::create(&path).unwrap();
        fs::create_dir(whole.path().join("sub")).unwrap();
        fs::write(whole.path().join("sub/b"), "b").unwrap();
        whole.finish().unwrap();
        assert_eq!((names(dir.path()), fs::read_to_string(path.join("sub/b")).unwrap()), (vec!["copy".into()], "b".into()));
        assert_eq!(WholeFolder::create(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_somebody_is_writing_is_not_written_by_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy");
        let first = WholeFolder::create(&path).unwrap();
        fs::write(first.path().join("a"), "a").unwrap();
        let second = WholeFolder::create(&path).unwrap_err();
        assert_eq!(second.kind(), ErrorKind::ResourceBusy);
        assert_eq!(second.to_string(), format!("process {} is writing it", std::process::id()));
        first.finish().unwrap();
        assert_eq!((names(dir.path()), names(&path)), (vec!["copy".into()], vec!["a".into()]));
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_run_left_of_a_folder_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join(".copy.1-0.part");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("old"), "").unwrap();
        let folder = WholeFolder::create(&dir.path().join("copy")).unwrap();
        fs::write(folder.path().join("new"), "").unwrap();
        folder.finish().unwrap();
        assert_eq!(names(&dir.path().join("copy")), ["new"]);
    }
}
