//! Answers in the shapes of other programs, for clients that were written for them.

use fervor::{Emotion, Prediction};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::engine::Answer;
use crate::error::ApiError;

/// Whose shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// `POST /analyze` of deepface's REST service: percents, boxes in whole pixels.
    Deepface,
    /// `FER.detect_emotions`: a list, shares, boxes in whole pixels.
    Fer,
    /// `DetectFaces` of Amazon Rekognition: percents, sorted, boxes as shares of the picture.
    Rekognition,
}

impl Shape {
    /// The answer for one picture.
    pub fn one(self, answer: &Answer) -> Value {
        let faces = answer.faces.iter();
        match self {
            Self::Deepface => json!({ "results": faces.map(deepface).collect::<Vec<_>>() }),
            Self::Fer => faces.map(fer).collect(),
            Self::Rekognition => {
                let faces: Vec<Value> = faces.map(|face| rekognition(face, answer.width, answer.height)).collect();
                json!({ "FaceDetails": faces })
            }
        }
    }

    /// deepface's answer to a list: for each picture the list of its faces, an error where there is no answer.
    pub fn deepface_list<'a>(answers: impl Iterator<Item = Result<&'a Answer, &'a ApiError>>) -> Value {
        let row = |answer: Result<&Answer, &ApiError>| match answer {
            Ok(answer) => answer.faces.iter().map(deepface).collect(),
            Err(error) => json!({ "error": error }),
        };
        json!({ "results": answers.map(row).collect::<Vec<Value>>() })
    }

    /// The answers for many pictures: one after the other in a list, an error where there is no answer.
    pub fn many<'a>(self, answers: impl Iterator<Item = Result<&'a Answer, &'a ApiError>>) -> Value {
        let row = |answer: Result<&Answer, &ApiError>| match answer {
            Ok(answer) => self.one(answer),
            Err(error) => json!({ "error": error }),
        };
        answers.map(row).collect()
    }
}

fn percent(share: f32) -> f64 {
    100.0 * f64::from(share)
}

fn pixels(value: f32) -> i64 {
    value.round() as i64
}

fn all(face: &Prediction, scale: fn(f32) -> f64) -> Map<String, Value> {
    let pairs = face.probabilities.labels().names().iter().zip(face.probabilities.values());
    pairs.map(|(label, p)| (label.clone(), scale(*p).into())).collect()
}

fn deepface(face: &Prediction) -> Value {
    let b = face.face.bounds;
    // deepface names eyes as the person does: the left eye is the one on the viewer's right.
    let eye = |index: usize| face.face.landmarks.map(|points| points[index].map(pixels));
    json!({
        "region": {
            "x": pixels(b.x), "y": pixels(b.y), "w": pixels(b.width), "h": pixels(b.height),
            "left_eye": eye(1), "right_eye": eye(0),
        },
        "emotion": all(face, percent),
        "dominant_emotion": face.label(),
        "face_confidence": face.face.score.unwrap_or(1.0),
    })
}

fn fer(face: &Prediction) -> Value {
    let b = face.face.bounds;
    let bounds = [b.x, b.y, b.width, b.height].map(pixels);
    json!({ "box": bounds, "emotions": all(face, f64::from) })
}

fn rekognition(face: &Prediction, width: u32, height: u32) -> Value {
    let (width, height) = (f64::from(width), f64::from(height));
    let b = face.face.bounds;
    let emotions: Vec<Value> = (face.probabilities.ranked().into_iter())
        .map(|(label, p)| json!({ "Type": rekognition_name(label), "Confidence": percent(p) }))
        .collect();
    let names = ["eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"];
    let points = face.face.landmarks.iter().flatten().zip(names);
    let landmarks: Vec<Value> =
        points.map(|([x, y], name)| json!({ "Type": name, "X": f64::from(*x) / width, "Y": f64::from(*y) / height })).collect();
    json!({
        "BoundingBox": {
            "Left": f64::from(b.x) / width, "Top": f64::from(b.y) / height,
            "Width": f64::from(b.width) / width, "Height": f64::from(b.height) / height,
        },
        "Confidence": percent(face.face.score.unwrap_or(1.0)),
        "Landmarks": landmarks,
        "Emotions": emotions,
    })
}

/// Rekognition's names; a class that it lacks keeps its own in capitals.
fn rekognition_name(label: &str) -> String {
    match Emotion::parse(label) {
        Some(Emotion::Neutral) => "CALM".to_owned(),
        Some(Emotion::Disgust) => "DISGUSTED".to_owned(),
        Some(Emotion::Surprise) => "SURPRISED".to_owned(),
        _ => label.to_uppercase(),
    }
}
