//! What Python calls a picture: a path, bytes, a file object, an array of pixels, a picture of Pillow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use fervor::{Error, Limits, Picture, Reason, picture};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyMemoryView, PyString};

use crate::arrays::{self, Order};
use crate::errors::raised;

/// What a cell of Hugging Face's `datasets` that is not decoded has: a dictionary.
const CELL: [&str; 2] = ["bytes", "path"];

/// A picture that has left Python: it can be read without the interpreter's lock.
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// A file's bytes, which stay where Python has them.
    Bytes(PyBackedBytes),
    /// Pixels, copied.
    Pixels(Picture),
    /// No picture.
    Bad(Error),
}

impl Source {
    /// Takes over whatever may be a picture. What is none is an error for this one alone.
    ///
    /// # Errors
    /// Only what the interpreter itself raises, such as an interrupt.
    pub fn of(object: &Bound<'_, PyAny>, order: Order) -> PyResult<Self> {
        let py = object.py();
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone().into()));
        }
        if let Ok(path) = object.extract::<PathBuf>() {
            return Ok(Self::Path(path));
        }
        if object.is_none() {
            return Ok(Self::Bad(Error::input("there is no picture: None").because(Reason::Empty)));
        }
        if let Ok(cell) = object.cast::<PyDict>() {
            for key in CELL {
                if let Some(value) = cell.get_item(key)?.filter(|value| !value.is_none()) {
                    return Self::of(&value, order);
                }
            }
        }
        if object.hasattr(intern!(py, "getexif"))? && object.hasattr(intern!(py, "convert"))? {
            return pillow(object);
        }
        if let Some(pixels) = arrays::picture(object, order)? {
            return Ok(pixels.map_or_else(Self::Bad, Self::Pixels));
        }
        if object.hasattr(intern!(py, "read"))? {
            let read = object.call_method0(intern!(py, "read"))?;
            return match read.cast::<PyBytes>() {
                Ok(bytes) => Ok(Self::Bytes(bytes.clone().into())),
                Err(_) => Ok(Self::Bad(
                    Error::input("the file gives text, not bytes")
                        .because(Reason::WrongType)
                        .with_hint("open it with mode \"rb\""),
                )),
            };
        }
        // bytearray, memoryview, and whatever else has a buffer.
        if let Ok(bytes) = py.get_type::<PyBytes>().call1((object,))
            && !object.hasattr(intern!(py, "__index__"))?
            && !object.hasattr(intern!(py, "__iter__"))?
                | object.hasattr(intern!(py, "nbytes"))?
                | object.hasattr(intern!(py, "isascii"))?
        {
            return Ok(Self::Bytes(bytes.cast_into::<PyBytes>()?.into()));
        }
        let kind = object.get_type().name()?;
        Ok(Self::Bad(
            Error::input(format!("not a picture, but a Python object of type {kind}"))
                .because(Reason::WrongType)
                .with_hint("give a path, a file's bytes, a file object, an array of height x width x 3 bytes, or a Pillow image"),
        ))
    }

    /// Decodes the picture. A decoder that fails for a fault of its own is an error like any other.
    ///
    /// # Errors
    /// As [`Picture::decode`].
    pub fn read(&self, limits: &Limits) -> fervor::Result<Picture> {
        let read = || match self {
            Self::Path(path) => picture::read(path, limits),
            Self::Bytes(bytes) => Picture::decode(bytes, limits),
            Self::Pixels(picture) => Ok(picture.clone()),
            Self::Bad(error) => {
                let again = Error::new(error.kind(), error.message()).because(error.reason());
                Err(match error.remedy() {
                    Some(remedy) => again.with_remedy(remedy.clone()),
                    None => again,
                })
            }
        };
        catch_unwind(AssertUnwindSafe(read))
            .unwrap_or_else(|_| Err(Error::input("the picture makes its decoder fail").because(Reason::Damaged)))
    }

    /// How much memory it holds.
    pub fn size(&self) -> usize {
        match self {
            Self::Pixels(picture) => picture.rgb().len(),
            _ => 0,
        }
    }
}

