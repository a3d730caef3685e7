//! [`Preprocess`], part of a model's card, and its one implementation: a picture and a face in it become a [`Chip`].

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::face::{BoundingBox, Face};
pub use crate::picture::Filter;
use crate::picture::{Frame, Picture, mean_and_deviation};

mod align;

/// Crops have at most so many pixels a side: the largest chip there is.
const CROP_SIDE: f64 = 1024.0;

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
    /// How many numbers a pixel has: 1 or 3.
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
    /// Where a face's landmarks show it lying on its side or standing on its head, the square is turned by quarters until it is upright.
    Margin {
        /// What is added to the box's longer side, as a share of it.
        margin: f32,
        /// How far the square moves down, as a share of its side.
        #[serde(default)]
        shift_y: f32,
    },
    /// The five landmarks are laid by least-squares similarity (Umeyama 1991) on a fixed template in which the
    /// eyes are `eye_distance` of the side apart and stand at `eye_y` of the height.
    Aligned {
        /// How far the eyes are apart, as a share of the side.
        eye_distance: f32,
        /// How far down the eyes stand, as a share of the side.
        eye_y: f32,
    },
}

impl Framing {
    /// The same with more of the surroundings: `more` of the box's longer side, or of an aligned frame's side, is added. The
    /// frame's centre stays.
    #[must_use]
    pub fn widened(self, more: f32) -> Self {
        match self {
            Framing::Margin { margin, shift_y } => Framing::Margin { margin: margin + more, shift_y },
            Framing::Aligned { eye_distance, eye_y } => {
                Framing::Aligned { eye_distance: eye_distance / (1.0 + more), eye_y: 0.5 + (eye_y - 0.5) / (1.0 + more) }
            }
        }
    }
}

/// Everything that turns a face in a picture into a network's input. Equal values mean equal chips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Side of the square chip in pixels.
    pub size: usize,
    /// Grey or colour.
    pub color: Color,
    /// Which part of the picture around the face is taken.
    pub framing: Framing,
    /// How pixels are resampled.
    pub filter: Filter,
    /// Whether, and to what, a chip's brightness and contrast are brought; a card without it says: left as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standardize: Option<Standardize>,
}

/// The mean and the standard deviation that each chip's values are brought to, over all of its channels together: what the
/// light of a photograph did to them is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardize {
    /// In 0..=255.
    pub mean: f32,
    /// Above 0, at most 127.5.
    pub deviation: f32,
}

impl Standardize {
    /// Deviation below which a chip shows nothing but noise, which is not made larger.
    const LEAST: f32 = 2.0;

    /// Shifts and scales the values, rounded and held inside 0..=255.
    fn apply(&self, pixels: &mut [u8]) {
        let (mean, deviation) = mean_and_deviation(pixels);
        let scale = if deviation < Self::LEAST { 1.0 } else { self.deviation / deviation };
        // One table for all pixels: a chip has far more of them than there are values.
        let table: [u8; 256] =
            std::array::from_fn(|value| ((value as f32 - mean) * scale + self.mean).round().clamp(0.0, 255.0) as u8);
        pixels.iter_mut().for_each(|pixel| *pixel = table[usize::from(*pixel)]);
    }
}

/// A network's input: raw 0..=255 values, `channels x size x size`, channel by channel. Only [`Preprocess`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    channels: usize,
    size: usize,
    pixels: Vec<u8>,
}

impl Chip {
    /// How many numbers a pixel has: 1 (grey) or 3 (red, green, blue).
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The chip's side in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The values, channel by channel, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The chip with left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let size = self.size;
        self.clone().edited(|pixels| pixels.chunks_exact_mut(size).for_each(<[u8]>::reverse))
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
        if let Some(Standardize { mean, deviation }) = self.standardize
            && !((0.0..=255.0).contains(&mean) && deviation > 0.0 && deviation <= 127.5)
        {
            return Err(Error::input(format!(
                "chips are brought to a mean in 0..=255 and a deviation above 0 and up to 127.5, got {mean} and {deviation}"
            )));
        }
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
    ///
    /// - Without landmarks the box is taken exactly as it is and stretched to the square.
    /// - [`Framing::Margin`] takes a square around the box, [`Framing::Aligned`] a turned square by the landmarks.
    /// - Where a frame leaves the picture, the picture continues with its edge's colours.
    /// - Shrinking is antialiased with the card's filter; a grey chip is the luma of the colour chip.
    ///
    /// Whatever the face holds, a chip comes back: a box without area or with values that are not finite is read as the
    /// whole picture, landmarks that no similarity fits as no landmarks with the box's square around them.
    pub fn chip(&self, picture: &Picture, face: &Face) -> Chip {
        let side = self.size as u32;
        let bounds = usable(&face.bounds, picture);
        let aligned = match (self.framing, &face.landmarks) {
            (Framing::Aligned { eye_distance, eye_y }, Some(landmarks)) => {
                let template = align::template(eye_distance.into(), eye_y.into(), side.into());
                align::Similarity::between(landmarks, &template)
                    .filter(|similarity| similarity.is_drawable(picture, side))
                    .map(|similarity| align::draw(picture, &similarity, side, self.filter))
            }
            _ => None,
        };
        let drawn = aligned.unwrap_or_else(|| {
            let turns = face.quarter_turns();
            let frame = match (self.framing, &face.landmarks) {
                (_, None) => bounds,
                (Framing::Margin { margin, shift_y }, _) => square(bounds, margin.into(), shift_y.into(), turns),
                (Framing::Aligned { .. }, _) => square(bounds, 0.0, 0.0, turns),
            };
            let drawn = picture.sampled(frame, side, side, self.filter);
            match turns {
                0 => drawn,
                turns => drawn.turned(turns),
            }
        });
        let pixels = match self.color {
            Color::Gray => drawn.luma(),
            Color::Rgb => (0..3).flat_map(|channel| drawn.rgb().iter().skip(channel).step_by(3)).copied().collect(),
        };
        self.standardized(Chip { channels: self.color.channels(), size: self.size, pixels })
    }

