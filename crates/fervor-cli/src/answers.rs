//! The four forms of the answer. Each writes a value that is already complete; none computes.

use std::borrow::Cow;
use std::io::{self, Write};

use fervor::prediction::{adjective, percent, tally};
use fervor::{LabelSet, PicturePrediction, Prediction};

use crate::cli::PredictFormat;
use crate::talk;

/// Writes answers one after the other in one form.
pub struct Writer {
    format: PredictFormat,
    /// JSON of one picture is an object, of several an array.
    one: bool,
    labels: LabelSet,
    written: usize,
}

impl Writer {
    pub fn new(format: PredictFormat, one: bool, labels: LabelSet) -> Self {
        Self { format, one, labels, written: 0 }
    }

    /// For answers of many pictures; the first of them is written already, if `begun`.
    #[cfg(feature = "batch")]
    pub fn going_on(format: PredictFormat, labels: LabelSet, begun: bool) -> Self {
        Self { format, one: false, labels, written: usize::from(begun) }
    }

    /// Writes one answer.
    pub fn write(&mut self, out: &mut dyn Write, answer: &PicturePrediction) -> io::Result<()> {
        match self.format {
            PredictFormat::Text => text(out, answer)?,
            PredictFormat::Json if self.one => writeln!(out, "{}", serde_json::to_string_pretty(answer)?)?,
            PredictFormat::Json => {
                let before = if self.written == 0 { "[\n" } else { ",\n" };
                write!(out, "{before}{}", serde_json::to_string(answer)?)?;
            }
            PredictFormat::Jsonl => writeln!(out, "{}", serde_json::to_string(answer)?)?,
            PredictFormat::Csv => {
                if self.written == 0 {
                    csv_header(out, &self.labels)?;
                }
                csv_rows(out, answer, &self.labels)?;
            }
        }
        self.written += 1;
        // A reader of lines sees each as it comes.
        if matches!(self.format, PredictFormat::Jsonl | PredictFormat::Text) { out.flush() } else { Ok(()) }
    }

    /// Closes what is open.
    pub fn finish(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            PredictFormat::Json if !self.one => writeln!(out, "{}", if self.written == 0 { "[]" } else { "\n]" }),
            _ => Ok(()),
        }
    }
}

/// So many faces have a line that sums them up.
const MANY: usize = 4;

fn text(out: &mut dyn Write, answer: &PicturePrediction) -> io::Result<()> {
    let source = talk::name(&answer.source);
    let (Some(width), Some(height), None) = (answer.width, answer.height, &answer.error) else {
        let reason = answer.error.as_ref().map_or("no answer", |e| e.message.as_str());
        return writeln!(out, "{source}  failed: {}", talk::name(reason));
    };
    let count = match answer.faces.len() {
        0 => "no face found".to_owned(),
        1 => "1 face".to_owned(),
        n if n < MANY => format!("{n} faces"),
        _ => tally(&answer.faces),
    };
    writeln!(out, "{source}  {width} x {height}, {count}")?;
    let digits = answer.faces.len().to_string().len();
    for (index, face) in answer.faces.iter().enumerate() {
        // As on the annotated picture: a face alone has no number.
        let number = if answer.faces.len() > 1 { format!("{:>digits$}  ", index + 1) } else { String::new() };
        writeln!(out, "  {number}{}", line(face))?;
    }
    Ok(())
}

fn line(face: &Prediction) -> String {
    let ranked = face.probabilities.ranked();
    let others = ranked[1..].iter().take(2).filter(|(_, p)| *p >= 0.005);
    let others: Vec<String> = others.map(|(label, p)| format!("{} {}", adjective(label), percent(*p))).collect();
    let b = face.face.bounds;
    let place = format!("at {:.0},{:.0} size {:.0}x{:.0}", b.x, b.y, b.width, b.height);
    let flags: Vec<&str> = face.quality.flags.iter().map(|flag| flag.name()).collect();
    let flags = if flags.is_empty() { String::new() } else { format!("  [{}]", flags.join(", ")) };
    format!("{:<18} {:>5}   {:<32} {place}{flags}", face.words(), percent(face.confidence()), others.join(", "))
        .trim_end()
        .to_owned()
}

/// The columns before those of the classes, and after them.
const BEFORE: [&str; 12] = [
    "source",
    "picture_width",
    "picture_height",
    "face",
    "x",
    "y",
    "width",
    "height",
    "score",
    "label",
    "confidence",
    "uncertain",
];
const AFTER: [&str; 2] = ["flags", "error"];

fn csv_header(out: &mut dyn Write, labels: &LabelSet) -> io::Result<()> {
    let classes = labels.names().iter().map(|label| csv_field(&class_column(label, labels)).into_owned());
    let columns: Vec<String> = BEFORE.map(str::to_owned).into_iter().chain(classes).chain(AFTER.map(str::to_owned)).collect();
    writeln!(out, "{}", columns.join(","))
}

/// A class's column has its name; where that is another column's, `class_` stands before it.
fn class_column(label: &str, labels: &LabelSet) -> String {
    let mut column = label.to_owned();
    let taken = |column: &str| {
        BEFORE.contains(&column)
            || AFTER.contains(&column)
            || (column != label && labels.names().iter().any(|name| name == column))
    };
    while taken(&column) {
        column.insert_str(0, "class_");
    }
    column
}

