//! Pictures to files' bytes.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::error::{Error, Result};
use crate::picture::Picture;

/// A PNG file's bytes.
///
/// # Errors
/// Only where the encoder refuses the picture.
pub fn png(picture: &Picture) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(picture.rgb(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|e| refused("PNG", picture).with_source(e))?;
    Ok(bytes)
}

/// A JPEG file's bytes; `quality` from 1 to 100.
///
/// # Errors
/// A side over 65,535 pixels, which JPEG cannot hold.
pub fn jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
        .write_image(picture.rgb(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|e| refused("JPEG", picture).with_source(e))?;
    Ok(bytes)
}

fn refused(format: &str, picture: &Picture) -> Error {
    Error::input(format!("the picture cannot be written as {format}: {picture:?}"))
}