/// Whether this is one picture, though it can be iterated over: a text, bytes, a file, a cell, an array of two or three dimensions.
pub fn is_one(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_file = object.hasattr(intern!(object.py(), "read"))?;
    let dimensions: Option<usize> = object.getattr_opt(intern!(object.py(), "ndim"))?.and_then(|n| n.extract().ok());
    let is_bytes =
        object.is_instance_of::<PyBytes>() || object.is_instance_of::<PyByteArray>() || object.is_instance_of::<PyMemoryView>();
    let is_cell = match object.cast::<PyDict>() {
        Ok(cell) => CELL.iter().any(|key| cell.contains(key).unwrap_or(false)),
        Err(_) => false,
    };
    let is_array = dimensions.is_some_and(|n| (2..=3).contains(&n));
    Ok(object.is_instance_of::<PyString>() || is_bytes || is_file || is_cell || is_array)
}

/// What the source is called, where it has a name: its path, or its file's.
pub fn name_of(object: &Bound<'_, PyAny>) -> Option<String> {
    if let Ok(cell) = object.cast::<PyDict>() {
        return cell.get_item("path").ok()??.extract().ok();
    }
    let path: Option<PathBuf> = object.extract().ok();
    let path = path.or_else(|| object.getattr(intern!(object.py(), "name")).ok()?.extract().ok());
    path.map(|path| path.to_string_lossy().into_owned())
}

/// A picture of Pillow, turned upright as its EXIF says; what is transparent lies over white, as in files.
fn pillow(image: &Bound<'_, PyAny>) -> PyResult<Source> {
    let py = image.py();
    let made = || -> PyResult<fervor::Result<Picture>> {
        let upright = py.import("PIL.ImageOps")?.getattr("exif_transpose")?.call1((image,))?;
        let upright = if upright.is_none() { image.clone() } else { upright };
        let mode: String = upright.getattr("mode")?.extract()?;
        let upright = match mode.as_str() {
            // Sixteen bits keep their high byte, as in files; Pillow's own conversion cuts them off at 255.
            "I" | "I;16" | "I;16B" | "I;16L" | "I;16N" => match of_bytes(&upright, mode != "I")? {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Err(error)),
            },
            "La" => upright.call_method1("convert", ("LA",))?,
            _ => upright,
        };
        let mode: String = upright.getattr("mode")?.extract()?;
        let transparent = matches!(mode.as_str(), "RGBA" | "LA" | "PA" | "RGBa" | "La")
            || upright.getattr("info")?.contains("transparency").unwrap_or(false);
        let target = if transparent { "RGBA" } else { "RGB" };
        let converted = if mode == target { upright } else { upright.call_method1("convert", (target,))? };
        let (width, height): (u32, u32) = converted.getattr("size")?.extract()?;
        let values: PyBackedBytes = converted.call_method0("tobytes")?.extract()?;
        Ok(if transparent {
            Picture::from_rgba(width, height, values.to_vec())
        } else {
            Picture::from_rgb(width, height, values.to_vec())
        })
    };
    match made() {
        Ok(picture) => Ok(picture.map_or_else(Source::Bad, Source::Pixels)),
        // Pillow decodes late: a file that is cut short fails here.
        Err(e) if e.is_instance_of::<pyo3::exceptions::PyException>(py) => {
            let message = format!("Pillow cannot give the picture's pixels: {}", e.value(py));
            Ok(Source::Bad(Error::input(message).because(Reason::Damaged)))
        }
        Err(e) => Err(e),
    }
}

/// A grey picture of Pillow whose values are whole numbers, in values of a byte.
fn of_bytes<'py>(image: &Bound<'py, PyAny>, sixteen: bool) -> PyResult<fervor::Result<Bound<'py, PyAny>>> {
    let wide = image.call_method1("convert", ("I",))?;
    let (_, most): (i64, i64) = wide.call_method0("getextrema")?.extract()?;
    if most > 65_535 {
        let error = Error::input(format!("the values of the picture reach {most}: give bytes, or numbers of 16 bits"));
        return Ok(Err(error.because(Reason::Unsupported)));
    }
    let narrow = if sixteen || most > 255 {
        let high = image.py().eval(c"lambda value: value * (1 / 256)", None, None)?;
        wide.call_method1("point", (high,))?
    } else {
        wide
    };
    Ok(Ok(narrow.call_method1("convert", ("L",))?))
}

/// A single picture: what is none is raised.
pub fn one(object: &Bound<'_, PyAny>, order: Order) -> PyResult<Source> {
    match Source::of(object, order)? {
        Source::Bad(error) => Err(raised(object.py(), &error)),
        source => Ok(source),
    }
}
