//! Many pictures with their captions on one sheet.

use super::canvas::{Canvas, Rect, shrink_to_fit};
use crate::chart::svg::{Anchor, Text, num};
use crate::chart::text::{escape, fit};
use fervor::error::{Error, Reason, Result};
use fervor::picture::Picture;

/// One line below a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caption {
    /// What is written.
    pub text: String,
    /// Dark and semi-bold; otherwise it stands back.
    pub strong: bool,
}

/// A picture and the lines below it.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetItem {
    /// Of any size: it is fitted into its cell.
    pub picture: Picture,
    /// From top to bottom.
    pub caption: Vec<Caption>,
}

const CELL: u32 = 168;
const GAP: u32 = 20;
const LINE: f32 = 17.0;
const SIZE: f32 = 12.5;

/// Sets pictures in `columns` on a white sheet with a title, each fitted into a square with its caption below; text that does not fit is shortened.
///
/// # Errors
/// No pictures, or no columns.
pub fn contact_sheet(title: &str, items: &[SheetItem], columns: usize) -> Result<Picture> {
    if items.is_empty() || columns == 0 {
        return Err(Error::input(format!("a contact sheet cannot have {} pictures in {columns} columns", items.len()))
            .because(Reason::Empty));
    }
    let columns = columns.min(items.len());
    let lines = items.iter().map(|item| item.caption.len()).max().unwrap_or(0);
    let cell_height = CELL + 10 + (lines as f32 * LINE).ceil() as u32;
    let head = if title.is_empty() { GAP } else { 64 };
    let width = GAP + columns as u32 * (CELL + GAP);
    let height = head + items.len().div_ceil(columns) as u32 * (cell_height + GAP);
    let mut canvas = Canvas::blank(width, height, [255; 3]);
    let mut body = String::new();
    if !title.is_empty() {
        let title = fit(title, 18.0, true, (width - 2 * GAP) as f32);
        body += &line(&title, &Text::ink(GAP as f32, 34.0, 18.0).bold());
    }
    for (index, item) in items.iter().enumerate() {
        let (column, row) = ((index % columns) as u32, (index / columns) as u32);
        let (x, y) = (GAP + column * (CELL + GAP), head + row * (cell_height + GAP));
        let picture = shrink_to_fit(&item.picture, CELL, CELL)?;
        canvas.place(&picture, x + (CELL - picture.width()) / 2, y + (CELL - picture.height()) / 2);
        body += &format!(
            r##"<rect x="{x}.5" y="{y}.5" width="{0}" height="{0}" fill="none" stroke="#17212e" stroke-opacity="0.15"/>"##,
            CELL - 1
        );
        for (number, caption) in item.caption.iter().enumerate() {
            let at = (x as f32, y as f32 + CELL as f32 + 14.0 + number as f32 * LINE);
            let style = if caption.strong { Text::ink(at.0, at.1, SIZE).bold() } else { Text::muted(at.0, at.1, SIZE) };
            body += &line(&fit(&caption.text, SIZE, caption.strong, CELL as f32), &style);
        }
    }
    canvas.paint(&body, &[Rect::new(0.0, 0.0, width as f32, height as f32)])?;
    canvas.into_picture()
}

fn line(text: &str, at: &Text) -> String {
    debug_assert!(at.anchor == Anchor::Start, "captions start at the left");
    let weight = if at.bold { 600 } else { 400 };
    let baseline = num(at.y + 0.364 * at.size);
    format!(
        r#"<text x="{}" y="{baseline}" font-size="{}" font-weight="{weight}" fill="{}">{}</text>"#,
        num(at.x),
        num(at.size),
        at.fill,
        escape(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(side: u32) -> SheetItem {
        let picture = Picture::from_gray(side, side, &vec![90; (side * side) as usize]).unwrap();
        SheetItem { picture, caption: vec![Caption { text: "a very long caption that goes on".into(), strong: true }] }
    }

    #[test]
    fn a_sheet_has_a_cell_for_each_picture() {
        let sheet = contact_sheet("", &[item(48), item(300), item(1)], 2).unwrap();
        assert_eq!(sheet.width(), GAP + 2 * (CELL + GAP));
        assert_eq!(sheet.height(), GAP + 2 * (CELL + 10 + 17 + GAP));
        let centre = 3 * (((GAP + CELL / 2) * sheet.width()) + GAP + CELL / 2) as usize;
        assert_eq!(sheet.rgb()[centre], 90);
    }

    #[test]
    fn a_sheet_of_nothing_is_refused() {
        assert!(contact_sheet("none", &[], 3).is_err());
        assert!(contact_sheet("none", &[item(4)], 0).is_err());
    }
}
