//! The JSON of an answer: the row `fervor.prediction/1`, with what people read first before it.

use fervor::prediction::ModelInfo;
use fervor::{PicturePrediction, Prediction};
use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::engine::Answer;
use crate::error::ApiError;
use crate::pairs::Pairs;

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
    Top(Pairs),
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
                Some(top) => Shown::Top(shortened(&row, top).expect("a row is an object with lists of faces and probabilities")),
            },
        }
    }
}

/// The row, word for word and number for number, with only so many classes of each face.
fn shortened(row: &PicturePrediction, top: usize) -> serde_json::Result<Pairs> {
    let mut pairs = Pairs::of(row)?;
    pairs.change("faces", |faces| {
        let faces: Vec<Pairs> = serde_json::from_str(faces.get())?;
        let shortened = faces.into_iter().zip(&row.faces).map(|(mut face, prediction)| {
            let kept: Vec<&str> = prediction.probabilities.ranked().into_iter().take(top).map(|(label, _)| label).collect();
            face.change("probabilities", |all| {
                let mut all: Pairs = serde_json::from_str(all.get())?;
                all.retain(|label| kept.contains(&label));
                to_raw_value(&all)
            })?;
            Ok(face)
        });
        to_raw_value(&shortened.collect::<serde_json::Result<Vec<Pairs>>>()?)
    })?;
    Ok(pairs)
}
