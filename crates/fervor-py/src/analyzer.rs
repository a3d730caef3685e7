//! `fervor.Analyzer`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fervor::prediction::ModelInfo;
use fervor::{Error, LabelSet, Limits, PicturePrediction};
use fervor_table::{PictureColumn, Rows};
use fervor_video::pipeline::Analysis;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::answer::Answer;
use crate::arrays::Order;
use crate::draw;
use crate::engine::{Engine, Faces, Settings};
use crate::errors::{raised, told, work};
use crate::model::Model;
use crate::sources::{self, Source};
use crate::table::{Table, read_table};
use crate::timeline::Timeline;
use crate::video::{Asked, Video};

/// Pictures that are worked on together, at most; in memory, pixels of so many bytes.
const GROUP: usize = 64;
const GROUP_BYTES: usize = 64 << 20;

/// Finds the faces of pictures and says which expression each shows. Make it once; all threads may use it. It pickles as its
/// settings.
#[pyclass(frozen, subclass, module = "fervor", name = "Analyzer")]
pub struct Analyzer {
    model: Py<Model>,
    settings: Settings,
    /// Locked only while the interpreter's lock is held, so that no fork happens meanwhile.
    engine: Mutex<Option<Arc<Engine>>>,
}

impl Analyzer {
    /// What answers in this process, made where there is none yet.
    fn engine(&self, py: Python<'_>) -> PyResult<Arc<Engine>> {
        if let Some(engine) = self.held().as_ref().filter(|engine| engine.is_here()) {
            return Ok(Arc::clone(engine));
        }
        let threads = self.thread_count(py)?;
        let engine = self.model.get().fresh().and_then(|bundle| Engine::new(bundle, &self.settings, threads));
        let engine = Arc::new(engine.map_err(|e| raised(py, &e))?);
        if let Some(other) = self.held().replace(Arc::clone(&engine))
            && !other.is_here()
        {
            // Of the process that was forked: its threads are not here, and nobody could end them.
            std::mem::forget(other);
        }
        Ok(engine)
    }

    fn thread_count(&self, py: Python<'_>) -> PyResult<usize> {
        match self.settings.threads {
            Some(threads) => Ok(threads),
            None => py.import("fervor._threads")?.getattr("default_threads")?.call0()?.extract(),
        }
    }

    /// What looks at the frames of a film, and what it is seen through.
    fn begin(&self, py: Python<'_>, asked: &Asked) -> PyResult<(Analysis, Arc<fervor::Analyzer>)> {
        let threads = self.thread_count(py)?;
        work(py, || {
            let analyzer = Engine::for_frames(self.model.get().fresh()?, &self.settings, threads)?;
            Ok((asked.begin(Arc::clone(&analyzer), threads)?, analyzer))
        })
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Arc<Engine>>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn classes(&self) -> LabelSet {
        self.model.get().bundle.card().labels.clone()
    }

    fn info(&self) -> ModelInfo {
        ModelInfo::from(&*self.model.get().bundle)
    }
}

#[pymethods]
impl Analyzer {
    #[new]
    #[pyo3(signature = (model=None, *, faces="auto", threads=None, detail=false, threshold=0.7, minimum_face=0.0))]
    fn new(
        py: Python<'_>,
        model: Option<&Bound<'_, PyAny>>,
        faces: &str,
        threads: Option<i64>,
        detail: bool,
        threshold: f32,
        minimum_face: f32,
    ) -> PyResult<Self> {
        let bad = |message: String| Err(raised(py, &Error::input(message)));
        let threads = match threads.map(usize::try_from) {
            None => None,
            Some(Ok(threads @ 1..)) => Some(threads),
            _ => return bad(format!("threads is 1 or more, or None for all cores, not {}", threads.unwrap_or_default())),
        };
        if !(0.0..=1.0).contains(&threshold) {
            return bad(format!("threshold is between 0 and 1, not {threshold}"));
        }
        if minimum_face.is_nan() || minimum_face < 0.0 {
            return bad(format!("minimum_face is a side in pixels, not {minimum_face}"));
        }
        let faces = Faces::parse(faces).map_err(|e| raised(py, &e))?;
        let model = match model {
            Some(model) => Model::of(model)?,
            None => Model::of(fervor::builtin::DEFAULT.into_pyobject(py)?.as_any())?,
        };
        let settings = Settings { faces, threads, detail, threshold, minimum_face };
        Ok(Self { model, settings, engine: Mutex::new(None) })
    }

    /// The model that answers.
    #[getter]
    fn model(&self, py: Python<'_>) -> Py<Model> {
        self.model.clone_ref(py)
    }

    /// The classes, in the order of the probabilities.
    #[getter]
    fn labels(&self) -> Vec<String> {
        self.model.get().bundle.card().labels.names().to_vec()
    }

