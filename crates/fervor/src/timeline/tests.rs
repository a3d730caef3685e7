//! Films of drawn probabilities, whose episodes, shares and files are known.

mod files;

use super::*;
use crate::face::Face;
use crate::quality::Quality;
use crate::track::{TrackOptions, Tracker};

/// Frames a second.
const RATE: f64 = 25.0;

pub(super) fn labels() -> LabelSet {
    LabelSet::new(["happy", "sad", "neutral"]).unwrap()
}

/// A face with these probabilities of happy and sad; neutral has the rest.
pub(super) fn face(happy: f32, sad: f32) -> Prediction {
    let logits = [happy, sad, 1.0 - happy - sad].map(|p| p.max(1e-6).ln());
    let bounds = BoundingBox { x: 10.0, y: 20.5, width: 100.0, height: 120.0 };
    Prediction {
        face: Face { bounds, score: Some(0.9), landmarks: None },
        probabilities: Probabilities::from_logits(&labels(), &logits, 1.0),
        plausible: None,
        quality: Quality::default(),
    }
}

pub(super) fn empty() -> Timeline {
    Timeline::of_labels("clip.mp4", ModelInfo { name: "m".into(), sha256: "00".into() }, labels())
}

/// Who is seen is told by the caller: the tracks of faces in one place.
pub(super) fn tracked(faces: &[Prediction], tracks: &[u64]) -> Vec<Tracked> {
    let known = |(face, &id): (&Prediction, &u64)| Tracked { id, probabilities: face.probabilities.clone(), age: 0.0 };
    faces.iter().zip(tracks).map(known).collect()
}

/// A film of one face with these probabilities of happy, a frame each, and as much of sad as of neutral; nothing where it is not
/// seen.
fn film(happy: impl IntoIterator<Item = Option<f32>>) -> Timeline {
    let mut timeline = empty();
    for (index, happy) in happy.into_iter().enumerate() {
        let faces: Vec<Prediction> = happy.map(|happy| face(happy, (1.0 - happy) / 2.0)).into_iter().collect();
        timeline.push(index as u64, index as f64 / RATE, &faces, &tracked(&faces, &[1])).unwrap();
    }
    timeline
}

/// For so many frames.
fn held(happy: f32, frames: usize) -> Vec<Option<f32>> {
    vec![Some(happy); frames]
}

#[test]
fn frames_are_given_in_order_with_a_track_for_each_face() {
    let mut timeline = empty();
    timeline.push(0, 1.0, &[], &[]).unwrap();
    assert!(timeline.push(1, 0.5, &[], &[]).is_err());
    assert!(timeline.push(1, f64::NAN, &[], &[]).is_err());
    assert_eq!(timeline.push(1, 2.0, &[face(0.5, 0.1)], &[]).unwrap_err().reason(), Reason::Mismatch);
    assert_eq!(timeline.len(), 1);
}

#[test]
fn a_frame_lasts_until_the_next_one_and_the_last_as_long_as_most() {
    let mut timeline = empty();
    for (index, time) in [0.0, 0.1, 0.2, 0.5].into_iter().enumerate() {
        timeline.push(index as u64, time, &[], &[]).unwrap();
    }
    let ends: Vec<f64> = timeline.frames().map(|frame| frame.end()).collect();
    assert_eq!(ends, [0.1, 0.2, 0.5, 0.6]);
    timeline.set_end(0.9);
    assert_eq!(timeline.end(), 0.9);
}

#[test]
fn an_hour_of_one_face_takes_some_twelve_megabytes() {
    let a_frame = size_of::<Moment>() + size_of::<Seen>() + size_of::<u32>() + 2 * 7 * size_of::<f32>();
    let bytes = 3600 * 30 * a_frame;
    assert!(bytes < 13_000_000, "{bytes}");
}

