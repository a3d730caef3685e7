//! What a picture file tells beside its first picture: its format, whether it moves, how its pixels are stored.

use fervor::picture::Format;
use fervor::picture::markers::Markers;

/// A file that holds a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Container {
    pub format: Format,
    /// More than one picture.
    pub animated: bool,
    /// Pixels that are seldom meant, in words.
    pub unusual: Option<&'static str>,
}

pub(super) fn of(bytes: &[u8]) -> Option<Container> {
    let format = Format::of(bytes)?;
    let (animated, unusual) = match format {
        Format::Gif => (gif_frames(bytes) > 1, None),
        Format::Png => {
            let animated = png_chunks(bytes).take_while(|kind| kind != b"IDAT").any(|kind| &kind == b"acTL");
            (animated, (bytes.get(24) == Some(&16)).then_some("16 bits a channel"))
        }
        // The second flag of the extended header (WebP container specification).
        Format::WebP => (bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 2 != 0), None),
        Format::Jpeg => (false, (Markers::of(bytes).find_map(|marker| marker.components()) == Some(4)).then_some("CMYK")),
        Format::Tiff => tiff(bytes).unwrap_or((false, None)),
        Format::Bmp => (false, None),
    };
    Some(Container { format, animated, unusual })
}

/// Image descriptors of a GIF (GIF89a specification); counting ends with the second.
fn gif_frames(bytes: &[u8]) -> usize {
    let walk = || -> Option<usize> {
        let table = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
        let mut at = 13 + table(*bytes.get(10)?);
        let mut frames = 0;
        loop {
            match *bytes.get(at)? {
                0x21 => at += 2,
                0x2C => {
                    frames += 1;
                    if frames > 1 {
                        return Some(frames);
                    }
                    at += 11 + table(*bytes.get(at + 9)?);
                }
                _ => return Some(frames),
            }
            // Data come in blocks, each led by its length; an empty one ends them.
            loop {
                let length = usize::from(*bytes.get(at)?);
                at += 1 + length;
                if length == 0 {
                    break;
                }
            }
        }
    };
    // A file that ends without its trailer had one picture, or it would not have been decoded.
    walk().unwrap_or(1)
}

fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    let mut at = 8;
    std::iter::from_fn(move || {
        let head: &[u8; 8] = bytes.get(at..)?.first_chunk()?;
        let (length, kind) = (u32::from_be_bytes(*head.first_chunk()?), *head.last_chunk()?);
        at = at.checked_add(12)?.checked_add(length as usize)?;
        Some(kind)
    })
}

/// Whether a TIFF has a second page, and how its first stores pixels.
fn tiff(bytes: &[u8]) -> Option<(bool, Option<&'static str>)> {
    const BITS_PER_SAMPLE: u16 = 258;
    const PHOTOMETRIC: u16 = 262;
    const CMYK: u32 = 5;
    let little = bytes.first() == Some(&b'I');
    let short = |at: usize| {
        let value = *bytes.get(at..)?.first_chunk()?;
        Some(if little { u16::from_le_bytes(value) } else { u16::from_be_bytes(value) })
    };
    let long = |at: usize| {
        let value = *bytes.get(at..)?.first_chunk()?;
        Some(if little { u32::from_le_bytes(value) } else { u32::from_be_bytes(value) })
    };
    let directory = long(4)? as usize;
    let entries = usize::from(short(directory)?);
    let mut unusual = None;
    for entry in 0..entries {
        let at = directory + 2 + 12 * entry;
        match short(at)? {
            BITS_PER_SAMPLE => {
                // Up to two values stand in the entry itself, more of them where it points.
                let place = if long(at + 4)? <= 2 { at + 8 } else { long(at + 8)? as usize };
                if short(place)? > 8 {
                    unusual = Some("16 bits a channel");
                }
            }
            PHOTOMETRIC if u32::from(short(at + 8)?) == CMYK => unusual = Some("CMYK"),
            _ => {}
        }
    }
    Some((long(directory + 2 + 12 * entries)? != 0, unusual))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::codecs::gif::GifEncoder;
    use image::{DynamicImage, Frame, ImageFormat, RgbaImage};

    use super::*;

    fn gif(frames: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for i in 0..frames {
            encoder.encode_frame(Frame::new(RgbaImage::from_pixel(20, 9, image::Rgba([i as u8 * 90, 5, 200, 255])))).unwrap();
        }
        drop(encoder);
        bytes
    }

    #[test]
    fn a_moving_gif_is_told_from_a_still_one() {
        assert!(!of(&gif(1)).unwrap().animated);
        assert!(of(&gif(3)).unwrap().animated);
    }

    #[test]
    fn sixteen_bits_are_seen_in_png_and_tiff() {
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            for (picture, unusual) in [
                (DynamicImage::new_rgb16(8, 8), Some("16 bits a channel")),
                (DynamicImage::new_luma16(8, 8), Some("16 bits a channel")),
                (DynamicImage::new_rgb8(8, 8), None),
            ] {
                let mut bytes = Cursor::new(Vec::new());
                picture.write_to(&mut bytes, format).unwrap();
                let container = of(&bytes.into_inner()).unwrap();
                assert_eq!((container.unusual, container.animated), (unusual, false), "{format:?}");
            }
        }
    }

    #[test]
    fn four_components_make_a_jpeg_cmyk() {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(8, 8).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        assert_eq!(of(&bytes.into_inner()).unwrap().unusual, None);
        let four = b"\xFF\xD8\xFF\xEE\0\x04ab\xFF\xC0\0\x08\x08\0\x08\0\x08\x04";
        assert_eq!(of(four).unwrap().unusual, Some("CMYK"));
    }

    #[test]
    fn what_ends_early_makes_no_panic() {
        for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Gif, ImageFormat::Jpeg, ImageFormat::WebP] {
            let mut bytes = Cursor::new(Vec::new());
            DynamicImage::new_rgb8(8, 8).write_to(&mut bytes, format).unwrap();
            let bytes = bytes.into_inner();
            for end in 0..bytes.len() {
                let _ = of(&bytes[..end]);
            }
        }
    }
}
