//! [`Writer`]: pictures become a video file, with the sound of another.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command};
use std::thread::{self, JoinHandle};

use fervor::{Error, Picture, Reason, Result};

use super::say::Line;
use super::{Process, command, find};
use crate::options::Options;

/// Writes pictures as a video file through an `ffmpeg` process: H.264 in MP4, or what else the file's name asks for, each picture
/// shown at its own time, with the sound of the video they were made from.
///
/// The file appears whole or not at all: it has a name of its own until [`finish`](Self::finish).
pub struct Writer {
    process: Process,
    frames: Option<ChildStdin>,
    said: Option<JoinHandle<VecDeque<String>>>,
    size: (u32, u32),
    rate: f64,
    /// The picture that is shown until the next one comes.
    last: Option<Picture>,
    /// How many pictures were written, and the time of the first.
    written: u64,
    begin: Option<f64>,
    output: std::path::PathBuf,
    partial: tempfile::TempPath,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("output", &self.output).field("written", &self.written).finish_non_exhaustive()
    }
}

impl Writer {
    /// Begins a file of pictures of this width and height, `rate` of them a second; `sound` is the file whose sound
    /// goes with them, and the second of it that belongs to the first picture.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): no `ffmpeg` is found. [`Output`](fervor::ErrorKind::Output): the file cannot be begun.
    pub fn create(output: &Path, size: (u32, u32), rate: f64, sound: Option<(&Path, f64)>, options: &Options) -> Result<Self> {
        let ffmpeg = find(options)?;
        if !(rate.is_finite() && rate > 0.0) {
            return Err(Error::input(format!("a video has more than no frames a second, got {rate}")));
        }
        let (width, height) = size;
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let ending = output.extension().map_or_else(|| ".mp4".to_owned(), |ending| format!(".{}", ending.to_string_lossy()));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".fervor-").suffix(&ending);
        // As any file that a program writes: the user's mask says who may read it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let partial = builder.tempfile_in(folder);
        let partial = partial.map_err(|e| Error::output("the video cannot be written").with_source(e))?.into_temp_path();
        let mut command = command(&ffmpeg);
        command.args(["-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &format!("{width}x{height}")]);
        command.args(["-framerate", &format!("{rate}"), "-i", "pipe:0"]);
        if let Some((sound, from)) = sound {
            command.args(["-ss", &format!("{from}")]);
            let mut name = std::ffi::OsString::from("file:");
            name.push(sound);
            command.args(["-protocol_whitelist", "file,crypto,data,pipe", "-i"]).arg(name);
            command.args(["-map", "0:v:0", "-map", "1:a?", "-c:a", "copy", "-shortest"]);
        }
        // Odd sides have no half: one more column or row, black.
        command.args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p", "-movflags", "+faststart"]);
        command.args(encoder(&ffmpeg, output));
        let mut file = std::ffi::OsString::from("file:");
        file.push(&*partial);
        command.arg(file);
        let mut process = Process::start(&mut command)?;
        let frames = process.0.stdin.take();
        let stderr = process.0.stderr.take();
        let said = thread::spawn(move || {
            let mut errors = VecDeque::new();
            for line in stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')).map_while(Result::ok) {
                if let Line::Error(words) = Line::read(&String::from_utf8_lossy(&line)) {
                    errors.push_back(words);
                    errors.truncate(3);
                }
            }
            errors
        });
        let (said, output) = (Some(said), output.to_owned());
        Ok(Self { process, frames, said, size, rate, last: None, written: 0, begin: None, output, partial })
    }

    /// Shows a picture from `time` on, in seconds, until the next one's; times must not go back.
    ///
    /// # Errors
    /// A picture of another size; an `ffmpeg` that ended.
    pub fn show(&mut self, picture: Picture, time: f64) -> Result<()> {
        if (picture.width(), picture.height()) != self.size {
            let (width, height) = self.size;
            return Err(
                Error::input(format!("a picture of {picture:?} in a video of {width} x {height}")).because(Reason::Mismatch)
            );
        }
        let begin = *self.begin.get_or_insert(time);
        // The picture before is shown until now.
        let due = ((time - begin) * self.rate).round().max(0.0) as u64;
        self.fill(due)?;
        self.last = Some(picture);
        Ok(())
    }

    /// Repeats the last picture until so many are written.
    fn fill(&mut self, until: u64) -> Result<()> {
        while self.written < until {
            let Some(picture) = &self.last else { break };
            let written = self.frames.as_mut().map(|frames| frames.write_all(picture.rgb()));
            if !matches!(written, Some(Ok(()))) {
                return Err(self.failed());
            }
            self.written += 1;
        }
        Ok(())
    }

    /// Writes the last picture and gives the file its name.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): `ffmpeg` did not manage.
    pub fn finish(mut self) -> Result<()> {
        self.fill(self.written + 1)?;
        drop(self.frames.take());
        let status = self.process.0.wait();
        if !status.is_ok_and(|status| status.success()) {
            return Err(self.failed());
        }
        let Self { partial, output, .. } = self;
        partial.persist(&output).map_err(|e| Error::output("the video cannot be given its name").with_source(e.error))
    }

    /// Why `ffmpeg` is gone, in its own words.
    fn failed(&mut self) -> Error {
        drop(self.frames.take());
        let words = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        let error = Error::output("ffmpeg could not write the video");
        if words.is_empty() { error } else { error.with_source(words.into_iter().collect::<Vec<_>>().join("; ")) }
    }
}

/// The options of the encoder: x264 where this ffmpeg has it, at a quality that is hard to tell from the original.
fn encoder(ffmpeg: &Path, output: &Path) -> Vec<&'static str> {
    let h264 = output
        .extension()
        .is_none_or(|ending| ["mp4", "mov", "m4v", "mkv"].iter().any(|known| ending.eq_ignore_ascii_case(known)));
    let encoders = Command::new(ffmpeg).args(["-hide_banner", "-encoders"]).output();
    let has_x264 = encoders.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(" libx264 "));
    match (h264, has_x264) {
        (true, true) => vec!["-c:v", "libx264", "-preset", "veryfast", "-crf", "20"],
        _ => Vec::new(),
    }
}
