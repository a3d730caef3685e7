//! Bytes become a [`Picture`]: format by content, limits by the header, decoding, alpha, orientation.

use std::error::Error as StdError;
use std::io::{self, Cursor};

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageResult};

use super::limits::zeros;
use super::refusal::{cut_off, damaged, not_a_picture, over_bytes, unsupported};
use super::{Format, Limits, Picture, color, jpeg, orient};
use crate::error::{Error, Reason, Remedy, Result};

impl Picture {
    /// Decodes a picture file's bytes.
    ///
    /// - The format is told by content, never by name: [`Format::of`].
    /// - The header's size is checked against `limits` before memory is taken for pixels. While it decodes, a picture takes up
    ///   to 12 bytes a pixel.
    /// - EXIF orientation is applied. Colour profiles are not: pixels are read as sRGB.
    /// - Transparent pixels lie over white. Of an animation and of a many-page file the first picture is taken.
    /// - 16-bit values keep their high byte, as libpng, Pillow and OpenCV do it.
    /// - CMYK becomes RGB by `(255 - C) (255 - K) / 255`; in JPEG its values are read as inverted, as Adobe writes and Pillow reads them.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input): empty, not a picture, of an unsupported kind, over a limit, cut off, or damaged.
    /// A picture that is not whole is refused, never filled up.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::input("the picture is empty: 0 bytes").because(Reason::Empty).with_remedy(Remedy::CopyAgain));
        }
        if bytes.len() > limits.bytes {
            return Err(over_bytes(bytes.len() as u64, limits));
        }
        let format = Format::of(bytes).ok_or_else(|| not_a_picture(bytes))?;
        let wrong = |e: ImageError| refused(format, bytes, e);
        let source = Cursor::new(bytes);
        let (picture, orientation) = match format {
            Format::Jpeg => jpeg::decode(bytes, limits)?,
            // The only decoder that unpacks texts and profiles while it reads the header: it has to know its limits before.
            Format::Png => raster(format, PngDecoder::with_limits(source, memory(WORKING_MEMORY)), limits, wrong)?,
            Format::Bmp => raster(format, BmpDecoder::new(source), limits, wrong)?,
            Format::WebP if lacks_webp_data(bytes) => return Err(cut_off(format, bytes)),
            Format::WebP => raster(format, WebPDecoder::new(source), limits, wrong)?,
            Format::Gif => raster(format, GifDecoder::new(source), limits, wrong)?,
            Format::Tiff => raster(format, TiffDecoder::new(source), limits, wrong)?,
        };
        Ok(picture.upright(orientation))
    }
}

/// Beyond the pixels themselves a decoder may take this much, for texts, profiles, code tables and lines.
const WORKING_MEMORY: u64 = 64 << 20;

/// The image crate's own limit on memory: a second line of defence behind ours.
fn memory(bytes: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

/// Reads what one of the image crate's decoders holds.
fn raster<D: ImageDecoder>(
    format: Format,
    decoder: ImageResult<D>,
    limits: &Limits,
    wrong: impl Fn(ImageError) -> Error,
) -> Result<(Picture, Orientation)> {
    let mut decoder = decoder.map_err(&wrong)?;
    let (width, height) = decoder.dimensions();
    limits.check(format, width.into(), height.into())?;
    let color = decoder.color_type();
    if matches!(color, ColorType::Rgb32F | ColorType::Rgba32F) {
        return Err(Error::input(format!("the {format} picture is of a kind that cannot be read: floating-point values"))
            .because(Reason::Unsupported)
            .with_hint("convert it to 8 or 16 bits a channel"));
    }
    decoder.set_limits(memory(decoder.total_bytes().saturating_mul(2).saturating_add(WORKING_MEMORY))).map_err(&wrong)?;
    // TIFF keeps its orientation in a tag of its own, the others in an EXIF block. A block that cannot be read turns nothing.
    let orientation = match format {
        Format::Tiff => decoder.orientation().ok(),
        _ => decoder.exif_metadata().ok().flatten().map(|exif| orient::from_exif(&exif)),
    };
    let mut values = zeros(decoder.total_bytes())?;
    decoder.read_image(&mut values).map_err(&wrong)?;
    Ok((Picture::of(width, height, color::to_rgb(values, color)), orientation.unwrap_or(Orientation::NoTransforms)))
}

/// Whether a WebP file is shorter than its header says. The decoder sees only the chunks before the cut, and some of what
/// comes last (orientation, alpha) can be missing without a trace. libwebp refuses such files too.
fn lacks_webp_data(bytes: &[u8]) -> bool {
    let stated = bytes.get(4..8).and_then(|size| size.first_chunk()).map_or(0, |size| u32::from_le_bytes(*size));
    (bytes.len() as u64) < u64::from(stated) + 8
}

/// What the image crate's error means for the reader.
fn refused(format: Format, bytes: &[u8], error: ImageError) -> Error {
    let outer = match &error {
        _ if is_end_of_data(&error) => cut_off(format, bytes),
        ImageError::Limits(_) => {
            Error::input(format!("the {format} picture needs more memory than its {} bytes justify", bytes.len()))
                .because(Reason::TooLarge)
        }
        ImageError::Unsupported(_) => unsupported(format),
        _ => damaged(format),
    };
    // The decoding error's own line only repeats the format.
    match error {
        ImageError::Decoding(e) if e.source().is_some() => {
            outer.with_source(e.source().map_or_else(|| e.to_string(), ToString::to_string))
        }
        ImageError::Unsupported(e) => outer.with_source(e),
        other => outer.with_source(other),
    }
}

/// Whether the data ended before the picture did. The decoders say so in three ways.
fn is_end_of_data(error: &ImageError) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn StdError), |&cause| cause.source());
    causes.any(|cause| {
        let eof = |e: &io::Error| e.kind() == io::ErrorKind::UnexpectedEof;
        cause.downcast_ref::<io::Error>().is_some_and(eof)
            || matches!(cause.downcast_ref::<ImageError>(), Some(ImageError::IoError(e)) if eof(e))
            // The gif crate's own error, which the image crate does not name.
            || cause.to_string() == "Unexpected End of File"
    })
}
