//! Pictures from an `ffmpeg` process: raw on its standard output, their times and sizes on its standard error.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use fervor::{Error, Picture, Reason, Result};

use super::say::{Announced, Line};
use super::{KEPT_ERRORS, Process, command};
use crate::clip::{Clip, Decoder, Frame};
use crate::input::{damaged, too_large};
use crate::options::{Chooser, Options, Passed};
use crate::source::{Frames, GiveFrames, RATE, unknown};

/// What `ffmpeg` is to read.
pub(crate) enum Input {
    /// A file; with it whatever must live as long, such as a temporary file that is removed after.
    File(PathBuf, Option<tempfile::TempPath>),
    /// Bytes as they come.
    Stream(Box<dyn Read + Send>),
    /// An address on the network.
    Address(String),
    /// A camera, by its number or name.
    Camera(String),
}

struct Running {
    process: Process,
    pictures: ChildStdout,
    lines: Receiver<Line>,
    chooser: Chooser,
    limits: fervor::Limits,
    index: u64,
    clock: Clock,
    errors: Vec<String>,
    ended: bool,
    /// The first frame's line, which was read to see whether there is one.
    first: Option<Line>,
    _kept: Option<tempfile::TempPath>,
}

/// Starts `ffmpeg` on `input`.
pub(crate) fn open(ffmpeg: &Path, input: Input, options: &Options) -> Result<(Clip, Frames)> {
    let mut command = command(ffmpeg);
    let live = matches!(input, Input::Camera(_)) || matches!(&input, Input::Address(address) if is_live(address));
    let (kept, stream) = describe(&mut command, input, live)?;
    command.args(["-map", "0:v:0", "-an", "-sn", "-dn", "-vf", "showinfo=checksum=0"]);
    command.args(passthrough(ffmpeg)).args(["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]);
    let mut process = Process::start(&mut command)?;
    feed(process.0.stdin.take(), stream);
    let gone = || Error::input("ffmpeg ended before it began");
    let pictures = process.0.stdout.take().ok_or_else(gone)?;
    let (said, lines) = channel();
    let stderr = BufReader::new(process.0.stderr.take().ok_or_else(gone)?);
    thread::spawn(move || {
        // Read to the end, whoever listens: a full pipe would stop ffmpeg.
        for line in stderr.split(b'\n').map_while(Result::ok) {
            let line = Line::read(&String::from_utf8_lossy(&line));
            if line != Line::Other {
                let _ = said.send(line);
            }
        }
    });
    let (limits, chooser) = (options.limits.picture, Chooser::new(options));
    let (index, clock, errors) = (0, Clock::new(), Vec::new());
    let mut running =
        Running { process, pictures, lines, chooser, limits, index, clock, errors, ended: false, first: None, _kept: kept };
    let mut clip = unknown("", Decoder::Ffmpeg);
    clip.live = live;
    running.begin(&mut clip)?;
    Ok((clip, Box::new(running)))
}

/// Whether an address is one of a stream without an end.
fn is_live(address: &str) -> bool {
    let scheme = address.split("://").next().unwrap_or_default().to_ascii_lowercase();
    ["rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srtp", "udp", "srt", "tcp", "mms", "mmsh"].contains(&scheme.as_str())
}

/// What has to live as long as the process, and what it is fed with.
type Fed = (Option<tempfile::TempPath>, Option<Box<dyn Read + Send>>);

/// The arguments that name the input.
fn describe(command: &mut Command, input: Input, live: bool) -> Result<Fed> {
    if live {
        command.args(["-fflags", "nobuffer", "-flags", "low_delay"]);
    } else {
        // The file's own times, not counted from its first.
        command.arg("-copyts");
    }
    Ok(match input {
        Input::File(path, kept) => {
            // A list of other files, as some formats are, leads to no place but this machine.
            command.args(["-protocol_whitelist", "file,crypto,data,pipe", "-i"]);
            let mut name = std::ffi::OsString::from("file:");
            name.push(&path);
            command.arg(name);
            (kept, None)
        }
        Input::Stream(stream) => {
            command.args(["-protocol_whitelist", "pipe", "-i", "pipe:0"]);
            (None, Some(stream))
        }
        Input::Address(address) => {
            if address.starts_with("rtsp") {
                command.args(["-rtsp_transport", "tcp"]);
            }
            command.arg("-i").arg(address);
            (None, None)
        }
        Input::Camera(name) => {
            command.args(camera(&name)?);
            (None, None)
        }
    })
}

/// How this system's cameras are named to ffmpeg.
fn camera(name: &str) -> Result<Vec<String>> {
    let number = name.parse::<u32>().ok();
    let (format, device) = match std::env::consts::OS {
        "linux" => ("v4l2", number.map_or_else(|| name.to_owned(), |number| format!("/dev/video{number}"))),
        "macos" => ("avfoundation", format!("{name}:none")),
        "windows" if number.is_none() => ("dshow", format!("video={name}")),
        "windows" => return Err(Error::input(format!("a camera is known by its name here, got {name}"))),
        system => return Err(Error::input(format!("cameras cannot be read on {system}")).because(Reason::Unsupported)),
    };
    if format == "v4l2" && !Path::new(&device).exists() {
        return Err(Error::input(format!("there is no camera {device}")).because(Reason::Missing));
    }
    Ok(["-f", format, "-i", &device].map(str::to_owned).to_vec())
}

/// The option by which each frame comes once, with its own time: it has another name since ffmpeg 5.1.
fn passthrough(ffmpeg: &Path) -> [&'static str; 2] {
    let output = Command::new(ffmpeg).arg("-version").stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let version = text.strip_prefix("ffmpeg version ").unwrap_or_default();
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), minor) if (major, minor.unwrap_or(0)) < (5, 1) => ["-vsync", "0"],
        _ => ["-fps_mode", "passthrough"],
    }
}

