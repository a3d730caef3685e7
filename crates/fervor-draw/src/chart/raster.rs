//! SVG text to pixels, with the embedded fonts and nothing of the machine's own: the same picture everywhere.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use fervor::error::{Error, Reason, Result};
use fervor::picture::Picture;

/// Inter Regular, Latin (SIL Open Font License 1.1, `assets/Inter-LICENSE.txt`).
pub const INTER_REGULAR: &[u8] = include_bytes!("../../assets/Inter-Regular.otf");
/// Inter SemiBold, Latin.
pub const INTER_SEMIBOLD: &[u8] = include_bytes!("../../assets/Inter-SemiBold.otf");
/// How SVG names the embedded fonts.
pub(crate) const FAMILY: &str = "Inter";

/// What a rasterised chart may have at most: 64 million pixels, 256 MB.
const MAX_PIXELS: f64 = 64e6;

fn options() -> Options<'static> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        for font in [INTER_REGULAR, INTER_SEMIBOLD] {
            fonts.load_font_source(fontdb::Source::Binary(Arc::new(font)));
        }
        // Any family that is asked for ends here: there is no other font.
        fonts.set_serif_family(FAMILY);
        fonts.set_sans_serif_family(FAMILY);
        Arc::new(fonts)
    });
    Options { font_family: FAMILY.to_owned(), fontdb: Arc::clone(fonts), ..Options::default() }
}

/// Reads SVG text; an SVG of ours is always well formed, so an error is about text that came from outside.
pub(crate) fn parse(svg: &str) -> Result<Tree> {
    Tree::from_str(svg, &options())
        .map_err(|e| Error::input("the drawing is not valid SVG").because(Reason::Damaged).with_source(e))
}

/// Draws `width` x `height` pixels of a drawing, from (`x`, `y`) of it in pixels, each unit of the SVG being `scale` pixels.
///
/// The pixels are premultiplied RGBA.
pub(crate) fn rasterise(tree: &Tree, scale: f32, x: f32, y: f32, width: u32, height: u32) -> Result<Pixmap> {
    let mut pixmap =
        Pixmap::new(width, height).ok_or_else(|| Error::input(format!("a drawing cannot have {width} x {height} pixels")))?;
    let transform = Transform::from_scale(scale, scale).post_translate(-x, -y);
    resvg::render(tree, transform, &mut pixmap.as_mut());
    Ok(pixmap)
}

/// Rasterises an SVG; each of its units becomes `scale` pixels. What is transparent becomes white.
///
/// # Errors
/// [`Input`](fervor::ErrorKind::Input): not valid SVG, or a scale that makes it empty or larger than 64 million pixels.
pub fn picture(svg: &str, scale: f32) -> Result<Picture> {
    let tree = parse(svg)?;
    let (width, height) = ((tree.size().width() * scale).ceil(), (tree.size().height() * scale).ceil());
    if !(width >= 1.0 && height >= 1.0 && f64::from(width) * f64::from(height) <= MAX_PIXELS) {
        return Err(Error::input(format!("a drawing of {} units cannot be drawn at scale {scale}", tree.size().width())));
    }
    let pixmap = rasterise(&tree, scale, 0.0, 0.0, width as u32, height as u32)?;
    let rgb = pixmap.data().as_chunks::<4>().0.iter().flat_map(|&[r, g, b, a]| [r, g, b].map(|v| v + (255 - a))).collect();
    Picture::from_rgb(width as u32, height as u32, rgb)
}

/// Rasterises an SVG to a PNG file's bytes; each of its units becomes `scale` pixels (2 suits a screen, 4 a print).
///
/// # Errors
/// As [`picture`].
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>> {
    picture(svg, scale)?.encode_png()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_the_size_it_was_asked_for() {
        let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="4"><rect width="5" height="4" fill="#ff0000"/></svg>"##;
        let picture = picture(svg, 2.0).unwrap();
        assert_eq!((picture.width(), picture.height()), (20, 8));
        assert_eq!(picture.rgb()[..3], [255, 0, 0]);
        assert_eq!(picture.rgb()[57..60], [255, 255, 255]);
        assert!(super::picture(svg, 0.0).is_err());
        assert!(super::picture("<svg", 1.0).is_err());
    }
}
