//! [`Preprocess`], part of a model's card, and its one implementation: a picture and a face in it become a [`Chip`].

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::face::Face;
use crate::picture::Picture;

/// Colour of a network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// One channel, BT.601 luma as libjpeg, Pillow and OpenCV compute it.
    Gray,
    /// Three channels: red, green, blue.
    Rgb,
}

impl Color {
    /// 1 or 3.
    pub fn channels(self) -> usize {
        match self {
            Color::Gray => 1,
            Color::Rgb => 3,
        }
    }
}

/// How a detected face is framed. A face without landmarks (a whole picture) is always taken as it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Framing {
    /// A square around the box's centre, its side the longer side of the box times `1 + margin`, moved down by `shift_y` of the side.
    Margin {
        margin: f32,
        #[serde(default)]
        shift_y: f32,
    },
    /// The five landmarks are laid by least-squares similarity (Umeyama 1991) on a fixed template in which the
    /// eyes are `eye_distance` of the side apart and stand at `eye_y` of the height.
    Aligned { eye_distance: f32, eye_y: f32 },
}

/// How pixels are resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Triangle filter that widens when shrinking (antialiased): what Pillow calls bilinear.
    Bilinear,
    /// Catmull-Rom cubic, antialiased: what Pillow calls bicubic (a = -0.5).
    Bicubic,
}

/// Everything that turns a face in a picture into a network's input. Equal values mean equal chips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Side of the square chip in pixels.
    pub size: usize,
    pub color: Color,
    pub framing: Framing,
    pub filter: Filter,
}

/// A network's input: raw 0..=255 values, `channels x size x size`, channel by channel. Only [`Preprocess`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    channels: usize,
    size: usize,
    pixels: Vec<u8>,
}

impl Chip {
    /// 1 (grey) or 3 (red, green, blue).
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Side in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The values, channel by channel, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The same chip with other pixel values: how augmentation works on chips.
    ///
    /// # Panics
    /// If `edit` changes the number of values.
    #[must_use]
    pub fn edited(mut self, edit: impl FnOnce(&mut Vec<u8>)) -> Self {
        let count = self.pixels.len();
        edit(&mut self.pixels);
        assert_eq!(self.pixels.len(), count, "an edit must keep the chip's shape");
        self
    }

    /// The chip as a picture, for people to look at.
    pub fn to_picture(&self) -> Picture {
        let side = self.size as u32;
        let plane = self.size * self.size;
        let picture = if self.channels == 1 {
            Picture::from_gray(side, side, &self.pixels)
        } else {
            let rgb = (0..plane).flat_map(|i| [self.pixels[i], self.pixels[plane + i], self.pixels[2 * plane + i]]).collect();
            Picture::from_rgb(side, side, rgb)
        };
        picture.expect("a chip has channels x size x size values")
    }
}

impl Preprocess {
    /// Checks the values.
    ///
    /// # Errors
    /// A size outside 8..=1024, or a framing that cannot be drawn.
    pub fn check(&self) -> Result<()> {
        if !(8..=1024).contains(&self.size) {
            return Err(Error::input(format!("chip size must be 8..=1024, got {}", self.size)));
        }
        let drawable = match self.framing {
            Framing::Margin { margin, shift_y } => (-0.5..=4.0).contains(&margin) && (-1.0..=1.0).contains(&shift_y),
            Framing::Aligned { eye_distance, eye_y } => (0.05..=0.95).contains(&eye_distance) && (0.05..=0.95).contains(&eye_y),
        };
        if !drawable {
            return Err(Error::input(format!("framing is outside what can be drawn: {:?}", self.framing)));
        }
        Ok(())
    }

    /// `channels, size, size` of the chips.
    pub fn shape(&self) -> [usize; 3] {
        [self.color.channels(), self.size, self.size]
    }

    /// The chip of a face: framed, resampled, in the card's colour.
    pub fn chip(&self, picture: &Picture, face: &Face) -> Chip {
        let _ = (picture, face);
        unimplemented!()
    }

    /// The fixed synthetic chip of the golden check: a value for each place from a small integer hash.
    pub fn golden_chip(&self) -> Chip {
        let [channels, size, _] = self.shape();
        let mut state = 0x9E37_79B9_u32;
        let pixels = (0..channels * size * size)
            .map(|_| {
                // xorshift32 (Marsaglia 2003): the same bytes on every machine.
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                (state >> 24) as u8
            })
            .collect();
        Chip { channels, size, pixels }
    }
}
