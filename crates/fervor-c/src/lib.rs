//! Fervor for C: what `include/fervor.h` declares, and says in full. Each function checks its pointers for null, and catches a panic,
//! so that none ever crosses into C.

#![deny(missing_docs)]

mod answer;
mod track;

use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use fervor::prediction::{ErrorInfo, ModelInfo};
use fervor::{
    Analyzer, AutoFaces, Bundle, DetectorOptions, Error, Limits, Picture, PicturePrediction, Reason, Result, WholePicture,
};

pub use answer::{Answer, Face};
pub use track::{Track, Tracked};

/// `fervor_options`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    long_side: u32,
    threshold: f32,
    max_faces: u32,
    detail: bool,
    turns: bool,
    whole: bool,
    threads: u32,
}

impl Default for Options {
    fn default() -> Self {
        let known = DetectorOptions::default();
        Self {
            long_side: known.long_side as u32,
            threshold: known.threshold,
            max_faces: known.max_faces as u32,
            detail: known.detail,
            turns: known.turns,
            whole: false,
            threads: 0,
        }
    }
}

/// `fervor_analyzer`
#[derive(Debug)]
pub struct Opened {
    analyzer: Analyzer,
    model: ModelInfo,
    labels: Vec<CString>,
}

/// How many threads may ask a network of one thread at once, before one waits for another.
const LANES: usize = 64;

impl Opened {
    fn new(bundle: Bundle, options: Options) -> Result<Self> {
        let one = options.threads as usize;
        let bundle = Arc::new(match one {
            0 => bundle,
            // Several threads may analyze at once: each does its own work.
            1 => bundle.with_lanes(LANES),
            _ => bundle.with_threads(one),
        });
        let model = ModelInfo::from(&*bundle);
        let labels = bundle.card().labels.names().iter().map(|name| text(name)).collect();
        let detector = DetectorOptions::default()
            .with_long_side(options.long_side as usize)
            .with_threshold(options.threshold)
            .with_max_faces(options.max_faces as usize)
            .with_detail(options.detail)
            .with_turns(options.turns);
        let detector = if one > 0 { detector.with_threads(one) } else { detector };
        let analyzer =
            if options.whole { Analyzer::new(WholePicture, bundle) } else { Analyzer::new(AutoFaces::new(detector)?, bundle) };
        Ok(Self { analyzer, model, labels })
    }

    /// The answer to a picture, which may not be one.
    fn answer(&self, source: &str, picture: impl FnOnce() -> Result<Picture>) -> PicturePrediction {
        let picture = match picture() {
            Ok(picture) => picture,
            Err(error) => return PicturePrediction::failed(source, None, self.model.clone(), ErrorInfo::from(&error)),
        };
        let size = (picture.width(), picture.height());
        match self.analyzer.analyze(&picture) {
            Ok(faces) => PicturePrediction::answered(source, size, self.model.clone(), faces),
            Err(error) => PicturePrediction::failed(source, Some(size), self.model.clone(), ErrorInfo::from(&error)),
        }
    }
}

/// A text as C holds it; what is behind a zero byte is cut off.
fn text(words: &str) -> CString {
    let whole = words.split('\0').next().unwrap_or_default();
    CString::new(whole).expect("no zero byte is left")
}

/// What `act` gives, or `otherwise` where it panics.
fn guarded<T>(otherwise: T, act: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or(otherwise)
}

/// Bytes that C hands in; an empty slice where there are none.
///
/// # Safety
/// `bytes` is null, or points to `length` bytes that nobody writes meanwhile.
unsafe fn slice<'a>(bytes: *const u8, length: usize) -> &'a [u8] {
    // SAFETY: as the caller promises.
    if bytes.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(bytes, length) } }
}

/// A text that C hands in; nothing where it is null.
///
/// # Safety
/// `words` is null, or a text that ends with a zero byte.
unsafe fn words(words: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    (!words.is_null()).then(|| unsafe { CStr::from_ptr(words) }.to_string_lossy().into_owned())
}

/// The model of this name or path.
fn found(model: &CStr) -> Result<Bundle> {
    match model.to_str() {
        Ok(name) => Bundle::find(name),
        #[cfg(unix)]
        Err(_) => {
            let bytes: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(model.to_bytes());
            Bundle::open(std::path::Path::new(bytes))
        }
        #[cfg(not(unix))]
        Err(e) => Err(Error::input("the model's path is not UTF-8").because(Reason::Invalid).with_source(e)),
    }
}

/// Gives an analyzer to C, or the reason why there is none.
///
/// # Safety
/// `options` and `error` are null or valid.
unsafe fn opened(bundle: impl FnOnce() -> Result<Bundle>, options: *const Options, error: *mut *mut c_char) -> *mut Opened {
    // SAFETY: as the caller promises.
    let options = unsafe { options.as_ref() }.copied().unwrap_or_default();
    let broken = || Err(Error::model("the model cannot be loaded"));
    match guarded(broken(), || Opened::new(bundle()?, options)) {
        Ok(opened) => Box::into_raw(Box::new(opened)),
        Err(why) => {
            // SAFETY: as the caller promises.
            if let Some(error) = unsafe { error.as_mut() } {
                let hint = why.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                *error = text(&format!("{}{hint}", why.explained())).into_raw();
            }
            ptr::null_mut()
        }
    }
}

