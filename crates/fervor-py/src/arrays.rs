//! Pixels in arrays of NumPy and of whatever else speaks its `__array_interface__`.

use fervor::{Error, Limits, Picture, Reason, Remedy};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The order of an array's channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Red first: Pillow, imageio, scikit-image.
    #[default]
    Rgb,
    /// Blue first: OpenCV.
    Bgr,
}

impl<'py> FromPyObject<'_, 'py> for Order {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<String>()?.as_str() {
            "rgb" => Ok(Self::Rgb),
            "bgr" => Ok(Self::Bgr),
            other => Err(PyValueError::new_err(format!("order is \"rgb\" or \"bgr\", not {other:?}"))),
        }
    }
}

/// The picture of an array, or why it is none; nothing where the object is no array.
pub fn picture(object: &Bound<'_, PyAny>, order: Order) -> PyResult<Option<fervor::Result<Picture>>> {
    let py = object.py();
    // What only converts itself, such as a tensor, is converted; the array then lives as long as it is looked at.
    let array = if object.hasattr(intern!(py, "__array_interface__"))? {
        object.clone()
    } else if object.hasattr(intern!(py, "__array__"))? && !object.hasattr(intern!(py, "read"))? {
        object.call_method0(intern!(py, "__array__"))?
    } else {
        return Ok(None);
    };
    let interface = array.getattr(intern!(py, "__array_interface__"))?;
    let interface = interface.cast::<PyDict>()?;
    let item = |key: &str| Ok::<_, PyErr>(interface.get_item(key)?.filter(|value| !value.is_none()));
    let missing = || PyValueError::new_err("an __array_interface__ without shape, typestr and data");
    let shape: Vec<usize> = item("shape")?.ok_or_else(missing)?.extract()?;
    let kind: String = item("typestr")?.ok_or_else(missing)?.extract()?;
    if kind != "|u1" {
        let kind = array.getattr("dtype").and_then(|kind| kind.str()).map(|kind| kind.to_string()).unwrap_or(kind);
        return Ok(Some(Err(Error::input(format!("pixels are bytes (uint8, 0 to 255), these are {kind}"))
            .because(Reason::WrongType)
            .with_hint("of values from 0 to 1: (255 * x).astype(\"uint8\")"))));
    }
    let (height, width, channels) = match shape[..] {
        [height, width] => (height, width, 1),
        [height, width, channels @ (1 | 3 | 4)] => (height, width, channels),
        _ => {
            let planes = matches!(shape[..], [1 | 3 | 4, _, _]);
            let hint = if planes { "put the channels last: x.transpose(1, 2, 0)" } else { "several pictures: a list of arrays" };
            let message = format!("an array of pixels is height x width, or height x width x 3 or 4; this one is {shape:?}");
            return Ok(Some(Err(Error::input(message).because(Reason::Mismatch).with_hint(hint))));
        }
    };
    let limits = Limits::default();
    let most = limits.side as usize;
    if width > most || height > most || (width as u64).saturating_mul(height as u64) > limits.pixels {
        let message = format!("the array has too many pixels: {width} x {height}");
        return Ok(Some(Err(Error::input(message).because(Reason::TooLarge).with_remedy(Remedy::Shrink))));
    }
    if width == 0 || height == 0 {
        let message = format!("the array has no pixels: {width} x {height}");
        return Ok(Some(Err(Error::input(message).because(Reason::Empty))));
    }
    let strides: Option<Vec<isize>> = item("strides")?.map(|strides| strides.extract()).transpose()?;
    let row = (width * channels) as isize;
    let strides = match strides.as_deref() {
        None => [row, channels as isize, 1],
        Some(&[down, right]) => [down, right, 1],
        Some(&[down, right, deep]) => [down, right, deep],
        Some(_) => return Err(missing()),
    };
    let data = item("data")?.ok_or_else(missing)?;
    let (address, _read_only): (usize, bool) = data.extract().map_err(|_| missing())?;
    let start = address as *const u8;
    let mut values = Vec::with_capacity(width * height * channels);
    for y in 0..height as isize {
        if strides[1] == channels as isize && (strides[2] == 1 || channels == 1) {
            // SAFETY: the interface says that this row's pixels lie one after the other in memory that belongs to `array`, which is
            // alive and, while the interpreter's lock is held, not resized.
            let line = unsafe { std::slice::from_raw_parts(start.offset(y * strides[0]), row as usize) };
            values.extend_from_slice(line);
            continue;
        }
        for x in 0..width as isize {
            for channel in 0..channels as isize {
                // SAFETY: as above, for one value inside the shape.
                values.push(unsafe { *start.offset(y * strides[0] + x * strides[1] + channel * strides[2]) });
            }
        }
    }
    if order == Order::Bgr && channels >= 3 {
        values.chunks_exact_mut(channels).for_each(|pixel| pixel.swap(0, 2));
    }
    let (width, height) = (width as u32, height as u32);
    Ok(Some(match channels {
        1 => Picture::from_gray(width, height, &values),
        3 => Picture::from_rgb(width, height, values),
        _ => Picture::from_rgba(width, height, values),
    }))
}