/// Hands the bytes to the process as it takes them.
fn feed(stdin: Option<std::process::ChildStdin>, stream: Option<Box<dyn Read + Send>>) {
    let (Some(mut stdin), Some(mut stream)) = (stdin, stream) else { return };
    thread::spawn(move || {
        // An end that comes early is ffmpeg's: it has seen enough, and says so itself if not.
        let _ = std::io::copy(&mut stream, &mut stdin).and_then(|_| stdin.flush());
    });
}

/// A clock that one frame alone has left goes on at most so many steps after where it was.
const FEW: f64 = 4.0;

/// The times of frames, which never go back.
struct Clock {
    /// How many seconds a step of its times is: a numerator and a denominator.
    base: Option<(f64, f64)>,
    /// What ffmpeg said last.
    said: Option<f64>,
    /// What is added to it.
    offset: f64,
    /// Where the frame before went back: what was said before it, and what was added then.
    left: Option<(f64, f64)>,
    /// The last frame's time.
    time: f64,
    /// How long a frame lasts.
    step: f64,
}

impl Clock {
    fn new() -> Self {
        Self { base: None, said: None, offset: 0.0, left: None, time: 0.0, step: 1.0 / RATE }
    }

    /// When a frame is shown, as ffmpeg says it; of some formats it says nothing. Its seconds have six digits, which is too coarse
    /// after the first quarter of an hour, so its steps are taken where it says how long they are.
    fn announced(&mut self, frame: &Announced) -> f64 {
        let exact = frame.steps.zip(self.base).map(|(steps, (seconds, parts))| steps as f64 * seconds / parts);
        self.next(exact.or(frame.seconds))
    }

