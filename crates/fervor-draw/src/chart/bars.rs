//! Grouped bars over categories, and histograms.

use super::axes::{Frame, Ticks, thousands};
use super::raster::text_width;
use super::svg::{Anchor, INK, Svg, Text, fit, num};

/// The bars of one colour: a value for each category, and where known its interval [lo, hi].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BarSeries {
    pub name: String,
    pub values: Vec<f64>,
    pub intervals: Vec<[f64; 2]>,
}

/// Bars over categories, side by side for several series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BarChart {
    pub title: String,
    pub y_label: String,
    pub categories: Vec<String>,
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
        let text = match self.percent {
            true => format!("{:.0}", value * 100.0),
            false if value.fract() == 0.0 => thousands(value as i64),
            false => format!("{value:.2}"),
        };
        if text_width(&text, 11.0, false) <= width + 4.0 {
            svg.text(&text, Text::muted(x + width / 2.0, above - 9.0, 11.0).anchor(Anchor::Middle));
        }
    }
}

/// Counts between edges: bar i spans `edges[i]` to `edges[i + 1]`. `mark` draws a vertical line with a note.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub edges: Vec<f64>,
    pub counts: Vec<f64>,
    pub mark: Option<(f64, String)>,
}

impl Histogram {
    /// Counts values in `bins` equal bins from the smallest to the largest; what is not finite is left out.
    pub fn of(values: impl IntoIterator<Item = f64>, bins: usize) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let (lo, hi) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        let (lo, hi) = match () {
            () if lo > hi => (0.0, 1.0),
            () if lo == hi => (lo - 0.5, hi + 0.5),
            () => (lo, hi),
        };
        let bins = bins.max(1);
        let mut counts = vec![0.0; bins];
        for value in values {
            counts[(((value - lo) / (hi - lo) * bins as f64) as usize).min(bins - 1)] += 1.0;
        }
        let edges = (0..=bins).map(|i| lo + (hi - lo) * i as f64 / bins as f64).collect();
        Self { edges, counts, ..Self::default() }
    }

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