fn csv_rows(out: &mut dyn Write, answer: &PicturePrediction, labels: &LabelSet) -> io::Result<()> {
    let size = |side: Option<u32>| side.map(|side| side.to_string()).unwrap_or_default();
    let picture = format!("{},{},{}", csv_field(&answer.source), size(answer.width), size(answer.height));
    if answer.faces.is_empty() {
        // A picture without faces keeps its row, so that no input is missing from the table.
        let error = answer.error.as_ref().map(|e| csv_field(&e.message)).unwrap_or_default();
        return writeln!(out, "{picture},{}{error}", ",".repeat(10 + labels.len()));
    }
    for (index, face) in answer.faces.iter().enumerate() {
        let b = face.face.bounds;
        let score = face.face.score.map(|score| score.to_string()).unwrap_or_default();
        write!(out, "{picture},{},{},{},{},{},{score},", index + 1, b.x, b.y, b.width, b.height)?;
        write!(out, "{},{},{}", csv_field(face.label()), face.confidence(), face.probabilities.is_uncertain())?;
        for p in face.probabilities.values() {
            write!(out, ",{p}")?;
        }
        let flags: Vec<&str> = face.quality.flags.iter().map(|flag| flag.name()).collect();
        writeln!(out, ",{},", flags.join(" "))?;
    }
    Ok(())
}

/// Quotes a field where RFC 4180 asks for it.
fn csv_field(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")).into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fervor::prediction::{ModelInfo, Probabilities};
    use fervor::quality::Quality;
    use fervor::{Face, Picture};

    fn answer(faces: usize) -> PicturePrediction {
        let picture = Picture::from_gray(4, 4, &[7; 16]).unwrap();
        let probabilities = Probabilities::from_logits(&labels(), &[2.0, 0.0], 1.0);
        let face = Prediction { face: Face::whole(&picture), probabilities, plausible: None, quality: Quality::default() };
        let model = ModelInfo { name: "m".to_owned(), sha256: "0".to_owned() };
        PicturePrediction::answered("a, b.png", (4, 4), model, vec![face; faces])
    }

    fn labels() -> LabelSet {
        LabelSet::new(["happy", "sad"]).unwrap()
    }

    fn written(format: PredictFormat, one: bool, answers: &[PicturePrediction]) -> String {
        let mut out = Vec::new();
        let mut writer = Writer::new(format, one, labels());
        for answer in answers {
            writer.write(&mut out, answer).unwrap();
        }
        writer.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_of_one_picture_is_an_object_and_of_several_an_array() {
        let one: serde_json::Value = serde_json::from_str(&written(PredictFormat::Json, true, &[answer(1)])).unwrap();
        assert_eq!(one["faces"][0]["label"], "happy");
        assert_eq!(one["faces"][0]["landmarks"], serde_json::json!([]));
        assert!(one["error"].is_null() && one["faces"][0]["score"].is_null(), "a picture taken whole has no score: {one}");
        for count in 0..3 {
            let several = written(PredictFormat::Json, false, &vec![answer(0); count]);
            assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&several).unwrap().len(), count);
        }
    }

    #[test]
    fn every_csv_row_has_the_headers_columns() {
        let table = written(PredictFormat::Csv, false, &[answer(0), answer(2)]);
        let rows: Vec<&str> = table.lines().collect();
        assert_eq!(rows.len(), 4);
        for row in &rows[1..] {
            assert!(row.starts_with("\"a, b.png\",4,4,"), "{row}");
            assert!(row.contains(",4,4,,happy,") || row.contains(",4,4,,,"), "a picture taken whole has no score: {row}");
            // The quoted name holds one comma more.
            assert_eq!(row.matches(',').count(), rows[0].matches(',').count() + 1, "{row}");
        }
    }

    #[test]
    fn no_two_columns_have_one_name() {
        let labels = LabelSet::new(["error", "x", "class_x", "happy"]).unwrap();
        let mut out = Vec::new();
        csv_header(&mut out, &labels).unwrap();
        let head = String::from_utf8(out).unwrap();
        assert!(head.contains(",uncertain,class_error,class_class_x,class_x,happy,flags,error"), "{head}");
    }

    #[test]
    fn several_faces_have_numbers_and_many_a_sum() {
        let mut odd = answer(4);
        odd.source = "a\u{1b}[2J.png".to_owned();
        let text = written(PredictFormat::Text, true, &[odd, answer(2)]);
        assert!(text.starts_with("a\\u{1b}[2J.png  4 x 4, 4 faces: 4 happy\n  1  looks happy"), "{text}");
        assert!(text.contains("2 faces\n  1  looks") && text.contains("\n  2  looks"), "{text}");
        let table = written(PredictFormat::Csv, true, &[answer(2)]);
        assert!(table.lines().nth(2).unwrap().starts_with("\"a, b.png\",4,4,2,"), "{table}");
    }

    #[test]
    fn people_read_the_answer_in_words() {
        let text = written(PredictFormat::Text, true, &[answer(1), answer(0)]);
        assert!(text.contains("looks happy") && text.contains("88 %") && text.contains("no face found"), "{text}");
    }
}
