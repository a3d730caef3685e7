//! A row a face and frame: as a table, and as JSON lines.

use std::io::{self, Write};

use serde::Serialize;

use super::{Table, number, optional, seconds};
use crate::face::BoundingBox;
use crate::prediction::ErrorInfo;
use crate::quality::Flag;
use crate::timeline::{FaceView, Frame, Timeline};

pub(super) fn csv(timeline: &Timeline, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::csv(out);
    let fixed = "source,frame,time_s,track,x,y,width,height,score,label,confidence,uncertain";
    let names = timeline.labels().names();
    let probabilities = ["p", "s"].into_iter().flat_map(|kind| names.iter().map(move |name| format!("{kind}_{name}")));
    let last = ["flags", "error"].map(str::to_owned);
    table.row(fixed.split(',').map(str::to_owned).chain(probabilities).chain(last))?;
    for frame in timeline.frames() {
        let mut row = |face: Option<FaceView>| table.row(cells(timeline, &frame, face));
        if frame.faces().len() == 0 {
            row(None)?;
        }
        frame.faces().try_for_each(|face| row(Some(face)))?;
    }
    Ok(())
}

fn cells(timeline: &Timeline, frame: &Frame, face: Option<FaceView>) -> Vec<String> {
    let mut cells = vec![timeline.source().to_owned(), frame.index().to_string(), seconds(frame.time())];
    match face {
        None => cells.resize(cells.len() + 9 + 2 * timeline.labels().len() + 1, String::new()),
        Some(face) => {
            let BoundingBox { x, y, width, height } = face.bounds;
            cells.push(face.track.to_string());
            cells.extend([x, y, width, height].map(number));
            cells.push(optional(face.score));
            cells.extend([face.label().to_owned(), number(face.confidence()), face.is_uncertain().to_string()]);
            cells.extend(face.raw.iter().chain(face.smoothed).map(|&p| number(p)));
            cells.push(face.flags().map(Flag::name).collect::<Vec<_>>().join(" "));
        }
    }
    cells.push(frame.error().map_or_else(String::new, |error| error.message.clone()));
    cells
}

/// A line's JSON object.
#[derive(Serialize)]
struct Line<'a> {
    source: &'a str,
    frame: u64,
    time_s: f64,
    #[serde(flatten)]
    face: Option<Face<'a>>,
    /// Said where there is no face: a reader need not know what lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<()>,
    error: Option<&'a ErrorInfo>,
}

#[derive(Serialize)]
struct Face<'a> {
    track: u64,
    #[serde(rename = "box")]
    bounds: BoundingBox,
    score: Option<f32>,
    label: &'a str,
    confidence: f32,
    uncertain: bool,
    probabilities: Values<'a>,
    smoothed: Values<'a>,
    quality: Quality,
}

#[derive(Serialize)]
struct Quality {
    flags: Vec<Flag>,
}

/// Values by class.
struct Values<'a>(&'a [String], &'a [f32]);

impl Serialize for Values<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

pub(super) fn lines(timeline: &Timeline, out: &mut dyn Write) -> io::Result<()> {
    let labels = timeline.labels().names();
    for frame in timeline.frames() {
        let mut line = |face: Option<FaceView>| {
            let face = face.as_ref().map(|face| Face {
                track: face.track,
                bounds: face.bounds,
                score: face.score,
                label: face.label(),
                confidence: face.confidence(),
                uncertain: face.is_uncertain(),
                probabilities: Values(labels, face.raw),
                smoothed: Values(labels, face.smoothed),
                quality: Quality { flags: face.flags().collect() },
            });
            let time_s = (1e6 * frame.time()).round() / 1e6;
            let line = Line { source: timeline.source(), frame: frame.index(), time_s, face, track: None, error: frame.error() };
            serde_json::to_writer(&mut *out, &line)?;
            writeln!(out)
        };
        if frame.faces().len() == 0 {
            line(None)?;
        }
        frame.faces().try_for_each(|face| line(Some(face)))?;
    }
    Ok(())
}
