//! An `ffmpeg` process: what it decodes comes back as pictures, and what pictures are given it writes as a video.

mod read;
mod say;
mod write;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};

use fervor::{Error, Reason, Remedy, Result};

use crate::options::{Decoders, Options};

use say::Line;

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

/// A process whose errors are listened to from its start: a full pipe would stop it.
struct Spoken {
    process: Process,
    errors: Option<JoinHandle<Vec<String>>>,
}

/// Errors that are kept: the first ones say most.
const KEPT_ERRORS: usize = 3;

impl Spoken {
    fn start(command: &mut Command) -> Result<Self> {
        let mut process = Process::start(apart(command))?;
        let stderr = process.0.stderr.take();
        let errors = thread::spawn(move || {
            let mut errors = Vec::new();
            for line in stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')).map_while(std::io::Result::ok) {
                match Line::read(&String::from_utf8_lossy(&line)) {
                    Line::Error(words) if errors.len() < KEPT_ERRORS && !errors.contains(&words) => errors.push(words),
                    _ => {}
                }
            }
            errors
        });
        Ok(Self { process, errors: Some(errors) })
    }

    fn stdin(&mut self) -> Option<ChildStdin> {
        self.process.0.stdin.take()
    }

    /// Waits for its end: whether it calls that a success, and its errors.
    fn end(&mut self) -> (bool, Vec<String>) {
        let success = self.process.0.wait().is_ok_and(|status| status.success());
        (success, self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default())
    }
}

/// The command in a group of its own: Ctrl-C is for who starts it, and has more to write.
fn apart(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command
}

/// A command of this ffmpeg that asks nothing, and says each thing with its level.
fn command(ffmpeg: &Path) -> Command {
    let mut command = Command::new(ffmpeg);
    command.args(["-hide_banner", "-nostats", "-loglevel", "level+info"]);
    command
}
