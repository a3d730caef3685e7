//! Pictures that come as video codecs store them: luma and half-size chroma. Their RGB is computed once somebody asks for it, of
//! the part that is asked for.

use fervor_simd::Simd;
use fervor_simd::yuv::{BITS, Factors, pixel, row};
use std::ops::Range;
use std::sync::OnceLock;

use super::orient::Way;
use super::{Picture, kept};
use crate::error::{Error, Reason, Result};

/// How luma and chroma encode colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YuvColor {
    /// The matrix as ITU-T H.273 numbers them: 1 for BT.709, 5 and 6 for BT.601, 9 for BT.2020. Every other number, as 2 where
    /// nothing is said, is taken for BT.601.
    pub matrix: u8,
    /// Whether luma uses all of 0..=255, not 16..=235.
    pub full: bool,
}

impl YuvColor {
    /// BT.601 and limited range: what is taken where nothing is said.
    pub const UNSAID: Self = Self { matrix: 2, full: false };

    /// What luma and chroma are multiplied with.
    fn factors(self) -> Factors {
        // The shares of red and blue in luma: ITU-T H.273, table 4.
        let (red, blue) = match self.matrix {
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 | 10 => (0.2627, 0.0593),
            _ => (0.299, 0.114),
        };
        let green = 1.0 - red - blue;
        let (black, luma, chroma) = if self.full { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |value: f64| (value * f64::from(1 << BITS)).round() as i32;
        Factors {
            black,
            luma: fixed(luma),
            red_v: fixed(2.0 * (1.0 - red) * chroma),
            green_u: fixed(-2.0 * (1.0 - blue) * blue / green * chroma),
            green_v: fixed(-2.0 * (1.0 - red) * red / green * chroma),
            blue_u: fixed(2.0 * (1.0 - blue) * chroma),
        }
    }
}

/// Luma, and chroma of half its sides, rounded up; rows without gaps.
#[derive(Clone)]
pub(super) struct Planes {
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
    factors: Factors,
}

impl Picture {
    /// A picture from luma and chroma as video codecs and cameras give them (4:2:0, 8 bits): `planes` are Y, U and V, rows without
    /// gaps; the sides of U and V are half of Y's, rounded up.
    ///
    /// Each chroma value colours its four pixels. RGB is computed once it is asked for, and only of the faces where nothing else
    /// is: that is a good part of the work on a film.
    ///
    /// ```
    /// use fervor::Picture;
    /// use fervor::picture::YuvColor;
    ///
    /// let bt709 = YuvColor { matrix: 1, full: false };
    /// let red = Picture::from_yuv420(2, 2, [vec![63; 4], vec![102], vec![240]], bt709)?;
    /// assert_eq!(red.rgb()[..3], [255, 1, 0]);
    /// # Ok::<(), fervor::Error>(())
    /// ```
    ///
    /// # Errors
    /// A zero side, or a plane that is too short.
    pub fn from_yuv420(width: u32, height: u32, planes: [Vec<u8>; 3], color: YuvColor) -> Result<Self> {
        let [y, u, v] = planes;
        let (pixels, quarter) = (area(width, height), area(width.div_ceil(2), height.div_ceil(2)));
        if pixels == 0 || (y.len() as u64) < pixels || (u.len().min(v.len()) as u64) < quarter {
            let lengths = format!("{}, {} and {}", y.len(), u.len(), v.len());
            return Err(Error::input(format!("planes of {lengths} bytes are not a picture of {width} x {height} pixels"))
                .because(Reason::Mismatch));
        }
        let planes = Planes { y, u, v, factors: color.factors() };
        Ok(Self { width, height, rgb: OnceLock::new(), planes: Some(planes) })
    }
}

fn area(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

impl Planes {
    /// The RGB of these columns and rows of a picture of this width.
    pub(super) fn rgb(&self, width: usize, columns: Range<usize>, rows: Range<usize>) -> Vec<u8> {
        let (simd, half) = (Simd::best(), width.div_ceil(2));
        // Pairs of pixels share their chroma: a right one that comes first is computed by itself.
        let alone = columns.start % 2 * usize::from(!columns.is_empty());
        let pairs = columns.start + alone..columns.end;
        let chroma = pairs.start / 2..pairs.end.div_ceil(2);
        let mut rgb = kept::zeros(3 * columns.len() * rows.len());
        for (number, out) in rows.zip(rgb.chunks_exact_mut(3 * columns.len().max(1))) {
            let (first, out) = out.split_at_mut(3 * alone);
            if alone == 1 {
                first.copy_from_slice(&self.pixel(width, columns.start, number));
            }
            let y = &self.y[number * width..][pairs.clone()];
            let [u, v] = [&self.u, &self.v].map(|plane| &plane[number / 2 * half..][chroma.clone()]);
            row(simd, &self.factors, y, u, v, out);
        }
        rgb
    }

    /// The RGB of one pixel.
    pub(super) fn pixel(&self, width: usize, x: usize, y: usize) -> [u8; 3] {
        let chroma = y / 2 * width.div_ceil(2) + x / 2;
        pixel(&self.factors, self.y[y * width + x], self.u[chroma], self.v[chroma])
    }

    /// The planes of a picture that is walked in this way; none where pixels would not share their chroma as they do now.
    pub(super) fn walked(&self, width: usize, height: usize, way: impl Fn(usize, usize) -> Way) -> Option<Self> {
        let even = width.is_multiple_of(2) && height.is_multiple_of(2);
        even.then(|| {
            let [all, half] = [way(width, height), way(width / 2, height / 2)];
            let [u, v] = [&self.u, &self.v].map(|plane| half.through(plane));
            Self { y: all.through(&self.y), u, v, factors: self.factors }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Filter, Frame};

    fn rgb(color: YuvColor, y: u8, u: u8, v: u8) -> [u8; 3] {
        Picture::from_yuv420(1, 1, [vec![y], vec![u], vec![v]], color).unwrap().rgb().try_into().unwrap()
    }

    /// A picture whose every part looks different, as planes and as RGB.
    fn both(width: u32, height: u32) -> [Picture; 2] {
        let plane = |width: u32, height: u32, step: u32| {
            (0..width * height).map(|i| (60 + i % width * step % 120 + i / width * 3 % 70) as u8).collect::<Vec<u8>>()
        };
        let [half_width, half_height] = [width.div_ceil(2), height.div_ceil(2)];
        let planes = [plane(width, height, 3), plane(half_width, half_height, 5), plane(half_width, half_height, 2)];
        let planes = Picture::from_yuv420(width, height, planes, YuvColor::UNSAID).unwrap();
        let rgb = Picture::from_rgb(width, height, planes.clone().into_rgb()).unwrap();
        assert!(planes.rgb.get().is_none());
        [planes, rgb]
    }

    #[test]
    fn black_white_and_the_primaries_come_out_right() {
        let limited = |matrix| YuvColor { matrix, full: false };
        for color in [limited(1), limited(2), limited(6), limited(9)] {
            assert_eq!(rgb(color, 16, 128, 128), [0; 3]);
            assert_eq!(rgb(color, 235, 128, 128), [255; 3]);
            assert_eq!(rgb(color, 126, 128, 128), [128; 3]);
        }
        let full = YuvColor { matrix: 6, full: true };
        assert_eq!((rgb(full, 0, 128, 128), rgb(full, 255, 128, 128), rgb(full, 99, 128, 128)), ([0; 3], [255; 3], [99; 3]));
        // Red as BT.601 and BT.709 encode it, in studio range.
        assert_eq!(rgb(limited(6), 81, 90, 240), [254, 0, 0]);
        assert_eq!(rgb(limited(1), 63, 102, 240), [255, 1, 0]);
    }

    #[test]
    fn odd_sides_have_their_last_column_and_row_and_planes_that_are_too_short_are_refused() {
        let planes = |chroma: usize| [vec![235; 9], vec![128; chroma], vec![128; chroma]];
        assert_eq!(Picture::from_yuv420(3, 3, planes(4), YuvColor::UNSAID).unwrap().rgb(), [255; 27]);
        assert!(Picture::from_yuv420(3, 3, planes(3), YuvColor::UNSAID).is_err());
        assert!(Picture::from_yuv420(0, 3, planes(4), YuvColor::UNSAID).is_err());
        assert!(Picture::from_yuv420(u32::MAX, u32::MAX, planes(4), YuvColor::UNSAID).is_err());
    }

    #[test]
    fn a_part_is_drawn_as_of_the_whole_and_without_the_rest() {
        for (width, height) in [(640, 360), (331, 251)] {
            let [planes, rgb] = both(width, height);
            let frames =
                [(100.0, 50.0, 60.0, 70.0), (99.5, 51.25, 33.0, 40.5), (-20.0, -9.5, 80.0, 60.0), (300.5, 220.0, 64.0, 64.0)];
            for (x, y, wide, high) in frames {
                for side in [48, 96] {
                    for filter in [Filter::Bilinear, Filter::Bicubic] {
                        let frame = Frame { x, y, width: wide, height: high };
                        let drawn = planes.sampled(frame, side, side, filter);
                        assert!(drawn == rgb.sampled(frame, side, side, filter), "{frame:?} of {width} x {height} at {side}");
                    }
                }
            }
            assert_eq!(planes.pixel(101, 77), rgb.pixel(101, 77));
            for (x, y, wide, high) in [(33, 20, 41, 30), (32, 21, 41, 3), (1, 0, 1, 1), (0, 0, width, height)] {
                assert_eq!(planes.cropped(x, y, wide, high).unwrap(), rgb.cropped(x, y, wide, high).unwrap());
            }
            assert!(planes.rgb.get().is_none(), "the whole was converted for its parts");
            assert_eq!(planes, rgb);
        }
    }

    #[test]
    fn planes_are_turned_as_pixels_are() {
        for (width, height) in [(6, 4), (5, 4), (130, 66)] {
            for turns in 0..4 {
                let [planes, rgb] = both(width, height);
                assert_eq!(planes.turned(turns), rgb.turned(turns), "{turns} quarters of {width} x {height}");
            }
        }
    }
}
