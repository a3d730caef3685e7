//! Flags that say why an answer about a face deserves less trust. Nothing is ever dropped because of them.

use serde::{Deserialize, Serialize};

use crate::face::Face;
use crate::picture::{Picture, laplacian_variance, mean_and_deviation};
use crate::preprocess::{Color, Filter, Framing, Preprocess};

/// One reason to trust an answer less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flag {
    /// The eyes are less than 12 pixels apart.
    Small,
    /// The detector's score is below 0.8 (it reports faces from 0.7).
    Doubtful,
    /// The face is turned to the side: the nose is much nearer to one eye.
    Profile,
    /// Variance of the Laplacian of the grey 64 x 64 crop is below 60.
    Blurred,
    /// The crop's mean grey value is below 30.
    Dark,
    /// The crop's grey values spread by less than 15 (standard deviation).
    Flat,
    /// More than 20 % of the box lies outside the picture, or an eye or a corner of the mouth does.
    CutOff,
    /// The face lies on its side or stands on its head; it is turned upright before the network sees it.
    Turned,
}

impl Flag {
    /// All of them.
    pub const ALL: [Flag; 8] =
        [Flag::Small, Flag::Doubtful, Flag::Profile, Flag::Blurred, Flag::Dark, Flag::Flat, Flag::CutOff, Flag::Turned];

    /// The flag's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Flag::Small => "small",
            Flag::Doubtful => "doubtful",
            Flag::Profile => "profile",
            Flag::Blurred => "blurred",
            Flag::Dark => "dark",
            Flag::Flat => "flat",
            Flag::CutOff => "cut_off",
            Flag::Turned => "turned",
        }
    }
}

/// The flags of a face.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// What was noticed; empty where nothing was.
    pub flags: Vec<Flag>,
}

impl Quality {
    /// The flags of a face in its picture.
    pub fn of(picture: &Picture, face: &Face) -> Self {
        let mut flags = Vec::new();
        let mut raise = |flag, when| {
            if when {
                flags.push(flag);
            }
        };
        if let Some([left_eye, right_eye, nose, _, _]) = face.landmarks {
            let distance = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
            let (left, right) = (distance(nose, left_eye), distance(nose, right_eye));
            raise(Flag::Small, distance(left_eye, right_eye) < 12.0);
            raise(Flag::Profile, (left - right).abs() / (left + right).max(f32::EPSILON) > 0.35);
        }
        raise(Flag::Doubtful, face.score.is_some_and(|score| score < 0.8));
        let gray = gray_crop(picture, face);
        let (mean, deviation) = mean_and_deviation(&gray);
        raise(Flag::Blurred, laplacian_variance(&gray, SIDE, SIDE) < 60.0);
        raise(Flag::Dark, mean < 30.0);
        raise(Flag::Flat, deviation < 15.0);
        raise(Flag::CutOff, outside(picture, face) > 0.2 || lacks_features(picture, face));
        raise(Flag::Turned, face.quarter_turns() != 0);
        Self { flags }
    }
}

const SIDE: usize = 64;

fn gray_crop(picture: &Picture, face: &Face) -> Vec<u8> {
    let framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
    let preprocess = Preprocess { size: SIDE, color: Color::Gray, framing, filter: Filter::Bilinear, standardize: None };
    preprocess.chip(picture, face).pixels().to_vec()
}

fn outside(picture: &Picture, face: &Face) -> f32 {
    let b = face.bounds;
    let width = (b.x + b.width).min(picture.width() as f32) - b.x.max(0.0);
    let height = (b.y + b.height).min(picture.height() as f32) - b.y.max(0.0);
    1.0 - width.max(0.0) * height.max(0.0) / b.area().max(f32::EPSILON)
}

/// Whether an eye or a corner of the mouth lies outside the picture: a detector's box may end at the edge where the face does not.
fn lacks_features(picture: &Picture, face: &Face) -> bool {
    let [width, height] = [picture.width(), picture.height()].map(|side| side as f32);
    let inside = |&[x, y]: &[f32; 2]| (0.0..=width).contains(&x) && (0.0..=height).contains(&y);
    face.landmarks.is_some_and(|[left_eye, right_eye, _, left_mouth, right_mouth]| {
        ![left_eye, right_eye, left_mouth, right_mouth].iter().all(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::BoundingBox;

    fn flags(face: &Face) -> Vec<Flag> {
        let gray: Vec<u8> = (0..200 * 100).map(|i| if i % 7 < 3 { 40 } else { 200 }).collect();
        let picture = Picture::from_gray(200, 100, &gray).unwrap();
        Quality::of(&picture, face).flags
    }

    // A detector lets the box of a face that the picture cuts in half end near the edge; its landmarks tell.
    #[test]
    fn a_face_of_which_an_eye_is_outside_is_cut_off() {
        let bounds = BoundingBox { x: 0.0, y: 20.0, width: 40.0, height: 60.0 };
        let inside = [[10.0, 40.0], [30.0, 40.0], [20.0, 55.0], [12.0, 70.0], [28.0, 70.0]];
        let face = |shift: f32| Face { bounds, score: Some(0.9), landmarks: Some(inside.map(|[x, y]| [x - shift, y])) };
        assert_eq!(flags(&face(0.0)), []);
        assert_eq!(flags(&face(15.0)), [Flag::CutOff]);
    }

    #[test]
    fn a_face_without_a_score_is_not_doubtful_and_a_turned_one_says_so() {
        let bounds = BoundingBox { x: 50.0, y: 20.0, width: 40.0, height: 60.0 };
        let lying = [[90.0, 30.0], [90.0, 50.0], [75.0, 40.0], [60.0, 32.0], [60.0, 48.0]];
        assert_eq!(flags(&Face { bounds, score: None, landmarks: None }), []);
        assert_eq!(flags(&Face { bounds, score: Some(0.75), landmarks: Some(lying) }), [Flag::Doubtful, Flag::Turned]);
    }
}
