//! Data sets from Python: the audit, and scores of a model.

use std::collections::HashMap;
use std::path::PathBuf;

use fervor::{Bundle, DetectorOptions, Error, FindFaces, LabelMap, LabelSet, Reason, Result, WholePicture, YuNet, builtin};
use fervor_lab::audit::{AuditOptions, Audited, SIMILARITY, Shown, report as pages, text as audit_text};
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, Split};
use fervor_lab::evaluate::{DataInfo, EvalReport, Evaluation as Scored, write_predictions};
use fervor_lab::report;
use pyo3::prelude::*;

use crate::engine::Faces;
use crate::errors::{raised, unexpected, work};
use crate::model::Model;
use crate::teller::Teller;

/// What is wrong in a data set, what it is like, and what helps.
#[pyclass(frozen, module = "fervor", name = "Audit")]
pub struct Audit {
    audited: Audited,
}

/// How right a model is on a data set.
#[pyclass(frozen, module = "fervor", name = "Evaluation")]
pub struct Evaluation {
    scored: Scored,
    report: EvalReport,
    dataset: Dataset,
}

/// Runs on threads of its own, which also a process that was forked has.
fn on_threads<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    match rayon::ThreadPoolBuilder::new().build() {
        Ok(pool) => pool.install(work),
        Err(e) => Err(Error::input("no threads can be started").with_source(e)),
    }
}

/// Looks at every picture of a data set once and says what is wrong with it.
#[pyfunction]
#[pyo3(signature = (data, *, faces=None, near=Some(SIMILARITY), suspects=false, model=None, progress=None))]
pub fn audit(
    py: Python<'_>,
    data: PathBuf,
    faces: Option<&str>,
    near: Option<f32>,
    suspects: bool,
    model: Option<&Bound<'_, PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Audit> {
    let faces = match faces.map(Faces::parse).transpose().map_err(|e| raised(py, &e))? {
        None => Shown::Unsaid,
        Some(Faces::Whole) => Shown::Faces,
        Some(Faces::Auto) => Shown::Mixed,
        Some(Faces::Detect) => Shown::Photographs,
    };
    let model = model.map(Model::of).transpose()?;
    let bundle = model.as_ref().map(|model| std::sync::Arc::clone(&model.get().bundle));
    let audited = Teller::new(progress).during(py, |teller| {
        let fallback = if bundle.is_none() { Some(Bundle::builtin(builtin::DEFAULT)?) } else { None };
        let bundle = bundle.as_deref().or(fallback.as_ref()).expect("one of the two");
        let tell = |done: usize, all: usize| teller.tell(done, all);
        let options = AuditOptions {
            open: OpenOptions { progress: Some(&tell), ..OpenOptions::default() },
            near,
            faces,
            suspects: (suspects || model.is_some()).then_some(bundle),
            preprocess: bundle.card().preprocess.clone(),
            ..AuditOptions::default()
        };
        fervor_lab::audit::audit(&data, &options)
    })?;
    Ok(Audit { audited })
}

fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.getattr("loads")?.call1((json,))
}

#[pymethods]
impl Audit {
    /// Whether something is wrong that spoils training or scores.
    #[getter]
    fn has_errors(&self) -> bool {
        self.audited.report.has_errors()
    }

    /// What was found, each as a dictionary.
    #[getter]
    fn findings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?.get_item("findings")
    }

    /// The report as people read it.
    #[getter]
    fn text(&self) -> String {
        audit_text(&self.audited.report)
    }

    /// The report as a dictionary, with the keys of `fervor.audit/1`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &pages::json(&self.audited.report))
    }

    /// Writes the report with its pictures into a folder.
    fn write(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        work(py, || {
            let samples = self.audited.dataset.samples();
            let places: HashMap<&str, usize> =
                samples.iter().enumerate().map(|(place, sample)| (sample.id.as_str(), place)).collect();
            let picture = |id: &str| self.audited.dataset.picture(*places.get(id)?).ok();
            on_threads(|| pages::write(&folder, &self.audited.report, &picture))
        })
    }

    fn __str__(&self) -> String {
        self.text()
    }

    fn __repr__(&self) -> String {
        let report = &self.audited.report;
        let verdict = if report.has_errors() { "with errors" } else { "without errors" };
        format!("<fervor.Audit of {}: {} findings, {verdict}>", self.audited.dataset.name(), report.findings.len())
    }

    fn _repr_html_(&self) -> String {
        preformatted(&self.text())
    }
}

