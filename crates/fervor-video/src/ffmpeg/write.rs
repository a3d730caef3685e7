//! [`Writer`]: pictures become a video file, with the sound of another.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

use fervor::{Error, Picture, Reason, Result};
use tempfile::TempPath;

use super::{Spoken, apart, command, find};
use crate::options::Options;

/// Writes pictures as a video file through an `ffmpeg` process: H.264 in MP4, or what else the file's name asks for, each picture
/// shown at its own time, with the sound of the video they were made from.
///
/// The file appears whole or not at all: it has a name of its own until [`finish`](Self::finish).
pub struct Writer {
    ffmpeg: PathBuf,
    process: Spoken,
    frames: Option<ChildStdin>,
    size: (u32, u32),
    rate: f64,
    /// The picture that is shown until the next one comes.
    last: Option<Picture>,
    /// How many pictures were written, and the time of the first.
    written: u64,
    begin: Option<f64>,
    /// The file whose sound goes along, and the second of it that belongs to the first picture.
    sound: Option<(PathBuf, f64)>,
    output: PathBuf,
    /// The pictures without the sound.
    pictures: TempPath,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("output", &self.output).field("written", &self.written).finish_non_exhaustive()
    }
}

impl Writer {
    /// Begins a file of pictures of this width and height, `rate` of them a second; `sound` is the file whose sound
    /// goes with them, and the second of it that belongs to the first picture. Sound that ends before the pictures leaves them
    /// silent from there on, and none goes on after them.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): no `ffmpeg` is found. [`Output`](fervor::ErrorKind::Output): the file cannot be begun.
    pub fn create(output: &Path, size: (u32, u32), rate: f64, sound: Option<(&Path, f64)>, options: &Options) -> Result<Self> {
        let ffmpeg = find(options)?;
        if !(rate.is_finite() && rate > 0.0) {
            return Err(Error::input(format!("a video has more than no frames a second, got {rate}")));
        }
        let (width, height) = size;
        let pictures = partial(output)?;
        let mut command = command(&ffmpeg);
        command.args(["-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &format!("{width}x{height}")]);
        command.args(["-framerate", &format!("{rate}"), "-i", "pipe:0"]);
        // Odd sides have no half: one more column or row, black.
        command.args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p", "-movflags", "+faststart"]);
        command.args(encoder(&ffmpeg, output)).arg(named(&pictures));
        let mut process = Spoken::start(&mut command)?;
        let frames = process.stdin();
        let sound = sound.map(|(path, from)| (path.to_owned(), from));
        let (last, written, begin, output) = (None, 0, None, output.to_owned());
        Ok(Self { ffmpeg, process, frames, size, rate, last, written, begin, sound, output, pictures })
    }

    /// Writes a video of one black picture, with the beginning of the sound, and removes it: what does not go, such as a name that
    /// says no format, shows before there is any work to lose.
    ///
    /// # Errors
    /// As [`create`](Self::create) and [`finish`](Self::finish).
    pub fn try_out(output: &Path, size: (u32, u32), rate: f64, sound: Option<&Path>, options: &Options) -> Result<()> {
        let mut writer = Self::create(output, size, rate, sound.map(|sound| (sound, 0.0)), options)?;
        let (width, height) = size;
        writer.show(Picture::from_gray(width, height, &vec![0; width as usize * height as usize])?, 0.0)?;
        writer.complete().map(drop)
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
                drop(self.frames.take());
                return Err(failed(self.process.end().1));
            }
            self.written += 1;
        }
        Ok(())
    }

    /// Writes the last picture and gives the file its name.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): `ffmpeg` did not manage, or not all of it came to be.
    pub fn finish(self) -> Result<()> {
        let output = self.output.clone();
        let whole = self.complete()?;
        whole.persist(&output).map_err(|e| Error::output("the video cannot be given its name").with_source(e.error))
    }

    /// The whole video, without its name.
    fn complete(mut self) -> Result<TempPath> {
        self.fill(self.written + 1)?;
        drop(self.frames.take());
        let ended = self.process.end();
        self.see_that_it_is_whole(&self.pictures, ended)?;
        let Some((sound, from)) = self.sound.take() else { return Ok(self.pictures) };
        // As it is, where the format takes that; else encoded anew.
        let as_it_is = self.with_sound(&sound, from, &["-c:a", "copy"]);
        as_it_is.or_else(|_| self.with_sound(&sound, from, &[]))
    }

    /// The pictures together with the sound that belongs to them.
    fn with_sound(&self, sound: &Path, from: f64, codec: &[&str]) -> Result<TempPath> {
        let whole = partial(&self.output)?;
        let mut command = command(&self.ffmpeg);
        command.args(["-nostdin", "-y", "-i"]).arg(named(&self.pictures));
        // By the file's own clock, which need not begin at 0.
        command.args(["-seek_timestamp", "1", "-ss", &format!("{from}"), "-t", &format!("{}", self.written as f64 / self.rate)]);
        command.args(["-protocol_whitelist", "file,crypto,data,pipe", "-i"]).arg(named(sound));
        command.args(["-map", "0:v:0", "-map", "1:a?", "-c:v", "copy"]).args(codec);
        command.args(["-movflags", "+faststart"]).arg(named(&whole));
        let ended = Spoken::start(&mut command)?.end();
        self.see_that_it_is_whole(&whole, ended)?;
        Ok(whole)
    }

    /// Reads a file that ffmpeg has ended: it may call a disk that is full a success.
    fn see_that_it_is_whole(&self, file: &Path, (success, words): (bool, Vec<String>)) -> Result<()> {
        let count = count(&self.ffmpeg, file);
        // Some formats keep a picture once that is shown for long, and say nothing of it.
        let whole = count == self.written || (count > 0 && words.is_empty());
        if success && whole { Ok(()) } else { Err(failed(words)) }
    }
}

/// How many pictures of a file can be found again.
fn count(ffmpeg: &Path, file: &Path) -> u64 {
    let mut command = Command::new(ffmpeg);
    command.args(["-nostdin", "-loglevel", "quiet", "-i"]).arg(named(file));
    command.args(["-map", "0:v:0", "-c", "copy", "-f", "null", "-progress", "pipe:1", "-"]);
    let output = apart(&mut command).stdin(Stdio::null()).output().map(|output| output.stdout).unwrap_or_default();
    let told = String::from_utf8_lossy(&output);
    told.lines().rev().find_map(|line| line.strip_prefix("frame=")?.trim().parse().ok()).unwrap_or(0)
}

/// Why `ffmpeg` did not write it, in its own words.
fn failed(words: Vec<String>) -> Error {
    let error = Error::output("ffmpeg could not write the video");
    if words.is_empty() { error } else { error.with_source(words.join("; ")) }
}

/// A hidden file beside the one that it becomes.
fn partial(output: &Path) -> Result<TempPath> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let ending = output.extension().map_or_else(|| ".mp4".to_owned(), |ending| format!(".{}", ending.to_string_lossy()));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fervor-").suffix(&ending);
    // As any file that a program writes: the user's mask says who may read it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder);
    Ok(file.map_err(|e| Error::output("the video cannot be written").with_source(e))?.into_temp_path())
}

/// A file as ffmpeg takes it for nothing else.
fn named(file: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(file);
    name
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
