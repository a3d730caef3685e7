//! Resizing of [`Picture`]s by the SIMD resizer: any frame of one, also one that leaves the picture. Beside it only the
//! detector's letterbox asks the resizer, for pixels that are lent to it and may be no picture; what is read between pixels or
//! over areas of a plane is in `sample.rs`.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use super::Picture;
use crate::error::{Error, Result};

/// How pixels are resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Triangle filter that widens when shrinking (antialiased): what Pillow calls bilinear.
    Bilinear,
    /// Catmull-Rom cubic, antialiased: what Pillow calls bicubic (a = -0.5).
    Bicubic,
}

impl Filter {
    /// Half the filter's width in destination pixels.
    fn support(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
        }
    }

    fn algorithm(self) -> ResizeAlg {
        ResizeAlg::Convolution(match self {
            Filter::Bilinear => FilterType::Bilinear,
            Filter::Bicubic => FilterType::CatmullRom,
        })
    }
}

/// A rectangle of picture area to be drawn, in pixels; pixel (0, 0) covers 0..1 x 0..1. It may leave the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A border is laid on by copying what the frame shows, edge repeated. Where that would take more than four times the
/// picture's own pixels (and more than this), the picture is first shrunk to eight times what is drawn from it.
const BORDERED_PIXELS: u64 = 1 << 20;
const BORDER_REDUCTION: f64 = 8.0;

impl Picture {
    /// The whole picture at another size, stretched where the proportions differ.
    ///
    /// Equal to Pillow's `resize((width, height), BILINEAR | BICUBIC)` to one level.
    ///
    /// # Errors
    /// A zero side, or more than a billion pixels.
    pub fn resized(&self, width: u32, height: u32, filter: Filter) -> Result<Self> {
        if width == 0 || height == 0 || u64::from(width) * u64::from(height) > 1_000_000_000 {
            return Err(Error::input(format!("a picture cannot be resized to {width} x {height} pixels")));
        }
        Ok(self.sampled(self.frame(), width, height, filter))
    }

    /// A rectangle of whole pixels, cut out.
    ///
    /// # Errors
    /// A rectangle without area, or one that leaves the picture.
    pub fn cropped(&self, x: u32, y: u32, width: u32, height: u32) -> Result<Self> {
        let inside = |start: u32, length: u32, side: u32| length > 0 && start.checked_add(length).is_some_and(|end| end <= side);
        if !inside(x, width, self.width) || !inside(y, height, self.height) {
            return Err(Error::input(format!(
                "a crop must lie in the picture of {} x {} pixels, got {width} x {height} at ({x}, {y})",
                self.width, self.height
            )));
        }
        let (columns, rows) = (x as usize..(x + width) as usize, y as usize..(y + height) as usize);
        let rgb = match self.unconverted() {
            Some(planes) => planes.rgb(self.width as usize, columns, rows),
            None => {
                let rows = self.rgb().chunks_exact(3 * self.width as usize).skip(rows.start).take(rows.len());
                rows.flat_map(|row| &row[3 * columns.start..3 * columns.end]).copied().collect()
            }
        };
        Ok(Self::of(width, height, rgb))
    }

    /// The whole picture as a frame.
    pub(crate) fn frame(&self) -> Frame {
        Frame { x: 0.0, y: 0.0, width: f64::from(self.width), height: f64::from(self.height) }
    }

    /// A frame of the picture, drawn at `width` x `height`. Beyond its edge the picture continues with its edge's colours.
    ///
    /// The frame's sides must be finite and positive, `width` and `height` not zero.
    pub(crate) fn sampled(&self, frame: Frame, width: u32, height: u32, filter: Filter) -> Self {
        // The resizer's own condition for a crop, in the same arithmetic: what passes here never fails there.
        let inside = frame.x >= 0.0
            && frame.y >= 0.0
            && frame.x + frame.width <= f64::from(self.width)
            && frame.y + frame.height <= f64::from(self.height);
        if inside {
            return self.convolved(frame, width, height, filter);
        }
        let (x0, x1) = seen(frame.x, frame.width, width, filter);
        let (y0, y1) = seen(frame.y, frame.height, height, filter);
        let own = u64::from(self.width) * u64::from(self.height);
        let (bordered, frame) = if (x1 - x0) as u64 * (y1 - y0) as u64 <= BORDERED_PIXELS.max(4 * own) {
            self.bordered(frame, width, height, filter)
        } else {
            let across = frame.width / (BORDER_REDUCTION * f64::from(width));
            let down = frame.height / (BORDER_REDUCTION * f64::from(height));
            let (reduced, frame) = self.reduced(frame, [width, height], [across, down], filter);
            reduced.bordered(frame, width, height, filter)
        };
        bordered.convolved(frame, width, height, filter)
    }