    /// The time that is said, which never goes back: where the film's own clock begins anew, as in recordings that are laid end to
    /// end, it goes on where the last frame ended. A frame that alone says a time too early leaves the clock as it was.
    fn next(&mut self, said: Option<f64>) -> f64 {
        let Some(said) = said else { return self.time };
        let is_back = |before: f64| (before..=before + FEW * self.step).contains(&said);
        if let Some((_, offset)) = self.left.take().filter(|&(before, _)| is_back(before)) {
            self.offset = offset;
        }
        if let Some(before) = self.said.filter(|&before| said < before) {
            self.left = Some((before, self.offset));
            self.offset = self.time + self.step - said;
        }
        let time = said + self.offset;
        self.time = if self.said.is_some() { time.max(self.time) } else { time };
        self.said = Some(said);
        self.time
    }
}

impl Running {
    /// Reads what is said up to the first frame.
    fn begin(&mut self, clip: &mut Clip) -> Result<()> {
        loop {
            match self.lines.recv() {
                Ok(Line::Duration(seconds)) => clip.duration = Some(seconds),
                Ok(Line::Video(codec, rate)) if clip.codec.is_empty() => (clip.codec, clip.rate) = (codec, rate),
                Ok(Line::Rotation(degrees)) => clip.rotation = ((-degrees).rem_euclid(360.0).round() as u16) % 360,
                Ok(Line::TimeBase(seconds, parts)) => self.clock.base = Some((seconds, parts)),
                Ok(Line::Error(words)) => self.note(words),
                Ok(frame @ Line::Frame(..)) => {
                    self.first = Some(frame);
                    self.clock.step = clip.rate.filter(|&rate| rate > 0.0).map_or(self.clock.step, f64::recip);
                    return Ok(());
                }
                Ok(_) => {}
                Err(_) => return Err(self.without_frames(!clip.codec.is_empty())),
            }
        }
    }

    /// Why no frame comes. ffmpeg's first line says it, those after it follow from that.
    fn without_frames(&self, has_codec: bool) -> Error {
        let meant = "if it should be a video, copy or download it again";
        let said = |words: &str| self.errors.iter().any(|error| error.contains(words));
        let (why, hint) = match has_codec {
            true => ("not a video, or a damaged one: ffmpeg decodes no frame of it", Some(meant)),
            false if said("Invalid data found") => ("not a video that ffmpeg knows", Some(meant)),
            false => ("ffmpeg finds no video in it", None),
        };
        let error = Error::input(why).because(Reason::Unsupported);
        let error = hint.into_iter().fold(error, Error::with_hint);
        self.errors.first().into_iter().fold(error, |error, words| error.with_source(words.as_str()))
    }

    fn note(&mut self, words: String) {
        if self.errors.len() < KEPT_ERRORS && !self.errors.contains(&words) {
            self.errors.push(words);
        }
    }

    fn explained(&self, error: Error) -> Error {
        if self.errors.is_empty() { error } else { error.with_source(self.errors.join("; ")) }
    }

    /// The next frame's time and size; none at the end.
    fn announced(&mut self) -> Option<(f64, u32, u32)> {
        loop {
            match self.first.take().or_else(|| self.lines.recv().ok())? {
                Line::Frame(frame) => return Some((self.clock.announced(&frame), frame.width, frame.height)),
                Line::TimeBase(seconds, parts) => self.clock.base = Some((seconds, parts)),
                Line::Error(words) => self.note(words),
                _ => {}
            }
        }
    }

    /// What ends it, if not the source's end.
    fn end(&mut self) -> Option<Error> {
        let status = self.process.0.wait();
        let failed = status.is_ok_and(|status| !status.success());
        (failed || !self.errors.is_empty()).then(|| self.explained(damaged("ffmpeg could not decode all of it")))
    }
}

impl GiveFrames for Running {
    fn passed(&self) -> Passed {
        self.chooser.passed()
    }
}

