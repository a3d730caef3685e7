//! Films, frame by frame.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fervor::prediction::{ModelInfo, tally};
use fervor::track::Tracked;
use fervor::{Analyzer, Error, LabelSet, PicturePrediction, Prediction, Result};
use fervor_video::pipeline::{Analysis, Followed, Settings};
use fervor_video::{Clip, Options, Source};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::answer::{Answer, number};
use crate::errors::{told, work};

/// What is asked of a film.
pub struct Asked {
    pub path: PathBuf,
    pub every: f64,
    pub start: Option<f64>,
    pub end: Option<f64>,
    pub look: f64,
    pub decoder: String,
    pub pictures: bool,
    /// Faces with a shorter side, in pixels, are left out.
    pub minimum_face: f32,
}

/// The frames of a film with what is seen in them, in order: an iterator.
#[pyclass(frozen, module = "fervor", name = "Video")]
pub struct Video {
    source: String,
    clip: Clip,
    model: ModelInfo,
    labels: LabelSet,
    minimum_face: f32,
    analysis: Mutex<Analysis>,
}

/// One frame of a film: an [`Answer`] with a place and a time, and tracks beside its faces.
#[pyclass(frozen, module = "fervor", name = "Frame")]
pub struct Frame {
    index: u64,
    time: f64,
    new_shot: bool,
    answer: Py<Answer>,
    tracks: Vec<Tracked>,
    /// Held here, so that the answer has it as long as the frame lives.
    _picture: Option<Arc<fervor::Picture>>,
}

/// What is known of a face by its track.
#[pyclass(frozen, module = "fervor", name = "Track")]
pub struct Track(Tracked);

impl Asked {
    /// Opens the film and begins to look at it.
    pub fn begin(&self, analyzer: Arc<Analyzer>, threads: usize) -> Result<Analysis> {
        self.check()?;
        let mut options = Options::default().with_decoders(self.decoder.parse()?);
        options.every = self.every;
        (options.start, options.end) = (self.start, self.end);
        let settings = Settings::default().with_threads(threads).with_look(self.look).with_pictures(self.pictures);
        let source = Source::open(&self.path, &options).map_err(|e| e.context(self.path.display()))?;
        Ok(Analysis::new(source, analyzer, settings))
    }
}

impl Asked {
    /// Refuses times that are none.
    fn check(&self) -> Result<()> {
        let times = [("every", Some(self.every)), ("look", Some(self.look)), ("start", self.start), ("end", self.end)];
        for (name, time) in times {
            check_time(name, time.unwrap_or(0.0))?;
        }
        match (self.start, self.end) {
            (Some(start), Some(end)) if start >= end => {
                Err(Error::input(format!("start {start} is not before end {end}: no frame lies between")))
            }
            _ => Ok(()),
        }
    }
}

pub fn check_time(name: &str, time: f64) -> Result<()> {
    if time.is_finite() && time >= 0.0 {
        return Ok(());
    }
    Err(Error::input(format!("{name} is a time in seconds and not negative, got {time}")))
}

impl Video {
    pub fn new(source: String, analysis: Analysis, model: ModelInfo, labels: LabelSet, minimum_face: f32) -> Self {
        Self { source, clip: analysis.clip().clone(), model, labels, minimum_face, analysis: Mutex::new(analysis) }
    }
}

/// The faces that are large enough, each with its track.
pub fn large(faces: Vec<Followed>, minimum: f32) -> (Vec<Prediction>, Vec<Tracked>) {
    let side = |face: &Followed| face.prediction.face.bounds.width.min(face.prediction.face.bounds.height);
    faces.into_iter().filter(|face| side(face) >= minimum).map(|face| (face.prediction, face.track)).unzip()
}

#[pymethods]
impl Video {
    /// Width of the upright frames in pixels.
    #[getter]
    fn width(&self) -> u32 {
        self.clip.width
    }

    /// Height of the upright frames in pixels.
    #[getter]
    fn height(&self) -> u32 {
        self.clip.height
    }

    /// Seconds from the first frame to the end of the last, where the film says so.
    #[getter]
    fn duration(&self) -> Option<f64> {
        self.clip.duration
    }

