//! Vector drawings laid over a picture's pixels.

use crate::chart::{parse, rasterise};
use fervor::error::Result;
use fervor::picture::{Filter, Picture};

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Rect {
    pub fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    pub fn right(&self) -> f32 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }

    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// The area that both cover.
    pub fn overlap(&self, other: &Self) -> f32 {
        let width = self.right().min(other.right()) - self.x.max(other.x);
        let height = self.bottom().min(other.bottom()) - self.y.max(other.y);
        width.max(0.0) * height.max(0.0)
    }

    /// The same rectangle with `by` more on each side.
    pub fn grown(&self, by: f32) -> Self {
        Self::new(self.x - by, self.y - by, self.width + 2.0 * by, self.height + 2.0 * by)
    }

    /// Four strips that cover the rectangle's rim `rim` to both sides; one rectangle where it is too small for that.
    pub fn rim(&self, rim: f32) -> Vec<Self> {
        let outer = self.grown(rim);
        let inner_height = outer.height - 4.0 * rim;
        if inner_height <= 0.0 || outer.width <= 4.0 * rim {
            return vec![outer];
        }
        let middle = outer.y + 2.0 * rim;
        vec![
            Self::new(outer.x, outer.y, outer.width, 2.0 * rim),
            Self::new(outer.x, outer.bottom() - 2.0 * rim, outer.width, 2.0 * rim),
            Self::new(outer.x, middle, 2.0 * rim, inner_height),
            Self::new(outer.right() - 2.0 * rim, middle, 2.0 * rim, inner_height),
        ]
    }
}

/// A picture under the brush.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Canvas {
    pub fn of(picture: &Picture) -> Self {
        Self { width: picture.width(), height: picture.height(), rgb: picture.rgb().to_vec() }
    }

    /// A canvas of one colour.
    pub fn blank(width: u32, height: u32, color: [u8; 3]) -> Self {
        Self { width, height, rgb: color.repeat(width as usize * height as usize) }
    }

    /// Copies a picture in; what reaches over the right or the lower edge is cut.
    pub fn place(&mut self, picture: &Picture, x: u32, y: u32) {
        let width = picture.width().min(self.width.saturating_sub(x)) as usize;
        let height = picture.height().min(self.height.saturating_sub(y)) as usize;
        for row in 0..height {
            let from = 3 * row * picture.width() as usize;
            let to = 3 * ((y as usize + row) * self.width as usize + x as usize);
            self.rgb[to..to + 3 * width].copy_from_slice(&picture.rgb()[from..from + 3 * width]);
        }
    }

    /// Lays SVG elements in the canvas' own pixels over it, inside `regions` (which must not overlap) only:
    /// on a picture of 12 million pixels a label costs what the label covers.
    pub fn paint(&mut self, body: &str, regions: &[Rect]) -> Result<()> {
        let (width, height) = (self.width, self.height);
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="Inter">{body}</svg>"#
        );
        let tree = parse(&svg)?;
        for region in regions {
            // `as` saturates: a region outside the canvas becomes empty.
            let (left, top) = (region.x.floor() as u32, region.y.floor() as u32);
            let (right, bottom) = ((region.right().ceil() as u32).min(width), (region.bottom().ceil() as u32).min(height));
            if left >= right || top >= bottom {
                continue;
            }
            let (columns, rows) = (right - left, bottom - top);
            let layer = rasterise(&tree, 1.0, left as f32, top as f32, columns, rows)?;
            for (row, over) in layer.data().chunks_exact(4 * columns as usize).enumerate() {
                let start = 3 * ((top as usize + row) * width as usize + left as usize);
                let under = &mut self.rgb[start..start + 3 * columns as usize];
                for (under, &[r, g, b, a]) in under.as_chunks_mut::<3>().0.iter_mut().zip(over.as_chunks::<4>().0) {
                    if a > 0 {
                        let keep = u32::from(255 - a);
                        for (under, over) in under.iter_mut().zip([r, g, b]) {
                            *under = over.saturating_add(((u32::from(*under) * keep + 127) / 255) as u8);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    pub fn into_picture(self) -> Result<Picture> {
        Picture::from_rgb(self.width, self.height, self.rgb)
    }
}

/// A picture `factor` times as large, smoothly.
pub(super) fn enlarge(picture: &Picture, factor: u32) -> Result<Picture> {
    picture.resized(picture.width().saturating_mul(factor), picture.height().saturating_mul(factor), Filter::Bicubic)
}

/// A picture as large as fits into `width` x `height`, its proportions kept.
pub fn shrink_to_fit(picture: &Picture, width: u32, height: u32) -> Result<Picture> {
    let scale = (f64::from(width) / f64::from(picture.width())).min(f64::from(height) / f64::from(picture.height()));
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let (width, height) = (side(picture.width()), side(picture.height()));
    // Crops of 48 pixels grow on a sheet, photographs shrink.
    picture.resized(width, height, if scale > 1.0 { Filter::Bicubic } else { Filter::Bilinear })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_regions_are_painted() {
        let mut canvas = Canvas::blank(40, 30, [255, 255, 255]);
        let red = r##"<rect width="40" height="30" fill="#ff0000"/>"##;
        canvas.paint(red, &[Rect::new(-5.0, 10.0, 10.0, 5.0), Rect::new(100.0, 100.0, 9.0, 9.0)]).unwrap();
        let picture = canvas.into_picture().unwrap();
        let red = picture.rgb().as_chunks::<3>().0.iter().filter(|&&pixel| pixel == [255, 0, 0]).count();
        assert_eq!(red, 5 * 5);
    }

    #[test]
    fn half_transparent_paint_mixes() {
        let mut canvas = Canvas::blank(2, 2, [0, 0, 200]);
        canvas
            .paint(r##"<rect width="2" height="2" fill="#ff0000" fill-opacity="0.5"/>"##, &[Rect::new(0.0, 0.0, 2.0, 2.0)])
            .unwrap();
        let [r, _, b] = canvas.into_picture().unwrap().rgb().as_chunks::<3>().0[0];
        assert!((126..=129).contains(&r) && (98..=101).contains(&b), "{r} {b}");
    }

    #[test]
    fn pictures_keep_their_proportions() {
        let picture = Picture::from_gray(40, 20, &[7; 800]).unwrap();
        let shrunk = shrink_to_fit(&picture, 10, 10).unwrap();
        assert_eq!((shrunk.width(), shrunk.height()), (10, 5));
        let grown = enlarge(&picture, 3).unwrap();
        assert_eq!((grown.width(), grown.height(), grown.rgb()[5]), (120, 60, 7));
    }

    #[test]
    fn a_rim_covers_the_edge_and_not_the_middle() {
        let strips = Rect::new(100.0, 100.0, 200.0, 100.0).rim(4.0);
        assert_eq!(strips.len(), 4);
        let middle = Rect::new(110.0, 110.0, 180.0, 80.0);
        assert!(strips.iter().all(|strip| strip.overlap(&middle) == 0.0));
        assert_eq!(Rect::new(0.0, 0.0, 8.0, 8.0).rim(4.0).len(), 1);
    }
}
