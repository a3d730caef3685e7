//! A tiny world: a folder with drawn pictures, and the program run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use image::{GrayImage, Luma, RgbImage};

/// A temporary folder in which the program runs.
pub struct World {
    dir: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Draws a face of sorts, 48 x 48 grey: a bright disc with a mouth whose curve is its class, grain from `seed`.
    pub fn face(self, name: &str, smile: bool, seed: u32) -> Self {
        let mut grain = seed.wrapping_mul(2_654_435_761).max(1);
        let picture = GrayImage::from_fn(48, 48, |x, y| {
            grain ^= grain << 13;
            grain ^= grain >> 17;
            grain ^= grain << 5;
            let (dx, dy) = (x as f32 - 23.5, y as f32 - 23.5);
            let curve = if smile { 36.0 - dx * dx / 20.0 } else { 30.0 + dx * dx / 20.0 };
            let eye = (dx.abs() - 9.0).hypot(dy + 7.0) < 3.0;
            let mouth = dx.abs() < 13.0 && (y as f32 - curve).abs() < 2.0;
            let skin = if dx.hypot(dy) < 22.0 { 190 } else { 60 };
            Luma([(if eye || mouth { 30 } else { skin }) + (grain % 24) as u8])
        });
        picture.save(self.made(name)).expect("a drawn face is written");
        self
    }

    /// A colour picture without any face.
    pub fn landscape(self, name: &str, width: u32, height: u32) -> Self {
        let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb([(x / 3) as u8, 120, (y / 2) as u8]));
        picture.save(self.made(name)).expect("a drawn picture is written");
        self
    }

    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        fs::write(self.made(name), bytes).expect("a file is written");
        self
    }

    fn made(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a name lies in the world")).expect("a folder is made");
        path
    }

    /// Runs `fervor` with words split at spaces.
    pub fn fervor(&self, words: &str) -> Ran {
        self.fervor_reading(words, b"")
    }

    /// The same with something on standard input.
    pub fn fervor_reading(&self, words: &str, stdin: &[u8]) -> Ran {
        self.run(&words.split_whitespace().collect::<Vec<_>>(), stdin, &[])
    }

    /// Runs `fervor` with these arguments and variables of the environment.
    pub fn run(&self, arguments: &[&str], stdin: &[u8], variables: &[(&str, &str)]) -> Ran {
        let input = self.path(".stdin");
        fs::write(&input, stdin).expect("standard input is written");
        let output = Command::new(env!("CARGO_BIN_EXE_fervor"))
            .args(arguments)
            .current_dir(self.dir.path())
            .env_remove("FERVOR_MODEL")
            .envs(variables.iter().copied())
            .stdin(Stdio::from(fs::File::open(&input).expect("standard input")))
            .output()
            .expect("the program starts");
        Ran { words: arguments.join(" "), output }
    }
}

/// What a run did.
pub struct Ran {
    words: String,
    output: Output,
}

impl Ran {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.output.status.code(), Some(code), "{self}");
        self
    }

    /// Standard output holds this.
    #[track_caller]
    pub fn answers(self, text: &str) -> Self {
        assert!(self.stdout().contains(text), "no {text:?} in the answer of {self}");
        self
    }

    /// Standard error holds this.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr().contains(text), "no {text:?} in the talk of {self}");
        self
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout()).unwrap_or_else(|e| panic!("{e}: {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.output.status.code();
        write!(f, "fervor {} -> {code:?}\n--- stdout\n{}--- stderr\n{}", self.words, self.stdout(), self.stderr())
    }
}

/// The project's own photograph.
pub fn astronaut() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/astronaut.png")
}