    /// How many frames the film has, where it says so.
    #[getter]
    fn frames(&self) -> Option<u64> {
        self.clip.frames
    }

    /// How the pictures are compressed: "h264", "hevc", "gif", ...
    #[getter]
    fn codec(&self) -> &str {
        &self.clip.codec
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Frame>> {
        let next = || self.analysis.lock().unwrap_or_else(PoisonError::into_inner).next().transpose();
        let Some(seen) = work(py, next)? else { return Ok(None) };
        let picture = seen.picture.map(Arc::new);
        let (mut tracks, size) = (Vec::new(), Some(seen.size).filter(|size| size.0 > 0));
        let row = match seen.faces {
            Ok(faces) => {
                let (faces, followed) = large(faces, self.minimum_face);
                tracks = followed;
                PicturePrediction::answered(&self.source, seen.size, self.model.clone(), faces)
            }
            Err(error) => PicturePrediction::failed(&self.source, size, self.model.clone(), told(&error)),
        };
        let kept = picture.as_ref().map_or_else(Weak::new, Arc::downgrade);
        let answer = Py::new(py, Answer::new(row, self.labels.clone(), kept, None))?;
        Ok(Some(Frame { index: seen.index, time: seen.time, new_shot: seen.new_shot, answer, tracks, _picture: picture }))
    }

    fn __repr__(&self) -> String {
        let Clip { width, height, codec, duration, .. } = &self.clip;
        let length = duration.map_or(String::new(), |seconds| format!(", {seconds:.1} s"));
        format!("<fervor.Video {}: {width} x {height}, {codec}{length}>", self.source)
    }
}

#[pymethods]
impl Frame {
    /// The frame's number in the film, from 0.
    #[getter]
    fn index(&self) -> u64 {
        self.index
    }

    /// When it is shown, in seconds of the film's own clock.
    #[getter]
    fn time(&self) -> f64 {
        self.time
    }

    /// Whether it begins a shot: its faces begin new tracks.
    #[getter]
    fn new_shot(&self) -> bool {
        self.new_shot
    }

    /// What this frame alone says.
    #[getter]
    fn answer(&self, py: Python<'_>) -> Py<Answer> {
        self.answer.clone_ref(py)
    }

    /// The faces, the largest first.
    #[getter]
    fn faces<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.answer.bind(py).getattr("faces")
    }

    /// For each face its track.
    #[getter]
    fn tracks(&self) -> Vec<Track> {
        self.tracks.iter().cloned().map(Track).collect()
    }

    /// Why this frame has no answer; others follow.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.answer.bind(py).getattr("error")
    }

    fn _repr_html_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.answer.bind(py).call_method0("_repr_html_")
    }

    fn __repr__(&self) -> String {
        let row = &self.answer.get().row;
        let words = row.error.as_ref().map_or_else(|| tally(&row.faces), |error| error.message.clone());
        format!("<fervor.Frame {} at {:.3} s: {words}>", self.index, self.time)
    }
}

#[pymethods]
impl Track {
    /// The track's number, from 1, never used again.
    #[getter]
    fn id(&self) -> u64 {
        self.0.id
    }

    /// Seconds since the track began.
    #[getter]
    fn age(&self) -> f64 {
        self.0.age
    }

    /// The most probable class, smoothed over the track's past.
    #[getter]
    fn label(&self) -> &str {
        self.0.probabilities.top().0
    }

    /// Its probability, 0 to 1.
    #[getter]
    fn confidence(&self) -> f64 {
        number(self.0.probabilities.top().1)
    }

    /// Whether that is under one half.
    #[getter]
    fn uncertain(&self) -> bool {
        self.0.probabilities.is_uncertain()
    }

    /// The answer in words.
    #[getter]
    fn words(&self) -> String {
        self.0.probabilities.sentence()
    }

    /// The probability of each class, smoothed over the track's past.
    #[getter]
    fn probabilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for (label, p) in self.0.probabilities.labels().names().iter().zip(self.0.probabilities.values()) {
            all.set_item(label, number(*p))?;
        }
        Ok(all)
    }

    fn __repr__(&self) -> String {
        format!("<fervor.Track {}: {}>", self.0.id, self.words())
    }
}
