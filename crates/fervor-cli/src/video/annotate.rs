//! `--annotate`: the film with boxes, labels and bars drawn on, with its sound.

use std::path::{Path, PathBuf};

use fervor::track::Tracked;
use fervor::{Picture, Prediction, Result};
use fervor_draw::{FaceDrawing, annotate_frame};
use fervor_video::ffmpeg::Writer;
use fervor_video::{Clip, Options};

/// Frames a second where the film does not say it, and at most.
const RATES: [f64; 2] = [25.0, 60.0];

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
    /// A film that is written to `output` from its first frame on.
    ///
    /// # Errors
    /// `Input`: there is no ffmpeg to write it.
    pub fn new(output: &Path, sound: Option<&Path>, clip: &Clip, options: &Options) -> Result<Self> {
        fervor_video::ffmpeg::find(options)?;
        let rate = if options.every > 0.0 { 1.0 / options.every } else { clip.rate.unwrap_or(RATES[0]) };
        let (output, sound) = (output.to_owned(), sound.map(Path::to_owned));
        Ok(Self { output, sound, rate: rate.clamp(0.1, RATES[1]), options: options.clone(), writer: None })
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