    /// The chip with its values brought to the mean and the deviation that this asks for, if it does. Chips of
    /// [`chip`](Self::chip) are so already; one that was changed since (augmentation) is so again.
    #[must_use]
    pub fn standardized(&self, chip: Chip) -> Chip {
        match self.standardize {
            Some(standardize) => chip.edited(|pixels| standardize.apply(pixels)),
            None => chip,
        }
    }

    /// The same without the last step, [`standardized`](Self::standardized): what augmentation works on.
    #[must_use]
    pub fn plain(&self) -> Self {
        Self { standardize: None, ..self.clone() }
    }

    /// The chip of a picture that is one face and nothing else, as the pictures of data sets are.
    pub fn whole(&self, picture: &Picture) -> Chip {
        self.chip(picture, &Face::whole(picture))
    }

    /// The part of a picture that [`chip`](Self::chip) takes for a face, as a picture of as many pixels as it has there: what a data set
    /// of crops keeps, whose pictures are then taken [`whole`](Self::whole). Chips of both differ by less than a pixel's shift.
    #[must_use]
    pub fn crop(&self, picture: &Picture, face: &Face) -> Picture {
        let bounds = usable(&face.bounds, picture);
        if let (Framing::Aligned { eye_distance, eye_y }, Some(landmarks)) = (self.framing, &face.landmarks) {
            let similarity = |side: u32| {
                let template = align::template(eye_distance.into(), eye_y.into(), side.into());
                align::Similarity::between(landmarks, &template).filter(|similarity| similarity.is_drawable(picture, side))
            };
            let size = self.size as u32;
            let side =
                similarity(size).map(|similarity| (f64::from(size) / similarity.scale()).round().clamp(8.0, CROP_SIDE) as u32);
            if let Some((side, similarity)) = side.and_then(|side| Some((side, similarity(side)?))) {
                return align::draw(picture, &similarity, side, self.filter);
            }
        }
        let turns = face.quarter_turns();
        let frame = match (self.framing, &face.landmarks) {
            (_, None) => bounds,
            (Framing::Margin { margin, shift_y }, _) => square(bounds, margin.into(), shift_y.into(), turns),
            (Framing::Aligned { .. }, _) => square(bounds, 0.0, 0.0, turns),
        };
        // Whole pixels: nothing is resampled unless the face is larger than a crop needs to be.
        let [width, height] = [frame.width, frame.height].map(|side| side.round().max(1.0));
        let frame = Frame { x: frame.x.round(), y: frame.y.round(), width, height };
        let shrink = (CROP_SIDE / width.max(height)).min(1.0);
        let [width, height] = [width, height].map(|side| (side * shrink).round().max(1.0) as u32);
        let drawn = picture.sampled(frame, width, height, self.filter);
        match turns {
            0 => drawn,
            turns => drawn.turned(turns),
        }
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

/// The box as a frame that can be drawn: the whole picture where it has no area or is not finite, and never more than
/// three pictures away or wide, which bounds the work.
fn usable(bounds: &BoundingBox, picture: &Picture) -> Frame {
    let whole = picture.frame();
    let [x, y, width, height] = [bounds.x, bounds.y, bounds.width, bounds.height].map(f64::from);
    if ![x, y, width, height].iter().all(|v| v.is_finite()) || width <= 0.0 || height <= 0.0 {
        return whole;
    }
    let (reach_x, reach_y) = (3.0 * whole.width, 3.0 * whole.height);
    // A hundredth of a pixel is a side that the resizer's arithmetic still tells from none.
    let [width, height] = [width.clamp(0.01, reach_x), height.clamp(0.01, reach_y)];
    Frame { x: x.clamp(-reach_x, reach_x), y: y.clamp(-reach_y, reach_y), width, height }
}

/// The square around a box's centre, its side the longer side times `1 + margin`, moved by `shift_y` of the side: down, as it is
/// seen once the picture has been turned clockwise by so many quarters.
fn square(bounds: Frame, margin: f64, shift_y: f64, turns: u8) -> Frame {
    let side = bounds.width.max(bounds.height) * (1.0 + margin);
    let down = shift_y * side;
    let (right, down) = match turns {
        1 => (down, 0.0),
        2 => (0.0, -down),
        3 => (-down, 0.0),
        _ => (0.0, down),
    };
    let x = bounds.x + (bounds.width - side) / 2.0 + right;
    let y = bounds.y + (bounds.height - side) / 2.0 + down;
    Frame { x, y, width: side, height: side }
}