fn preformatted(text: &str) -> String {
    format!("<pre>{}</pre>", text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// The part of a data set that is scored: the one asked for; else test, else validation, else everything.
fn choose(dataset: &Dataset, asked: Option<&str>) -> Result<(String, Vec<usize>)> {
    let there: Vec<&str> = Split::ALL.into_iter().filter(|&split| !dataset.of_split(split).is_empty()).map(Split::name).collect();
    let hint = match there[..] {
        [] => "the data has no parts: split=\"all\"".to_owned(),
        _ => format!("the data has: {}", there.join(", ")),
    };
    match asked {
        Some("all") => Ok(("all".to_owned(), (0..dataset.len()).collect())),
        Some(name) => {
            let split =
                Split::parse(name).ok_or_else(|| Error::input(format!("not a part: {name:?}")).with_hint(hint.clone()))?;
            match dataset.of_split(split) {
                indices if indices.is_empty() => {
                    Err(Error::data(format!("the data has no samples in part {name:?}")).because(Reason::Empty).with_hint(hint))
                }
                indices => Ok((split.name().to_owned(), indices)),
            }
        }
        None => Ok(match [Split::Test, Split::Validation].into_iter().find(|split| there.contains(&split.name())) {
            Some(split) => (split.name().to_owned(), dataset.of_split(split)),
            None => ("all".to_owned(), (0..dataset.len()).collect()),
        }),
    }
}

/// What `evaluate` is told.
struct Asked {
    data: PathBuf,
    split: Option<String>,
    faces: Option<Faces>,
    map: Option<HashMap<String, Option<String>>>,
    classes: Option<Vec<String>>,
    votes: Option<PathBuf>,
}

impl Asked {
    fn score(&self, bundle: &Bundle, teller: &Teller) -> Result<Evaluation> {
        let waiting = |_: usize, _: usize| teller.go_on();
        let options = OpenOptions { votes: self.votes.clone(), progress: Some(&waiting), ..OpenOptions::default() };
        let dataset = Dataset::open(&self.data, &options)?;
        let (split, indices) = choose(&dataset, self.split.as_deref())?;
        let info = DataInfo { name: dataset.name().to_owned(), manifest_sha256: Manifest::of(&dataset).sha256() };
        let labels = &bundle.card().labels;
        let (problems, left_out) = (dataset.problems().len(), dataset.left_out(Split::parse(&split)));
        let mut dataset = dataset.subset(&indices).framed(&bundle.card().preprocess);
        if let Some(faces) = self.faces {
            let finder: Box<dyn FindFaces> = match faces {
                Faces::Whole => Box::new(WholePicture),
                Faces::Detect => Box::new(YuNet::new(DetectorOptions::default().with_threads(1))?),
                Faces::Auto => Box::new(fervor::AutoFaces::new(DetectorOptions::default().with_threads(1))?),
            };
            dataset = if faces == Faces::Whole { dataset.without_faces() } else { dataset.with_faces(&*finder, &waiting)?.0 };
        }
        let without_face = dataset.problems().len() - problems;
        let mut without_majority = 0;
        if self.votes.is_some() {
            let (voted, left_out) = dataset.labelled_by_votes(None)?;
            let same =
                labels.len() == voted.labels().len() && labels.names().iter().all(|name| voted.labels().index_of(name).is_some());
            dataset = if same { dataset.labelled_by_votes(Some(labels))?.0 } else { voted };
            without_majority = left_out.total();
        }
        let classes = self.classes.as_ref().map(LabelSet::new).transpose()?;
        let map = LabelMap::new(self.rules(&dataset, labels), dataset.labels(), labels)?;
        let indices: Vec<usize> = (0..dataset.len()).collect();
        let mut scored = Scored::of_bundle(bundle, &dataset, info, &split, &indices, &map, &|done, all| teller.tell(done, all))?;
        scored.judged_by_votes = self.votes.is_some();
        left_out.reasons().into_iter().for_each(|(reason, count)| scored.exclude(reason, count));
        scored.exclude("no face found", without_face as u64);
        scored.exclude("no majority of votes for an expression", without_majority as u64);
        if let Some(classes) = &classes {
            scored = scored.choosing_among(classes)?;
        }
        let report = scored.report()?;
        Ok(Evaluation { scored, report, dataset })
    }

    /// Where the data's classes go. Where some classes are chosen, those that the model lacks are left out unless said otherwise.
    fn rules<'a>(&'a self, dataset: &'a Dataset, known: &'a LabelSet) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let lacking = dataset.labels().names().iter().filter(|name| self.classes.is_some() && known.index_of(name).is_none());
        let asked = self.map.iter().flatten().map(|(from, to)| (from.as_str(), to.as_deref().filter(|to| *to != "-")));
        lacking.map(|name| (name.as_str(), None)).chain(asked)
    }
}