#[test]
fn one_that_wavers_about_a_threshold_is_one_episode_and_a_flicker_is_none() {
    let wavers = [held(0.1, 10), held(0.62, 5), held(0.55, 3), held(0.61, 4), held(0.45, 6), held(0.1, 5)].concat();
    let episodes = film(wavers).episodes(&EpisodeOptions::default());
    let happy: Vec<_> = episodes.iter().filter(|episode| episode.label == "happy").collect();
    assert_eq!(happy.len(), 1);
    assert_eq!((happy[0].onset_frame, happy[0].apex_frame, happy[0].offset_frame), (10, 10, 27), "to the last frame over 0.4");
    assert!((happy[0].offset_s - 28.0 / RATE).abs() < 1e-9 && happy[0].peak > 0.61 && happy[0].mean < 0.6);

    let count = |frames: Vec<Option<f32>>| {
        film(frames).episodes(&EpisodeOptions::default()).iter().filter(|episode| episode.label == "happy").count()
    };
    assert_eq!(count([held(0.1, 10), held(0.9, 7), held(0.1, 10)].concat()), 0, "0.28 s");
    assert_eq!(count([held(0.1, 10), held(0.9, 8), held(0.1, 10)].concat()), 1, "0.32 s");
    assert_eq!(count([held(0.1, 10), held(0.58, 30), held(0.1, 10)].concat()), 0, "never reached 0.6");
}

#[test]
fn a_face_lost_for_a_moment_goes_on_and_one_lost_for_long_begins_anew() {
    let count = |lost: usize| {
        let frames = [held(0.9, 10), vec![None; lost], held(0.9, 10)].concat();
        film(frames).episodes(&EpisodeOptions::default()).len()
    };
    assert_eq!([count(1), count(5), count(6)], [1, 1, 2]);
}

#[test]
fn episodes_of_one_face_never_overlap() {
    // Happy gives way to sad: for a while both have more than what keeps an episode.
    let mut timeline = empty();
    for index in 0..60u16 {
        let share = f32::from(index) / 59.0;
        let faces = [face(1.0 - share, share)];
        timeline.push(index.into(), f64::from(index) / RATE, &faces, &tracked(&faces, &[1])).unwrap();
    }
    let episodes = timeline.episodes(&EpisodeOptions::default());
    assert_eq!(episodes.iter().map(|episode| episode.label.as_str()).collect::<Vec<_>>(), ["happy", "sad"]);
    assert!(episodes[0].offset_s <= episodes[1].onset_s);
}

#[test]
fn coverage_says_how_much_of_the_time_a_face_was_seen_and_trusted() {
    // A second each: happy, not seen, uncertain, happy.
    let timeline = film([held(0.9, 25), vec![None; 25], held(0.45, 25), held(0.9, 25)].concat());
    let mut uncertain = empty();
    for frame in timeline.frames() {
        let faces: Vec<Prediction> = match frame.index() {
            25..50 => vec![],
            50..75 => vec![face(0.4, 0.3)],
            _ => vec![face(0.9, 0.0)],
        };
        uncertain.push(frame.index(), frame.time(), &faces, &tracked(&faces, &[1])).unwrap();
    }
    let [track] = &uncertain.tracks()[..] else { panic!("one track") };
    assert!((track.seen - 0.75).abs() < 1e-9 && (track.trusted - 0.5).abs() < 1e-9, "{track:?}");
    assert!((track.uncertain - 1.0 / 3.0).abs() < 1e-9 && (track.seen_s - 3.0).abs() < 1e-9);
    assert_eq!((track.frames, track.dominant.as_deref()), (75, Some("happy")));
    let sum: f64 = track.uncertain + track.classes.iter().map(|class| class.share).sum::<f64>();
    assert!((sum - 1.0).abs() < 1e-9);
    let states: Vec<State> = uncertain.states(1).iter().map(|stretch| stretch.state).collect();
    assert_eq!(states, [State::Certain, State::Unseen, State::Uncertain, State::Certain]);
}

#[test]
fn a_quality_flag_lowers_the_trust_and_not_what_was_seen() {
    let mut timeline = empty();
    for index in 0..10u32 {
        let mut one = face(0.9, 0.0);
        one.quality.flags.extend((index < 4).then_some(Flag::Blurred));
        timeline.push(index.into(), f64::from(index) / 10.0, &[one.clone()], &tracked(&[one], &[3])).unwrap();
    }
    let [track] = &timeline.tracks()[..] else { panic!("one track") };
    assert_eq!((track.track, track.seen), (3, 1.0));
    assert!((track.trusted - 0.6).abs() < 1e-9);
    assert!(matches!(track.flags[..], [(Flag::Blurred, share)] if (share - 0.4).abs() < 1e-9));
}

