//! Pictures become the bytes of files.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::Picture;
use crate::error::{Error, Result};

impl Picture {
    /// The bytes of a PNG file, compressed for speed; a picture without colour becomes a grey one, a third of the size.
    ///
    /// # Errors
    /// Only where the encoder refuses the picture.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
        if self.is_gray() {
            self.write("PNG", encoder, &self.luma(), ExtendedColorType::L8)?;
        } else {
            self.write("PNG", encoder, self.rgb(), ExtendedColorType::Rgb8)?;
        }
        Ok(bytes)
    }

    /// The bytes of a JPEG file of a quality from 1 to 100.
    ///
    /// # Errors
    /// A side over 65,535 pixels, which JPEG cannot hold.
    pub fn encode_jpeg(&self, quality: u8) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100));
        self.write("JPEG", encoder, self.rgb(), ExtendedColorType::Rgb8)?;
        Ok(bytes)
    }

    fn write(&self, format: &str, encoder: impl ImageEncoder, pixels: &[u8], color: ExtendedColorType) -> Result<()> {
        encoder.write_image(pixels, self.width, self.height, color).map_err(|e| {
            Error::input(format!("the picture cannot be written as {format}: {} x {} pixels", self.width, self.height))
                .with_source(e)
        })
    }
}
