//! Column sets of other programs, for scripts that read theirs. What is not measured here has no column: a script that needs it
//! fails loudly, and reads nothing made up.

use std::io::{self, Write};

use super::write::{Table, clock, number, optional, seconds};
use super::{FaceView, Frame, Timeline};
use crate::emotion::Emotion;
use crate::face::BoundingBox;

/// Whose columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// OpenFace: `frame` from 1, `face_id`, `timestamp`, `confidence`, `success`; then this program's own `p_<class>`, since
    /// OpenFace names no expression. No action units, gaze or pose.
    OpenFace,
    /// Py-Feat: `frame` from 0, the box, `FaceScore`, `anger` and so on, `input`, `Identity`. No action units, landmarks or pose.
    PyFeat,
    /// iMotions (AFFDEX): `Timestamp` in milliseconds, `Anger` and so on from 0 to 100. One face: a table a track. No valence,
    /// engagement or action units.
    IMotions,
    /// FaceReader's detailed log: eight lines of head, `Video Time`, `Neutral` and so on, `FIND_FAILED` where there is no face.
    /// One face: a table a track. No valence, arousal or action units.
    FaceReader,
    /// fer: `box0`, `angry0` and so on, columns a face and a row a frame.
    Fer,
}

impl Layout {
    /// Whether a table holds one face only, so that each track has its own.
    pub fn is_of_one_face(self) -> bool {
        matches!(self, Self::IMotions | Self::FaceReader)
    }

    /// How a file's name ends.
    pub fn extension(self) -> &'static str {
        if self == Self::FaceReader { "txt" } else { "csv" }
    }

    /// What the other program calls a class; one that it does not know keeps its own name.
    fn class(self, label: &str) -> String {
        let names = match self {
            Self::PyFeat => ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "contempt"],
            Self::IMotions => ["Anger", "Disgust", "Fear", "Joy", "Neutral", "Sadness", "Surprise", "Contempt"],
            Self::FaceReader => ["Angry", "Disgusted", "Scared", "Happy", "Neutral", "Sad", "Surprised", "Contempt"],
            Self::OpenFace | Self::Fer => return label.to_owned(),
        };
        let known = Emotion::parse(label).and_then(|emotion| Emotion::ALL.iter().position(|known| *known == emotion));
        known.map_or_else(|| label.to_owned(), |index| names[index].to_owned())
    }
}

