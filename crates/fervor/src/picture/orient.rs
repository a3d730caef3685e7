//! Turning a picture upright by its EXIF orientation.

use std::sync::OnceLock;

use image::metadata::Orientation;

use super::{Picture, kept};

/// The orientation that an EXIF block states; none where it says nothing or something unknown.
pub(super) fn from_exif(exif: &[u8]) -> Orientation {
    // Some writers keep the prefix that only belongs into JPEG.
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(tiff).or_else(|| from_long(tiff)).unwrap_or(Orientation::NoTransforms)
}

/// The orientation in an EXIF block that stores it as a LONG or as a BYTE instead of the SHORT that the standard asks for.
fn from_long(tiff: &[u8]) -> Option<Orientation> {
    const ORIENTATION: u16 = 0x0112;
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |bytes: &[u8]| bytes.first_chunk().map(|b| if little { u16::from_le_bytes(*b) } else { u16::from_be_bytes(*b) });
    let long = |bytes: &[u8]| bytes.first_chunk().map(|b| if little { u32::from_le_bytes(*b) } else { u32::from_be_bytes(*b) });
    let directory = tiff.get(usize::try_from(long(tiff.get(4..)?)?).ok()?..)?;
    let count = usize::from(short(directory)?);
    // Twelve bytes an entry: tag, type, count, value.
    let entry = directory[2..].as_chunks::<12>().0.iter().take(count).find(|entry| short(&entry[..]) == Some(ORIENTATION))?;
    let value = match short(&entry[2..])? {
        1 => u32::from(entry[8]),
        4 => long(&entry[8..])?,
        _ => return None,
    };
    Orientation::from_exif(u8::try_from(value).ok()?)
}

impl Picture {
    /// The picture as its orientation wants it to be seen.
    pub(super) fn upright(self, orientation: Orientation) -> Self {
        if orientation == Orientation::NoTransforms { self } else { self.oriented(orientation) }
    }

    /// A copy, turned clockwise by so many quarters.
    #[must_use]
    pub fn turned(&self, quarters: u8) -> Self {
        self.oriented(match quarters % 4 {
            0 => Orientation::NoTransforms,
            1 => Orientation::Rotate90,
            2 => Orientation::Rotate180,
            _ => Orientation::Rotate270,
        })
    }

    fn oriented(&self, orientation: Orientation) -> Self {
        let way = |width, height| Way::of(orientation, width, height);
        let (width, height) = (self.width as usize, self.height as usize);
        let all = way(width, height);
        let (across, down) = (all.width as u32, all.height as u32);
        match self.unconverted().and_then(|planes| planes.walked(width, height, way)) {
            Some(planes) => Self { width: across, height: down, rgb: OnceLock::new(), planes: Some(planes) },
            None => {
                let mut rgb = kept::zeros(self.rgb().len());
                all.walk(self.rgb().as_chunks::<3>().0, rgb.as_chunks_mut::<3>().0);
                Self::of(across, down, rgb)
            }
        }
    }
}

/// Where the pixels of an upright picture lie in one that is not.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// The upright picture's sides.
    width: usize,
    height: usize,
    /// Where its first pixel lies, and the way from one to the next, across and down, in pixels.
    first: usize,
    across: isize,
    along: isize,
}

impl Way {
    /// Through a picture of these sides.
    fn of(orientation: Orientation, width: usize, height: usize) -> Self {
        let (last_column, last_row) = (width - 1, (height - 1) * width);
        let (columns, rows, down) = (1, width as isize, -(width as isize));
        let (first, across, along) = match orientation {
            Orientation::NoTransforms => (0, columns, rows),
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
        Self { width, height, first, across, along }
    }

    /// The values in the order of the upright picture.
    pub(super) fn through<T: Copy + Default>(&self, source: &[T]) -> Vec<T> {
        let mut target = vec![T::default(); self.width * self.height];
        self.walk(source, &mut target);
        target
    }

    /// Writes the values in the order of the upright picture, of which there are as many.
    fn walk<T: Copy>(&self, source: &[T], target: &mut [T]) {
        // Square blocks: whichever way one walks, a block's rows and columns stay in the cache.
        const BLOCK: usize = 64;
        let Self { width, height, first, across, along } = *self;
        for top in (0..height).step_by(BLOCK) {
            for left in (0..width).step_by(BLOCK) {
                for y in top..height.min(top + BLOCK) {
                    let mut at = first as isize + y as isize * along + left as isize * across;
                    for value in &mut target[y * width + left..y * width + width.min(left + BLOCK)] {
                        *value = source[at as usize];
                        at += across;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orientation_of_another_width_turns_the_picture_too() {
        let entry = |little: bool, kind: u16, value: [u8; 4]| {
            let short = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
            let long = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
            let start: &[u8] = if little { b"II*\0" } else { b"MM\0*" };
            [start, &long(8), &short(1), &short(0x0112), &short(kind), &long(1), &value].concat()
        };
        for (block, what) in [
            (entry(true, 4, [6, 0, 0, 0]), "little-endian long"),
            (entry(false, 4, [0, 0, 0, 6]), "big-endian long"),
            (entry(false, 1, [6, 0, 0, 0]), "byte"),
            (entry(true, 3, [6, 0, 0, 0]), "short"),
        ] {
            assert_eq!(from_exif(&block), Orientation::Rotate90, "{what}");
            for end in 0..block.len() {
                from_exif(&block[..end]);
            }
        }
        assert_eq!(from_exif(&entry(true, 4, [0xFF; 4])), Orientation::NoTransforms);
    }

    #[test]
    fn four_quarter_turns_are_none() {
        let picture = Picture::from_gray(3, 2, &[1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(picture.turned(1).rgb().iter().step_by(3).copied().collect::<Vec<_>>(), [4, 1, 5, 2, 6, 3]);
        assert_eq!(picture.turned(1).turned(1), picture.turned(2));
        assert_eq!(picture.turned(3).turned(1), picture);
        assert_eq!(picture.turned(0), picture);
    }

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
