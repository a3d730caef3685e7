//! Confusion matrices as heat maps.

use super::axes::thousands;
use super::svg::{Anchor, MUTED, PALETTE, Svg, Text, num};
use super::text::{fit, text_width};

/// A confusion matrix: rows are the truth, columns what was predicted. Hits are blue, mistakes orange; the deeper, the larger their share of the row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfusionChart {
    /// The heading.
    pub title: String,
    /// The classes, in the order of `counts`.
    pub labels: Vec<String>,
    /// labels x labels.
    pub counts: Vec<Vec<u64>>,
    /// Writes each cell's share of its row in per cent instead of its count.
    pub normalised: bool,
}

const CELL: f32 = 58.0;
/// Above this share the colour is deep enough for white text.
const DEEP: f32 = 0.58;

impl ConfusionChart {
    /// The chart as SVG; its size follows from the number of classes.
    pub fn svg(&self) -> String {
        let n = self.labels.len();
        let names: Vec<String> = self.labels.iter().map(|label| fit(label, 12.5, false, 130.0)).collect();
        let widest = names.iter().map(|name| text_width(name, 12.5, false)).fold(0.0, f32::max);
        let (left, top) = ((widest + 52.0).ceil(), 96.0);
        let side = CELL * n as f32;
        // Long names stand askew above their columns, and lean over the right edge.
        let askew = widest > CELL - 8.0;
        let slope = if askew { widest * 0.72 } else { 0.0 };
        let top = top + (slope - 8.0).max(0.0);
        let mut svg = Svg::new((left + side + 84.0).max(300.0), top + side + 28.0);
        svg.title(&self.title, 20.0);
        svg.text("predicted", Text::muted(left + side / 2.0, 54.0, 12.5).anchor(Anchor::Middle));
        svg.text_turned("truth", Text::muted(18.0, top + side / 2.0, 12.5).anchor(Anchor::Middle), -90.0);
        svg.text("samples", Text::muted(left + side + 66.0, top - 16.0, 12.5).anchor(Anchor::End));
        for (index, name) in names.iter().enumerate() {
            let middle = (index as f32 + 0.5) * CELL;
            svg.text(name, Text::ink(left - 10.0, top + middle, 12.5).anchor(Anchor::End));
            if askew {
                svg.text_turned(name, Text::ink(left + middle - 6.0, top - 12.0, 12.5), -45.0);
            } else {
                svg.text(name, Text::ink(left + middle, top - 16.0, 12.5).anchor(Anchor::Middle));
            }
        }
        for (truth, row) in self.counts.iter().enumerate().take(n) {
            let total: u64 = row.iter().sum();
            let y = top + truth as f32 * CELL;
            for (predicted, &count) in row.iter().enumerate().take(n) {
                let share = if total > 0 { count as f32 / total as f32 } else { 0.0 };
                self.cell(&mut svg, (left + predicted as f32 * CELL, y), truth == predicted, count, total, share);
            }
            svg.text(&thousands(total as i64), Text::muted(left + side + 66.0, y + CELL / 2.0, 12.5).anchor(Anchor::End));
        }
        svg.push(format_args!(
            r#"<rect class="axis" x="{}" y="{}" width="{2}" height="{2}" fill="none" stroke="{MUTED}" stroke-opacity="0.5"/>"#,
            num(left),
            num(top),
            num(side)
        ));
        svg.finish()
    }

    fn cell(&self, svg: &mut Svg, (x, y): (f32, f32), hit: bool, count: u64, total: u64, share: f32) {
        let series = usize::from(!hit);
        // A square root would shout about rare mistakes; a floor keeps a single one visible.
        let depth = if count > 0 { share.max(0.03) } else { 0.0 };
        svg.push(format_args!(
            r#"<rect class="cell{series}" x="{}" y="{}" width="{2}" height="{2}" fill="{3}" fill-opacity="{4}"/>"#,
            num(x + 0.75),
            num(y + 0.75),
            num(CELL - 1.5),
            PALETTE[series],
            num(depth)
        ));
        let text = if !self.normalised {
            thousands(count as i64)
        } else if total == 0 {
            "–".to_owned()
        } else {
            percent_short(share)
        };
        let at = Text::ink(x + CELL / 2.0, y + CELL / 2.0, if text.len() > 6 { 11.5 } else { 13.5 }).anchor(Anchor::Middle);
        let at = if share > DEEP {
            Text { class: "on-fill", fill: "#ffffff", ..at }
        } else if count == 0 {
            Text { class: "muted", fill: MUTED, ..at }
        } else {
            at
        };
        svg.text(&text, if hit { at.bold() } else { at });
    }
}

/// "87 %", and "0.4 %" where rounding would hide that there is something.
fn percent_short(share: f32) -> String {
    if share > 0.0 && share < 0.0095 { format!("{:.1} %", share * 100.0) } else { format!("{:.0} %", share * 100.0) }
}
