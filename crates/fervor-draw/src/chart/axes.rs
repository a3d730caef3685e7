//! Scales, ticks and the frame of a chart with axes.

use super::svg::{Anchor, MUTED, Svg, Text, num};
use super::text::text_width;

const TICK_SIZE: f32 = 12.0;

/// Ticks at round numbers that cover a range of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    pub lo: f64,
    pub hi: f64,
    pub step: f64,
    pub percent: bool,
}

impl Ticks {
    /// About `wanted` steps of 1, 2 or 5 times a power of ten around the finite `values`; a single value gets room about it.
    pub fn cover(values: impl Iterator<Item = f64>, wanted: usize) -> Self {
        let (lo, hi) =
            values.filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
        let (lo, hi) = if lo > hi {
            (0.0, 1.0)
        } else if hi - lo < 1e-12 * hi.abs().max(1e-9) {
            (lo - 0.1 * lo.abs().max(1.0), hi + 0.1 * hi.abs().max(1.0))
        } else {
            (lo, hi)
        };
        let step = round_step((hi - lo) / wanted.max(1) as f64);
        Self { lo: (lo / step).floor() * step, hi: (hi / step).ceil() * step, step, percent: false }
    }

    /// From 0 up to at least the largest value.
    pub fn from_zero(values: impl Iterator<Item = f64>, wanted: usize) -> Self {
        let ticks = Self::cover(values.chain([0.0]), wanted);
        if ticks.hi > 0.0 {
            Self { lo: ticks.lo.min(0.0), ..ticks }
        } else {
            Self { lo: 0.0, hi: 1.0, step: 0.2, percent: false }
        }
    }

    /// 0 to 100 %.
    pub fn share() -> Self {
        Self { lo: 0.0, hi: 1.0, step: 0.2, percent: true }
    }

    /// The ticks' values.
    pub fn values(&self) -> Vec<f64> {
        let n = ((self.hi - self.lo) / self.step).round().clamp(0.0, 100.0) as usize;
        (0..=n).map(|i| self.lo + i as f64 * self.step).collect()
    }

    /// A tick's text.
    pub fn text(&self, value: f64) -> String {
        if self.percent {
            return format!("{:.0} %", value * 100.0);
        }
        let decimals = (-self.step.log10().floor()).clamp(0.0, 6.0) as usize;
        let value = if value.abs() < self.step * 1e-6 { 0.0 } else { value };
        if decimals == 0 && value.abs() >= 1000.0 { thousands(value.round() as i64) } else { format!("{value:.decimals$}") }
    }
}

/// 1, 2 or 5 times a power of ten, at least `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= raw * (1.0 - 1e-9)).unwrap_or(10.0);
    factor * power
}

/// 12345 as "12,345".
pub fn thousands(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The rectangle in which values are drawn, and the scales of both axes.
pub(crate) struct Frame {
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
    pub x: Ticks,
    pub y: Ticks,
}

impl Frame {
    /// The room that a y axis with its label needs at the left.
    pub fn left_margin(y: &Ticks) -> f32 {
        let widest = y.values().iter().map(|&v| text_width(&y.text(v), TICK_SIZE, false)).fold(0.0, f32::max);
        (widest + 46.0).ceil()
    }

    pub fn px(&self, x: f64) -> f32 {
        self.left + self.width * ((x - self.x.lo) / (self.x.hi - self.x.lo)) as f32
    }

    pub fn py(&self, y: f64) -> f32 {
        self.top + self.height * (1.0 - ((y - self.y.lo) / (self.y.hi - self.y.lo)) as f32)
    }

    pub fn bottom(&self) -> f32 {
        self.top + self.height
    }

    pub fn right(&self) -> f32 {
        self.left + self.width
    }

    /// Horizontal grid lines with their values, and the axis' name at the left.
    pub fn draw_y(&self, svg: &mut Svg, label: &str) {
        for value in self.y.values() {
            let y = self.py(value);
            svg.rule("grid", (self.left, y), (self.right(), y));
            svg.text(&self.y.text(value), Text::muted(self.left - 8.0, y, TICK_SIZE).anchor(Anchor::End));
        }
        svg.text_turned(label, Text::muted(16.0, self.top + self.height / 2.0, 12.5).anchor(Anchor::Middle), -90.0);
    }

    /// The base line and the ticks' values below it, and the axis' name.
    pub fn draw_x(&self, svg: &mut Svg, label: &str) {
        svg.rule("axis", (self.left, self.bottom()), (self.right(), self.bottom()));
        for value in self.x.values() {
            let x = self.px(value);
            svg.rule("axis", (x, self.bottom()), (x, self.bottom() + 4.0));
            svg.text(&self.x.text(value), Text::muted(x, self.bottom() + 16.0, TICK_SIZE).anchor(Anchor::Middle));
        }
        self.draw_x_label(svg, label, 38.0);
    }

    /// The x axis' name, `below` the base line.
    pub fn draw_x_label(&self, svg: &mut Svg, label: &str, below: f32) {
        svg.text(label, Text::muted(self.left + self.width / 2.0, self.bottom() + below, 12.5).anchor(Anchor::Middle));
    }

    /// A dashed vertical line with its note beside it, on the side that has room.
    pub fn draw_mark(&self, svg: &mut Svg, at: f64, note: &str) {
        let x = self.px(at);
        if !x.is_finite() || x < self.left - 1.0 || x > self.right() + 1.0 {
            return;
        }
        svg.push(format_args!(
            r#"<line class="axis" x1="{0}" y1="{1}" x2="{0}" y2="{2}" stroke="{MUTED}" stroke-width="1.2" stroke-dasharray="4 4"/>"#,
            num(x),
            num(self.top - 18.0),
            num(self.bottom())
        ));
        let fits = x + 8.0 + text_width(note, 12.0, false) < self.right();
        let (at, anchor) = if fits { (x + 7.0, Anchor::Start) } else { (x - 7.0, Anchor::End) };
        svg.text(note, Text::ink(at, self.top - 13.0, 12.0).anchor(anchor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let ticks = Ticks::cover([0.93, 1.78].into_iter(), 5);
        assert_eq!(ticks.values().iter().map(|&v| ticks.text(v)).collect::<Vec<_>>(), ["0.8", "1.0", "1.2", "1.4", "1.6", "1.8"]);
        let epochs = Ticks::cover([1.0, 30.0].into_iter(), 6);
        assert_eq!(epochs.values(), [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]);
    }

    #[test]
    fn ticks_of_one_value_of_none_and_of_nan_are_finite() {
        for values in [vec![], vec![2.5], vec![f64::NAN], vec![0.0], vec![1e9, 1e9]] {
            let ticks = Ticks::cover(values.clone().into_iter(), 5);
            assert!(ticks.lo < ticks.hi && ticks.values().len() < 20, "{values:?}: {ticks:?}");
            assert!(Ticks::from_zero(values.into_iter(), 5).lo <= 0.0);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 28_709, -1_234_567].map(thousands), ["0", "999", "1,000", "28,709", "-1,234,567"]);
    }
}