    fn convolved(&self, frame: Frame, width: u32, height: u32, filter: Filter) -> Self {
        if frame == self.frame() && (width, height) == (self.width, self.height) {
            return self.clone();
        }
        if let Some((part, frame)) = self.part(frame, width, height, filter) {
            // Sums of smaller numbers are rounded less: a frame that ended with the picture may be a hair longer than the part.
            let [across, down] = [f64::from(part.width) - frame.x, f64::from(part.height) - frame.y];
            let frame = Frame { width: frame.width.min(across), height: frame.height.min(down), ..frame };
            return part.convolved(frame, width, height, filter);
        }
        let mut rgb = vec![0; 3 * width as usize * height as usize];
        let source = TypedImageRef::<U8x3>::from_buffer(self.width, self.height, self.rgb())
            .expect("a picture has 3 x width x height bytes");
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut rgb).expect("just allocated at this size");
        let options = ResizeOptions::new().resize_alg(filter.algorithm()).crop(frame.x, frame.y, frame.width, frame.height);
        Resizer::new().resize_typed(&source, &mut target, &options).expect("the frame lies in the picture");
        Self::of(width, height, rgb)
    }

    /// Of a picture that came as luma and chroma, the pixels that drawing a frame looks at, as a picture of their own, and the frame
    /// in it; none where the whole is RGB already, or better becomes so.
    fn part(&self, frame: Frame, width: u32, height: u32, filter: Filter) -> Option<(Self, Frame)> {
        let planes = self.unconverted()?;
        let ((x0, x1), (y0, y1)) = self.visible(frame, [width, height], filter);
        let (columns, rows) = ((x1 - x0) as u32, (y1 - y0) as u32);
        if 2 * u64::from(columns) * u64::from(rows) > u64::from(self.width) * u64::from(self.height) {
            return None;
        }
        let rgb = planes.rgb(self.width as usize, x0 as usize..x1 as usize, y0 as usize..y1 as usize);
        Some((Self::of(columns, rows, rgb), Frame { x: frame.x - x0 as f64, y: frame.y - y0 as f64, ..frame }))
    }

    /// The columns and rows of the picture that drawing a frame looks at; at least one of each.
    fn visible(&self, frame: Frame, drawn: [u32; 2], filter: Filter) -> ((i64, i64), (i64, i64)) {
        let visible = |start: f64, length: f64, drawn: u32, side: u32| {
            let (from, to) = seen(start, length, drawn, filter);
            let from = from.clamp(0, i64::from(side) - 1);
            (from, to.clamp(from + 1, i64::from(side)))
        };
        (visible(frame.x, frame.width, drawn[0], self.width), visible(frame.y, frame.height, drawn[1], self.height))
    }

    /// The frame and as much around it as the filter sees, as a picture of its own; and the frame in that picture.
    fn bordered(&self, frame: Frame, width: u32, height: u32, filter: Filter) -> (Self, Frame) {
        if let Some((part, frame)) = self.part(frame, width, height, filter) {
            return part.bordered(frame, width, height, filter);
        }
        let (x0, x1) = seen(frame.x, frame.width, width, filter);
        let (y0, y1) = seen(frame.y, frame.height, height, filter);
        let columns = (x1 - x0) as usize;
        let mut rgb = Vec::with_capacity(3 * columns * (y1 - y0) as usize);
        let last_column = i64::from(self.width) - 1;
        let stride = 3 * self.width as usize;
        // Columns inside the picture are copied at once, those left and right of it repeat its edge.
        let (inner_start, inner_end) = (x0.clamp(0, last_column + 1), x1.clamp(0, last_column + 1));
        for y in y0..y1 {
            let row = &self.rgb()[stride * y.clamp(0, i64::from(self.height) - 1) as usize..][..stride];
            let [first, last] = [&row[..3], &row[stride - 3..]];
            for _ in x0..inner_start.min(x1) {
                rgb.extend_from_slice(first);
            }
            rgb.extend_from_slice(&row[3 * inner_start as usize..3 * inner_end as usize]);
            for _ in inner_end.max(x0)..x1 {
                rgb.extend_from_slice(last);
            }
        }
        let picture = Self::of(columns as u32, (y1 - y0) as u32, rgb);
        (picture, Frame { x: frame.x - x0 as f64, y: frame.y - y0 as f64, ..frame })
    }

    /// The part of the picture that the frame shows, shrunk by `factors` (where they are above 1), and the frame in it.
    pub(crate) fn reduced(&self, frame: Frame, drawn: [u32; 2], factors: [f64; 2], filter: Filter) -> (Self, Frame) {
        let ((x0, x1), (y0, y1)) = self.visible(frame, drawn, filter);
        let [width, height] = [(x1 - x0) as f64, (y1 - y0) as f64];
        let columns = (width / factors[0].max(1.0)).ceil().max(1.0);
        let rows = (height / factors[1].max(1.0)).ceil().max(1.0);
        let part = Frame { x: x0 as f64, y: y0 as f64, width, height };
        let [scale_x, scale_y] = [columns / width, rows / height];
        let frame = Frame {
            x: (frame.x - part.x) * scale_x,
            y: (frame.y - part.y) * scale_y,
            width: frame.width * scale_x,
            height: frame.height * scale_y,
        };
        (self.convolved(part, columns as u32, rows as u32, filter), frame)
    }
}

/// The pixels that drawing `length` pixels from `start` on as `drawn` pixels looks at.
fn seen(start: f64, length: f64, drawn: u32, filter: Filter) -> (i64, i64) {
    let reach = filter.support() * (length / f64::from(drawn)).max(1.0);
    ((start - reach).floor() as i64 - 1, (start + length + reach).ceil() as i64 + 1)
}
