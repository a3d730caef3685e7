//! The row schema `fervor.rows/1`: written here and nowhere else.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float32Builder, Int32Builder, Int64Builder, ListBuilder, StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fervor::analyzer::Answer;
use fervor::emotion::LabelSet;
use fervor::error::{Error, Result};
use fervor::prediction::{ErrorInfo, ModelInfo};
use fervor::{Bundle, PicturePrediction, Prediction};

/// The schema's name, which stands in the metadata of every table.
pub const ROWS_SCHEMA: &str = "fervor.rows/1";

/// The metadata key of [`ROWS_SCHEMA`].
pub const SCHEMA_KEY: &str = "fervor.schema";
/// The metadata key of the model's name.
pub const MODEL_KEY: &str = "fervor.model";
/// The metadata key of the SHA-256 of the model's file.
pub const SHA256_KEY: &str = "fervor.sha256";

/// The columns for a model of these classes.
///
/// | column | type | |
/// |---|---|---|
/// | `source` | string | the picture as the caller named it |
/// | `row_id` | int64? | its row in the table that it came from, counted from 0; null for files |
/// | `width`, `height` | int32? | of the upright picture in pixels; null where it could not be read |
/// | `face` | int32? | counts from 1, the largest first; -1 where no face was found, null with an `error` |
/// | `x`, `y`, `w`, `h` | float32? | the face's box in pixels, inside the picture |
/// | `score` | float32? | how sure the detector is; null for a picture taken whole as one face |
/// | `landmarks` | list of float32? | x and y of left eye, right eye, nose, left and right corner of the mouth |
/// | `label`, `confidence` | string?, float32? | the most probable class and its probability |
/// | `uncertain` | bool? | whether the confidence is under one half |
/// | `p_<class>` | float32? | the probability of each class, in the model's order |
/// | `plausible` | list of string? | the conformal set; null where the model's card has none |
/// | `flags` | list of string? | why the answer deserves less trust |
/// | `error`, `error_kind`, `error_reason` | string? | why there is no answer, for people and for programs |
/// | `model_sha256` | string | of the model's file |
///
/// Only types that every reader of Arrow and Parquet has: nothing unsigned, no dictionaries, no lists of fixed size.
pub fn schema(labels: &LabelSet, model: &ModelInfo) -> SchemaRef {
    let list = |of: DataType| DataType::List(Arc::new(Field::new("item", of, true)));
    let mut fields = vec![
        Field::new("source", DataType::Utf8, false),
        Field::new("row_id", DataType::Int64, true),
        Field::new("width", DataType::Int32, true),
        Field::new("height", DataType::Int32, true),
        Field::new("face", DataType::Int32, true),
    ];
    fields.extend(["x", "y", "w", "h", "score"].map(|name| Field::new(name, DataType::Float32, true)));
    fields.push(Field::new("landmarks", list(DataType::Float32), true));
    fields.push(Field::new("label", DataType::Utf8, true));
    fields.push(Field::new("confidence", DataType::Float32, true));
    fields.push(Field::new("uncertain", DataType::Boolean, true));
    fields.extend(labels.names().iter().map(|label| Field::new(format!("p_{label}"), DataType::Float32, true)));
    fields.extend(["plausible", "flags"].map(|name| Field::new(name, list(DataType::Utf8), true)));
    fields.extend(["error", "error_kind", "error_reason"].map(|name| Field::new(name, DataType::Utf8, true)));
    fields.push(Field::new("model_sha256", DataType::Utf8, false));
    let facts = [(SCHEMA_KEY, ROWS_SCHEMA), (MODEL_KEY, &model.name), (SHA256_KEY, &model.sha256)];
    let facts: HashMap<String, String> = facts.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Arc::new(Schema::new_with_metadata(fields, facts))
}

/// Answers on their way to a [`RecordBatch`]. [`finish`](Self::finish) hands out what there is and starts anew; call it every
/// some ten thousand rows, since a batch holds at most 2 GiB of text in a column.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    model: ModelInfo,
    source: StringBuilder,
    row_id: Int64Builder,
    /// Width and height.
    size: [Int32Builder; 2],
    face: Int32Builder,
    /// Left, top, width, height, score.
    bounds: [Float32Builder; 5],
    landmarks: ListBuilder<Float32Builder>,
    label: StringBuilder,
    confidence: Float32Builder,
    uncertain: BooleanBuilder,
    probabilities: Vec<Float32Builder>,
    /// The conformal set and the flags.
    words: [ListBuilder<StringBuilder>; 2],
    /// Message, kind, reason.
    error: [StringBuilder; 3],
    sha256: StringBuilder,
}

impl Rows {
    /// No rows yet, of answers of this model.
    pub fn new(model: &Bundle) -> Self {
        Self::of(&model.card().labels, ModelInfo::from(model))
    }

