//! Films over time.

use std::path::{Path, PathBuf};

use fervor::timeline::{EpisodeOptions, Format, Timeline as Film};
use fervor::{Analyzer, Error, Reason, Result, files};
use fervor_draw::timeline::{Page, chart, page};
use fervor_video::pipeline::Analysis;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::errors::{told, unexpected, work};
use crate::video::{Asked, check_time, large};

/// Everything that was seen in a film, over time.
#[pyclass(frozen, module = "fervor", name = "Timeline")]
pub struct Timeline {
    film: Film,
    options: EpisodeOptions,
    ended: Option<String>,
}

/// What a column of frames holds.
#[derive(Clone, Copy)]
enum Column {
    Text,
    Whole,
    /// Whole numbers, or none.
    Track,
    Number,
    Truth,
}

impl Column {
    fn of(name: &str) -> Self {
        match name {
            "source" | "label" | "flags" | "error" => Self::Text,
            "frame" => Self::Whole,
            "track" => Self::Track,
            "uncertain" => Self::Truth,
            _ => Self::Number,
        }
    }

    fn of_pandas(self) -> &'static str {
        match self {
            Self::Text => "object",
            Self::Whole => "int64",
            Self::Track => "Int64",
            Self::Number => "float64",
            Self::Truth => "boolean",
        }
    }

    fn of_polars(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Whole | Self::Track => "Int64",
            Self::Number => "Float64",
            Self::Truth => "Boolean",
        }
    }
}

impl Timeline {
    /// Looks at a whole film. One that ends early is no error: what was seen is there, with the reason. `heard` hears of the second
    /// that it is at, and says whether to go on.
    pub fn of(
        source: String,
        mut analysis: Analysis,
        analyzer: &Analyzer,
        asked: &Asked,
        smoothing: f64,
        heard: &(dyn Fn(f64) -> bool + Sync),
    ) -> Result<Self> {
        check_time("smoothing", smoothing)?;
        let clip = analysis.clip().clone();
        let mut film = Film::new(source, analyzer.bundle());
        if clip.width > 0 {
            film.set_size(clip.width, clip.height);
        }
        let mut ended = None;
        for seen in analysis.by_ref() {
            let seen = match seen {
                Ok(seen) => seen,
                Err(error) if film.is_empty() => return Err(error),
                Err(error) => {
                    ended = Some(error.explained());
                    break;
                }
            };
            match seen.faces {
                Ok(faces) => {
                    let (faces, tracks) = large(faces, asked.minimum_face);
                    film.push(seen.index, seen.time, &faces, &tracks)?;
                }
                Err(error) => film.push_failed(seen.index, seen.time, told(&error))?,
            }
            if !heard(seen.time) {
                ended = Some("it was stopped".to_owned());
                break;
            }
        }
        if ended.is_none() {
            let first = if asked.start.is_none() { film.start() } else { 0.0 };
            let end = [clip.duration.map(|duration| first + duration), asked.end].into_iter().flatten().reduce(f64::min);
            end.into_iter().for_each(|end| film.set_end(end));
        }
        film.smooth(smoothing);
        Ok(Self { film, options: EpisodeOptions::default(), ended })
    }

    /// The type of each column of frames, whatever stands in it: a film may have no face.
    fn types<'py>(&self, py: Python<'py>, named: impl Fn(Column) -> PyResult<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyDict>> {
        let types = PyDict::new(py);
        let head = work(py, || self.written(Format::Frames))?;
        let head = String::from_utf8_lossy(head.split(|&byte| byte == b'\n').next().unwrap_or_default()).into_owned();
        for name in head.trim_end().split(',') {
            types.set_item(name, named(Column::of(name))?)?;
        }
        Ok(types)
    }

    fn written(&self, format: Format) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let written = self.film.write(format, &self.options, &mut out);
        written.map_err(|e| Error::output("the timeline cannot be written").with_source(e))?;
        Ok(out)
    }
}

