//! Text in drawings: made safe for XML, measured with the embedded fonts, cut to its room.

pub use fervor::xml::escape;

use super::raster::parse;

/// How wide a line of text is, in the units of `size`.
pub(crate) fn text_width(text: &str, size: f32, bold: bool) -> f32 {
    if text.trim().is_empty() {
        return text.chars().count() as f32 * 0.28 * size;
    }
    let weight = if bold { 600 } else { 400 };
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text xml:space="preserve" font-size="{size}" font-weight="{weight}">{}</text></svg>"#,
        escape(text)
    );
    // Text without one glyph in the fonts has no size; half an em a letter is as good as any guess.
    match parse(&svg) {
        Ok(tree) if tree.root().has_children() => tree.root().abs_bounding_box().width(),
        _ => text.chars().count() as f32 * 0.5 * size,
    }
}

/// Shortens a text to at most `width`, ending in an ellipsis.
pub(crate) fn fit(text: &str, size: f32, bold: bool, width: f32) -> String {
    if text_width(text, size, bold) <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    // By halving: measuring lays the text out each time.
    let (mut fits, mut over) = (0, letters.len());
    let cut = |n: usize| format!("{}…", letters[..n].iter().collect::<String>().trim_end());
    while over - fits > 1 {
        let middle = (fits + over) / 2;
        if text_width(&cut(middle), size, bold) <= width { fits = middle } else { over = middle }
    }
    cut(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_text_is_wider() {
        assert!(text_width("mmm", 10.0, false) > text_width("iii", 10.0, false));
        assert!(text_width("surprise", 10.0, true) > text_width("surprise", 10.0, false));
        let size = text_width("neutral", 20.0, false) / text_width("neutral", 10.0, false);
        assert!((size - 2.0).abs() < 0.05, "{size}");
    }

    #[test]
    fn text_that_xml_forbids_is_no_error() {
        assert!(text_width("a\u{0}<&>\"\u{1b}", 10.0, false) > 0.0);
        assert!(text_width("\u{1}", 10.0, false) >= 0.0);
    }

    #[test]
    fn text_is_cut_to_its_room() {
        assert_eq!(fit("short", 12.0, false, 100.0), "short");
        let cut = fit("a rather long file name.png", 12.0, false, 60.0);
        assert!(cut.ends_with('…') && text_width(&cut, 12.0, false) <= 60.0, "{cut}");
        assert_eq!(fit("anything", 12.0, false, 0.0), "…");
    }
}
