//! The JSON of an answer: `fervor.prediction/1` with the main face's label on top, and a sentence for people.

use fervor::prediction::{ModelInfo, PREDICTION_SCHEMA};
use fervor::{Emotion, Prediction, Probabilities};
use serde::Serialize;

use crate::engine::Answer;
use crate::error::ApiError;

/// How a face looks, as an adjective.
fn adjective(label: &str) -> &str {
    match Emotion::parse(label) {
        Some(Emotion::Disgust) => "disgusted",
        Some(Emotion::Fear) => "fearful",
        Some(Emotion::Surprise) => "surprised",
        Some(Emotion::Contempt) => "contemptuous",
        _ => label,
    }
}

/// "looks happy, 97 %", or "uncertain: fear or surprise".
pub fn words(probabilities: &Probabilities) -> String {
    let ranked = probabilities.ranked();
    if probabilities.is_uncertain() {
        return format!("uncertain: {} or {}", ranked[0].0, ranked[1].0);
    }
    // Never 100 %: no answer of a network is certain.
    format!("looks {}, {:.0} %", adjective(ranked[0].0), (100.0 * ranked[0].1).min(99.0))
}

/// One picture's row: `fervor.prediction/1`, with `label`, `confidence` and `words` of the main face before it.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    /// Of the main face; null where there is none.
    label: Option<&'a str>,
    confidence: Option<f32>,
    uncertain: bool,
    words: String,
    schema: &'static str,
    source: &'a str,
    width: Option<u32>,
    height: Option<u32>,
    model: &'a ModelInfo,
    faces: Vec<Face<'a>>,
    error: Option<&'a ApiError>,
}

/// A face, with what people read first.
#[derive(Debug, Serialize)]
struct Face<'a> {
    #[serde(flatten)]
    prediction: Shown<'a>,
    words: String,
}

/// All classes, or only the most probable.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    All(&'a Prediction),
    Top(serde_json::Value),
}

impl<'a> Row<'a> {
    /// The row of an answered picture. `source` is the name that the client gave it; `top` keeps only so many classes.
    pub fn of(source: &'a str, answer: &'a Answer, model: &'a ModelInfo, top: Option<usize>) -> Self {
        let main = main_face(&answer.faces);
        let face = |prediction: &'a Prediction| Face {
            prediction: match top {
                None => Shown::All(prediction),
                Some(top) => Shown::Top(shortened(prediction, top)),
            },
            words: words(&prediction.probabilities),
        };
        Self {
            label: main.map(Prediction::label),
            confidence: main.map(Prediction::confidence),
            uncertain: main.is_some_and(|face| face.probabilities.is_uncertain()),
            words: main.map_or_else(|| "no face found".to_owned(), |face| words(&face.probabilities)),
            schema: PREDICTION_SCHEMA,
            source,
            width: Some(answer.width),
            height: Some(answer.height),
            model,
            faces: answer.faces.iter().map(face).collect(),
            error: None,
        }
    }

    /// The row of a picture that could not be answered.
    pub fn failed(source: &'a str, error: &'a ApiError, model: &'a ModelInfo) -> Self {
        Self {
            label: None,
            confidence: None,
            uncertain: false,
            words: error.message.clone(),
            schema: PREDICTION_SCHEMA,
            source,
            width: None,
            height: None,
            model,
            faces: Vec::new(),
            error: Some(error),
        }
    }
}

/// The face that a picture is about: the largest, since detection scores of clear faces differ by chance.
pub fn main_face(faces: &[Prediction]) -> Option<&Prediction> {
    faces.iter().max_by(|a, b| a.face.bounds.area().total_cmp(&b.face.bounds.area()))
}

fn shortened(prediction: &Prediction, top: usize) -> serde_json::Value {
    let mut value = serde_json::to_value(prediction).expect("a prediction is JSON");
    let kept = prediction.probabilities.ranked().into_iter().take(top);
    value["probabilities"] =
        kept.map(|(label, p)| (label.to_owned(), serde_json::Value::from(p))).collect::<serde_json::Map<_, _>>().into();
    value
}

#[cfg(test)]
mod tests {
    use fervor::LabelSet;

    use super::*;

    #[test]
    fn words_say_what_is_known_and_no_more() {
        let labels = LabelSet::new(["fear", "surprise", "happy"]).unwrap();
        let say = |logits: [f32; 3]| words(&Probabilities::from_logits(&labels, &logits, 1.0));
        assert_eq!(say([0.0, 0.0, 3.5]), "looks happy, 94 %");
        assert_eq!(say([0.0, 4.0, 0.0]), "looks surprised, 96 %");
        assert_eq!(say([0.0, 0.0, 50.0]), "looks happy, 99 %");
        assert_eq!(say([1.0, 0.9, 0.2]), "uncertain: fear or surprise");
    }
}
