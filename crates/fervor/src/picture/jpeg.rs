//! JPEG. The decoder itself (zune-jpeg, which the image crate uses too) would fill up what is missing; here a picture is whole or refused.

use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::limits::zeros;
use super::markers::{Marker, Markers};
use super::refusal::{cut_off, damaged, unsupported};
use super::{Format, Limits, Picture, orient};
use crate::error::{Error, Result};

/// Decodes straight to RGB.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<(Picture, Orientation)> {
    // Headers are read leniently (cameras write odd ones), scans strictly: a scan that cannot be decoded is a hole in the picture.
    let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX).set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| refused(bytes, e))?;
    let (width, height) = decoder.dimensions().expect("the headers are decoded");
    limits.check(Format::Jpeg, width as u64, height as u64)?;
    let Some(outline) = Outline::of(bytes).filter(|outline| !outline.is_too_short_for(width, height)) else {
        return Err(cut_off(Format::Jpeg, bytes));
    };
    decoder.set_options(decoder.options().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::RGB));
    // YCCK of three components is read as YCbCr, as other decoders do.
    let needed = |space: ColorSpace| if space == ColorSpace::YCCK { 3 } else { space.num_components() };
    let colors = decoder.input_colorspace().map_or(0, needed);
    if outline.components.is_none_or(|components| components < colors.max(outline.adobe)) {
        return Err(damaged(Format::Jpeg).with_source("its color space has more components than its frame"));
    }
    let orientation = decoder.exif().map_or(Orientation::NoTransforms, |exif| orient::from_exif(exif));
    let mut rgb = zeros(3 * width as u64 * height as u64)?;
    decoder.decode_into(&mut rgb).map_err(|e| refused(bytes, e))?;
    Ok((Picture { width: width as u32, height: height as u32, rgb }, orientation))
}

fn refused(bytes: &[u8], error: DecodeErrors) -> Error {
    let outer = match &error {
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => cut_off(Format::Jpeg, bytes),
        DecodeErrors::Unsupported(_) => unsupported(Format::Jpeg),
        _ => damaged(Format::Jpeg),
    };
    outer.with_source(error.to_string())
}

/// What a walk over the markers tells.
struct Outline {
    /// Baseline, everything in one scan: the only case in which the scan's length has a lower bound.
    one_scan: bool,
    /// Bytes of entropy-coded data.
    coded: usize,
    /// Blocks of 8 x 8 values that the smallest unit holds, over all components, and that unit's blocks across and down.
    blocks: usize,
    across: usize,
    down: usize,
    /// Components of the last frame header.
    components: Option<usize>,
    /// Components that an Adobe segment behind a frame header (T.872, 6.5.3) asks for. The decoder believes it, and would look for
    /// some that are not there.
    adobe: usize,
}

impl Outline {
    /// Walks from the first to the end marker; none if there is no end marker.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut outline = Self { one_scan: true, coded: 0, blocks: 0, across: 1, down: 1, components: None, adobe: 0 };
        let (mut scans, mut scan) = (0, None);
        let mut markers = Markers::of(bytes);
        loop {
            let marker = markers.next()?;
            if let Some(start) = scan.take() {
                outline.coded += marker.start - start;
            }
            outline.components = marker.components().map(usize::from).or(outline.components);
            match marker.code {
                Marker::END => break,
                0xEE if outline.components.is_some() && marker.content.starts_with(b"Adobe") => {
                    outline.adobe = outline.adobe.max(match marker.content.get(11) {
                        Some(1 | 2) => 3,
                        Some(0) => 4,
                        _ => 0,
                    });
                }
                0xC0..=0xC2 => {
                    outline.one_scan &= marker.code != 0xC2;
                    outline.sampling(marker.content);
                }
                Marker::SCAN => {
                    scans += 1;
                    scan = Some(marker.end);
                }
                _ => {}
            }
        }
        outline.one_scan &= scans == 1;
        Some(outline)
    }

    fn sampling(&mut self, frame: &[u8]) {
        let components = frame.get(6..).unwrap_or_default().as_chunks::<3>().0;
        let factors: Vec<_> = components.iter().map(|c| (usize::from(c[1] >> 4), usize::from(c[1] & 15))).collect();
        // One component alone is stored block by block, whatever its factors.
        let factors = if factors.len() == 1 { vec![(1, 1)] } else { factors };
        self.blocks = factors.iter().map(|(h, v)| h * v).sum();
        self.across = factors.iter().map(|f| f.0).max().unwrap_or(1).max(1);
        self.down = factors.iter().map(|f| f.1).max().unwrap_or(1).max(1);
    }

    /// Whether there are fewer coded bits than a baseline picture of this size takes at the very least: two a block.
    /// Catches a huge header over a small or an early ended scan, before memory is taken.
    fn is_too_short_for(&self, width: usize, height: usize) -> bool {
        let units = width.div_ceil(8 * self.across) * height.div_ceil(8 * self.down);
        self.one_scan && self.coded * 8 < 2 * units * self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn three_components_that_call_themselves_ycck_are_read_as_ycbcr() {
        for transform in [1, 2] {
            let picture = Picture::decode(&with_adobe(transform), &Limits::default()).unwrap();
            assert!(picture.rgb().iter().all(|value| value.abs_diff(128) <= 2), "{transform}: {:?}", &picture.rgb()[..3]);
        }
    }
}
