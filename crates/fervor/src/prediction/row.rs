//! The JSON object `fervor.prediction/1`: written and read back here and nowhere else.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{Prediction, Probabilities};
use crate::bundle::Bundle;
use crate::emotion::LabelSet;
use crate::error::{Error, Reason, Result};
use crate::face::{BoundingBox, Face, Landmarks};
use crate::quality::Quality;

/// The schema's name.
pub const PREDICTION_SCHEMA: &str = "fervor.prediction/1";

/// The key `schema` of a row: always [`PREDICTION_SCHEMA`]; a row of another schema is not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PredictionSchema;

impl Serialize for PredictionSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(PREDICTION_SCHEMA)
    }
}

impl<'de> Deserialize<'de> for PredictionSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let schema = Cow::<str>::deserialize(deserializer)?;
        if schema == PREDICTION_SCHEMA {
            return Ok(Self);
        }
        Err(D::Error::custom(format!("a row of schema {schema:?}; this version reads {PREDICTION_SCHEMA:?}")))
    }
}

/// All that is said of one picture: the JSON object `fervor.prediction/1`. Boxes are in pixels of the upright original
/// and end at its edges.
///
/// Keys are only ever added to it, and keys that are not known are passed over when it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PicturePrediction {
    /// Always `fervor.prediction/1`.
    pub schema: PredictionSchema,
    /// Where the picture came from, as the caller named it.
    pub source: String,
    /// Upright width in pixels; absent when the picture could not be read.
    pub width: Option<u32>,
    /// Upright height in pixels; absent when the picture could not be read.
    pub height: Option<u32>,
    /// Which model answered.
    pub model: ModelInfo,
    /// The largest first; empty where no face was found: a normal answer.
    pub faces: Vec<Prediction>,
    /// Why there is no answer.
    pub error: Option<ErrorInfo>,
}

impl PicturePrediction {
    /// The row of a picture of this upright size (width, height) with these faces.
    pub fn answered(source: impl Into<String>, size: (u32, u32), model: ModelInfo, faces: Vec<Prediction>) -> Self {
        let (width, height) = (Some(size.0), Some(size.1));
        Self { schema: PredictionSchema, source: source.into(), width, height, model, faces, error: None }
    }

    /// The row of a picture without an answer; its size is known where it could be decoded.
    pub fn failed(source: impl Into<String>, size: Option<(u32, u32)>, model: ModelInfo, error: ErrorInfo) -> Self {
        let (width, height) = size.unzip();
        Self { schema: PredictionSchema, source: source.into(), width, height, model, faces: Vec::new(), error: Some(error) }
    }

    /// Reads a row's JSON, of whichever door.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): another schema ([`Reason::Version`]), or no such row ([`Reason::Damaged`]); one
    /// that was shortened to the most probable classes is none.
    pub fn parse(json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: String,
        }
        let bad = |e: serde_json::Error| Error::input("the prediction cannot be read").because(Reason::Damaged).with_source(e);
        let Versioned { schema } = serde_json::from_str(json).map_err(bad)?;
        if schema != PREDICTION_SCHEMA {
            let message = format!("the prediction has schema {schema:?}; this version reads {PREDICTION_SCHEMA:?}");
            return Err(Error::input(message).because(Reason::Version));
        }
        serde_json::from_str(json).map_err(bad)
    }

    /// The face that the picture is about: the largest, since detection scores of clear faces differ by chance.
    pub fn main_face(&self) -> Option<&Prediction> {
        self.faces.iter().max_by(|a, b| a.face.bounds.area().total_cmp(&b.face.bounds.area()))
    }
}

/// Which model answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The model's name.
    pub name: String,
    /// SHA-256 of the bundle's file.
    pub sha256: String,
}

impl From<&Bundle> for ModelInfo {
    fn from(bundle: &Bundle) -> Self {
        Self { name: bundle.card().name.clone(), sha256: bundle.sha256().to_owned() }
    }
}

