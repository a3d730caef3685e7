//! Made scenes with known truth: how often a track goes over to another face, and into how many a face falls.

use super::{Colours, TrackOptions, Tracker};
use crate::emotion::LabelSet;
use crate::face::{BoundingBox, Face};
use crate::picture::Picture;
use crate::prediction::{Prediction, Probabilities};
use crate::quality::Quality;

/// Frames a second.
const RATE: f64 = 25.0;

/// A face of a scene: where it is at a second, and whether it can be seen.
struct Actor {
    at: fn(f64) -> (f32, f32),
    /// Width as a share of the height: less when the head is turned.
    narrow: fn(f64) -> f32,
    seen: fn(f64) -> bool,
    jacket: [u8; 3],
}

const ALWAYS: fn(f64) -> bool = |_| true;
const FRONTAL: fn(f64) -> f32 = |_| 0.8;
const RED: [u8; 3] = [190, 30, 40];
const GREEN: [u8; 3] = [40, 150, 60];

/// A small generator of noise in -1..=1.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// What became of a scene's faces.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// How often a track showed one face and then another.
    switches: usize,
    /// How many tracks the faces have beyond one each.
    fragments: usize,
}

const KEPT: Outcome = Outcome { switches: 0, fragments: 0 };

/// What is around a face of which nothing is seen but its jacket.
fn jacket(rgb: [u8; 3]) -> Colours {
    let bounds = BoundingBox { x: 10.0, y: 10.0, width: 10.0, height: 12.0 };
    let picture = Picture::from_rgb(40, 60, rgb.repeat(40 * 60)).unwrap();
    Colours::of(&picture, &Face { bounds, score: None, landmarks: None })
}

/// Follows the scene's faces, whose boxes tremble, for so many seconds; one in `lost` is not found (0: none).
fn followed(actors: &[Actor], seconds: f64, lost: u32, colours: bool) -> Outcome {
    let labels = LabelSet::new(["happy", "sad"]).unwrap();
    let (mut tracker, mut noise) = (Tracker::new(TrackOptions::default()), Noise(11));
    let mut shown: Vec<(u64, usize)> = Vec::new();
    let (mut switches, mut last) = (0, std::collections::HashMap::new());
    let jackets: Vec<Colours> = actors.iter().map(|actor| jacket(actor.jacket)).collect();
    for frame in 0..(seconds * RATE) as u32 {
        let time = f64::from(frame) / RATE;
        let (mut faces, mut looks, mut who) = (Vec::new(), Vec::new(), Vec::new());
        for (number, actor) in actors.iter().enumerate() {
            let found = lost == 0 || (noise.next().abs() * lost as f32) as u32 != 0;
            if !(actor.seen)(time) || !found {
                continue;
            }
            let ((x, y), height) = ((actor.at)(time), 120.0 * (1.0 + 0.03 * noise.next()));
            let width = height * (actor.narrow)(time);
            let bounds = BoundingBox { x: x + 3.0 * noise.next() - width / 2.0, y: y + 3.0 * noise.next(), width, height };
            let face = Face { bounds, score: Some(0.9), landmarks: None };
            looks.push(jackets[number].clone());
            let probabilities = Probabilities::from_logits(&labels, &[0.0, 0.0], 1.0);
            faces.push(Prediction { face, probabilities, plausible: None, quality: Quality::default() });
            who.push(number);
        }
        let looks = if colours { &looks[..] } else { &[] };
        for (tracked, number) in tracker.update_with(&faces, looks, time).into_iter().zip(who) {
            if last.insert(tracked.id, number).is_some_and(|before| before != number) {
                switches += 1;
            }
            if !shown.contains(&(tracked.id, number)) {
                shown.push((tracked.id, number));
            }
        }
    }
    let tracks = |actor| shown.iter().filter(|(_, number)| *number == actor).count();
    let fragments = (0..actors.len()).map(|actor| tracks(actor).saturating_sub(1)).sum();
    Outcome { switches, fragments }
}

#[test]
fn two_who_cross_keep_their_tracks() {
    // One walks behind the other and is hidden for half a second.
    let scene = |jacket| {
        [
            Actor { at: |t| (100.0 + 160.0 * t as f32, 200.0), narrow: FRONTAL, seen: ALWAYS, jacket: RED },
            Actor { at: |t| (740.0 - 160.0 * t as f32, 190.0), narrow: FRONTAL, seen: |t| !(1.75..2.25).contains(&t), jacket },
        ]
    };
    assert_eq!(followed(&scene(GREEN), 4.0, 0, true), KEPT);
    // Their motion alone tells them apart, too.
    assert_eq!(followed(&scene(RED), 4.0, 0, true), KEPT);
    assert_eq!(followed(&scene(RED), 4.0, 0, false), KEPT);
}

