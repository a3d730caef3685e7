//! How often a model is right when it says that it is sure.

use super::axes::{Frame, Ticks};
use super::svg::{INK, MUTED, Svg, Text, num};

/// One bar of a [`ReliabilityChart`]: the answers whose confidence lies in `from..to`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfidenceBin {
    /// Least confidence, in 0..=1.
    pub from: f64,
    /// Where the next bar begins.
    pub to: f64,
    /// Answers in it.
    pub n: u64,
    /// Their mean confidence; `None` for an empty bar.
    pub confidence: Option<f64>,
    /// The share of them that is right; `None` for an empty bar.
    pub accuracy: Option<f64>,
}

/// A reliability diagram (Guo et al. 2017, figure 1) over a histogram of the confidences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReliabilityChart {
    /// The heading.
    pub title: String,
    /// From low to high confidence.
    pub bins: Vec<ConfidenceBin>,
    /// Expected calibration error, in 0..=1.
    pub ece: f64,
}

impl ReliabilityChart {
    /// The chart as SVG, 480 x 560 units.
    pub fn svg(&self) -> String {
        let mut svg = Svg::new(480.0, 560.0);
        svg.title(&self.title, 20.0);
        svg.legend(&["accuracy (thick line)", "gap to the confidence"], 20.0, 52.0, 460.0);
        let upper = Frame { left: 74.0, top: 76.0, width: 380.0, height: 300.0, x: Ticks::share(), y: Ticks::share() };
        let most = self.bins.iter().map(|bin| bin.n as f64).fold(1.0, f64::max);
        let total = self.bins.iter().map(|bin| bin.n as f64).sum::<f64>().max(1.0);
        let y = Ticks { percent: true, ..Ticks::from_zero([most / total].into_iter(), 2) };
        let lower = Frame { left: 74.0, top: 408.0, width: 380.0, height: 96.0, x: Ticks::share(), y };
        upper.draw_y(&mut svg, "accuracy");
        lower.draw_y(&mut svg, "samples");
        for bin in &self.bins {
            let (x, right) = (upper.px(bin.from) + 1.0, upper.px(bin.to) - 1.0);
            if let (Some(accuracy), Some(confidence)) = (bin.accuracy, bin.confidence) {
                let (high, low) = (upper.py(accuracy.max(confidence)), upper.py(accuracy.min(confidence)));
                svg.bar(0, 0.9, (x, low, right - x, upper.bottom() - low));
                svg.bar(1, 0.5, (x, high, right - x, low - high));
                let top = upper.py(accuracy);
                svg.push(format_args!(
                    r#"<path class="whisker" d="M{} {}H{}" stroke="{INK}" stroke-width="2.4"/>"#,
                    num(x),
                    num(top),
                    num(right)
                ));
            }
            let top = lower.py(bin.n as f64 / total);
            svg.bar(0, 0.55, (x, top, right - x, lower.bottom() - top));
        }
        svg.push(format_args!(
            r#"<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}" stroke="{MUTED}" stroke-width="1.4" stroke-dasharray="5 4"/>"#,
            num(upper.left),
            num(upper.bottom()),
            num(upper.right()),
            num(upper.top)
        ));
        let ece = format!("ECE {:.1} %", self.ece * 100.0);
        svg.text(&ece, Text::ink(upper.left + 14.0, upper.top + 18.0, 15.0).bold());
        svg.text("expected calibration error", Text::muted(upper.left + 14.0, upper.top + 36.0, 11.5));
        svg.rule("axis", (upper.left, upper.bottom()), (upper.right(), upper.bottom()));
        lower.draw_x(&mut svg, "confidence");
        for value in upper.x.values() {
            let x = upper.px(value);
            svg.rule("axis", (x, upper.bottom()), (x, upper.bottom() + 4.0));
        }
        svg.finish()
    }
}
