//! An `ffmpeg` process: what it decodes comes back as pictures, and what pictures are given it writes as a video.

mod read;
mod say;
mod write;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fervor::{Error, Reason, Remedy, Result};

use crate::options::{Decoders, Options};

pub(crate) use read::{Input, open};
pub use write::Writer;

/// Where `ffmpeg` is: as asked for, else in the folders of `PATH`.
///
/// # Errors
/// It is in neither; the remedy is [`InstallFfmpeg`](Remedy::InstallFfmpeg).
pub fn find(options: &Options) -> Result<PathBuf> {
    let asked = options.ffmpeg.clone();
    let name = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
    let found = asked.filter(|path| path.is_file()).or_else(|| {
        let folders = std::env::var_os("PATH")?;
        std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| path.is_file())
    });
    found.ok_or_else(|| Error::input("no ffmpeg is found").because(Reason::Missing).with_remedy(Remedy::InstallFfmpeg))
}

/// For what only ffmpeg decodes: where it is, if it may be started; else `why` it has to, and what helps.
pub(crate) fn instead(why: Error, options: &Options) -> Result<PathBuf> {
    if options.decoders == Decoders::Own {
        return Err(why.with_remedy(Remedy::UseDecoder { decoder: "ffmpeg".into() }));
    }
    find(options).map_err(|_| why.with_remedy(Remedy::InstallFfmpeg))
}

/// A process that ends with what started it.
struct Process(Child);

impl Process {
    /// Starts `ffmpeg`, its three streams in our hands.
    fn start(command: &mut Command) -> Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|e| Error::input("ffmpeg cannot be started").with_source(e))?;
        Ok(Self(child))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command of this ffmpeg that asks nothing, and says each thing with its level.
fn command(ffmpeg: &Path) -> Command {
    let mut command = Command::new(ffmpeg);
    command.args(["-hide_banner", "-nostats", "-loglevel", "level+info"]);
    command
}