    /// No rows yet, of answers of a model with these classes.
    pub fn of(labels: &LabelSet, model: ModelInfo) -> Self {
        Self {
            schema: schema(labels, &model),
            model,
            source: StringBuilder::new(),
            row_id: Int64Builder::new(),
            size: Default::default(),
            face: Int32Builder::new(),
            bounds: Default::default(),
            landmarks: ListBuilder::new(Float32Builder::new()),
            label: StringBuilder::new(),
            confidence: Float32Builder::new(),
            uncertain: BooleanBuilder::new(),
            probabilities: labels.names().iter().map(|_| Float32Builder::new()).collect(),
            words: [(); 2].map(|()| ListBuilder::new(StringBuilder::new())),
            error: Default::default(),
            sha256: StringBuilder::new(),
        }
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many rows there are since the last [`finish`](Self::finish).
    pub fn len(&self) -> usize {
        self.source.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of one picture: one for each face, one where there is no face, one where there is no answer.
    ///
    /// # Panics
    /// If the answer is over other classes than this table's.
    pub fn push(&mut self, source: &str, row_id: Option<i64>, answer: Result<&Answer, &Error>) {
        match answer {
            Ok(Answer { size, faces }) => self.push_faces(source, row_id, *size, faces),
            Err(error) => self.push_error(source, row_id, None, &ErrorInfo::from(error)),
        }
    }

    /// As [`push`](Self::push), of a row as JSON has it.
    ///
    /// # Panics
    /// If the answer is over other classes than this table's.
    pub fn push_prediction(&mut self, row: &PicturePrediction, row_id: Option<i64>) {
        let size = row.width.zip(row.height);
        match (&row.error, size) {
            (Some(error), _) => self.push_error(&row.source, row_id, size, error),
            (None, size) => self.push_faces(&row.source, row_id, size.unwrap_or_default(), &row.faces),
        }
    }

    fn push_faces(&mut self, source: &str, row_id: Option<i64>, size: (u32, u32), faces: &[Prediction]) {
        if faces.is_empty() {
            self.push_picture(source, row_id, Some(size), Some(-1));
            self.push_no_face();
            self.push_no_error();
        }
        for (face, number) in faces.iter().zip(1..) {
            self.push_picture(source, row_id, Some(size), Some(number));
            self.push_face(face);
            self.push_no_error();
        }
    }

    fn push_error(&mut self, source: &str, row_id: Option<i64>, size: Option<(u32, u32)>, error: &ErrorInfo) {
        self.push_picture(source, row_id, size, None);
        self.push_no_face();
        let [message, kind, reason] = &mut self.error;
        message.append_value(&error.message);
        kind.append_value(&error.kind);
        reason.append_option(error.reason.map(fervor::Reason::name));
    }

    fn push_no_error(&mut self) {
        self.error.iter_mut().for_each(StringBuilder::append_null);
    }

    /// The columns of the picture, which each of its rows has.
    fn push_picture(&mut self, source: &str, row_id: Option<i64>, size: Option<(u32, u32)>, face: Option<i32>) {
        self.source.append_value(source);
        self.row_id.append_option(row_id);
        let size = size.map(|(width, height)| [width, height]);
        for (index, column) in self.size.iter_mut().enumerate() {
            // No picture within the limits is wider than an i32 is long.
            column.append_option(size.map(|size| i32::try_from(size[index]).unwrap_or(i32::MAX)));
        }
        self.face.append_option(face);
        self.sha256.append_value(&self.model.sha256);
    }

    fn push_face(&mut self, prediction: &Prediction) {
        let Prediction { face, probabilities, plausible, quality } = prediction;
        let bounds = face.bounds;
        let numbers = [Some(bounds.x), Some(bounds.y), Some(bounds.width), Some(bounds.height), face.score];
        self.bounds.iter_mut().zip(numbers).for_each(|(column, number)| column.append_option(number));
        self.landmarks.append_option(face.landmarks.map(|points| points.into_iter().flatten().map(Some)));
        self.label.append_value(prediction.label());
        self.confidence.append_value(prediction.confidence());
        self.uncertain.append_value(probabilities.is_uncertain());
        assert_eq!(probabilities.values().len(), self.probabilities.len(), "an answer over the classes of this table");
        self.probabilities.iter_mut().zip(probabilities.values()).for_each(|(column, &p)| column.append_value(p));
        let [sets, flags] = &mut self.words;
        sets.append_option(plausible.as_ref().map(|set| set.iter().map(Some)));
        flags.append_value(quality.flags.iter().map(|flag| Some(flag.name())));
    }

    /// The columns of a face, where there is none.
    fn push_no_face(&mut self) {
        self.bounds.iter_mut().for_each(Float32Builder::append_null);
        self.landmarks.append_null();
        self.label.append_null();
        self.confidence.append_null();
        self.uncertain.append_null();
        self.probabilities.iter_mut().for_each(Float32Builder::append_null);
        self.words.iter_mut().for_each(ListBuilder::append_null);
    }

    /// The rows so far as a batch of Arrow; this table is empty after it.
    ///
    /// # Errors
    /// None that depends on the rows.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        // In the order of the schema.
        let mut columns: Vec<&mut dyn ArrayBuilder> = vec![&mut self.source, &mut self.row_id];
        columns.extend(self.size.iter_mut().map(|column| column as &mut dyn ArrayBuilder));
        columns.push(&mut self.face);
        columns.extend(self.bounds.iter_mut().map(|column| column as &mut dyn ArrayBuilder));
        columns.extend([&mut self.landmarks as &mut dyn ArrayBuilder, &mut self.label, &mut self.confidence]);
        columns.push(&mut self.uncertain);
        columns.extend(self.probabilities.iter_mut().map(|column| column as &mut dyn ArrayBuilder));
        columns.extend(self.words.iter_mut().map(|column| column as &mut dyn ArrayBuilder));
        columns.extend(self.error.iter_mut().map(|column| column as &mut dyn ArrayBuilder));
        columns.push(&mut self.sha256);
        let columns: Vec<ArrayRef> = columns.into_iter().map(ArrayBuilder::finish).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|e| Error::output("the rows do not make a table").with_source(e))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float32Type, Int32Type, Int64Type};
    use fervor::face::{BoundingBox, Face};
    use fervor::prediction::Probabilities;
    use fervor::quality::{Flag, Quality};

