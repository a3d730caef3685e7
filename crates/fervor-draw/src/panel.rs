//! What stands beside a face: its label, and bars of the highest probabilities.

use super::canvas::Rect;
use super::color::{ON_LABEL, of_label};
use super::face::FaceDrawing;
use crate::chart::svg::num;
use crate::chart::text::{escape, fit, text_width};
use fervor::prediction::percent;

/// Bars that a panel shows.
const BARS: usize = 3;
/// The height of the line with the label, in text sizes.
const HEAD: f32 = 1.7;
/// What bars, numbers and uncertain labels stand on.
const DARK: &str = "#121a26";

/// How much a panel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The label, and bars below it.
    Bars,
    /// The label.
    Label,
    /// The face's number.
    Number,
}

/// A label with bars below it. All its lengths are multiples of its text size.
#[derive(Clone)]
pub(super) struct Panel {
    pub detail: Detail,
    pub unit: f32,
    pub width: f32,
    pub height: f32,
    bars: Vec<(String, f32)>,
    names: f32,
    numbers: f32,
    /// The room of the face's number, at the left of the label.
    number: f32,
    note: Option<String>,
}

impl Panel {
    /// Measures the panel of a face at a text size of `unit` pixels.
    pub fn of(face: &FaceDrawing, unit: f32, detail: Detail) -> Self {
        let small = 0.8 * unit;
        let with_bars = detail == Detail::Bars;
        let bars: Vec<(String, f32)> = face.probabilities.iter().take(if with_bars { BARS } else { 0 }).cloned().collect();
        let note = (with_bars && !face.flags.is_empty()).then(|| face.flags.join(", "));
        let names = bars.iter().map(|(name, _)| text_width(name, small, false)).fold(0.0, f32::max);
        let numbers = text_width("100 %", small, false);
        let number = face.number.map_or(0.0, |number| text_width(&number.to_string(), unit, true) + 0.9 * unit);
        let head = match detail {
            Detail::Number => number,
            _ => number + text_width(&face.words, unit, true) + text_width(&percent(face.confidence), unit, true) + 1.8 * unit,
        };
        let rows = if bars.is_empty() { 0.0 } else { names + 4.6 * unit + numbers + 2.2 * unit };
        let note_width = note.as_ref().map_or(0.0, |note| text_width(note, 0.72 * unit, false) + 1.9 * unit).min(14.0 * unit);
        let height =
            HEAD + if bars.is_empty() { 0.0 } else { 0.7 + 1.2 * bars.len() as f32 } + if note.is_some() { 1.2 } else { 0.0 };
        let width = head.max(rows).max(note_width);
        Self { detail, unit, width, height: height * unit, bars, names, numbers, number, note }
    }

    /// The same panel at another text size, without measuring again.
    pub fn at(&self, unit: f32) -> Self {
        let by = unit / self.unit;
        let [width, height, names, numbers, number] =
            [self.width, self.height, self.names, self.numbers, self.number].map(|length| length * by);
        Self { unit, width, height, names, numbers, number, ..self.clone() }
    }

    /// The panel at its place; `square` is for one that fills a strip from edge to edge.
    pub fn svg(&self, face: &FaceDrawing, at: &Rect, square: bool) -> String {
        let (u, x, y, width) = (self.unit, at.x, at.y, self.width);
        let color = of_label(&face.label);
        let radius = if square { 0.0 } else { 0.38 * u };
        let head = HEAD * u;
        let mut svg = String::new();
        if !square {
            // A soft edge without a filter: filters cost more than the whole rest.
            for (grow, opacity) in [(0.14, 0.10), (0.07, 0.14)] {
                let shadow = at.grown(grow * u);
                svg += &block(&shadow, radius + grow * u, "#05080d", opacity);
            }
        }
        let only_head = self.height <= head + 0.1;
        let solid = square || only_head;
        if !only_head || face.uncertain || face.number.is_some() {
            svg += &block(at, radius, DARK, if solid { 1.0 } else { 0.86 });
        }
        let label_from = x + self.number;
        if !face.uncertain && self.detail != Detail::Number {
            // Right of the number; the corners are square where something follows.
            let bar = Rect::new(label_from, y, width - self.number, head);
            svg += &block(&bar, radius, color, 1.0);
            if self.number > 0.0 {
                svg += &block(&Rect::new(label_from, y, (2.0 * radius).min(bar.width), head), 0.0, color, 1.0);
            }
            if !only_head {
                svg += &block(&Rect::new(label_from, y + head / 2.0, bar.width, head / 2.0), 0.0, color, 1.0);
            }
        }
        if face.uncertain && !square {
            svg += &frame(&at.grown(-0.04 * u), radius, color, 0.08 * u);
        }
        let middle = y + head / 2.0;
        if let Some(number) = face.number {
            svg += &text(&number.to_string(), x + self.number / 2.0, middle, u, 600, "middle", color);
        }
        if self.detail == Detail::Number {
            return svg;
        }
        // Of an uncertain answer the number and the label stand on the same ground.
        let (ink, indent) = if face.uncertain { (color, if self.number > 0.0 { 0.1 } else { 0.6 }) } else { (ON_LABEL, 0.6) };
        let percent_width = text_width(&percent(face.confidence), u, true);
        let label = fit(&face.words, u, true, width - self.number - percent_width - (1.0 + indent) * u);
        svg += &text(&label, label_from + indent * u, middle, u, 600, "start", ink);
        svg += &text(&percent(face.confidence), x + width - 0.6 * u, middle, u, 600, "end", ink);
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

/// The line of a rounded rectangle.
fn frame(rect: &Rect, radius: f32, color: &str, stroke: f32) -> String {
    format!(
        r#"<rect x="{}" y="{}" width="{}" height="{}" rx="{}" fill="none" stroke="{color}" stroke-width="{}"/>"#,
        num(rect.x),
        num(rect.y),
        num(rect.width.max(0.0)),
        num(rect.height.max(0.0)),
        num(radius),
        num(stroke)
    )
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
