//! [`Picture`]: decoded, upright RGB pixels inside [`Limits`]. Everything after decoding works on it.
//!
//! ```
//! use fervor::{Limits, Picture};
//!
//! // From pixels that are decoded already, or from a file's bytes of any format that is read.
//! let drawn = Picture::from_gray(2, 1, &[0, 255])?;
//! let limits = Limits::default().with_side(4_000);
//! let again = Picture::decode(&drawn.encode_png()?, &limits)?;
//! assert_eq!(again.rgb(), [0, 0, 0, 255, 255, 255]);
//! assert_eq!(again.content_hash(), drawn.content_hash());
//! # Ok::<(), fervor::Error>(())
//! ```

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::error::{Error, Reason, Result};
use crate::hash::Hex;

mod color;
mod decode;
mod encode;
mod file;
mod format;
mod jpeg;
mod kept;
mod limits;
pub mod markers;
mod measure;
mod orient;
mod refusal;
mod resample;
mod sample;
mod yuv;

pub use file::{read, read_bytes};
pub use format::{Format, extensions};
use kept::Pixels;
pub use limits::Limits;
pub use measure::{laplacian_variance, mean_and_deviation};
pub use resample::Filter;
pub(crate) use resample::Frame;
pub use sample::{Bilinear, area_means};
use yuv::Planes;
pub use yuv::YuvColor;

/// SHA-256 of a picture's size and RGB pixels: equal for equal pixels, whatever the container.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(
    /// The 32 bytes of the hash.
    pub [u8; 32],
);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads 64 hexadecimal digits, as it is displayed.
impl FromStr for ContentHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::input(format!("expected a hash of 64 hexadecimal digits, got {text:?}"));
        let (digits, odd) = text.as_bytes().as_chunks::<2>();
        let digits: &[[u8; 2]; 32] = digits.try_into().ok().filter(|_| odd.is_empty()).ok_or_else(bad)?;
        let value = |digit: u8| char::from(digit).to_digit(16).ok_or_else(bad);
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(digits) {
            *byte = (value(*high)? << 4 | value(*low)?) as u8;
        }
        Ok(Self(hash))
    }
}

/// An upright RGB picture, 8 bits a channel, rows from top to bottom.
#[derive(Clone)]
pub struct Picture {
    width: u32,
    height: u32,
    /// Of a picture that came as luma and chroma only there once somebody asked for all of it.
    rgb: OnceLock<Pixels>,
    planes: Option<Planes>,
}

impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        (self.width, self.height) == (other.width, other.height) && self.rgb() == other.rgb()
    }
}

impl Eq for Picture {}

impl Picture {
    /// The picture of these pixels, 3 x width x height bytes.
    fn of(width: u32, height: u32, rgb: Vec<u8>) -> Self {
        Self { width, height, rgb: OnceLock::from(Pixels::from(rgb)), planes: None }
    }

    /// The planes of which nobody has asked for all pixels yet.
    fn unconverted(&self) -> Option<&Planes> {
        self.planes.as_ref().filter(|_| self.rgb.get().is_none())
    }

    /// A picture from RGB bytes, 3 x width x height of them.
    ///
    /// # Errors
    /// A zero side, or a length that does not fit.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self> {
        if width == 0 || height == 0 || rgb.len() as u64 != 3 * u64::from(width) * u64::from(height) {
            return Err(Error::input(format!("{} bytes are not an RGB picture of {width} x {height} pixels", rgb.len()))
                .because(Reason::Mismatch));
        }
        Ok(Self::of(width, height, rgb))
    }

    /// A picture from grey bytes, width x height of them; red, green and blue are equal.
    ///
    /// # Errors
    /// A zero side, or a length that does not fit.
    pub fn from_gray(width: u32, height: u32, gray: &[u8]) -> Result<Self> {
        if width == 0 || height == 0 || gray.len() as u64 != u64::from(width) * u64::from(height) {
            return Err(Error::input(format!("{} bytes are not a grey picture of {width} x {height} pixels", gray.len()))
                .because(Reason::Mismatch));
        }
        Ok(Self::of(width, height, gray.iter().flat_map(|&v| [v, v, v]).collect()))
    }

    /// A picture from RGBA bytes, 4 x width x height of them; what is transparent lies over white, as in files.
    ///
    /// # Errors
    /// A zero side, or a length that does not fit.
    pub fn from_rgba(width: u32, height: u32, rgba: Vec<u8>) -> Result<Self> {
        if width == 0 || height == 0 || rgba.len() as u64 != 4 * u64::from(width) * u64::from(height) {
            return Err(Error::input(format!("{} bytes are not an RGBA picture of {width} x {height} pixels", rgba.len()))
                .because(Reason::Mismatch));
        }
        Ok(Self::of(width, height, color::to_rgb(rgba, image::ColorType::Rgba8)))
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels: red, green, blue, a row after the other.
    pub fn rgb(&self) -> &[u8] {
        self.rgb.get_or_init(|| self.converted().into())
    }

    /// The pixels, given away.
    pub fn into_rgb(mut self) -> Vec<u8> {
        self.rgb.take().map_or_else(|| self.converted(), Pixels::into_inner)
    }

    fn converted(&self) -> Vec<u8> {
        let (width, height) = (self.width as usize, self.height as usize);
        self.planes.as_ref().map_or_else(Vec::new, |planes| planes.rgb(width, 0..width, 0..height))
    }

    /// One pixel: red, green, blue.
    ///
    /// # Panics
    /// If it lies outside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "({x}, {y}) lies outside {self:?}");
        let (x, y, width) = (x as usize, y as usize, self.width as usize);
        match self.unconverted() {
            Some(planes) => planes.pixel(width, x, y),
            None => self.rgb().as_chunks().0[y * width + x],
        }
    }

    /// Whether red, green and blue are equal everywhere.
    pub fn is_gray(&self) -> bool {
        self.rgb().as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b)
    }

    /// The picture in grey, width x height values: `L = (19595 R + 38470 G + 7471 B + 32768) / 65536`, rounded down.
    ///
    /// This is BT.601 luma in Pillow's integers (`convert("L")`), to the bit. OpenCV's `COLOR_RGB2GRAY` has 15 bits and
    /// differs by at most one level. Grey pixels keep their value.
    pub fn luma(&self) -> Vec<u8> {
        let luma = |&[r, g, b]: &[u8; 3]| (19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + 32768) >> 16;
        self.rgb().as_chunks().0.iter().map(|pixel| luma(pixel) as u8).collect()
    }

    /// The hash by which exact duplicates are found.
    pub fn content_hash(&self) -> ContentHash {
        let mut hasher = Sha256::new();
        hasher.update(self.width.to_le_bytes());
        hasher.update(self.height.to_le_bytes());
        hasher.update(self.rgb());
        ContentHash(hasher.finalize().into())
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_transparent_lies_over_white() {
        let picture = Picture::from_rgba(2, 1, vec![9, 9, 9, 0, 1, 2, 3, 255]).unwrap();
        assert_eq!(picture.rgb(), [255, 255, 255, 1, 2, 3]);
        assert!(Picture::from_rgba(2, 1, vec![0; 6]).is_err());
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = Picture::from_gray(1, 1, &[7]).unwrap().content_hash();
        assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
        assert_eq!("Ab".repeat(32).parse::<ContentHash>().unwrap(), ContentHash([0xAB; 32]));
        for text in ["", "ab", &"a".repeat(63), &"a".repeat(65), &"g".repeat(64), &"\u{e9}".repeat(32), &"+1".repeat(32)] {
            assert!(text.parse::<ContentHash>().is_err(), "{text}");
        }
    }
}
