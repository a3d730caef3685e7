//! Pictures become the bytes of files.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::Picture;
use crate::error::{Error, Result};

impl Picture {
    /// The bytes of a PNG file, compressed for speed.
    ///
    /// # Errors
    /// Only where the encoder refuses the picture.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write("PNG", PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive))?;
        Ok(bytes)
    }

    /// The bytes of a JPEG file of a quality from 1 to 100.
    ///
    /// # Errors
    /// A side over 65,535 pixels, which JPEG cannot hold.
    pub fn encode_jpeg(&self, quality: u8) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write("JPEG", JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100)))?;
        Ok(bytes)
    }

    fn write(&self, format: &str, encoder: impl ImageEncoder) -> Result<()> {
        encoder.write_image(&self.rgb, self.width, self.height, ExtendedColorType::Rgb8).map_err(|e| {
            Error::input(format!("the picture cannot be written as {format}: {} x {} pixels", self.width, self.height))
                .with_source(e)
        })
    }
}
