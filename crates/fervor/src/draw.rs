//! Pictures to look at: annotated faces and contact sheets.
//!
//! [`annotate`] draws what was found and what it shows; [`contact_sheet`] sets many pictures with their captions on one sheet.

mod annotate;
mod canvas;
mod colour;
mod layout;
mod panel;
mod sheet;

pub use annotate::{FaceDrawing, annotate};
pub use sheet::{Caption, SheetItem, contact_sheet};

pub(crate) use canvas::shrink_to_fit;