/// Scores a model on a data set, with intervals, calibration and the leak-free figure.
#[pyfunction]
#[pyo3(signature = (model, data, *, split=None, faces=None, map=None, classes=None, votes=None, progress=None))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn evaluate(
    py: Python<'_>,
    model: &Bound<'_, PyAny>,
    data: PathBuf,
    split: Option<String>,
    faces: Option<&str>,
    map: Option<HashMap<String, Option<String>>>,
    classes: Option<Vec<String>>,
    votes: Option<PathBuf>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Evaluation> {
    let faces = faces.map(Faces::parse).transpose().map_err(|e| raised(py, &e))?;
    let model = Model::of(model)?;
    let asked = Asked { data, split, faces, map, classes, votes };
    let bundle = model.get().fresh().map_err(|e| raised(py, &e))?;
    Teller::new(progress).during(py, |teller| asked.score(&bundle, teller))
}

#[pymethods]
impl Evaluation {
    /// Pictures that were scored.
    #[getter]
    fn n(&self) -> u64 {
        self.report.n
    }

    /// Share answered rightly, 0 to 1.
    #[getter]
    fn accuracy(&self) -> f64 {
        self.report.accuracy
    }

    /// The 95 % interval of the accuracy.
    #[getter]
    fn accuracy_ci95(&self) -> (f64, f64) {
        self.report.accuracy_ci95.into()
    }

    /// Mean recall of the classes.
    #[getter]
    fn balanced_accuracy(&self) -> f64 {
        self.report.balanced_accuracy
    }

    /// Mean F1 of the classes.
    #[getter]
    fn macro_f1(&self) -> f64 {
        self.report.macro_f1
    }

    /// Expected calibration error.
    #[getter]
    fn ece(&self) -> f64 {
        self.report.ece
    }

    /// The report as people read it.
    #[getter]
    fn text(&self) -> String {
        report::text(&self.report)
    }

    /// The report as a dictionary, with the keys of `fervor.report/1`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &report::json(&self.report))
    }

    /// The answers as a table in CSV: a row a picture.
    fn predictions(&self) -> PyResult<String> {
        String::from_utf8(write_predictions(&self.scored)).map_err(unexpected)
    }

    /// Writes the report with its pictures into a folder.
    fn write(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        work(py, || {
            let place = |id: &str| self.dataset.samples().iter().position(|sample| sample.id == id);
            on_threads(|| report::write_report(&folder, &self.report, &|id| self.dataset.picture(place(id)?).ok()))
        })
    }

    fn __str__(&self) -> String {
        self.text()
    }

    fn __repr__(&self) -> String {
        let EvalReport { model, data, split, n, accuracy, accuracy_ci95: [low, high], .. } = &self.report;
        let share = |value: f64| 100.0 * value;
        format!(
            "<fervor.Evaluation of {} on {} ({split}): {:.1} % of {n} right (95 %: {:.1} to {:.1} %)>",
            model.name,
            data.name,
            share(*accuracy),
            share(*low),
            share(*high)
        )
    }

    fn _repr_html_(&self) -> String {
        preformatted(&self.text())
    }
}
