//! Pictures to look at: annotated faces, contact sheets, charts.
//!
//! [`annotate`] draws what was found and what it shows; [`contact_sheet`] sets many pictures with their captions on one sheet;
//! [`chart`] makes SVG, and pictures of it with an embedded font; [`timeline`] shows a film's faces over time, as a page and as a
//! chart.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod annotate;
mod canvas;
pub mod chart;
mod color;
mod face;
mod layout;
mod panel;
mod sheet;
pub mod timeline;

pub use annotate::{annotate, annotate_frame};
pub use canvas::shrink_to_fit;
pub use face::FaceDrawing;
pub use sheet::{Caption, SheetItem, contact_sheet};
