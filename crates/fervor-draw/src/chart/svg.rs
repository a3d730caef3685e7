//! A little SVG writer and the look that all charts share.
//!
//! Each mark has plain attributes (the light look, which the rasteriser draws) and a class: a page may restyle the classes
//! for a dark screen, because style sheets win over attributes.

use std::fmt::{Display, Write};

use super::raster::FAMILY;
use super::text::{escape, text_width};

/// Colours of series, told apart with every kind of colour vision (after Okabe and Ito 2008, darkened for thin lines on white).
pub(crate) const PALETTE: [&str; 6] = ["#0b6fb4", "#d9590b", "#05936a", "#b5559b", "#b98500", "#4aa3d8"];
pub(crate) const INK: &str = "#17212e";
pub(crate) const MUTED: &str = "#5d6a79";
pub(crate) const GRID: &str = "#e4e8ed";
pub(crate) const GROUND: &str = "#ffffff";

/// Where a text stands to its point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing under construction, in units of a pixel at scale 1.
pub(crate) struct Svg {
    width: f32,
    height: f32,
    body: String,
}

/// A text to draw; its point is the middle of the capitals' height.
pub(crate) struct Text<'a> {
    pub x: f32,
    pub y: f32,
    pub size: f32,
    pub bold: bool,
    pub anchor: Anchor,
    pub class: &'a str,
    pub fill: &'a str,
}

impl Text<'static> {
    /// Ordinary text at (`x`, `y`).
    pub fn ink(x: f32, y: f32, size: f32) -> Self {
        Self { x, y, size, bold: false, anchor: Anchor::Start, class: "ink", fill: INK }
    }

    /// Text that stands back.
    pub fn muted(x: f32, y: f32, size: f32) -> Self {
        Self { class: "muted", fill: MUTED, ..Self::ink(x, y, size) }
    }

    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    pub fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }
}

impl Svg {
    /// An empty chart on the ground colour.
    pub fn new(width: f32, height: f32) -> Self {
        let mut svg = Self { width, height, body: String::new() };
        svg.push(format_args!(r#"<rect class="ground" width="{}" height="{}" fill="{GROUND}"/>"#, num(width), num(height)));
        svg
    }

    /// Adds raw markup.
    pub fn push(&mut self, markup: impl Display) {
        writeln!(self.body, "{markup}").expect("writing to a string");
    }

    /// The chart's heading, top left.
    pub fn title(&mut self, title: &str, x: f32) {
        self.text(title, Text::ink(x, 26.0, 16.0).bold());
    }

    pub fn text(&mut self, text: &str, at: Text) {
        self.text_turned(text, at, 0.0);
    }

    /// Text turned by `degrees` about its point, clockwise.
    pub fn text_turned(&mut self, text: &str, at: Text, degrees: f32) {
        let anchor = match at.anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let weight = if at.bold { r#" font-weight="600""# } else { "" };
        let turn =
            if degrees == 0.0 { String::new() } else { format!(r#" transform="rotate({degrees} {} {})""#, num(at.x), num(at.y)) };
        // Inter's capitals are 0.727 em high.
        let baseline = at.y + 0.364 * at.size;
        self.push(format_args!(
            r#"<text class="{}" x="{}" y="{}" font-size="{}"{weight}{anchor} fill="{}"{turn}>{}</text>"#,
            at.class,
            num(at.x),
            num(baseline),
            num(at.size),
            at.fill,
            escape(text)
        ));
    }

    /// A thin straight line of class `grid` or `axis`.
    pub fn rule(&mut self, class: &str, from: (f32, f32), to: (f32, f32)) {
        let stroke = if class == "grid" { GRID } else { MUTED };
        self.push(format_args!(
            r#"<line class="{class}" x1="{}" y1="{}" x2="{}" y2="{}" stroke="{stroke}" stroke-width="1"/>"#,
            num(from.0),
            num(from.1),
            num(to.0),
            num(to.1)
        ));
    }

    /// A filled bar in a series' colour.
    pub fn bar(&mut self, series: usize, opacity: f32, (x, y, width, height): (f32, f32, f32, f32)) {
        let series = series % PALETTE.len();
        self.push(format_args!(
            r#"<rect class="fill{series}" x="{}" y="{}" width="{}" height="{}" rx="{}" fill="{}" fill-opacity="{}"/>"#,
            num(x),
            num(y),
            num(width.max(0.0)),
            num(height.max(0.0)),
            num(2f32.min(width.max(0.0) / 4.0).min(height.max(0.0) / 2.0)),
            PALETTE[series],
            num(opacity),
        ));
    }

    /// A polyline in a series' colour through points that all are finite.
    pub fn polyline(&mut self, series: usize, points: &[(f32, f32)]) {
        let series = series % PALETTE.len();
        let points: Vec<String> = points.iter().map(|&(x, y)| format!("{},{}", num(x), num(y))).collect();
        self.push(format_args!(
            r#"<polyline class="line{series}" points="{}" fill="none" stroke="{}" stroke-width="2.2" stroke-linejoin="round" stroke-linecap="round"/>"#,
            points.join(" "),
            PALETTE[series]
        ));
    }

    /// A dot in a series' colour with a rim in the ground colour.
    pub fn dot(&mut self, series: usize, x: f32, y: f32) {
        let series = series % PALETTE.len();
        self.push(format_args!(
            r#"<circle class="fill{series} rim" cx="{}" cy="{}" r="4" fill="{}" stroke="{GROUND}" stroke-width="1.6"/>"#,
            num(x),
            num(y),
            PALETTE[series]
        ));
    }

    /// Colour keys with names in a row that starts at (`x`, `y`); a new row begins where `right` would be passed. Returns the lowest row's middle.
    pub fn legend(&mut self, names: &[&str], x: f32, y: f32, right: f32) -> f32 {
        let (mut at, mut row) = (x, y);
        for (series, name) in names.iter().enumerate() {
            let width = 22.0 + text_width(name, 12.0, false);
            if at > x && at + width > right {
                (at, row) = (x, row + 18.0);
            }
            self.bar(series, 1.0, (at, row - 5.0, 14.0, 10.0));
            self.text(name, Text::muted(at + 20.0, row, 12.0));
            at += width + 18.0;
        }
        row
    }

    /// The whole drawing.
    pub fn finish(self) -> String {
        let (width, height) = (num(self.width), num(self.height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"{FAMILY}, system-ui, sans-serif\">\n{}</svg>\n",
            self.body
        )
    }
}

/// A coordinate: two decimals at most, no negative zero, and never something that is not a number.
pub(crate) fn num(value: f32) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_always_numbers() {
        assert_eq!([1.0, 0.125, -0.001, f32::NAN, f32::INFINITY, 10.0].map(num), ["1", "0.12", "0", "0", "0", "10"]);
    }
}