impl Timeline {
    /// Writes the frames in another program's columns; of a layout [of one face](Layout::is_of_one_face) those of the track
    /// `track`. Probabilities are the smoothed ones.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write_layout(&self, layout: Layout, track: u64, out: &mut dyn Write) -> io::Result<()> {
        match layout {
            Layout::OpenFace => self.open_face(out),
            Layout::PyFeat => self.py_feat(out),
            Layout::IMotions => self.i_motions(track, out),
            Layout::FaceReader => self.face_reader(track, out),
            Layout::Fer => self.fer(out),
        }
    }

    /// The other program's name of each class.
    fn classes(&self, layout: Layout) -> impl Iterator<Item = String> {
        self.labels.names().iter().map(move |label| layout.class(label))
    }

    /// A row for each face of a frame, and one for a frame without.
    fn rows(&self) -> impl Iterator<Item = (Frame<'_>, Option<FaceView<'_>>)> {
        self.frames().flat_map(|frame| {
            let none = (frame.faces().len() == 0).then_some((frame, None));
            frame.faces().map(move |face| (frame, Some(face))).chain(none)
        })
    }

    /// A row for each frame, with the face of one track.
    fn rows_of(&self, track: u64) -> impl Iterator<Item = (Frame<'_>, Option<FaceView<'_>>)> {
        self.frames().map(move |frame| (frame, frame.faces().find(|face| face.track == track)))
    }

    fn open_face(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::csv(out);
        let head = ["frame", "face_id", "timestamp", "confidence", "success"].map(str::to_owned);
        table.row(head.into_iter().chain(self.labels.names().iter().map(|label| format!("p_{label}"))))?;
        for (frame, face) in self.rows() {
            let mut cells = vec![(frame.index() + 1).to_string()];
            // Its faces are counted from 0, and a frame without one has face 0 without success.
            cells.push(face.map_or(0, |face| face.track.saturating_sub(1)).to_string());
            cells.extend([seconds(frame.time()), optional(face.map_or(Some(0.0), |face| face.score))]);
            cells.push(i32::from(face.is_some()).to_string());
            cells.extend(self.probabilities(face, 1.0, ""));
            table.row(cells)?;
        }
        Ok(())
    }

    fn py_feat(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::csv(out);
        let head = ["frame", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"].map(str::to_owned);
        let last = ["input", "Identity"].map(str::to_owned);
        table.row(head.into_iter().chain(self.classes(Layout::PyFeat)).chain(last))?;
        for (frame, face) in self.rows() {
            let mut cells = vec![frame.index().to_string()];
            match face {
                None => cells.resize(6, String::new()),
                Some(FaceView { bounds: BoundingBox { x, y, width, height }, score, .. }) => {
                    cells.extend([x, y, width, height].map(number));
                    cells.push(optional(score));
                }
            }
            cells.extend(self.probabilities(face, 1.0, ""));
            cells.push(self.source.clone());
            cells.push(face.map_or_else(String::new, |face| format!("Person_{}", face.track.saturating_sub(1))));
            table.row(cells)?;
        }
        Ok(())
    }

    fn i_motions(&self, track: u64, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::csv(out);
        table.row(["Timestamp".to_owned()].into_iter().chain(self.classes(Layout::IMotions)))?;
        for (frame, face) in self.rows_of(track) {
            let time = number((1e6 * frame.time()).round() / 1e3);
            table.row([time].into_iter().chain(self.probabilities(face, 100.0, "")))?;
        }
        Ok(())
    }

    fn face_reader(&self, track: u64, out: &mut dyn Write) -> io::Result<()> {
        let rate = if self.step() > 0.0 { number((1e3 / self.step()).round() / 1e3) } else { String::new() };
        let mut table = Table::tsv(out);
        table.row(["Video analysis detailed log"])?;
        table.row(["Face Model:", &self.model.name])?;
        table.row(["Calibration:", "None"])?;
        table.row(["Start time:", ""])?;
        table.row(["Face:", &track.to_string()])?;
        table.row(["Filename:", &self.source])?;
        table.row(["Frame rate:", &rate])?;
        table.row([""])?;
        // In its own order; classes that it does not know come last.
        let order = ["Neutral", "Happy", "Sad", "Angry", "Surprised", "Scared", "Disgusted", "Contempt"];
        let names: Vec<String> = self.classes(Layout::FaceReader).collect();
        let mut classes: Vec<usize> = (0..names.len()).collect();
        classes.sort_by_key(|&class| order.iter().position(|known| *known == names[class]).unwrap_or(order.len()));
        table.row(["Video Time"].into_iter().chain(classes.iter().map(|&class| names[class].as_str())))?;
        for (frame, face) in self.rows_of(track) {
            let values: Vec<String> = self.probabilities(face, 1.0, "FIND_FAILED").collect();
            table.row(
                [clock(frame.time(), '.').as_str()].into_iter().chain(classes.iter().map(|&class| values[class].as_str())),
            )?;
        }
        Ok(())
    }

    fn fer(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::csv(out);
        let most = self.frames().map(|frame| frame.faces().len()).max().unwrap_or(0);
        let of_face = |face: usize| {
            let names = self.labels.names().iter().map(move |label| format!("{label}{face}"));
            [format!("box{face}")].into_iter().chain(names)
        };
        table.row((0..most).flat_map(of_face))?;
        for frame in self.frames() {
            let mut cells = Vec::new();
            for face in frame.faces() {
                let BoundingBox { x, y, width, height } = face.bounds;
                let [x, y, width, height] = [x, y, width, height].map(|side| side.round() as i64);
                cells.push(format!("[{x}, {y}, {width}, {height}]"));
                cells.extend(self.probabilities(Some(face), 1.0, ""));
            }
            cells.resize(most * (1 + self.labels.len()), String::new());
            table.row(cells)?;
        }
        Ok(())
    }

    /// A cell for each class; without a face each holds `none`.
    fn probabilities<'a>(&'a self, face: Option<FaceView<'a>>, scale: f32, none: &'a str) -> impl Iterator<Item = String> + 'a {
        (0..self.labels.len()).map(move |class| face.map_or_else(|| none.to_owned(), |face| number(scale * face.smoothed[class])))
    }
}
