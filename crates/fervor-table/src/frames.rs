//! The frames of a film as a table, `fervor.frames/1`: the columns of its CSV, typed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fervor::Timeline;
use fervor::error::{Error, Result};
use fervor::timeline::{FaceView, Frame};

use crate::part::{Part, PartWriter};
use crate::rows::{MODEL_KEY, SCHEMA_KEY, SHA256_KEY};

/// The schema's name, which stands in the metadata of every table of frames.
pub const FRAMES_SCHEMA: &str = "fervor.frames/1";

/// Rows of a batch, about.
const BATCH: usize = 32_768;

/// The columns of a film's frames.
///
/// | column | type | |
/// |---|---|---|
/// | `source` | string | the film as the caller named it |
/// | `frame`, `time_s` | int64, float64 | the frame's number from 0, and when it is shown, in seconds of the film's own clock |
/// | `track` | int64? | which face; null where none is seen and where the frame is broken |
/// | `x`, `y`, `width`, `height`, `score` | float32? | its box in pixels, and how sure the detector is |
/// | `label`, `confidence`, `uncertain` | string?, float32?, bool? | of the smoothed probabilities |
/// | `p_<class>`, `s_<class>` | float32? | probabilities of this frame alone, and smoothed over time |
/// | `flags` | list of string? | why the answer deserves less trust |
/// | `error` | string? | why the frame could not be looked at |
pub fn frames_schema(timeline: &Timeline) -> SchemaRef {
    let float = |name: String| Field::new(name, DataType::Float32, true);
    let names = timeline.labels().names();
    let mut fields = vec![
        Field::new("source", DataType::Utf8, false),
        Field::new("frame", DataType::Int64, false),
        Field::new("time_s", DataType::Float64, false),
        Field::new("track", DataType::Int64, true),
    ];
    fields.extend(["x", "y", "width", "height", "score"].map(|name| float(name.to_owned())));
    fields.push(Field::new("label", DataType::Utf8, true));
    fields.push(float("confidence".to_owned()));
    fields.push(Field::new("uncertain", DataType::Boolean, true));
    fields.extend(["p", "s"].into_iter().flat_map(|kind| names.iter().map(move |name| float(format!("{kind}_{name}")))));
    let words = Arc::new(Field::new("item", DataType::Utf8, true));
    fields.push(Field::new("flags", DataType::List(words), true));
    fields.push(Field::new("error", DataType::Utf8, true));
    let model = timeline.model();
    let facts = [(SCHEMA_KEY, FRAMES_SCHEMA), (MODEL_KEY, &model.name), (SHA256_KEY, &model.sha256)];
    let facts: HashMap<String, String> = facts.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Arc::new(Schema::new_with_metadata(fields, facts))
}

/// A film's frames as batches of rows: a row a face and frame, and one for a frame without a face or with an error.
///
/// # Errors
/// None of a timeline that fits into memory.
pub fn frames(timeline: &Timeline) -> Result<Vec<RecordBatch>> {
    let schema = frames_schema(timeline);
    let mut batches = Vec::new();
    let mut rows = Columns::of(timeline);
    for frame in timeline.frames() {
        if frame.faces().len() == 0 {
            rows.push(timeline, &frame, None);
        }
        frame.faces().for_each(|face| rows.push(timeline, &frame, Some(face)));
        if rows.source.len() >= BATCH {
            batches.push(std::mem::replace(&mut rows, Columns::of(timeline)).finish(&schema)?);
        }
    }
    if rows.source.len() > 0 || batches.is_empty() {
        batches.push(rows.finish(&schema)?);
    }
    Ok(batches)
}

/// Writes a film's frames as a Parquet file, which appears whole or not at all.
///
/// # Errors
/// [`Output`](fervor::ErrorKind::Output): a place that cannot be written.
pub fn write_frames(path: &Path, timeline: &Timeline) -> Result<Part> {
    let mut part = PartWriter::create(path, &frames_schema(timeline))?;
    frames(timeline)?.iter().try_for_each(|batch| part.write(batch))?;
    part.finish()
}

/// Rows on their way to a batch.
struct Columns {
    source: StringBuilder,
    frame: Int64Builder,
    time: Float64Builder,
    track: Int64Builder,
    /// Left, top, width, height, score.
    bounds: [Float32Builder; 5],
    label: StringBuilder,
    confidence: Float32Builder,
    uncertain: BooleanBuilder,
    /// Of the frame alone, then smoothed.
    probabilities: Vec<Float32Builder>,
    flags: ListBuilder<StringBuilder>,
    error: StringBuilder,
}

