//! Turning a picture upright by its EXIF orientation.

use image::metadata::Orientation;

use super::Picture;

/// The orientation that an EXIF block states; none where it says nothing or something unknown.
pub(super) fn from_exif(exif: &[u8]) -> Orientation {
    // Some writers keep the prefix that only belongs into JPEG.
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(tiff).unwrap_or(Orientation::NoTransforms)
}

impl Picture {
    /// The picture as its orientation wants it to be seen.
    pub(super) fn upright(self, orientation: Orientation) -> Self {
        let (width, height) = (self.width as usize, self.height as usize);
        let (last_column, last_row) = (width - 1, (height - 1) * width);
        let (columns, rows, down) = (1, width as isize, -(width as isize));
        // Where the upright picture's first pixel lies, and the way from one to the next, across and down, in pixels.
        let (first, across, along) = match orientation {
            Orientation::NoTransforms => return self,
            Orientation::FlipHorizontal => (last_column, -columns, rows),
            Orientation::Rotate180 => (last_row + last_column, -columns, down),
            Orientation::FlipVertical => (last_row, columns, down),
            Orientation::Rotate90FlipH => (0, rows, columns),
            Orientation::Rotate90 => (last_row, down, columns),
            Orientation::Rotate270FlipH => (last_row + last_column, down, -columns),
            Orientation::Rotate270 => (last_column, rows, -columns),
        };
        let turned = matches!(
            orientation,
            Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
        );
        let (width, height) = if turned { (height, width) } else { (width, height) };
        self.walked(width, height, first, across, along)
    }

    /// A picture whose pixel (x, y) is this one's pixel `first + x * across + y * along`.
    fn walked(&self, width: usize, height: usize, first: usize, across: isize, along: isize) -> Self {
        // Square blocks: whichever way one walks, a block's rows and columns stay in the cache.
        const BLOCK: usize = 64;
        let source = self.rgb.as_chunks::<3>().0;
        let mut rgb = vec![0; self.rgb.len()];
        let target = rgb.as_chunks_mut::<3>().0;
        for top in (0..height).step_by(BLOCK) {
            for left in (0..width).step_by(BLOCK) {
                for y in top..height.min(top + BLOCK) {
                    let mut at = first as isize + y as isize * along + left as isize * across;
                    for pixel in &mut target[y * width + left..y * width + width.min(left + BLOCK)] {
                        *pixel = source[at as usize];
                        at += across;
                    }
                }
            }
        }
        Self { width: width as u32, height: height as u32, rgb }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_eight_orientations_agree_with_the_image_crate() {
        for (width, height) in [(5, 3), (1, 4), (4, 1), (1, 1), (130, 67)] {
            let rgb: Vec<u8> = (0..3 * width * height).map(|i| (i * 7 % 251) as u8).collect();
            let picture = Picture::from_rgb(width, height, rgb.clone()).unwrap();
            let buffer = image::RgbImage::from_raw(width, height, rgb).unwrap();
            for orientation in (1..=8).filter_map(Orientation::from_exif) {
                let mut expected = image::DynamicImage::ImageRgb8(buffer.clone());
                expected.apply_orientation(orientation);
                let upright = picture.clone().upright(orientation);
                assert_eq!((upright.width(), upright.height()), (expected.width(), expected.height()), "{orientation:?}");
                assert!(upright.rgb() == expected.as_bytes(), "{orientation:?} of {width} x {height}");
            }
        }
    }
}
