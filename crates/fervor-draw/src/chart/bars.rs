//! Grouped bars over categories, and histograms.

use super::axes::{Frame, Ticks, thousands};
use super::svg::{Anchor, INK, Svg, Text, num};
use super::text::{fit, text_width};

/// The bars of one colour: a value for each category, and where known its interval [lo, hi].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BarSeries {
    /// What the legend calls them.
    pub name: String,
    /// One for each category; a value that is not finite has no bar.
    pub values: Vec<f64>,
    /// One for each category, or none at all.
    pub intervals: Vec<[f64; 2]>,
}

/// Bars over categories, side by side for several series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BarChart {
    /// The heading.
    pub title: String,
    /// What the bars measure.
    pub y_label: String,
    /// The names below the groups.
    pub categories: Vec<String>,
    /// The bars of each color.
    pub series: Vec<BarSeries>,
    /// Values are shares, in 0..=1, and are written in per cent.
    pub percent: bool,
}

impl BarChart {
    /// The chart as SVG, 640 x 360 units.
    pub fn svg(&self) -> String {
        let (width, height) = (640.0, 360.0);
        let finite = || {
            self.series
                .iter()
                .flat_map(|s| s.values.iter().copied().chain(s.intervals.iter().map(|i| i[1])))
                .filter(|v| v.is_finite())
        };
        let y = if self.percent { Ticks::share() } else { Ticks::from_zero(finite(), 5) };
        let mut svg = Svg::new(width, height);
        svg.title(&self.title, 20.0);
        let names: Vec<&str> = self.series.iter().map(|s| s.name.as_str()).collect();
        let top = if names.len() > 1 { svg.legend(&names, 20.0, 52.0, width - 20.0) + 34.0 } else { 62.0 };
        let left = Frame::left_margin(&y);
        let room = (width - 24.0 - left) / self.categories.len().max(1) as f32;
        let widest = self.categories.iter().map(|name| text_width(name, 12.0, false)).fold(0.0, f32::max);
        let askew = widest > room - 8.0;
        let below = if askew { widest.min(130.0) * 0.7 + 22.0 } else { 34.0 };
        let frame = Frame { left, top, width: width - 24.0 - left, height: height - below - top, x: Ticks::share(), y };
        frame.draw_y(&mut svg, &self.y_label);
        let bar = (room * 0.72 / self.series.len().max(1) as f32).min(64.0);
        for (index, name) in self.categories.iter().enumerate() {
            let middle = left + (index as f32 + 0.5) * room;
            for (number, series) in self.series.iter().enumerate() {
                let x = middle + bar * (number as f32 - self.series.len() as f32 / 2.0);
                self.bar(&mut svg, &frame, number, series, index, (x, bar));
            }
            if askew {
                let name = fit(name, 12.0, false, 130.0);
                let at = Text::ink(middle + 4.0, frame.bottom() + 14.0, 12.0).anchor(Anchor::End);
                svg.text_turned(&name, at, -45.0);
            } else {
                svg.text(name, Text::ink(middle, frame.bottom() + 16.0, 12.0).anchor(Anchor::Middle));
            }
        }
        svg.rule("axis", (frame.left, frame.bottom()), (frame.right(), frame.bottom()));
        svg.finish()
    }

    fn bar(&self, svg: &mut Svg, frame: &Frame, number: usize, series: &BarSeries, index: usize, (x, width): (f32, f32)) {
        let Some(&value) = series.values.get(index).filter(|v| v.is_finite()) else { return };
        let (zero, end) = (frame.py(0.0), frame.py(value));
        svg.bar(number, 0.9, (x + 1.0, zero.min(end), width - 2.0, (zero - end).abs()));
        let mut above = end.min(zero);
        if let Some(&[lo, hi]) = series.intervals.get(index).filter(|i| i.iter().all(|v| v.is_finite())) {
            let middle = x + width / 2.0;
            let (lo, hi) = (frame.py(lo), frame.py(hi));
            above = above.min(hi);
            svg.push(format_args!(
                r#"<path class="whisker" d="M{0} {2}V{1}M{3} {1}H{4}M{3} {2}H{4}" stroke="{INK}" stroke-width="1.3" fill="none"/>"#,
                num(middle),
                num(hi),
                num(lo),
                num(middle - 4.0),
                num(middle + 4.0)
            ));
        }
        let text = if self.percent {
            format!("{:.0}", value * 100.0)
        } else if value.fract() == 0.0 {
            thousands(value as i64)
        } else {
            format!("{value:.2}")
        };
        if text_width(&text, 11.0, false) <= width + 4.0 {
            svg.text(&text, Text::muted(x + width / 2.0, above - 9.0, 11.0).anchor(Anchor::Middle));
        }
    }
}

/// Counts between edges: bar i spans `edges[i]` to `edges[i + 1]`. `mark` draws a vertical line with a note.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// The heading.
    pub title: String,
    /// What is counted by.
    pub x_label: String,
    /// What is counted.
    pub y_label: String,
    /// One more than `counts`, rising.
    pub edges: Vec<f64>,
    /// How many lie between each edge and the next.
    pub counts: Vec<f64>,
    /// Where a vertical line stands, and the note beside it.
    pub mark: Option<(f64, String)>,
}

impl Histogram {
    /// The chart as SVG, 640 x 360 units.
    pub fn svg(&self) -> String {
        let y = Ticks::from_zero(self.counts.iter().copied(), 5);
        let x = Ticks::cover(self.edges.iter().copied(), 8);
        let mut svg = Svg::new(640.0, 360.0);
        svg.title(&self.title, 20.0);
        let left = Frame::left_margin(&y);
        let frame = Frame { left, top: 72.0, width: 612.0 - left, height: 232.0, x, y };
        frame.draw_y(&mut svg, &self.y_label);
        for (edge, &count) in self.edges.windows(2).zip(&self.counts) {
            let (from, to) = (frame.px(edge[0]), frame.px(edge[1]));
            let top = frame.py(if count.is_finite() { count } else { 0.0 });
            svg.bar(0, 0.85, (from + 0.5, top, to - from - 1.0, frame.bottom() - top));
        }
        frame.draw_x(&mut svg, &self.x_label);
        if let Some((at, note)) = &self.mark {
            frame.draw_mark(&mut svg, *at, note);
        }
        svg.finish()
    }
}
