//! A film's [`Timeline`](fervor::Timeline) as a page that plays it and as a chart.

mod chart;
mod page;

pub use chart::chart;
pub use page::{Page, page};

/// The page's file with the lanes, an ES module: for other pages that draw faces over time.
pub const LANES_SCRIPT: &str = include_str!("../page/lanes.js");

/// How the lanes look; the page that holds them sets the colours.
pub const LANES_STYLE: &str = include_str!("../page/lanes.css");
