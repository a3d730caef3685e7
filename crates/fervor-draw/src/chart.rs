//! Charts as SVG text, made by pure functions, and rasterised with an embedded font.
//!
//! ```
//! use fervor_draw::chart::{self, LineChart, Series};
//!
//! let chart = LineChart {
//!     title: "Accuracy".into(),
//!     x_label: "epoch".into(),
//!     series: vec![Series { name: "validation".into(), points: vec![(1.0, 0.31), (2.0, 0.44)] }],
//!     ..LineChart::default()
//! };
//! let file: Vec<u8> = chart::png(&chart.svg(), 2.0)?;
//! # Ok::<(), fervor::Error>(())
//! ```

mod axes;
mod bars;
mod heatmap;
mod line;
mod raster;
mod reliability;
pub(crate) mod svg;
pub(crate) mod text;

pub use bars::{BarChart, BarSeries, Histogram};
pub use heatmap::ConfusionChart;
pub use line::{LineChart, Series};
pub use raster::{picture, png};
pub use reliability::{ConfidenceBin, ReliabilityChart};

pub use axes::thousands;
pub use raster::{INTER_REGULAR, INTER_SEMIBOLD};
pub use text::escape;

pub(crate) use raster::{parse, rasterise};

/// Puts charts of this module side by side in one SVG, aligned at the top.
pub fn beside(charts: &[String]) -> String {
    let (mut x, mut height) = (0.0f32, 0.0f32);
    let mut body = String::new();
    for chart in charts {
        let size = |name: &str| attribute(chart, name).unwrap_or(0.0);
        body.push_str(&format!("<g transform=\"translate({} 0)\">{chart}</g>\n", svg::num(x)));
        x += size("width");
        height = height.max(size("height"));
    }
    let (width, height) = (svg::num(x), svg::num(height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n{body}</svg>\n"
    )
}

/// A number among the attributes of an SVG's first tag.
fn attribute(svg: &str, name: &str) -> Option<f32> {
    let tag = &svg[..svg.find('>')?];
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()?.parse().ok()
}