/// The version.
#[unsafe(no_mangle)]
pub extern "C" fn fervor_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };
    VERSION.as_ptr()
}

/// The options that hold where none are given.
#[unsafe(no_mangle)]
pub extern "C" fn fervor_default_options() -> Options {
    Options::default()
}

/// Loads a model by its name or path.
///
/// # Safety
/// `model` is a text; `options` and `error` are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_open(model: *const c_char, options: *const Options, error: *mut *mut c_char) -> *mut Opened {
    // SAFETY: as the caller promises.
    unsafe {
        let model = (!model.is_null()).then(|| CStr::from_ptr(model));
        let find = || found(model.ok_or_else(|| Error::input("no model is named").because(Reason::Empty))?);
        opened(find, options, error)
    }
}

/// Loads a model of its file's bytes.
///
/// # Safety
/// `bytes` points to `length` bytes; `options` and `error` are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_open_bytes(
    bytes: *const u8,
    length: usize,
    options: *const Options,
    error: *mut *mut c_char,
) -> *mut Opened {
    // SAFETY: as the caller promises.
    unsafe {
        let bytes = slice(bytes, length).to_vec();
        opened(|| Bundle::load(bytes), options, error)
    }
}

/// Frees a model.
///
/// # Safety
/// `analyzer` is null, or of [`fervor_open`], and used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_close(analyzer: *mut Opened) {
    if !analyzer.is_null() {
        // SAFETY: as the caller promises.
        guarded((), || drop(unsafe { Box::from_raw(analyzer) }));
    }
}

/// How many classes the model has.
///
/// # Safety
/// `analyzer` is null, or of [`fervor_open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_labels(analyzer: *const Opened) -> usize {
    // SAFETY: as the caller promises.
    unsafe { analyzer.as_ref() }.map_or(0, |opened| opened.labels.len())
}

/// The name of a class.
///
/// # Safety
/// `analyzer` is null, or of [`fervor_open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_label(analyzer: *const Opened, index: usize) -> *const c_char {
    // SAFETY: as the caller promises.
    unsafe { analyzer.as_ref() }.and_then(|opened| opened.labels.get(index)).map_or(ptr::null(), |label| label.as_ptr())
}

/// Gives an answer to C.
///
/// # Safety
/// `analyzer` is null, or of [`fervor_open`]; `source` is null or a text.
unsafe fn answered(analyzer: *const Opened, source: *const c_char, picture: impl FnOnce() -> Result<Picture>) -> *mut Answer {
    // SAFETY: as the caller promises.
    let (Some(opened), source) = (unsafe { (analyzer.as_ref(), words(source)) }) else { return ptr::null_mut() };
    let source = source.unwrap_or_else(|| "picture".to_owned());
    guarded(ptr::null_mut(), || Box::into_raw(Box::new(Answer::new(opened.answer(&source, picture)))))
}

/// The answer to a picture's file.
///
/// # Safety
/// `analyzer` is null, or of [`fervor_open`]; `bytes` points to `length` bytes; `source` is null or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_analyze_file(
    analyzer: *const Opened,
    bytes: *const u8,
    length: usize,
    source: *const c_char,
) -> *mut Answer {
    // SAFETY: as the caller promises.
    unsafe { answered(analyzer, source, || Picture::decode(slice(bytes, length), &Limits::default())) }
}

/// The answer to pixels.
///
/// # Safety
/// `analyzer` is null, or of [`fervor_open`]; `rgb` points to `height` rows of `stride` bytes, or of 3 x `width` where `stride` is 0,
/// the last of which may end with its last pixel; `source` is null or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_analyze_rgb(
    analyzer: *const Opened,
    rgb: *const u8,
    width: u32,
    height: u32,
    stride: usize,
    source: *const c_char,
) -> *mut Answer {
    let picture = || {
        let row = 3 * width as usize;
        let stride = if stride == 0 { row } else { stride };
        let length = stride.checked_mul((height as usize).saturating_sub(1)).and_then(|before| before.checked_add(row));
        // No array is longer than that.
        let Some(length) = length.filter(|length| isize::try_from(*length).is_ok() && row > 0 && height > 0 && stride >= row)
        else {
            let message = format!("not an RGB picture: {width} x {height} pixels, {stride} bytes a row");
            return Err(Error::input(message).because(Reason::Mismatch));
        };
        if rgb.is_null() {
            return Err(Error::input("there are no pixels: NULL").because(Reason::Empty));
        }
        // SAFETY: as the caller promises; the last row ends with its last pixel.
        let all = unsafe { slice(rgb, length) };
        let rows = all.chunks(stride).flat_map(|line| &line[..row]).copied();
        Picture::from_rgb(width, height, rows.collect())
    };
    // SAFETY: as the caller promises.
    unsafe { answered(analyzer, source, picture) }
}

/// Frees a text.
///
/// # Safety
/// `text` is null, or an error of [`fervor_open`], and used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_free_text(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: as the caller promises.
        drop(unsafe { CString::from_raw(text) });
    }
}