#[test]
fn two_who_meet_and_turn_back_keep_their_tracks_by_their_colours() {
    let scene = [
        Actor { at: |t| (160.0 + 130.0 * (2.0 - (t - 2.0).abs()) as f32, 200.0), narrow: FRONTAL, seen: ALWAYS, jacket: RED },
        Actor {
            at: |t| (680.0 - 130.0 * (2.0 - (t - 2.0).abs()) as f32, 195.0),
            narrow: FRONTAL,
            seen: |t| !(1.8..2.2).contains(&t),
            jacket: GREEN,
        },
    ];
    assert_eq!(followed(&scene, 4.0, 0, true), KEPT);
}

#[test]
fn a_face_behind_something_comes_back_as_the_same() {
    let walks =
        Actor { at: |t| (100.0 + 200.0 * t as f32, 200.0), narrow: FRONTAL, seen: |t| !(1.0..1.8).contains(&t), jacket: RED };
    assert_eq!(followed(&[walks], 3.0, 0, true), KEPT);
    let gone = Actor { at: |_| (300.0, 200.0), narrow: FRONTAL, seen: |t| !(1.0..3.5).contains(&t), jacket: RED };
    assert_eq!(followed(&[gone], 5.0, 0, true), Outcome { switches: 0, fragments: 1 }, "2.5 seconds are too long");
}

#[test]
fn a_head_that_turns_away_and_back_stays_the_same() {
    let turns = Actor {
        at: |t| (300.0 + 25.0 * (3.0 * t).sin() as f32, 200.0),
        narrow: |t| 0.55 + 0.25 * (2.0 * t).cos().abs() as f32,
        seen: |t| !(1.2..2.0).contains(&t),
        jacket: RED,
    };
    assert_eq!(followed(&[turns], 4.0, 0, true), KEPT);
}

#[test]
fn somebody_else_who_comes_where_a_face_was_is_somebody_else() {
    let scene = [
        Actor { at: |_| (300.0, 200.0), narrow: FRONTAL, seen: |t| t < 1.0, jacket: RED },
        Actor { at: |_| (320.0, 205.0), narrow: FRONTAL, seen: |t| t > 1.5, jacket: GREEN },
    ];
    assert_eq!(followed(&scene, 3.0, 0, true), KEPT);
}

#[test]
fn in_a_group_that_moves_and_is_often_missed_everybody_stays_who_they_are() {
    // Six people who sway; one face in eight is not found.
    macro_rules! sways {
        ($x:expr, $y:expr, $speed:expr, $jacket:expr) => {
            Actor {
                at: |t| ($x + 40.0 * ($speed * t).sin() as f32, $y + 20.0 * (1.3 * $speed * t).cos() as f32),
                narrow: FRONTAL,
                seen: ALWAYS,
                jacket: $jacket,
            }
        };
    }
    let scene = [
        sways!(100.0, 100.0, 1.0, RED),
        sways!(260.0, 120.0, 1.7, GREEN),
        sways!(420.0, 90.0, 2.3, RED),
        sways!(180.0, 300.0, 1.2, GREEN),
        sways!(340.0, 320.0, 2.0, RED),
        sways!(500.0, 290.0, 0.8, GREEN),
    ];
    for colours in [false, true] {
        assert_eq!(followed(&scene, 20.0, 8, colours), KEPT);
    }
}

#[test]
fn a_new_shot_begins_new_tracks() {
    let labels = LabelSet::new(["happy", "sad"]).unwrap();
    let bounds = BoundingBox { x: 0.0, y: 0.0, width: 50.0, height: 50.0 };
    let face = Prediction {
        face: Face { bounds, score: Some(0.9), landmarks: None },
        probabilities: Probabilities::from_logits(&labels, &[0.0, 0.0], 1.0),
        plausible: None,
        quality: Quality::default(),
    };
    let mut tracker = Tracker::new(TrackOptions::default());
    assert_eq!(tracker.update(std::slice::from_ref(&face), 0.0)[0].id, 1);
    tracker.new_shot();
    assert_eq!(tracker.update(&[face], 0.04)[0].id, 2);
}
