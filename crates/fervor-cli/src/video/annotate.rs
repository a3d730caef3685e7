//! `--annotate`: the film with boxes, labels and bars drawn on, with its sound.

use std::path::{Path, PathBuf};

use fervor::track::Tracked;
use fervor::{Error, Picture, Prediction, Reason, Result};
use fervor_draw::{FaceDrawing, annotate_frame};
use fervor_video::ffmpeg::Writer;
use fervor_video::{Clip, Options};

/// Frames a second where the film does not say it, and at most.
const RATES: [f64; 2] = [25.0, 60.0];

/// Pixels that any encoder takes, where the film does not say its own.
const SOME_SIZE: (u32, u32) = (64, 64);

/// A film that is drawn on, frame by frame.
pub struct Annotated {
    output: PathBuf,
    /// The film itself, whose sound goes along; none from standard input.
    sound: Option<PathBuf>,
    rate: f64,
    options: Options,
    /// Begun with the first frame, which says how large all are.
    writer: Option<Writer>,
}

impl Annotated {
    /// A film that is written to `output` from its first frame on. That it can be is tried before.
    ///
    /// # Errors
    /// `Input`: there is no ffmpeg to write it, or no folder to hold it. `Output`: ffmpeg does not write a film of this name there.
    pub fn new(output: &Path, sound: Option<&Path>, clip: &Clip, options: &Options) -> Result<Self> {
        let rate = if options.every > 0.0 { 1.0 / options.every } else { clip.rate.unwrap_or(RATES[0]) };
        let rate = rate.clamp(0.1, RATES[1]);
        has_a_place(output)?;
        let size = if clip.width > 0 { (clip.width, clip.height) } else { SOME_SIZE };
        Writer::try_out(output, size, rate, sound, options).map_err(with_formats)?;
        let (output, sound) = (output.to_owned(), sound.map(Path::to_owned));
        Ok(Self { output, sound, rate, options: options.clone(), writer: None })
    }

    /// The next frame. One that could not be looked at is not drawn: the one before stays.
    ///
    /// # Errors
    /// A film that cannot be written, or a frame of another size than the first.
    pub fn show(&mut self, picture: &Picture, faces: &[Prediction], tracks: &[Tracked], time: f64) -> Result<()> {
        let drawings: Vec<FaceDrawing> =
            faces.iter().zip(tracks).map(|(face, track)| FaceDrawing::of_track(face, track)).collect();
        let drawn = annotate_frame(picture, &drawings)?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let sound = self.sound.as_deref().map(|sound| (sound, time));
                let size = (drawn.width(), drawn.height());
                none.insert(Writer::create(&self.output, size, self.rate, sound, &self.options)?)
            }
        };
        writer.show(drawn, time)
    }

    /// Gives the film its name; one without a frame has none.
    ///
    /// # Errors
    /// A film that cannot be written.
    pub fn finish(self) -> Result<()> {
        self.writer.map_or(Ok(()), Writer::finish)
    }
}

/// Refuses a name that is a folder's, and one in a folder that is not there.
fn has_a_place(output: &Path) -> Result<()> {
    let refused =
        |why: String, reason| Error::input(why).because(reason).with_hint("give --annotate a file in a folder that is there");
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => Err(refused(format!("there is no folder {}", folder.display()), Reason::Missing)),
        None if output.is_dir() => Err(refused(format!("a folder has this name: {}", output.display()), Reason::WrongType)),
        None => Ok(()),
    }
}

/// Names formats where ffmpeg knows none of this name.
fn with_formats(error: Error) -> Error {
    let unknown = error.explained().contains("suitable output format");
    if unknown { error.with_hint("end its name in .mp4, .mov, .mkv, .webm or .avi") } else { error }
}
