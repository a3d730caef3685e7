//! What is said of a picture and of a face, as small objects.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use fervor::prediction::tally;
use fervor::{LabelSet, Picture, PicturePrediction, Prediction};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::arrays::Order;
use crate::errors::{of_row, unexpected, work};
use crate::table::{Table, rows_of};
use crate::{Pickled, draw, sources};

/// All that is said of one picture: its faces, the largest first, or the `error` why there is no answer. A sequence of
/// [`Face`]s; empty where there is none, which is a normal answer.
#[pyclass(frozen, sequence, module = "fervor", name = "Answer")]
pub struct Answer {
    pub row: Arc<PicturePrediction>,
    pub labels: LabelSet,
    /// Kept for a while, for whoever looks at the answer at once.
    picture: Weak<Picture>,
    path: Option<PathBuf>,
}

/// One face with its expression. Coordinates are pixels of the upright picture.
#[pyclass(frozen, module = "fervor", name = "Face")]
pub struct Face {
    row: Arc<PicturePrediction>,
    index: usize,
}

/// A number as JSON writes it: the shortest that reads back as the same single-precision value.
pub fn number(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn loads<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyAny>> {
    let json = serde_json::to_string(value).map_err(unexpected)?;
    py.import("json")?.getattr("loads")?.call1((json,))
}

impl Answer {
    pub fn new(row: PicturePrediction, labels: LabelSet, picture: Weak<Picture>, path: Option<PathBuf>) -> Self {
        Self { row: Arc::new(row), labels, picture, path }
    }

    fn face(&self, index: usize) -> Face {
        Face { row: Arc::clone(&self.row), index }
    }

    fn all(&self) -> Vec<Face> {
        (0..self.row.faces.len()).map(|index| self.face(index)).collect()
    }

    fn most(&self) -> Option<&Prediction> {
        self.row.main_face()
    }

    /// The picture, where it can still be had: kept, or read again from its file.
    fn seen(&self) -> Option<Picture> {
        let kept = self.picture.upgrade().map(|picture| (*picture).clone());
        let read = || fervor::picture::read(self.path.as_deref()?, &Default::default()).ok();
        kept.or_else(read).filter(|picture| (Some(picture.width()), Some(picture.height())) == (self.row.width, self.row.height))
    }

    fn summary(&self) -> String {
        match &self.row.error {
            Some(error) => error.message.clone(),
            None => tally(&self.row.faces),
        }
    }
}

#[pymethods]
impl Answer {
    /// The picture as the caller named it; empty where it has no name.
    #[getter]
    fn source(&self) -> &str {
        &self.row.source
    }

    /// Width of the upright picture in pixels; None where it could not be read.
    #[getter]
    fn width(&self) -> Option<u32> {
        self.row.width
    }

    /// Height of the upright picture in pixels; None where it could not be read.
    #[getter]
    fn height(&self) -> Option<u32> {
        self.row.height
    }

    /// The faces, the largest first.
    #[getter]
    fn faces(&self) -> Vec<Face> {
        self.all()
    }

    /// The face that the picture is about: the largest; None where there is none.
    #[getter]
    fn main(&self) -> Option<Face> {
        let main = self.most()?;
        self.row.faces.iter().position(|face| std::ptr::eq(face, main)).map(|index| self.face(index))
    }

    /// The main face's most probable class; None where there is no face.
    #[getter]
    fn label(&self) -> Option<&str> {
        self.most().map(Prediction::label)
    }

    /// The probability of the main face's class, 0 to 1; None where there is no face.
    #[getter]
    fn confidence(&self) -> Option<f64> {
        self.most().map(|face| number(face.confidence()))
    }

    /// The main face in words, "no face found", or why there is no answer.
    #[getter]
    fn words(&self) -> String {
        self.row.sentence()
    }

    /// Why there is no answer, as an exception that is not raised; None where there is one.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.row.error.as_ref().map(|error| of_row(py, &self.row.source, error)).transpose()
    }

    /// Whether there is an answer: also one without a face.
    #[getter]
    fn ok(&self) -> bool {
        self.row.error.is_none()
    }

    /// Name and SHA-256 of the model that answered.
    #[getter]
    fn model<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let model = PyDict::new(py);
        model.set_item("name", &self.row.model.name)?;
        model.set_item("sha256", &self.row.model.sha256)?;
        Ok(model)
    }

    /// The row as a dictionary, with the keys of `fervor.prediction/1`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &*self.row)
    }

    /// The row as JSON: `fervor.prediction/1`.
    fn to_json(&self) -> PyResult<String> {
        serde_json::to_string(&*self.row).map_err(unexpected)
    }

    /// The rows of this picture as a table.
    fn to_table(&self, py: Python<'_>) -> PyResult<Table> {
        rows_of(py, [self].into_iter(), false)
    }

    /// The rows of this picture as a table of pyarrow.
    fn to_arrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_table(py)?.to_arrow(py)
    }

    /// The rows of this picture as a data frame of pandas.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_table(py)?.to_pandas(py)
    }

    /// The rows of this picture as a data frame of polars.
    fn to_polars<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_table(py)?.to_polars(py)
    }

    /// The picture with boxes, labels and bars drawn on it, as the bytes of a PNG.
    #[pyo3(signature = (picture=None, *, order=Order::Rgb))]
    fn annotated<'py>(
        &self,
        py: Python<'py>,
        picture: Option<&Bound<'py, PyAny>>,
        order: Order,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let picture = match picture {
            Some(picture) => {
                let source = sources::one(picture, order)?;
                work(py, || source.read(&Default::default()))?
            }
            None => self.seen().ok_or_else(|| {
                PyValueError::new_err("the picture is not kept with its answer: give it again, annotated(picture)")
            })?,
        };
        let png = work(py, || draw::annotated(&picture, &self.row.faces).and_then(|picture| picture.encode_png()))?;
        Ok(PyBytes::new(py, &png))
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(picture) = self.seen().filter(|_| !self.row.faces.is_empty()) else { return Ok(None) };
        let png = work(py, || draw::preview(&picture, &self.row.faces).and_then(|picture| picture.encode_png()))?;
        Ok(Some(PyBytes::new(py, &png)))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        work(py, || draw::html(&self.row, &self.summary(), self.seen().as_ref()))
    }

    fn __len__(&self) -> usize {
        self.row.faces.len()
    }

    /// One face, or with a slice a list of them.
    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let faces = PyList::new(py, self.all())?.into_any();
        faces.get_item(index).map_err(|e| match e.is_instance_of::<PyIndexError>(py) {
            true => PyIndexError::new_err(format!("face {index} of {}", self.row.faces.len())),
            false => e,
        })
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self.all())?.try_iter()?.into_any())
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.row == other.row
    }

    fn __repr__(&self) -> String {
        let name = if self.row.source.is_empty() { String::new() } else { format!(" {}", self.row.source) };
        let size = self.row.width.zip(self.row.height).map_or(String::new(), |(w, h)| format!(" ({w} x {h})"));
        format!("<fervor.Answer{name}{size}: {}>", self.summary())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Pickled<'py, (String, Vec<String>, Option<PathBuf>)> {
        let again = py.import("fervor._fervor")?.getattr("_answer")?;
        Ok((again, (self.to_json()?, self.labels.names().to_vec(), self.path.clone())))
    }
}

