//! Puts a picture into a detector's input: resized with its aspect ratio kept, then filled up with black at the right and
//! at the bottom; and brings what was found there back to the picture's pixels.

use std::fmt::Display;
use std::ops::Deref;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions};

use crate::error::{Error, Result};
use crate::picture::Picture;

use super::shelf::{Lent, Shelves};

/// Every input side is a multiple of this: the detector's coarsest stride.
pub(super) const MULTIPLE: usize = 32;

/// RGB bytes, row by row, with their width and height.
#[derive(Clone, Copy)]
pub(super) struct Pixels<'a> {
    pub size: [usize; 2],
    pub rgb: &'a [u8],
}

impl<'a> From<&'a Picture> for Pixels<'a> {
    fn from(picture: &'a Picture) -> Self {
        Self { size: [picture.width() as usize, picture.height() as usize], rgb: picture.rgb() }
    }
}

/// A picture's bytes at a letterbox's size.
pub(super) enum Resized<'a> {
    /// It had that size.
    Same(&'a [u8]),
    New(Lent<'a, Vec<u8>>),
}

impl Deref for Resized<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Same(rgb) => rgb,
            Self::New(rgb) => rgb,
        }
    }
}

/// How a picture lies in a detector's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Letterbox {
    /// The part of the input that the picture fills, from the top left corner.
    pub inner: [usize; 2],
    /// Input width and height.
    pub outer: [usize; 2],
    /// Picture pixels per input pixel, horizontally and vertically.
    scale: [f32; 2],
}

impl Letterbox {
    /// Lays a picture of this width and height so that its longer side takes `long_side` pixels.
    pub fn new(width: u32, height: u32, long_side: usize) -> Self {
        let longest = f64::from(width.max(height));
        let fit = |side: u32| ((f64::from(side) * long_side as f64 / longest).round() as usize).max(1);
        let inner = [fit(width), fit(height)];
        Self {
            inner,
            outer: inner.map(|side| side.next_multiple_of(MULTIPLE)),
            scale: [width as f32 / inner[0] as f32, height as f32 / inner[1] as f32],
        }
    }

    /// The resized picture as RGB bytes, `inner[1]` rows of `inner[0]` pixels. `source` is the picture, or the picture at
    /// another size. The filter widens when shrinking, so that small faces in large pictures are averaged, not sampled.
    pub fn resize<'a>(&self, source: Pixels<'a>, shelves: &'a Shelves) -> Result<Resized<'a>> {
        if self.inner == source.size {
            return Ok(Resized::Same(source.rgb));
        }
        let ([from_width, from_height], [width, height]) =
            (source.size.map(|side| side as u32), self.inner.map(|side| side as u32));
        let failed = |e: &dyn Display| {
            Error::input(format!("{from_width} x {from_height} pixels cannot be resized to {width} x {height}"))
                .with_source(e.to_string())
        };
        // The resizer itself and not `Picture::resized`: the pixels are only lent, sometimes those of the picture at another
        // size, and a copy of a large photograph would cost as much as shrinking it.
        // Typed: asked by a pixel type that is known only at run time, the resizer comes into the program for all 13 of them (2 MB).
        let source = TypedImageRef::<U8x3>::from_buffer(from_width, from_height, source.rgb).map_err(|e| failed(&e))?;
        let mut rgb = shelves.bytes.bytes(3 * self.inner[0] * self.inner[1]);
        let mut resized = TypedImage::<U8x3>::from_buffer(width, height, &mut rgb).map_err(|e| failed(&e))?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        shelves.resizers.resizer().resize_typed(&source, &mut resized, &options).map_err(|e| failed(&e))?;
        Ok(Resized::New(rgb))
    }

    /// A point of the input in the picture's pixels.
    pub fn to_picture(self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x * self.scale[0], y * self.scale[1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_fits_and_both_are_filled_up() {
        let laid = Letterbox::new(1920, 1080, 640);
        assert_eq!((laid.inner, laid.outer), ([640, 360], [640, 384]));
        let laid = Letterbox::new(100, 300, 640);
        assert_eq!((laid.inner, laid.outer), ([213, 640], [224, 640]));
    }

    #[test]
    fn the_corners_of_the_inner_part_are_the_corners_of_the_picture() {
        for (width, height) in [(1920, 1080), (333, 777), (1, 1), (12_000, 1), (3, 11_999)] {
            let laid = Letterbox::new(width, height, 640);
            let [x, y] = laid.to_picture(laid.inner.map(|side| side as f32));
            assert!((x - width as f32).abs() <= 0.01 && (y - height as f32).abs() <= 0.01, "{width} x {height}: {x}, {y}");
            assert_eq!(laid.to_picture([0.0, 0.0]), [0.0, 0.0]);
        }
    }

    #[test]
    fn resizing_keeps_a_plain_colour_at_every_aspect_ratio() {
        let shelves = Shelves::default();
        for (width, height) in [(1, 1), (2000, 1), (1, 2000), (640, 480), (50, 70)] {
            let picture = Picture::from_rgb(width, height, [200, 30, 90].repeat((width * height) as usize)).unwrap();
            let laid = Letterbox::new(width, height, 640);
            let resized = laid.resize((&picture).into(), &shelves).unwrap();
            assert_eq!(resized.len(), 3 * laid.inner[0] * laid.inner[1]);
            assert!(resized.as_chunks::<3>().0.iter().all(|p| *p == [200, 30, 90]), "{width} x {height}");
        }
    }
}
