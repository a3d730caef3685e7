//! Pictures as codecs store them, luma and half-size chroma, become RGB.

use fervor::{Error, Picture, Reason, Result};
use fervor_simd::Simd;
use fervor_simd::yuv::{BITS, Factors, row};

/// How luma and chroma encode colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour {
    /// The matrix as ITU-T H.273 numbers them: 1 for BT.709, 5 and 6 for BT.601, 9 for BT.2020; 2 where nothing is said.
    pub matrix: u8,
    /// Whether values use all of 0..=255, not 16..=235.
    pub full: bool,
}

impl Colour {
    /// Nothing said: BT.601 and limited range, as ffmpeg takes it.
    pub const UNSAID: Self = Self { matrix: 2, full: false };
}

/// One decoded picture, 4:2:0, 8 bits, its planes tightly packed; chroma sides are half of luma's, rounded up.
#[derive(Clone, Debug)]
pub(crate) struct Yuv {
    pub width: usize,
    pub height: usize,
    pub y: Vec<u8>,
    pub u: Vec<u8>,
    pub v: Vec<u8>,
    pub colour: Colour,
}

/// What luma and chroma are multiplied with.
fn factors(Colour { matrix, full }: Colour) -> Factors {
    // The shares of red and blue in luma: ITU-T H.273, table 4.
    let (red, blue) = match matrix {
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        7 => (0.212, 0.087),
        9 | 10 => (0.2627, 0.0593),
        _ => (0.299, 0.114),
    };
    let green = 1.0 - red - blue;
    let (black, luma, chroma) = if full { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
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

impl Yuv {
    /// The picture in RGB. Each chroma value colours its four pixels, as ffmpeg's quick conversion does it: no blur between.
    pub fn to_picture(&self) -> Result<Picture> {
        let (width, height) = (self.width, self.height);
        let half = width.div_ceil(2);
        if width == 0
            || height == 0
            || self.y.len() < width * height
            || self.u.len().min(self.v.len()) < half * height.div_ceil(2)
        {
            return Err(Error::input(format!(
                "the decoder gave a picture of {width} x {height} pixels without all of its planes"
            ))
            .because(Reason::Damaged));
        }
        let (simd, factors) = (Simd::best(), factors(self.colour));
        let mut rgb = vec![0; 3 * width * height];
        let rows = rgb.chunks_exact_mut(3 * width).zip(self.y.chunks_exact(width)).enumerate();
        for (number, (out, y)) in rows {
            let chroma = number / 2 * half..(number / 2 + 1) * half;
            row(simd, &factors, y, &self.u[chroma.clone()], &self.v[chroma], out);
        }
        Picture::from_rgb(width as u32, height as u32, rgb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(colour: Colour, y: u8, u: u8, v: u8) -> [u8; 3] {
        let yuv = Yuv { width: 1, height: 1, y: vec![y], u: vec![u], v: vec![v], colour };
        yuv.to_picture().unwrap().rgb().try_into().unwrap()
    }

    #[test]
    fn black_white_and_the_primaries_come_out_right() {
        let limited = |matrix| Colour { matrix, full: false };
        for colour in [limited(1), limited(2), limited(6), limited(9)] {
            assert_eq!(rgb(colour, 16, 128, 128), [0; 3]);
            assert_eq!(rgb(colour, 235, 128, 128), [255; 3]);
            assert_eq!(rgb(colour, 126, 128, 128), [128; 3]);
        }
        let full = Colour { matrix: 6, full: true };
        assert_eq!((rgb(full, 0, 128, 128), rgb(full, 255, 128, 128), rgb(full, 99, 128, 128)), ([0; 3], [255; 3], [99; 3]));
        // Red as BT.601 and BT.709 encode it, in studio range.
        assert_eq!(rgb(limited(6), 81, 90, 240), [254, 0, 0]);
        assert_eq!(rgb(limited(1), 63, 102, 240), [255, 1, 0]);
    }

    #[test]
    fn odd_sides_have_their_last_column_and_row() {
        let yuv = Yuv { width: 3, height: 3, y: vec![235; 9], u: vec![128; 4], v: vec![128; 4], colour: Colour::UNSAID };
        assert_eq!(yuv.to_picture().unwrap().rgb(), [255; 27]);
        assert!(Yuv { u: vec![128; 3], ..yuv }.to_picture().is_err());
    }
}
