//! An answer as C reads it.

use std::ffi::{CString, c_char};
use std::ptr;

use fervor::quality::Flag;
use fervor::{PicturePrediction, Prediction};

use crate::{guarded, text};

/// `fervor_answer`: a row, with all that pointers of C point to.
#[derive(Debug)]
pub struct Answer {
    row: PicturePrediction,
    json: CString,
    error: Option<CString>,
    /// Of each face its label and its words.
    texts: Vec<[CString; 2]>,
}

impl Answer {
    /// The answer of a row.
    pub fn new(row: PicturePrediction) -> Self {
        let json = serde_json::to_string(&row).expect("a row is JSON");
        let error = row.error.as_ref().map(|error| text(&error.message));
        let texts = row.faces.iter().map(|face| [text(face.label()), text(&face.sentence())]).collect();
        Self { json: text(&json), error, texts, row }
    }

    /// The faces.
    pub fn faces(&self) -> &[Prediction] {
        &self.row.faces
    }
}

/// `fervor_face`
#[repr(C)]
#[derive(Debug)]
pub struct Face {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
    score: f32,
    landmarks: [[f32; 2]; 5],
    has_landmarks: bool,
    label: *const c_char,
    confidence: f32,
    uncertain: bool,
    words: *const c_char,
    flags: u32,
    probabilities: *const f32,
    classes: usize,
}

/// The bit of a flag; those that are newer than the header have none.
fn bit(flag: Flag) -> u32 {
    let all = [Flag::Small, Flag::Doubtful, Flag::Profile, Flag::Blurred, Flag::Dark, Flag::Flat, Flag::CutOff, Flag::Turned];
    all.iter().position(|known| *known == flag).map_or(0, |place| 1 << place)
}

/// Frees an answer.
///
/// # Safety
/// `answer` is null, or of an analysis, and used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_free_answer(answer: *mut Answer) {
    if !answer.is_null() {
        // SAFETY: as the caller promises.
        guarded((), || drop(unsafe { Box::from_raw(answer) }));
    }
}

/// Why there is no answer.
///
/// # Safety
/// `answer` is null, or of an analysis.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_error(answer: *const Answer) -> *const c_char {
    // SAFETY: as the caller promises.
    unsafe { answer.as_ref() }.and_then(|answer| answer.error.as_ref()).map_or(ptr::null(), |error| error.as_ptr())
}

/// The answer as JSON.
///
/// # Safety
/// `answer` is null, or of an analysis.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_json(answer: *const Answer) -> *const c_char {
    // SAFETY: as the caller promises.
    unsafe { answer.as_ref() }.map_or(ptr::null(), |answer| answer.json.as_ptr())
}

/// How many faces there are.
///
/// # Safety
/// `answer` is null, or of an analysis.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_faces(answer: *const Answer) -> usize {
    // SAFETY: as the caller promises.
    unsafe { answer.as_ref() }.map_or(0, |answer| answer.row.faces.len())
}

/// One of the faces.
///
/// # Safety
/// `answer` is null, or of an analysis; `face` is null, or room for a face.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_get_face(answer: *const Answer, index: usize, face: *mut Face) -> bool {
    // SAFETY: as the caller promises.
    let Some(answer) = (unsafe { answer.as_ref() }) else { return false };
    let (Some(seen), Some([label, words])) = (answer.row.faces.get(index), answer.texts.get(index)) else { return false };
    if face.is_null() {
        return false;
    }
    let bounds = seen.face.bounds;
    let values = seen.probabilities.values();
    let told = Face {
        x: bounds.x,
        y: bounds.y,
        width: bounds.width,
        height: bounds.height,
        score: seen.face.score.unwrap_or(-1.0),
        landmarks: seen.face.landmarks.unwrap_or_default(),
        has_landmarks: seen.face.landmarks.is_some(),
        label: label.as_ptr(),
        confidence: seen.confidence(),
        uncertain: seen.probabilities.is_uncertain(),
        words: words.as_ptr(),
        flags: seen.quality.flags.iter().fold(0, |bits, flag| bits | bit(*flag)),
        probabilities: values.as_ptr(),
        classes: values.len(),
    };
    // SAFETY: there is room for a face, as the caller promises; it may be uninitialised.
    unsafe { face.write(told) };
    true
}