/// What JSON says of an error, in rows and in the service's answers alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorInfo {
    /// Whose problem it is: the name of an [`ErrorKind`](crate::ErrorKind); the service has further words, such as `busy`.
    pub kind: Cow<'static, str>,
    /// What is wrong, in the same words behind every door. Absent where the kind says all, or where the word is not known.
    #[serde(default, deserialize_with = "known")]
    pub reason: Option<Reason>,
    /// What went wrong, ending with the value that was wrong.
    pub message: String,
    /// What can be done about it, in the words of the door that says it.
    #[serde(default)]
    pub hint: Option<String>,
}

/// A newer program's reason is no reason to refuse its row.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Reason>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    let reason = |word: String| Reason::deserialize(IntoDeserializer::<serde::de::value::Error>::into_deserializer(word)).ok();
    Ok(word.and_then(reason))
}

impl From<&Error> for ErrorInfo {
    /// The message with its causes; the hint is of no particular door.
    fn from(error: &Error) -> Self {
        let (kind, reason) = (error.kind().name().into(), Some(error.reason()));
        Self { kind, reason, message: error.explained(), hint: error.hint() }
    }
}

impl Serialize for Probabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.labels.names().iter().zip(&self.values))
    }
}

impl<'de> Deserialize<'de> for Probabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(String, f32)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a probability for each class")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        let (names, values): (Vec<String>, Vec<f32>) = deserializer.deserialize_map(Pairs)?.into_iter().unzip();
        let labels = LabelSet::new(names).map_err(D::Error::custom)?;
        let sum: f32 = values.iter().sum();
        // Those of a row that holds only the most probable classes fall short of it.
        if !(values.iter().all(|p| (0.0..=1.0).contains(p)) && (sum - 1.0).abs() <= 1e-3) {
            return Err(D::Error::custom(format!("probabilities of all classes sum to 1, these to {sum}")));
        }
        Ok(Self { labels, values })
    }
}

