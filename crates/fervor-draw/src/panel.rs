//! What stands beside a face: its label, and bars of the highest probabilities.

use super::canvas::Rect;
use super::color::{ON_LABEL, of_label};
use super::face::FaceDrawing;
use crate::chart::svg::num;
use crate::chart::text::{escape, fit, text_width};

/// Bars that a panel shows.
const BARS: usize = 3;

/// A label with bars below it. All its lengths are multiples of its text size.
#[derive(Clone)]
pub(super) struct Panel {
    pub unit: f32,
    pub width: f32,
    pub height: f32,
    pub bars: Vec<(String, f32)>,
    names: f32,
    numbers: f32,
    note: Option<String>,
}

impl Panel {
    /// Measures the panel of a face at a text size of `unit` pixels.
    pub fn of(face: &FaceDrawing, unit: f32, bars: bool) -> Self {
        let small = 0.8 * unit;
        let shown: Vec<(String, f32)> = if bars { face.probabilities.iter().take(BARS).cloned().collect() } else { Vec::new() };
        let note = (bars && !face.flags.is_empty()).then(|| face.flags.join(", "));
        let names = shown.iter().map(|(name, _)| text_width(name, small, false)).fold(0.0, f32::max);
        let numbers = text_width("100 %", small, false);
        let head = text_width(&face.words, unit, true) + text_width(&percent(face.confidence), unit, true) + 1.8 * unit;
        let rows = if shown.is_empty() { 0.0 } else { names + 4.6 * unit + numbers + 2.2 * unit };
        let note_width = note.as_ref().map_or(0.0, |note| text_width(note, 0.72 * unit, false) + 1.9 * unit).min(14.0 * unit);
        let height =
            1.7 + if shown.is_empty() { 0.0 } else { 0.7 + 1.2 * shown.len() as f32 } + if note.is_some() { 1.2 } else { 0.0 };
        Self { unit, width: head.max(rows).max(note_width), height: height * unit, bars: shown, names, numbers, note }
    }

    /// The same panel at another text size, without measuring again.
    pub fn at(&self, unit: f32) -> Self {
        let by = unit / self.unit;
        let [width, height, names, numbers] = [self.width, self.height, self.names, self.numbers].map(|length| length * by);
        Self { unit, width, height, names, numbers, ..self.clone() }
    }

    /// The panel at its place; `square` is for one that fills a strip from edge to edge.
    pub fn svg(&self, face: &FaceDrawing, at: &Rect, square: bool) -> String {
        let (u, x, y, width) = (self.unit, at.x, at.y, self.width);
        let color = of_label(&face.label);
        let radius = if square { 0.0 } else { 0.38 * u };
        let head = 1.7 * u;
        let mut svg = String::new();
        if !square {
            // A soft edge without a filter: filters cost more than the whole rest.
            for (grow, opacity) in [(0.14, 0.10), (0.07, 0.14)] {
                let shadow = at.grown(grow * u);
                svg += &block(&shadow, radius + grow * u, "#05080d", opacity);
            }
        }
        if !self.bars.is_empty() || self.note.is_some() {
            svg += &block(at, radius, "#121a26", if square { 1.0 } else { 0.86 });
        }
        // The head's lower corners are square where bars follow.
        svg += &block(&Rect::new(x, y, width, head), radius, color, 1.0);
        if self.height > head + 0.1 {
            svg += &block(&Rect::new(x, y + head / 2.0, width, head / 2.0), 0.0, color, 1.0);
        }
        let percent_width = text_width(&percent(face.confidence), u, true);
        let label = fit(&face.words, u, true, width - percent_width - 1.6 * u);
        svg += &text(&label, x + 0.6 * u, y + head / 2.0, u, 600, "start", ON_LABEL);
        svg += &text(&percent(face.confidence), x + width - 0.6 * u, y + head / 2.0, u, 600, "end", ON_LABEL);
        let (from, to) = (x + 0.6 * u + self.names + 0.5 * u, x + width - 0.6 * u - self.numbers - 0.5 * u);
        let small = 0.8 * u;
        for (row, (name, p)) in self.bars.iter().enumerate() {
            let middle = y + head + (0.95 + 1.2 * row as f32) * u;
            let length = (to - from).max(0.0);
            let p = if p.is_finite() { p.clamp(0.0, 1.0) } else { 0.0 };
            svg += &text(name, x + 0.6 * u, middle, small, 400, "start", "#eef2f7");
            svg += &block(&Rect::new(from, middle - 0.2 * u, length, 0.4 * u), 0.2 * u, "#ffffff", 0.16);
            if p * length > 0.5 {
                let filled = Rect::new(from, middle - 0.2 * u, (p * length).max(0.4 * u).min(length), 0.4 * u);
                svg += &block(&filled, 0.2 * u, of_label(name), 1.0);
            }
            svg += &text(&percent(p), x + width - 0.6 * u, middle, small, 400, "end", "#c9d3df");
        }
        if let Some(note) = &self.note {
            let middle = at.bottom() - 0.85 * u;
            svg += &format!(r##"<circle cx="{}" cy="{}" r="{}" fill="#ffb84d"/>"##, num(x + 0.85 * u), num(middle), num(0.2 * u));
            let note = fit(note, 0.72 * u, false, width - 1.9 * u);
            svg += &text(&note, x + 1.3 * u, middle, 0.72 * u, 400, "start", "#ffd08a");
        }
        svg
    }
}

fn percent(p: f32) -> String {
    format!("{:.0} %", if p.is_finite() { p * 100.0 } else { 0.0 })
}

fn block(rect: &Rect, radius: f32, fill: &str, opacity: f32) -> String {
    format!(
        r#"<rect x="{}" y="{}" width="{}" height="{}" rx="{}" fill="{fill}" fill-opacity="{opacity}"/>"#,
        num(rect.x),
        num(rect.y),
        num(rect.width),
        num(rect.height),
        num(radius)
    )
}

/// Text whose capitals are centred on `middle`.
fn text(text: &str, x: f32, middle: f32, size: f32, weight: u32, anchor: &str, fill: &str) -> String {
    format!(
        r#"<text x="{}" y="{}" font-size="{}" font-weight="{weight}" text-anchor="{anchor}" fill="{fill}">{}</text>"#,
        num(x),
        num(middle + 0.364 * size),
        num(size),
        escape(text)
    )
}
