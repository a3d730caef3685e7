//! Animated PNG and WebP, put together here of still pictures as their formats say.

use fervor_video::{Frame, Source};
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::clips::own;

const SIDES: [u32; 2] = [20, 14];

/// Each frame's grey value, and how many milliseconds it is shown.
const FRAMES: [(u8, u16); 4] = [(30, 100), (90, 40), (150, 250), (220, 100)];

fn pixels(value: u8) -> Vec<u8> {
    vec![value; (3 * SIDES[0] * SIDES[1]) as usize]
}

/// A chunk of a PNG file, with its checksum (ISO/IEC 15948, annex D).
fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [kind, data].concat();
    let sum = named.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    });
    [&(data.len() as u32).to_be_bytes()[..], &named, &(!sum).to_be_bytes()].concat()
}

/// The content of the chunks of this kind in a still picture.
fn png_data(png: &[u8], kind: &[u8; 4]) -> Vec<u8> {
    let (mut rest, mut data) = (&png[8..], Vec::new());
    while let Some((length, more)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        if &more[..4] == kind {
            data.extend(&more[4..4 + length]);
        }
        rest = &more[4 + length + 4..];
    }
    data
}

/// As the APNG specification (PNG, third edition, 11.3.6) has it.
fn apng() -> Vec<u8> {
    let still = |value: u8| {
        let mut png = Vec::new();
        PngEncoder::new(&mut png).write_image(&pixels(value), SIDES[0], SIDES[1], ExtendedColorType::Rgb8).unwrap();
        png
    };
    let first = still(FRAMES[0].0);
    let mut bytes = [&first[..8], &png_chunk(b"IHDR", &png_data(&first, b"IHDR"))].concat();
    bytes.extend(png_chunk(b"acTL", &[(FRAMES.len() as u32).to_be_bytes(), [0; 4]].concat()));
    let mut number = 0_u32;
    let mut next = || {
        number += 1;
        (number - 1).to_be_bytes()
    };
    for (place, (value, lasts)) in FRAMES.into_iter().enumerate() {
        let sides = SIDES.map(u32::to_be_bytes).concat();
        let control = [&next()[..], &sides, &[0; 8], &lasts.to_be_bytes(), &1000_u16.to_be_bytes(), &[0, 0]].concat();
        bytes.extend(png_chunk(b"fcTL", &control));
        let data = png_data(&still(value), b"IDAT");
        bytes.extend(if place == 0 { png_chunk(b"IDAT", &data) } else { png_chunk(b"fdAT", &[&next()[..], &data].concat()) });
    }
    bytes.extend(png_chunk(b"IEND", &[]));
    bytes
}

fn riff_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = vec![0; data.len() % 2];
    [kind, &(data.len() as u32).to_le_bytes()[..], data, &padding].concat()
}

/// As Google's WebP container specification has it.
fn webp() -> Vec<u8> {
    let three = |value: u32| value.to_le_bytes()[..3].to_vec();
    let sides = SIDES.map(|side| three(side - 1)).concat();
    let mut content = b"WEBP".to_vec();
    content.extend(riff_chunk(b"VP8X", &[&[0x02, 0, 0, 0][..], &sides].concat()));
    content.extend(riff_chunk(b"ANIM", &[0; 6]));
    for (value, lasts) in FRAMES {
        let mut still = Vec::new();
        WebPEncoder::new_lossless(&mut still).write_image(&pixels(value), SIDES[0], SIDES[1], ExtendedColorType::Rgb8).unwrap();
        let header = [&[0; 6][..], &sides, &three(lasts.into()), &[0]].concat();
        // Behind RIFF, length and WEBP stands the picture as a chunk.
        content.extend(riff_chunk(b"ANMF", &[&header[..], &still[12..]].concat()));
    }
    riff_chunk(b"RIFF", &content)
}

#[test]
fn animated_png_and_webp_have_their_frames_and_times() {
    for (codec, bytes) in [("apng", apng()), ("webp", webp())] {
        let source = Source::read(bytes, &own()).unwrap();
        let clip = source.clip();
        assert_eq!((clip.codec.as_str(), clip.decoder.name(), clip.width, clip.height), (codec, "own", 20, 14));
        let frames: Vec<Frame> = source.map(Result::unwrap).collect();
        let told: Vec<(u64, u8, f64)> =
            frames.iter().map(|frame| (frame.index, frame.picture.as_ref().unwrap().rgb()[0], frame.time)).collect();
        let expected = [(0, 30, 0.0), (1, 90, 0.1), (2, 150, 0.14), (3, 220, 0.39)];
        assert_eq!(told.len(), expected.len(), "{codec}: {told:?}");
        for (told, expected) in told.iter().zip(expected) {
            // WebP's frames are laid over what was there before, which rounds.
            let same = told.0 == expected.0 && told.1.abs_diff(expected.1) <= 1 && (told.2 - expected.2).abs() < 1e-6;
            assert!(same, "{codec}: {told:?}");
        }
    }
}

#[test]
fn an_animation_that_is_cut_off_gives_what_it_has_and_a_word() {
    for (codec, bytes) in [("apng", apng()), ("webp", webp())] {
        let cut = bytes[..bytes.len() - bytes.len() / 3].to_vec();
        let given = match Source::read(cut, &own()) {
            Ok(source) => source.collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        };
        let whole = given.iter().filter(|frame| frame.as_ref().is_ok_and(|frame| frame.picture.is_ok())).count();
        assert!(whole < FRAMES.len(), "{codec}: {whole}");
        let told = |frame: &fervor::Result<Frame>| frame.as_ref().is_ok_and(|frame| frame.picture.is_ok());
        assert!(given.iter().any(|frame| !told(frame)), "{codec}: nothing says that frames are missing");
    }
}

/// Words in a comment or in EXIF data were taken for the mark of an animation, which then had no frames.
#[test]
fn a_still_picture_whose_text_speaks_of_animations_has_one_frame() {
    let text = b"Comment\0acTL, ANIM";
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&pixels(90), SIDES[0], SIDES[1], ExtendedColorType::Rgb8).unwrap();
    // Behind the signature and the header.
    png.splice(33..33, png_chunk(b"tEXt", text));
    let mut still = Vec::new();
    WebPEncoder::new_lossless(&mut still).write_image(&pixels(90), SIDES[0], SIDES[1], ExtendedColorType::Rgb8).unwrap();
    let sides = SIDES.map(|side| (side - 1).to_le_bytes()[..3].to_vec()).concat();
    let extended = riff_chunk(b"VP8X", &[&[0x08, 0, 0, 0][..], &sides].concat());
    let webp = riff_chunk(b"RIFF", &[b"WEBP", &extended[..], &still[12..], &riff_chunk(b"EXIF", text)].concat());
    for (name, bytes) in [("png", png), ("webp", webp)] {
        let frames: Vec<Frame> = Source::read(bytes, &own()).unwrap().map(Result::unwrap).collect();
        assert_eq!(frames.len(), 1, "{name}");
        assert_eq!(frames[0].picture.as_ref().unwrap().rgb()[0], 90, "{name}");
    }
}
