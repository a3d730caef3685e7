//! The JSON of an answer: the row `fervor.prediction/1`, with what people read first before it.

use fervor::prediction::ModelInfo;
use fervor::{PicturePrediction, Prediction};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::engine::Answer;
use crate::error::ApiError;

/// One picture's row, with `label`, `confidence`, `uncertain` and `words` of the main face before it.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Of the main face; null where there is none.
    label: Option<String>,
    confidence: Option<f32>,
    uncertain: bool,
    words: String,
    #[serde(flatten)]
    row: Shown,
}

/// All classes of each face, or only the most probable.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Shown {
    All(PicturePrediction),
    Top(Map<String, Value>),
}

impl Row {
    /// The row of a picture that the client calls `source`; `top` keeps only so many classes.
    pub fn of(source: String, answer: Result<Answer, ApiError>, model: &ModelInfo, top: Option<usize>) -> Self {
        let row = match answer {
            Ok(Answer { width, height, faces, .. }) => PicturePrediction::answered(source, (width, height), model.clone(), faces),
            Err(error) => PicturePrediction::failed(source, None, model.clone(), error.info),
        };
        let main = row.main_face();
        Self {
            label: main.map(|face| face.label().to_owned()),
            confidence: main.map(Prediction::confidence),
            uncertain: main.is_some_and(|face| face.probabilities.is_uncertain()),
            words: row.sentence(),
            row: match top {
                None => Shown::All(row),
                Some(top) => Shown::Top(shortened(&row, top)),
            },
        }
    }
}

fn shortened(row: &PicturePrediction, top: usize) -> Map<String, Value> {
    let Ok(Value::Object(mut map)) = serde_json::to_value(row) else { unreachable!("a row is an object") };
    let faces = map.get_mut("faces").and_then(Value::as_array_mut).into_iter().flatten();
    for (face, prediction) in faces.zip(&row.faces) {
        let kept = prediction.probabilities.ranked().into_iter().take(top);
        face["probabilities"] = kept.map(|(label, p)| (label.to_owned(), Value::from(p))).collect::<Map<_, _>>().into();
    }
    map
}
