//! Faces of successive frames.

use std::ptr;

use fervor::Tracker;
use fervor::track::TrackOptions;

use crate::answer::Answer;
use crate::guarded;

/// `fervor_tracker`
#[derive(Debug)]
pub struct Track(Tracker);

/// `fervor_track`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tracked {
    track: u64,
    age: f64,
    label: usize,
    confidence: f32,
    uncertain: bool,
}

/// A tracker that has seen no frame.
#[unsafe(no_mangle)]
pub extern "C" fn fervor_track_faces(smoothing: f64) -> *mut Track {
    let new = || Box::into_raw(Box::new(Track(Tracker::new(TrackOptions::default().with_smoothing(smoothing)))));
    guarded(ptr::null_mut(), new)
}

/// Follows the faces of a frame.
///
/// # Safety
/// `tracker` is null, or of [`fervor_track_faces`] and used by no other thread; `answer` is null, or of an analysis; `tracks` is room
/// for `room` tracks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_update(
    tracker: *mut Track,
    answer: *const Answer,
    seconds: f64,
    tracks: *mut Tracked,
    room: usize,
) -> usize {
    // SAFETY: as the caller promises.
    let (Some(Track(tracker)), Some(answer)) = (unsafe { (tracker.as_mut(), answer.as_ref()) }) else { return 0 };
    let followed = guarded(Vec::new(), || tracker.update(answer.faces(), seconds));
    let room = if tracks.is_null() { 0 } else { room };
    for (index, tracked) in followed.iter().take(room).enumerate() {
        let (label, confidence) = tracked.probabilities.top();
        let place = answer.faces()[index].probabilities.labels().names().iter().position(|name| name == label);
        let uncertain = tracked.probabilities.is_uncertain();
        let told = Tracked { track: tracked.id, age: tracked.age, label: place.unwrap_or(0), confidence, uncertain };
        // SAFETY: there is room for it, as the caller promises; it may be uninitialised.
        unsafe { tracks.add(index).write(told) };
    }
    followed.len()
}

/// Frees a tracker.
///
/// # Safety
/// `tracker` is null, or of [`fervor_track_faces`], and used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fervor_free_tracker(tracker: *mut Track) {
    if !tracker.is_null() {
        // SAFETY: as the caller promises.
        guarded((), || drop(unsafe { Box::from_raw(tracker) }));
    }
}
