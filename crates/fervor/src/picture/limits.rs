//! What a picture may cost.

use super::{Format, kept};
use crate::error::{Error, Reason, Remedy, Result};

/// What a picture may cost, checked before memory is taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Greatest encoded size in bytes.
    pub bytes: usize,
    /// Greatest width and greatest height in pixels.
    pub side: u32,
    /// Greatest product of width and height in pixels.
    pub pixels: u64,
}

impl Default for Limits {
    /// 32 MiB, 12,000 pixels a side, 100 million pixels.
    fn default() -> Self {
        Self { bytes: 32 << 20, side: 12_000, pixels: 100_000_000 }
    }
}

impl Limits {
    /// The same with another greatest size in bytes.
    #[must_use]
    pub fn with_bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// The same with another greatest width and height in pixels.
    #[must_use]
    pub fn with_side(self, side: u32) -> Self {
        Self { side, ..self }
    }

    /// The same with another greatest count of pixels.
    #[must_use]
    pub fn with_pixels(self, pixels: u64) -> Self {
        Self { pixels, ..self }
    }

    /// Checks the size that a header states.
    pub(super) fn check(&self, format: Format, width: u64, height: u64) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(Error::input(format!("the {format} picture has no pixels: {width} x {height}")));
        }
        let (side, pixels) = (u64::from(self.side), width.saturating_mul(height));
        let over = if width.max(height) > side {
            format!("more than {side} pixels a side")
        } else if pixels > self.pixels {
            format!("more than {} pixels", self.pixels)
        } else {
            return Ok(());
        };
        Err(Error::input(format!("the {format} picture has {over}: {width} x {height}"))
            .because(Reason::TooLarge)
            .with_remedy(Remedy::Shrink))
    }
}

/// Memory for decoded values; an error only where no machine of this kind can address that much, under limits far above the default.
pub(super) fn zeros(bytes: u64) -> Result<Vec<u8>> {
    match usize::try_from(bytes) {
        Ok(bytes) if isize::try_from(bytes).is_ok() => Ok(kept::zeros(bytes)),
        _ => {
            Err(Error::input(format!("the picture needs more memory than can be addressed: {bytes} bytes"))
                .because(Reason::TooLarge))
        }
    }
}
