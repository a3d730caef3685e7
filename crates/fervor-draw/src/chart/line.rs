//! Lines over a common x axis: training curves.

use super::axes::{Frame, Ticks};
use super::svg::{Anchor, Svg, Text};

/// One line: its name and its points (x, y) from left to right. A point that is not finite interrupts the line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// From left to right, in the units of the axes.
    pub points: Vec<(f64, f64)>,
}

/// Lines with a legend. `mark` draws a vertical line at an x with a note ("best epoch 12"), and a dot on each series there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineChart {
    /// The heading.
    pub title: String,
    /// What the x axis measures.
    pub x_label: String,
    /// What the y axis measures.
    pub y_label: String,
    /// The lines, in the order of the legend.
    pub series: Vec<Series>,
    /// Where a vertical line stands, and the note beside it.
    pub mark: Option<(f64, String)>,
    /// The y axis begins at 0, whatever the points: for charts that are looked at side by side.
    pub from_zero: bool,
}

impl LineChart {
    /// The chart as SVG, 640 x 400 units.
    pub fn svg(&self) -> String {
        let (width, height) = (640.0, 400.0);
        let points = || self.series.iter().flat_map(|s| &s.points).filter(|(x, y)| x.is_finite() && y.is_finite());
        let values = points().map(|p| p.1);
        let y = if self.from_zero { Ticks::from_zero(values, 5) } else { Ticks::cover(values, 5) };
        let mut x = Ticks::cover(points().map(|p| p.0), 8);
        // Epochs start at 1: an empty first step would only push the curves to the right.
        let first = points().map(|p| p.0).fold(f64::INFINITY, f64::min);
        let last = points().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
        let left = Frame::left_margin(&y);
        let mut svg = Svg::new(width, height);
        svg.title(&self.title, 20.0);
        let names: Vec<&str> = self.series.iter().map(|s| s.name.as_str()).collect();
        let top = if names.is_empty() { 48.0 } else { svg.legend(&names, 20.0, 52.0, width - 24.0) + 32.0 };
        let inner = ticks_inside(&mut x, first, last);
        let frame = Frame { left, top, width: width - 28.0 - left, height: height - 56.0 - top, x, y };
        frame.draw_y(&mut svg, &self.y_label);
        svg.rule("axis", (frame.left, frame.bottom()), (frame.right(), frame.bottom()));
        for value in inner {
            let at = frame.px(value);
            svg.rule("axis", (at, frame.bottom()), (at, frame.bottom() + 4.0));
            svg.text(&frame.x.text(value), Text::muted(at, frame.bottom() + 16.0, 12.0).anchor(Anchor::Middle));
        }
        frame.draw_x_label(&mut svg, &self.x_label, 38.0);
        if let Some((at, note)) = &self.mark {
            frame.draw_mark(&mut svg, *at, note);
        }
        for (index, series) in self.series.iter().enumerate() {
            for run in series.points.split(|(x, y)| !x.is_finite() || !y.is_finite()).filter(|run| !run.is_empty()) {
                let run: Vec<(f32, f32)> = run.iter().map(|&(x, y)| (frame.px(x), frame.py(y))).collect();
                match run[..] {
                    [(x, y)] => svg.dot(index, x, y),
                    _ => svg.polyline(index, &run),
                }
            }
        }
        for (index, series) in self.series.iter().enumerate() {
            let marked = self.mark.as_ref().and_then(|(at, _)| series.points.iter().find(|(x, y)| x == at && y.is_finite()));
            if let Some(&(x, y)) = marked {
                svg.dot(index, frame.px(x), frame.py(y));
            }
        }
        svg.finish()
    }
}

/// Narrows the axis to the data, and gives the ticks that still lie inside.
fn ticks_inside(x: &mut Ticks, first: f64, last: f64) -> Vec<f64> {
    let values = x.values();
    if first < last {
        (x.lo, x.hi) = (first, last);
    }
    values.into_iter().filter(|&v| v >= x.lo - 1e-9 && v <= x.hi + 1e-9).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> LineChart {
        LineChart {
            series: vec![Series { name: "validation".into(), points: points.to_vec() }],
            mark: Some((2.0, "best".into())),
            ..LineChart::default()
        }
    }

    #[test]
    fn a_gap_interrupts_the_line() {
        let svg = chart(&[(1.0, 1.0), (2.0, 2.0), (3.0, f64::NAN), (4.0, 1.0), (5.0, 2.0)]).svg();
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn charts_of_no_one_and_equal_points_can_be_drawn() {
        for points in [&[][..], &[(1.0, 0.5)], &[(1.0, 0.5), (2.0, 0.5)], &[(f64::INFINITY, 1.0)]] {
            crate::chart::png(&chart(points).svg(), 0.5).unwrap();
        }
    }

    #[test]
    fn an_axis_begins_at_zero_where_it_is_asked_to() {
        let near = chart(&[(1.0, 60.0), (2.0, 70.0)]);
        let svg = |from_zero: bool| LineChart { from_zero, ..near.clone() }.svg();
        assert!(svg(true).contains(">0<") && !svg(false).contains(">0<"));
    }

    #[test]
    fn the_mark_is_a_dot_on_the_series() {
        assert_eq!(chart(&[(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]).svg().matches("<circle").count(), 1);
        assert_eq!(chart(&[(3.0, 1.0), (4.0, 2.0)]).svg().matches("<circle").count(), 0);
    }
}