/// The format of a file by its name's ending.
fn format_of(path: &Path) -> Result<Format> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    // `episodes.csv`, `tracks.csv`: of several formats with one ending the name tells.
    let exact = Format::ALL.into_iter().find(|format| name.ends_with(&format.file_name().to_lowercase()));
    let ending = |format: &Format| {
        let (_, ending) = format.file_name().split_once('.').unwrap_or_default();
        name.ends_with(&format!(".{}", ending.to_lowercase()))
    };
    exact.or_else(|| Format::ALL.into_iter().find(ending)).ok_or_else(|| {
        let known: Vec<&str> = Format::ALL.iter().map(|format| format.file_name()).collect();
        Error::input(format!("a timeline is not written as {name:?}"))
            .because(Reason::Unsupported)
            .with_hint(format!("name it as one of {}, or page.html", known.join(", ")))
    })
}

#[pymethods]
impl Timeline {
    /// Seconds from the first frame's beginning to the last one's end.
    #[getter]
    fn duration(&self) -> f64 {
        self.film.end() - self.film.start()
    }

    /// Each face over time, as dictionaries: the keys of `tracks` in `fervor.timeline/1`.
    #[getter]
    fn tracks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?.get_item("tracks")
    }

    /// From when to when which face looks how, as dictionaries: the keys of `episodes` in `fervor.timeline/1`.
    #[getter]
    fn episodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?.get_item("episodes")
    }

    /// Why it ended before the film did; None where it did not.
    #[getter]
    fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// All but the frames, as a dictionary: `fervor.timeline/1`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let json = serde_json::to_string(&self.film.summary(&self.options)).map_err(unexpected)?;
        py.import("json")?.getattr("loads")?.call1((json,))
    }

    /// The rows of all frames as CSV.
    fn _csv<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let rows = work(py, || self.written(Format::Frames))?;
        Ok(PyBytes::new(py, &rows))
    }

    /// A data frame of pandas: a row for each face in each frame, one for a frame without a face or with an error.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = py.import("io")?.getattr("BytesIO")?.call1((self._csv(py)?,))?;
        let all = PyDict::new(py);
        all.set_item("dtype", self.types(py, |kind| Ok(PyString::new(py, kind.of_pandas()).into_any()))?)?;
        // A film may be called NA.
        all.set_item("keep_default_na", false)?;
        all.set_item("na_values", vec![""])?;
        py.import("pandas")?.getattr("read_csv")?.call((rows,), Some(&all))
    }

    /// A data frame of polars: as `to_pandas`.
    fn to_polars<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all = PyDict::new(py);
        let polars = py.import("polars")?;
        all.set_item("schema_overrides", self.types(py, |kind| polars.getattr(kind.of_polars()))?)?;
        polars.getattr("read_csv")?.call((self._csv(py)?,), Some(&all))
    }

    /// Writes a file, whose name says the format: frames.csv, tracks.csv, episodes.csv, summary.json, .vtt, .srt, .eaf, .TextGrid,
    /// .boris.tsv; .html is a page with a chart.
    fn write(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        work(py, || {
            let bytes = match path.extension() {
                Some(ending) if ending.eq_ignore_ascii_case("html") => {
                    page(&self.film, &self.options, &Page::default()).into_bytes()
                }
                _ => self.written(format_of(&path)?)?,
            };
            let cannot = |e| Error::output("the timeline cannot be written").with_source(e).context(path.display());
            files::write_whole(&path, &bytes).map_err(cannot)
        })
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let png = work(py, || fervor_draw::chart::png(&chart(&self.film, &self.options), 1.5))?;
        Ok(PyBytes::new(py, &png))
    }

    fn _repr_svg_(&self) -> String {
        chart(&self.film, &self.options)
    }

    fn __len__(&self) -> usize {
        self.film.len()
    }

    fn __repr__(&self) -> String {
        let (faces, episodes) = (self.film.track_numbers().len(), self.film.episodes(&self.options).len());
        format!(
            "<fervor.Timeline {}: {} frames, {:.1} s, {faces} faces, {episodes} episodes>",
            self.film.source(),
            self.film.len(),
            self.duration()
        )
    }
}