impl Columns {
    fn of(timeline: &Timeline) -> Self {
        Self {
            source: StringBuilder::new(),
            frame: Int64Builder::new(),
            time: Float64Builder::new(),
            track: Int64Builder::new(),
            bounds: Default::default(),
            label: StringBuilder::new(),
            confidence: Float32Builder::new(),
            uncertain: BooleanBuilder::new(),
            probabilities: (0..2 * timeline.labels().len()).map(|_| Float32Builder::new()).collect(),
            flags: ListBuilder::new(StringBuilder::new()),
            error: StringBuilder::new(),
        }
    }

    fn push(&mut self, timeline: &Timeline, frame: &Frame, face: Option<FaceView>) {
        self.source.append_value(timeline.source());
        self.frame.append_value(frame.index().try_into().unwrap_or(i64::MAX));
        self.time.append_value(frame.time());
        self.track.append_option(face.map(|face| face.track.try_into().unwrap_or(i64::MAX)));
        let numbers = face.map_or([None; 5], |face| {
            let bounds = face.bounds;
            [Some(bounds.x), Some(bounds.y), Some(bounds.width), Some(bounds.height), face.score]
        });
        self.bounds.iter_mut().zip(numbers).for_each(|(column, number)| column.append_option(number));
        self.label.append_option(face.map(|face| face.label()));
        self.confidence.append_option(face.map(|face| face.confidence()));
        self.uncertain.append_option(face.map(|face| face.is_uncertain()));
        for (index, column) in self.probabilities.iter_mut().enumerate() {
            column.append_option(face.map(|face| *face.raw.iter().chain(face.smoothed).nth(index).expect("a column a class")));
        }
        self.flags.append_option(face.map(|face| face.flags().map(|flag| Some(flag.name()))));
        self.error.append_option(frame.error().map(|error| error.message.as_str()));
    }

    fn finish(mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut columns: Vec<&mut dyn ArrayBuilder> = vec![&mut self.source, &mut self.frame, &mut self.time, &mut self.track];
        columns.extend(self.bounds.iter_mut().map(|column| column as &mut dyn ArrayBuilder));
        columns.extend([&mut self.label as &mut dyn ArrayBuilder, &mut self.confidence, &mut self.uncertain]);
        columns.extend(self.probabilities.iter_mut().map(|column| column as &mut dyn ArrayBuilder));
        columns.extend([&mut self.flags as &mut dyn ArrayBuilder, &mut self.error]);
        let arrays: Vec<ArrayRef> = columns.into_iter().map(|column| column.finish()).collect();
        RecordBatch::try_new(SchemaRef::clone(schema), arrays).map_err(|e| Error::output("no table of frames").with_source(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
    use fervor::LabelSet;
    use fervor::error::Reason;
    use fervor::face::{BoundingBox, Face};
    use fervor::prediction::{ErrorInfo, ModelInfo, Prediction, Probabilities};
    use fervor::quality::Quality;
    use fervor::track::{TrackOptions, Tracker};

    #[test]
    fn every_frame_has_its_row_and_reads_back() {
        let labels = LabelSet::new(["happy", "sad"]).unwrap();
        let mut timeline = Timeline::of_labels("a.mp4", ModelInfo { name: "m".into(), sha256: "00".into() }, labels.clone());
        let bounds = BoundingBox { x: 1.0, y: 2.0, width: 30.0, height: 40.0 };
        let face = Prediction {
            face: Face { bounds, score: None, landmarks: None },
            probabilities: Probabilities::from_logits(&labels, &[2.0, 0.0], 1.0),
            plausible: None,
            quality: Quality::default(),
        };
        let mut tracker = Tracker::new(TrackOptions::default());
        let tracked = tracker.update(std::slice::from_ref(&face), 0.0);
        timeline.push(0, 0.0, &[face], &tracked).unwrap();
        timeline.push(1, 0.04, &[], &[]).unwrap();
        let broken = Error::input("a broken frame").because(Reason::Damaged);
        timeline.push_failed(2, 0.08, ErrorInfo::from(&broken)).unwrap();
        let [batch] = &frames(&timeline).unwrap()[..] else { panic!("one batch") };
        let nulls = |name: &str| batch.column_by_name(name).unwrap().null_count();
        assert_eq!(batch.num_rows(), 3);
        assert_eq!([nulls("track"), nulls("s_happy"), nulls("score"), nulls("error"), nulls("time_s")], [2, 2, 3, 2, 0]);
        let folder = tempfile::tempdir().unwrap();
        let part = write_frames(&folder.path().join("frames.parquet"), &timeline).unwrap();
        assert_eq!(part.rows, 3);
        let nothing = Timeline::of_labels("b", timeline.model().clone(), labels);
        assert_eq!(frames(&nothing).unwrap()[0].num_rows(), 0);
    }
}