    /// Threads that were asked for; None: all cores, or one in a worker of Ray or Spark.
    #[getter]
    fn threads(&self) -> Option<usize> {
        self.settings.threads
    }

    /// How faces are looked for: "auto", "detect" or "whole".
    #[getter]
    fn faces(&self) -> &'static str {
        self.settings.faces.name()
    }

    /// The faces of one picture with their expressions, the largest first.
    #[pyo3(signature = (picture, *, order=Order::Rgb, source=None))]
    fn analyze(&self, py: Python<'_>, picture: &Bound<'_, PyAny>, order: Order, source: Option<String>) -> PyResult<Answer> {
        let name = source.or_else(|| sources::name_of(picture)).unwrap_or_default();
        let source = sources::one(picture, order)?;
        let engine = self.engine(py)?;
        let (picture, answer) = work(py, || engine.one(&source))?;
        let row = PicturePrediction::answered(name, answer.size, self.info(), answer.faces);
        let path = if let Source::Path(path) = source { Some(path) } else { None };
        Ok(Answer::new(row, self.classes(), draw::keep(picture), path))
    }

    /// An answer for each picture, in order; one that cannot be read has an `error`, and never stops the others.
    #[pyo3(signature = (pictures, *, order=Order::Rgb, sources=None))]
    fn analyze_batch<'py>(
        &self,
        py: Python<'py>,
        pictures: &Bound<'py, PyAny>,
        order: Order,
        sources: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if self::sources::is_one(pictures)? {
            let error = Error::input("this is one picture, and analyze_batch takes a list of them");
            return Err(raised(py, &error.with_hint("give analyze() the picture, or put it into a list")));
        }
        if let (Some(names), Ok(count)) = (&sources, pictures.len())
            && names.len() != count
        {
            let than = if names.len() < count { "fewer" } else { "more" };
            let message = format!("sources has {than} names than there are pictures: {} for {count}", names.len());
            return Err(raised(py, &Error::input(message)));
        }
        let answers = PyList::empty(py);
        let mut names = sources.map(Vec::into_iter);
        let mut pictures = pictures.try_iter()?;
        loop {
            // Also where a signal's handler raises: the lock is taken back between two groups.
            py.check_signals()?;
            let (mut group, mut bytes) = (Vec::new(), 0);
            while group.len() < GROUP && bytes < GROUP_BYTES {
                let Some(picture) = pictures.next().transpose()? else { break };
                let name = match &mut names {
                    Some(names) => names
                        .next()
                        .ok_or_else(|| raised(py, &Error::input("sources has fewer names than there are pictures")))?,
                    None => self::sources::name_of(&picture).unwrap_or_default(),
                };
                let source = Source::of(&picture, order)?;
                bytes += source.size();
                group.push((name, source));
            }
            if group.is_empty() {
                break;
            }
            let engine = self.engine(py)?;
            let read = |(_, source): &(String, Source)| source.read(&Limits::default());
            let done = work(py, || Ok(engine.all(&group, read)))?;
            let model = self.info();
            for ((name, source), answer) in group.into_iter().zip(done) {
                let row = match answer {
                    Ok(answer) => PicturePrediction::answered(name, answer.size, model.clone(), answer.faces),
                    Err(error) => PicturePrediction::failed(name, None, model.clone(), told(&error)),
                };
                let path = if let Source::Path(path) = source { Some(path) } else { None };
                answers.append(Answer::new(row, self.classes(), draw::nothing(), path))?;
            }
        }
        if names.is_some_and(|mut names| names.next().is_some()) {
            return Err(raised(py, &Error::input("sources has more names than there are pictures")));
        }
        py.import("fervor._answers")?.getattr("Answers")?.call1((answers,))
    }

    /// The rows of a table whose column holds pictures, with the columns of `keep` in front.
    #[pyo3(signature = (table, column="image", *, keep=None, row_ids=true))]
    fn analyze_table(
        &self,
        py: Python<'_>,
        table: &Bound<'_, PyAny>,
        column: &str,
        keep: Option<Vec<String>>,
        row_ids: bool,
    ) -> PyResult<Table> {
        let (schema, batches) = read_table(table)?;
        let keep = keep.unwrap_or_default();
        let mut wanted: Vec<&str> = keep.iter().map(String::as_str).collect();
        wanted.push(column);
        if let Some(lacking) = wanted.into_iter().find(|name| schema.column_with_name(name).is_none()) {
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let message = format!("the table has no column {lacking:?}");
            let hint = format!("it has: {}", names.join(", "));
            return Err(raised(py, &Error::input(message).because(fervor::Reason::Missing).with_hint(hint)));
        }
        let mut rows = Rows::new(&self.model.get().bundle);
        let mut out = Table::begin(&schema, &keep, rows.schema()).map_err(|e| raised(py, &e))?;
        let (mut first, engine) = (0_i64, self.engine(py)?);
        for batch in batches {
            let batch = batch?;
            let index = schema.index_of(column).map_err(|e| PyKeyError::new_err(e.to_string()))?;
            let pictures = PictureColumn::new(batch.column(index)).map_err(|e| raised(py, &e.context(column)))?;
            let cells: Vec<usize> = (0..pictures.len()).collect();
            for group in cells.chunks(GROUP) {
                py.check_signals()?;
                let read = |row: &usize| pictures.cell(*row).read(&Limits::default());
                let answers = work(py, || Ok(engine.all(group, read)))?;
                let mut taken = Vec::new();
                for (&row, answer) in group.iter().zip(answers) {
                    let before = rows.len();
                    let name = pictures.path(row).unwrap_or_default();
                    rows.push(name, row_ids.then_some(first + row as i64), answer.as_ref());
                    taken.resize(taken.len() + rows.len() - before, row as u64);
                }
                let done = rows.finish().and_then(|rows| out.add(&batch, taken, rows));
                done.map_err(|e| raised(py, &e))?;
            }
            first += batch.num_rows() as i64;
        }
        Ok(out)
    }

    /// The frames of a film with what is seen in them, in order.
    #[pyo3(signature = (film, *, every=0.0, start=None, end=None, look=0.2, decoder="auto", pictures=false))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn video(
        &self,
        py: Python<'_>,
        film: PathBuf,
        every: f64,
        start: Option<f64>,
        end: Option<f64>,
        look: f64,
        decoder: &str,
        pictures: bool,
    ) -> PyResult<Video> {
        let minimum_face = self.settings.minimum_face;
        let name = film.display().to_string();
        let asked = Asked { path: film, every, start, end, look, decoder: decoder.to_owned(), pictures, minimum_face };
        let (analysis, _) = self.begin(py, &asked)?;
        Ok(Video::new(name, analysis, self.info(), self.classes(), minimum_face))
    }

    /// Everything that is seen in a film, over time.
    #[pyo3(signature = (film, *, every=0.0, start=None, end=None, look=0.2, decoder="auto", smoothing=0.25, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn timeline(
        &self,
        py: Python<'_>,
        film: PathBuf,
        every: f64,
        start: Option<f64>,
        end: Option<f64>,
        look: f64,
        decoder: &str,
        smoothing: f64,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Timeline> {
        let minimum_face = self.settings.minimum_face;
        let name = film.display().to_string();
        let asked = Asked { path: film, every, start, end, look, decoder: decoder.to_owned(), pictures: false, minimum_face };
        let (analysis, analyzer) = self.begin(py, &asked)?;
        let (last, raised) = (Mutex::new(Instant::now()), Mutex::new(None));
        // A few times a second: whether somebody presses Ctrl-C, and the caller's own function.
        let heard = |second: f64| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() < Duration::from_millis(100) {
                return true;
            }
            *last = Instant::now();
            let told = Python::attach(|py| {
                py.check_signals()?;
                progress.as_ref().map_or(Ok(()), |progress| progress.call1(py, (second,)).map(drop))
            });
            told.map_err(|e| *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(e)).is_ok()
        };
        let timeline = work(py, || Timeline::of(name, analysis, &analyzer, &asked, smoothing, &heard));
        match raised.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(e) => Err(e),
            None => timeline,
        }
    }

    /// The columns of [`analyze_table`](Self::analyze_table) without a row: its schema as Arrow. `table` gives the types of `keep`.
    #[pyo3(signature = (table=None, *, keep=None))]
    fn table_schema(&self, py: Python<'_>, table: Option<&Bound<'_, PyAny>>, keep: Option<Vec<String>>) -> PyResult<Table> {
        let rows = Rows::new(&self.model.get().bundle);
        let keep = keep.unwrap_or_default();
        let schema = match table {
            Some(table) => crate::table::read_schema(table)?,
            None => Arc::new(arrow_schema::Schema::empty()),
        };
        Table::begin(&schema, &keep, rows.schema()).map_err(|e| raised(py, &e))
    }

    fn __repr__(&self) -> String {
        let threads = self.settings.threads.map_or("None".to_owned(), |threads| threads.to_string());
        let model = &self.model.get().bundle.card().name;
        format!("fervor.Analyzer({model:?}, faces={:?}, threads={threads})", self.settings.faces.name())
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let Settings { faces, threads, detail, threshold, minimum_face } = &self.settings;
        let settings = PyDict::new(py);
        settings.set_item("faces", faces.name())?;
        settings.set_item("threads", threads)?;
        settings.set_item("detail", detail)?;
        settings.set_item("threshold", threshold)?;
        settings.set_item("minimum_face", minimum_face)?;
        Ok((PyTuple::new(py, [self.model.clone_ref(py)])?, settings))
    }
}