impl Serialize for Prediction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(rename = "box")]
            bounds: &'a BoundingBox,
            score: Option<f32>,
            landmarks: &'a [[f32; 2]],
            label: &'a str,
            confidence: f32,
            uncertain: bool,
            words: String,
            probabilities: &'a Probabilities,
            #[serde(skip_serializing_if = "Option::is_none")]
            plausible: Option<&'a [String]>,
            quality: &'a Quality,
        }
        let landmarks: &[[f32; 2]] = self.face.landmarks.as_ref().map_or(&[], Landmarks::as_slice);
        let (label, confidence) = self.probabilities.top();
        Row {
            bounds: &self.face.bounds,
            score: self.face.score,
            landmarks,
            label,
            confidence,
            uncertain: self.probabilities.is_uncertain(),
            words: self.sentence(),
            probabilities: &self.probabilities,
            plausible: self.plausible.as_deref(),
            quality: &self.quality,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Prediction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// What cannot be said anew from the rest; of that only the label is looked at.
        #[derive(Deserialize)]
        struct Row {
            #[serde(rename = "box")]
            bounds: BoundingBox,
            score: Option<f32>,
            landmarks: Vec<[f32; 2]>,
            label: String,
            probabilities: Probabilities,
            #[serde(default)]
            plausible: Option<Vec<String>>,
            quality: Quality,
        }
        let Row { bounds, score, landmarks, label, probabilities, plausible, quality } = Row::deserialize(deserializer)?;
        let landmarks = match landmarks.as_slice() {
            [] => None,
            points => {
                let five = Landmarks::try_from(points);
                Some(five.map_err(|_| D::Error::custom(format!("a face has five landmarks or none, this one {}", points.len())))?)
            }
        };
        let (top, most) = probabilities.top();
        // Of equal classes either may be the label: who rewrote the row may have put its keys in another order.
        if probabilities.get(&label) != Some(most) {
            return Err(D::Error::custom(format!("the label is {label:?}, and the most probable class is {top:?}")));
        }
        Ok(Self { face: Face { bounds, score, landmarks }, probabilities, plausible, quality })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::Flag;

    fn row() -> PicturePrediction {
        let labels = LabelSet::new(["surprise", "happy", "half-asleep"]).unwrap();
        let bounds = BoundingBox { x: 0.1, y: -3.7, width: 91.1, height: 110.2 };
        let landmarks = Some([[1.1, 2.2], [3.3, 4.4], [5.5, 6.6], [7.7, 8.8], [9.9, 0.3]]);
        let face = |logits: [f32; 3], landmarks: Option<Landmarks>| Prediction {
            face: Face { bounds, score: landmarks.map(|_| 0.937), landmarks },
            probabilities: Probabilities::from_logits(&labels, &logits, 1.3),
            plausible: landmarks.map(|_| vec!["surprise".to_owned()]),
            quality: Quality { flags: vec![Flag::Small, Flag::CutOff] },
        };
        let faces = vec![face([3.0, 0.1, -0.7], landmarks), face([0.1, 0.2, 0.15], None)];
        PicturePrediction::answered("a/b.jpg", (640, 480), ModelInfo { name: "m".into(), sha256: "00".into() }, faces)
    }

    #[test]
    fn a_row_is_read_back_as_it_was() {
        let answered = row();
        let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = Error::input("the file cannot be read").with_source(cause).context("a.png").with_hint("look again");
        let failed = PicturePrediction::failed("a.png", None, answered.model.clone(), ErrorInfo::from(&error));
        for row in [answered, failed] {
            let json = serde_json::to_string(&row).unwrap();
            assert_eq!(PicturePrediction::parse(&json).unwrap(), row, "{json}");
        }
    }

    #[test]
    fn keys_that_are_not_known_are_passed_over() {
        let row = row();
        let json = serde_json::to_string(&row).unwrap();
        let json = json.replacen('{', r#"{"label": "surprise", "#, 1).replace(r#"{"box""#, r#"{"mood": 7, "box""#);
        assert_eq!(PicturePrediction::parse(&json).unwrap(), row);
        let later = r#"{"kind": "weather", "reason": "rain", "message": "it rains"}"#;
        let error: ErrorInfo = serde_json::from_str(later).unwrap();
        assert_eq!((error.kind.as_ref(), error.reason, error.hint), ("weather", None, None));
    }

    #[test]
    fn a_row_that_contradicts_itself_is_refused() {
        let edited = |edit: &dyn Fn(&mut serde_json::Value)| {
            let mut json = serde_json::to_value(row()).unwrap();
            edit(&mut json);
            PicturePrediction::parse(&json.to_string()).unwrap_err()
        };
        assert_eq!(edited(&|json| json["schema"] = "fervor.prediction/2".into()).reason(), Reason::Version);
        let damaged: [&dyn Fn(&mut serde_json::Value); 5] = [
            &|json| json["faces"][0]["label"] = "happy".into(),
            &|json| json["faces"][0]["probabilities"]["happy"] = 0.9.into(),
            &|json| _ = json["faces"][0]["probabilities"].as_object_mut().unwrap().remove("happy"),
            &|json| _ = json["faces"][0]["landmarks"].as_array_mut().unwrap().pop(),
            &|json| _ = json.as_object_mut().unwrap().remove("model"),
        ];
        for edit in damaged {
            assert_eq!(edited(edit).reason(), Reason::Damaged);
        }
    }

    #[test]
    fn an_error_says_its_causes_and_not_its_place() {
        let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
        let words = cause.to_string();
        let info = ErrorInfo::from(&Error::input("the file cannot be read").with_source(cause).context("a.png"));
        assert_eq!((info.kind.as_ref(), info.reason), ("input", Some(Reason::Missing)));
        assert_eq!(info.message, format!("the file cannot be read: {words}"));
        let json = serde_json::to_value(&info).unwrap();
        assert_eq!(json["reason"], "missing");
        assert!(json["hint"].is_null());
    }
}