impl Iterator for Running {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let Some((time, width, height)) = self.announced() else {
                self.ended = true;
                return self.end().map(Err);
            };
            let pixels = u64::from(width) * u64::from(height);
            if width.max(height) > self.limits.side || pixels > self.limits.pixels {
                self.ended = true;
                return Some(Err(too_large(format!("a frame of the video is too large: {width} x {height}"))));
            }
            let mut rgb = Vec::with_capacity(3 * pixels as usize);
            let read = self.pictures.by_ref().take(3 * pixels).read_to_end(&mut rgb);
            if read.is_err() || rgb.len() as u64 != 3 * pixels {
                self.ended = true;
                return Some(Err(self.end().unwrap_or_else(|| damaged("ffmpeg ended within a frame"))));
            }
            let index = self.index;
            self.index += 1;
            if self.chooser.is_over(time) {
                self.ended = true;
            } else if self.chooser.takes(time) {
                return Some(Ok(Frame { index, time, picture: Picture::from_rgb(width, height, rgb) }));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_on_where_a_films_own_clock_begins_anew() {
        let mut clock = Clock { step: 0.5, ..Clock::new() };
        let said = [Some(-0.5), Some(0.0), None, Some(3.0), Some(1.0), Some(1.5), Some(0.0), Some(4.0)];
        assert_eq!(said.map(|said| clock.next(said)), [-0.5, 0.0, 0.0, 3.0, 3.5, 4.0, 4.5, 8.5]);
    }

    /// All times after it were shifted, for good.
    #[test]
    fn one_frame_that_says_a_time_too_early_shifts_no_other() {
        let times = |said: &[f64]| {
            let mut clock = Clock { step: 0.25, ..Clock::new() };
            said.iter().map(|&said| clock.next(Some(said))).collect::<Vec<_>>()
        };
        assert_eq!(times(&[3.0, 1.0, 3.25, 3.5]), [3.0, 3.25, 3.25, 3.5]);
        assert_eq!(times(&[3.0, 1.0, 3.0, 3.5]), [3.0, 3.25, 3.25, 3.5], "none goes back");
        assert_eq!(times(&[1.0, 0.75, 1.5, 1.25, 2.0]), [1.0, 1.25, 1.5, 1.75, 2.0], "every second one");
        assert_eq!(times(&[0.0, 1.0, 0.0, 0.25, 1.0, 1.25]), [0.0, 1.0, 1.25, 1.5, 2.25, 2.5], "end to end");
        // The second recording is longer than the first: where its own clock passes the first one's end, nothing happens.
        assert_eq!(times(&[0.5, 0.0, 0.25, 0.5, 0.75]), [0.5, 0.75, 1.0, 1.25, 1.5]);
    }

    /// `pts_time` has six digits: times above 1,000 seconds were rounded to hundredths.
    #[test]
    fn times_late_in_a_film_are_as_exact_as_its_clock() {
        let times = |lines: &[&str]| {
            let mut clock = Clock::new();
            let mut times = Vec::new();
            for line in lines {
                match Line::read(&format!("[Parsed_showinfo_0 @ 0x556292ad6e80] [info] {line}")) {
                    Line::TimeBase(seconds, parts) => clock.base = Some((seconds, parts)),
                    Line::Frame(frame) => times.push(clock.announced(&frame)),
                    _ => {}
                }
            }
            times
        };
        let lines = [
            "config in time_base: 1/90000, frame_rate: 30000/1001",
            "config out time_base: 0/0, frame_rate: 0/0",
            "n:   0 pts:324144000 pts_time:3601.6  pos:      564 fmt:yuv420p sar:1/1 s:96x64 i:P iskey:1 type:I ",
            "  side data - User Data Unregistered:",
            "n:   1 pts:324147003 pts_time:3601.63 pos:     6016 fmt:yuv420p sar:1/1 s:96x64 i:P iskey:0 type:P ",
        ];
        let close = |times: &[f64], to: [f64; 2]| times.len() == 2 && times.iter().zip(to).all(|(a, b)| (a - b).abs() < 1e-9);
        let exact = times(&lines);
        assert!(close(&exact, [3601.6, 324_147_003.0 / 90_000.0]), "{exact:?}");
        let without_base = times(&lines[1..]);
        assert!(close(&without_base, [3601.6, 3601.63]), "{without_base:?}");
    }
}
