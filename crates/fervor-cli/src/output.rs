//! Where answers go: standard output, or files that appear only when they are whole.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use fervor::files::{self, WholeFile};
use fervor::{Error, Result};

use crate::talk;

/// The error of a place that the operating system does not let be written.
pub fn cannot_write(path: &Path, e: io::Error) -> Error {
    let hint = match e.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "a file stands where a folder is needed: name another place"
        }
        io::ErrorKind::IsADirectory => "a folder has this name: name a file",
        io::ErrorKind::NotFound => "its folder is not there: make it, or name another place",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "name a place that you may write",
        io::ErrorKind::ResourceBusy => "wait until it ends, or name another place",
        io::ErrorKind::StorageFull => "the disk is full: make room, or name another place",
        _ => return Error::output(format!("cannot write {}", path.display())).with_source(e),
    };
    Error::output(format!("cannot write {}", path.display())).with_source(e).with_hint(hint)
}

/// Writes a file that appears only when it is whole, in a folder that is made where it lacks.
///
/// # Errors
/// `Output`: the folder or the file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
    parent.and_then(|()| files::write_whole(path, bytes)).map_err(|e| cannot_write(path, e))
}

/// Refuses an output that is one of the inputs, wherever links lead: it would be gone once the answer stands in its place.
///
/// # Errors
/// `Input`: `output` is one of `inputs`.
pub fn spares<'a>(flag: &str, output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    // What does not exist yet is no input.
    let Ok(place) = output.canonicalize() else { return Ok(()) };
    if inputs.into_iter().any(|input| input.canonicalize().is_ok_and(|input| input == place)) {
        return Err(
            Error::input(format!("{flag} would overwrite what is read: {}", output.display())).with_hint("name another file")
        );
    }
    Ok(())
}

/// Whether `path`, which need not exist yet, lies in this folder, wherever links lead.
pub fn lies_inside(folder: &Path, path: &Path) -> bool {
    // What does not exist yet lies where its nearest folder lies.
    let place = path.ancestors().find_map(|above| match above.as_os_str().is_empty() {
        true => Path::new(".").canonicalize().ok(),
        false => above.canonicalize().ok(),
    });
    let folder = folder.is_dir().then(|| folder.canonicalize().ok()).flatten();
    matches!((folder, place), (Some(folder), Some(place)) if place.starts_with(&folder))
}

/// Warns where pictures will be written into a folder that is read: other commands take them for inputs, or their folder for a class.
pub fn warn_inside<'a>(flag: &str, dir: &Path, inputs: impl IntoIterator<Item = &'a OsString>) {
    if let Some(folder) = inputs.into_iter().map(Path::new).find(|input| lies_inside(input, dir)) {
        talk::warn(format_args!(
            "{flag} lies inside {}, which is read; other commands will take its pictures for inputs, or it for a class: {} (name a place \
             beside it)",
            folder.display(),
            dir.display()
        ));
    }
}

/// Standard output, or a file that appears only when it is whole.
pub enum Output {
    Stdout(BufWriter<io::Stdout>),
    File { file: BufWriter<WholeFile>, path: PathBuf },
}

impl Output {
    /// Standard output without a target; else the file.
    ///
    /// # Errors
    /// A target that is a folder or cannot be written.
    pub fn open(target: Option<&Path>) -> Result<Self> {
        Ok(match target {
            None => Self::Stdout(BufWriter::new(io::stdout())),
            Some(path) if path.is_dir() => {
                return Err(Error::input(format!("--output needs a file, this is a folder: {}", path.display())));
            }
            Some(path) => {
                let file = WholeFile::create(path).map_err(|e| cannot_write(path, e))?;
                Self::File { file: BufWriter::new(file), path: path.to_owned() }
            }
        })
    }

    /// What the answer is written to.
    pub fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(out) => out,
            Self::File { file, .. } => file,
        }
    }

    /// Ends what is less than the whole answer: a file gets `partial` into its name, so that it is not taken for all, and one
    /// that had the name stays. The name, if there is one to tell.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub fn close_partial(self) -> Result<Option<PathBuf>> {
        let (file, path) = match self {
            Self::File { file, path } => (file, path),
            stdout @ Self::Stdout(_) => return stdout.close().map(|()| None),
        };
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(".partial");
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error);
        file.and_then(|file| file.finish_as(&name)).map_err(|e| cannot_write(&path.with_file_name(&name), e))?;
        Ok(Some(path.with_file_name(name)))
    }

    /// Ends the answer; a file gets its name here.
    ///
    /// # Errors
    /// `Output`: what was written last does not get through.
    pub fn close(self) -> Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush().map_err(|e| cannot_write(Path::new("standard output"), e)),
            Self::File { file, path } => {
                let whole = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(WholeFile::finish);
                whole.map_err(|e| cannot_write(&path, e))
            }
        }
    }
}