/// What was pickled.
#[pyfunction]
#[pyo3(name = "_answer")]
pub fn answer_of(json: &str, labels: Vec<String>, path: Option<PathBuf>) -> PyResult<Answer> {
    let row = PicturePrediction::parse(json).map_err(unexpected)?;
    let labels = LabelSet::new(labels).map_err(unexpected)?;
    Ok(Answer::new(row, labels, draw::nothing(), path))
}

/// What was pickled.
#[pyfunction]
#[pyo3(name = "_face")]
pub fn face_of(answer: &Answer, index: usize) -> Face {
    answer.face(index)
}

impl Face {
    fn it(&self) -> &Prediction {
        &self.row.faces[self.index]
    }
}

#[pymethods]
impl Face {
    /// Left, top, width and height in pixels, inside the picture: a named tuple.
    #[getter(r#box)]
    fn bounds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let bounds = self.it().face.bounds;
        let [x, y, width, height] = [bounds.x, bounds.y, bounds.width, bounds.height].map(number);
        py.import("fervor._answers")?.getattr("Box")?.call1((x, y, width, height))
    }

    /// How sure the detector is that this is a face, 0 to 1; None for a picture that was taken whole as one face.
    #[getter]
    fn score(&self) -> Option<f64> {
        self.it().face.score.map(number)
    }

    /// Five points (x, y) in pixels, as the viewer sees them from left to right: left eye, right eye, nose, left and right corner
    /// of the mouth. None for a picture that was taken whole.
    #[getter]
    fn landmarks(&self) -> Option<Vec<(f64, f64)>> {
        self.it().face.landmarks.map(|points| points.iter().map(|[x, y]| (number(*x), number(*y))).collect())
    }

    /// The most probable class.
    #[getter]
    fn label(&self) -> &str {
        self.it().label()
    }

    /// Its probability, 0 to 1.
    #[getter]
    fn confidence(&self) -> f64 {
        number(self.it().confidence())
    }

    /// Whether the confidence is under one half: more likely wrong than right.
    #[getter]
    fn uncertain(&self) -> bool {
        self.it().probabilities.is_uncertain()
    }

    /// The answer in words: "looks happy, 99 %", "perhaps fearful or surprised".
    #[getter]
    fn words(&self) -> String {
        self.it().sentence()
    }

    /// The probability of each class, 0 to 1, in the model's order.
    #[getter]
    fn probabilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        let probabilities = &self.it().probabilities;
        for (label, p) in probabilities.labels().names().iter().zip(probabilities.values()) {
            all.set_item(label, number(*p))?;
        }
        Ok(all)
    }

    /// The conformal set, most probable first; None where the model's card has none.
    #[getter]
    fn plausible(&self) -> Option<Vec<String>> {
        self.it().plausible.clone()
    }

    /// Why the answer deserves less trust: "small", "doubtful", "profile", "blurred", "dark", "flat", "cut_off", "turned".
    #[getter]
    fn flags(&self) -> Vec<&'static str> {
        self.it().quality.flags.iter().map(|flag| flag.name()).collect()
    }

    /// The face as a dictionary, with the keys of `fervor.prediction/1`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, self.it())
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.it() == other.it()
    }

    fn __repr__(&self) -> String {
        let bounds = self.it().face.bounds;
        let [x, y, width, height] = [bounds.x, bounds.y, bounds.width, bounds.height];
        format!("<fervor.Face {} ({width:.0} x {height:.0} at {x:.0}, {y:.0})>", self.words())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Pickled<'py, (Answer, usize)> {
        let alone = PicturePrediction { faces: vec![self.it().clone()], ..(*self.row).clone() };
        let labels = self.it().probabilities.labels().clone();
        let answer = Answer::new(alone, labels, draw::nothing(), None);
        Ok((py.import("fervor._fervor")?.getattr("_face")?, (answer, 0)))
    }
}
