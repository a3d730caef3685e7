//! Answers to look at, in notebooks.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fervor::prediction::percent;
use fervor::{Picture, PicturePrediction, Prediction, Result};
use fervor_draw::{FaceDrawing, annotate, shrink_to_fit};

/// The pictures of the last answers. An answer alone holds none, so that whoever collects answers does not collect pictures.
static LAST: Mutex<VecDeque<Arc<Picture>>> = Mutex::new(VecDeque::new());
const KEPT: usize = 4;
const KEPT_BYTES: usize = 64 << 20;

/// Pixels that a notebook shows side by side.
const WIDE: u32 = 900;
const HIGH: u32 = 700;

/// Keeps a picture for whoever looks at its answer next.
pub fn keep(picture: Picture) -> Weak<Picture> {
    let picture = Arc::new(picture);
    let weak = Arc::downgrade(&picture);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.push_back(picture);
    while last.len() > KEPT || last.len() > 1 && last.iter().map(|picture| picture.rgb().len()).sum::<usize>() > KEPT_BYTES {
        last.pop_front();
    }
    weak
}

/// No picture.
pub fn nothing() -> Weak<Picture> {
    Weak::new()
}

/// The picture with what was found drawn on it.
pub fn annotated(picture: &Picture, faces: &[Prediction]) -> Result<Picture> {
    annotate(picture, &FaceDrawing::of_all(faces))
}

/// The same, no larger than a notebook shows it.
pub fn preview(picture: &Picture, faces: &[Prediction]) -> Result<Picture> {
    let drawn = annotated(picture, faces)?;
    if drawn.width() <= WIDE && drawn.height() <= HIGH { Ok(drawn) } else { shrink_to_fit(&drawn, WIDE, HIGH) }
}

/// The annotated picture, where there is one, and a table of the faces.
pub fn html(row: &PicturePrediction, words: &str, picture: Option<&Picture>) -> Result<String> {
    let mut html = String::from("<div>");
    if let Some(picture) = picture.filter(|_| !row.faces.is_empty()) {
        let jpeg = preview(picture, &row.faces)?.encode_jpeg(90)?;
        let _ = write!(
            html,
            "<img alt=\"{}\" style=\"max-width:100%;border-radius:6px\" src=\"data:image/jpeg;base64,{}\">",
            escaped(words),
            base64(&jpeg)
        );
    }
    let name = if row.source.is_empty() { String::new() } else { format!("{}: ", row.source) };
    let _ = write!(html, "<p>{}{}</p>", escaped(&name), escaped(words));
    if !row.faces.is_empty() {
        html += "<table><thead><tr><th>face</th><th>words</th><th>probabilities</th><th>flags</th></tr></thead><tbody>";
        for (number, face) in row.faces.iter().enumerate() {
            let all: Vec<String> =
                face.probabilities.ranked().into_iter().take(3).map(|(label, p)| format!("{label} {}", percent(p))).collect();
            let flags: Vec<&str> = face.quality.flags.iter().map(|flag| flag.name()).collect();
            let _ = write!(
                html,
                "<tr><td>{}</td><td style=\"text-align:left\">{}</td><td style=\"text-align:left\">{}</td><td>{}</td></tr>",
                number + 1,
                escaped(&face.sentence()),
                escaped(&all.join(", ")),
                escaped(&flags.join(" "))
            );
        }
        html += "</tbody></table>";
    }
    Ok(html + "</div>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