/// How far smoothing moves the apex of the only rise of a film, in seconds.
fn moved(rise: f64, fall: f64, seconds: f64) -> f64 {
    let at = |time: f64| 0.1 + 0.8 * (1.0 - if time < 0.0 { -time / rise } else { time / fall }).max(0.0);
    let mut timeline = film((0..100).map(|index| Some(at((f64::from(index) - 50.0) / RATE) as f32)));
    timeline.smooth(seconds);
    let smoothed = |frame: &Frame| frame.faces().next().unwrap().smoothed[0];
    let apex = timeline.frames().max_by(|a, b| smoothed(a).total_cmp(&smoothed(b))).unwrap();
    (apex.time() - 50.0 / RATE).abs()
}

#[test]
fn smoothing_moves_no_apex_by_more_than_it_says() {
    let seconds = Timeline::SMOOTHING;
    for width in [0.2, 0.5, 1.0] {
        assert!(moved(width, width, seconds) < 1e-9, "what rises and falls alike stays, {width}");
    }
    for (rise, fall) in [(0.04, 1.0), (0.2, 1.0), (1.0, 0.1), (0.04, 0.5)] {
        let moved = moved(rise, fall, seconds);
        assert!(moved < seconds, "{moved} s of a rise in {rise} s and a fall in {fall} s");
    }
    // A tracker, which looks back only, is late by more.
    let mut tracker = Tracker::new(TrackOptions::default());
    let mut timeline = empty();
    for index in 0..100u32 {
        let faces = [face((0.9 - 0.8 * (f64::from(index) - 50.0).abs() / 12.5).max(0.1) as f32, 0.0)];
        let tracked = tracker.update(&faces, f64::from(index) / RATE);
        timeline.push(index.into(), f64::from(index) / RATE, &faces, &tracked).unwrap();
    }
    let happy = |frame: &Frame| frame.faces().next().unwrap().smoothed[0];
    let apex = timeline.frames().max_by(|a, b| happy(a).total_cmp(&happy(b))).unwrap();
    assert!(apex.time() > 50.0 / RATE + 0.1, "{}", apex.time());
}

#[test]
fn smoothing_does_not_depend_on_the_frame_rate_and_stays_in_its_track() {
    let at_rate = |rate: usize| {
        let mut timeline = empty();
        for index in 0..2 * rate {
            let time = index as f64 / rate as f64;
            let faces = [face(if time < 1.0 { 0.1 } else { 0.9 }, 0.0), face(0.3, 0.6)];
            timeline.push(index as u64, time, &faces, &tracked(&faces, &[1, 2])).unwrap();
        }
        timeline.smooth(0.25);
        let frame = timeline.frames().nth(rate / 2).unwrap();
        let values: Vec<f32> = frame.faces().flat_map(|face| face.smoothed.to_vec()).collect();
        assert!((values.iter().sum::<f32>() - 2.0).abs() < 1e-4);
        assert!((values[4] - 0.6).abs() < 1e-4, "the other face stays as it is");
        values[0]
    };
    assert!((at_rate(10) - at_rate(100)).abs() < 0.02, "{} {}", at_rate(10), at_rate(100));
    let mut timeline = film(held(0.9, 5));
    timeline.smooth(0.0);
    assert_eq!(
        timeline.frames().next().unwrap().faces().next().unwrap().smoothed[0].to_bits(),
        face(0.9, 0.05).confidence().to_bits()
    );
}

#[test]
#[ignore = "an hour of three faces: cargo test --release -p fervor an_hour -- --ignored --nocapture"]
fn an_hour_is_written_in_seconds() {
    let begun = std::time::Instant::now();
    let mut timeline = empty();
    for index in 0..3600 * 30u32 {
        let happy = 0.5 + 0.45 * (index as f32 / 200.0).sin();
        let faces = [face(happy, 0.05), face(0.05, happy), face(0.3, 0.3)];
        timeline.push(index.into(), f64::from(index) / 30.0, &faces, &tracked(&faces, &[1, 2, 3])).unwrap();
    }
    println!("filled after {:?}", begun.elapsed());
    timeline.smooth(Timeline::SMOOTHING);
    println!("smoothed after {:?}", begun.elapsed());
    for format in Format::ALL {
        let mut out = Vec::new();
        timeline.write(format, &EpisodeOptions::default(), &mut out).unwrap();
        println!("{format:?}: {} MB after {:?}", out.len() / 1_000_000, begun.elapsed());
    }
}