    use super::*;

    fn labels() -> LabelSet {
        LabelSet::new(["happy", "half asleep"]).unwrap()
    }

    fn face(logits: [f32; 2], score: Option<f32>) -> Prediction {
        let bounds = BoundingBox { x: 1.0, y: 2.0, width: 30.0, height: 40.5 };
        let landmarks = score.map(|_| [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]]);
        Prediction {
            face: Face { bounds, score, landmarks },
            probabilities: Probabilities::from_logits(&labels(), &logits, 1.0),
            plausible: score.map(|_| vec!["happy".to_owned()]),
            quality: Quality { flags: vec![Flag::Small, Flag::CutOff] },
        }
    }

    fn model() -> ModelInfo {
        ModelInfo { name: "m".into(), sha256: "00ff".into() }
    }

    #[test]
    fn each_picture_has_a_row_for_each_face_or_one() {
        let mut rows = Rows::of(&labels(), model());
        let crowd = Answer { size: (640, 480), faces: vec![face([3.0, 0.0], Some(0.9)), face([0.0, 2.0], None)] };
        rows.push("a.jpg", Some(7), Ok(&crowd));
        rows.push("b.jpg", None, Ok(&Answer { size: (10, 20), faces: vec![] }));
        rows.push("c.jpg", None, Err(&Error::input("not a picture").because(fervor::Reason::NotAPicture)));
        assert_eq!(rows.len(), 4);
        let batch = rows.finish().unwrap();
        assert_eq!((batch.num_rows(), rows.len()), (4, 0));
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let faces: Vec<Option<i32>> = column("face").as_primitive::<Int32Type>().iter().collect();
        assert_eq!(faces, [Some(1), Some(2), Some(-1), None]);
        let widths: Vec<Option<i32>> = column("width").as_primitive::<Int32Type>().iter().collect();
        assert_eq!(widths, [Some(640), Some(640), Some(10), None]);
        let ids: Vec<Option<i64>> = column("row_id").as_primitive::<Int64Type>().iter().collect();
        assert_eq!(ids, [Some(7), Some(7), None, None]);
        let words: Vec<Option<&str>> = column("label").as_string::<i32>().iter().collect();
        assert_eq!(words, [Some("happy"), Some("half asleep"), None, None]);
        let asleep = column("p_half asleep").as_primitive::<Float32Type>();
        assert_eq!(asleep.value(1), crowd.faces[1].probabilities.values()[1]);
        let flags = column("flags").as_list::<i32>();
        assert_eq!(flags.value(0).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["small", "cut_off"]);
        assert!(column("score").is_null(1) && column("landmarks").is_null(1) && column("plausible").is_null(1));
        let reasons: Vec<Option<&str>> = column("error_reason").as_string::<i32>().iter().collect();
        assert_eq!(reasons, [None, None, None, Some("not_a_picture")]);
        assert_eq!(batch.schema().metadata()[SHA256_KEY], "00ff");
    }

    #[test]
    fn a_row_of_json_gives_the_same_row() {
        let answer = Answer { size: (640, 480), faces: vec![face([0.1, 0.0], Some(0.9))] };
        let mut rows = Rows::of(&labels(), model());
        rows.push("a", None, Ok(&answer));
        let first = rows.finish().unwrap();
        rows.push_prediction(&PicturePrediction::answered("a", answer.size, model(), answer.faces), None);
        assert_eq!(rows.finish().unwrap(), first);
    }
}
