//! JPEG. The decoder itself (zune-jpeg, which the image crate uses too) would fill up what is missing; here a picture is whole or refused.

mod outline;

use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::limits::zeros;
use super::markers::Marker;
use super::refusal::{cut_off, damaged, unsupported};
use super::{Format, Limits, Picture, orient};
use crate::error::{Error, Result};
use outline::Outline;

/// Decodes straight to RGB. A file without its end marker is a picture too, if nothing but that is missing.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<(Picture, Orientation)> {
    let opened = Opened::new(bytes, limits)?;
    if opened.outline.ended {
        return opened.pixels();
    }
    if opened.outline.is_complete() {
        // With two quite different ends put to it: where both show the same, no bit was needed that is not in the file.
        let with = |filling: [u8; 2]| {
            let file = [bytes, &filling.repeat(8), &[0xFF, Marker::END]].concat();
            Opened::new(&file, limits).and_then(Opened::pixels)
        };
        if let (Ok(zeros), Ok(ones)) = (with([0, 0]), with([0xFF, 0]))
            && zeros == ones
        {
            return Ok(zeros);
        }
    }
    Err(cut_off(Format::Jpeg, bytes))
}

/// A file whose headers are read and whose size is inside the limits.
struct Opened<'a> {
    bytes: &'a [u8],
    decoder: JpegDecoder<ZCursor<&'a [u8]>>,
    size: (usize, usize),
    outline: Outline,
}

impl<'a> Opened<'a> {
    fn new(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        // Headers are read leniently: cameras write odd ones.
        let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX).set_strict_mode(false);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(|e| refused(bytes, e))?;
        let size = decoder.dimensions().expect("the headers are decoded");
        limits.check(Format::Jpeg, size.0 as u64, size.1 as u64)?;
        Ok(Self { bytes, decoder, size, outline: Outline::of(bytes) })
    }

    fn pixels(self) -> Result<(Picture, Orientation)> {
        let Self { bytes, mut decoder, size: (width, height), outline } = self;
        if outline.is_too_short_for(width, height) {
            return Err(cut_off(Format::Jpeg, bytes));
        }
        // Scans are read strictly: one that cannot be decoded is a hole in the picture.
        decoder.set_options(decoder.options().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::RGB));
        // YCCK of three components is read as YCbCr, as other decoders do.
        let needed = |space: ColorSpace| if space == ColorSpace::YCCK { 3 } else { space.num_components() };
        let colors = decoder.input_colorspace().map_or(0, needed);
        // As many as the decoder itself took from a frame header: in a damaged file it may see another one than the outline does.
        let components = decoder.info().map_or(0, |info| usize::from(info.components)).min(outline.components);
        if components < colors.max(outline.adobe) {
            return Err(damaged(Format::Jpeg).with_source("its color space has more components than its frame"));
        }
        let orientation = decoder.exif().map_or(Orientation::NoTransforms, |exif| orient::from_exif(exif));
        let mut rgb = zeros(3 * width as u64 * height as u64)?;
        decoder.decode_into(&mut rgb).map_err(|e| refused(bytes, e))?;
        Ok((Picture::of(width as u32, height as u32, rgb), orientation))
    }
}

fn refused(bytes: &[u8], error: DecodeErrors) -> Error {
    let outer = match &error {
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => cut_off(Format::Jpeg, bytes),
        DecodeErrors::Unsupported(_) => unsupported(Format::Jpeg),
        _ => damaged(Format::Jpeg),
    };
    outer.with_source(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::markers::Markers;

    /// A small JPEG with three components whose frame header an Adobe segment with this transform follows.
    fn with_adobe(transform: u8) -> Vec<u8> {
        let mut file = Picture::from_gray(16, 16, &[128; 256]).unwrap().encode_jpeg(90).unwrap();
        let frame = Markers::of(&file).find(Marker::is_frame).unwrap().end;
        file.splice(frame..frame, [&b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0"[..], &[transform]].concat());
        file
    }

    // The segment of a CMYK picture behind a smaller frame made the decoder look for components that are not there.
    #[test]
    fn a_color_space_with_more_components_than_the_frame_is_damage() {
        let error = Picture::decode(&with_adobe(0), &Limits::default()).unwrap_err();
        assert_eq!(error.reason(), crate::Reason::Damaged, "{error}");
    }

    // A second frame header, behind the scan, had those components; the decoder goes by the first.
    #[test]
    fn a_frame_behind_the_scan_lends_no_components() {
        let mut file = with_adobe(0);
        let end = Markers::of(&file).find(|marker| marker.code == Marker::END).unwrap().start;
        let frame = [&b"\xFF\xC0\0\x14\x08\0\x10\0\x10\x04"[..], &b"\x01\x11\0".repeat(4)].concat();
        file.splice(end..end, frame);
        let error = Picture::decode(&file, &Limits::default()).unwrap_err();
        assert_eq!(error.reason(), crate::Reason::Damaged, "{error}");
    }

    #[test]
    fn three_components_that_call_themselves_ycck_are_read_as_ycbcr() {
        for transform in [1, 2] {
            let picture = Picture::decode(&with_adobe(transform), &Limits::default()).unwrap();
            assert!(picture.rgb().iter().all(|value| value.abs_diff(128) <= 2), "{transform}: {:?}", &picture.rgb()[..3]);
        }
    }
}
