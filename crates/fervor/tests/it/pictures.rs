//! Bytes become pictures, or errors that say why not.

use std::path::Path;
use std::sync::LazyLock;

use fervor::picture::{self, Filter, Format};
use fervor::preprocess::{Color, Framing};
use fervor::{BoundingBox, Error, ErrorKind, Face, Limits, Picture, Preprocess};
use serde::Deserialize;

use crate::world::shared;

/// A drawn file and what Pillow reads from it: made by tools/reference/pictures_pillow.py.
struct Drawn {
    name: String,
    file: Vec<u8>,
    picture: Picture,
    tolerance: u8,
}

static DRAWN: LazyLock<Vec<Drawn>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Entry {
        name: String,
        file: String,
        width: u32,
        height: u32,
        rgb: String,
        tolerance: u8,
    }
    #[derive(Deserialize)]
    struct File {
        entries: Vec<Entry>,
    }
    let file: File = serde_json::from_str(include_str!("../data/pictures.json")).unwrap();
    let drawn = file.entries.into_iter().map(|e| Drawn {
        file: bytes_of(&e.file),
        picture: Picture::from_rgb(e.width, e.height, bytes_of(&e.rgb)).unwrap(),
        name: e.name,
        tolerance: e.tolerance,
    });
    drawn.collect()
});

fn bytes_of(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn drawn(name: &str) -> &'static Drawn {
    DRAWN.iter().find(|drawn| drawn.name == name).unwrap()
}

fn decode(bytes: &[u8]) -> fervor::Result<Picture> {
    Picture::decode(bytes, &Limits::default())
}

/// The error, checked to be the input's fault.
fn refusal(bytes: &[u8], limits: &Limits) -> Error {
    let error = Picture::decode(bytes, limits).expect_err("this is not a whole picture");
    assert_eq!(error.kind(), ErrorKind::Input);
    error
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn every_kind_of_file_reads_as_pillow_reads_it() {
    for drawn in DRAWN.iter() {
        let picture = decode(&drawn.file).unwrap_or_else(|e| panic!("{}: {e}", drawn.name));
        assert_eq!((picture.width(), picture.height()), (drawn.picture.width(), drawn.picture.height()), "{}", drawn.name);
        let largest = largest_difference(picture.rgb(), drawn.picture.rgb());
        assert!(largest <= drawn.tolerance, "{}: off by {largest}, allowed are {}", drawn.name, drawn.tolerance);
    }
}

#[test]
fn the_format_is_told_by_content() {
    for drawn in DRAWN.iter() {
        let extension = Path::new(&drawn.name).extension().unwrap().to_str().unwrap();
        assert_eq!(Format::of(&drawn.file), Format::from_extension(extension), "{}", drawn.name);
    }
}

#[test]
fn what_is_no_picture_is_called_by_its_name() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "the picture is empty: 0 bytes"),
        (b"<!doctype html><title>404</title>", "not a picture, but an HTML page"),
        (b"%PDF-1.4", "not a picture, but a PDF document"),
        (b"happy,sad\n", "not a picture, but text"),
        (b"\0\0\0\x20ftypheic", "a picture of an unsupported format: a HEIC picture"),
        (b"\0\0\0\x20ftypavif", "a picture of an unsupported format: an AVIF picture"),
        (b"\x01\x02\xFE", "not a picture: its 3 bytes begin with 01 02 fe"),
    ];
    for (bytes, message) in cases {
        let error = refusal(bytes, &Limits::default());
        assert_eq!(error.message(), message);
        assert!(error.hint().is_some(), "{message}");
    }
}

/// Headers that promise 60,000 x 60,000 pixels.
fn huge_headers() -> Vec<(&'static str, Vec<u8>)> {
    let patched = |name: &str, marker: &[u8], offset: usize, size: &[u8]| {
        let mut file = drawn(name).file.clone();
        let at = file.windows(marker.len()).position(|w| w == marker).unwrap() + offset;
        file[at..at + size.len()].copy_from_slice(size);
        file
    };
    let ihdr = [[0, 0, 0xEA, 0x60]; 2].concat();
    let mut png = patched("RGB.png", b"IHDR", 4, &ihdr);
    // The header's checksum, over its name and content.
    let mut crc = flate2::Crc::new();
    crc.update(&png[12..29]);
    png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    vec![
        ("png", png),
        ("jpeg", patched("baseline 444.jpg", b"\xFF\xC0", 5, &[0xEA, 0x60, 0xEA, 0x60])),
        ("progressive", patched("progressive 444.jpg", b"\xFF\xC2", 5, &[0xEA, 0x60, 0xEA, 0x60])),
        ("bmp", patched("RGB.bmp", b"BM", 18, &[0x60, 0xEA, 0, 0, 0x60, 0xEA, 0, 0])),
        ("gif", patched("palette.gif", b"GIF8", 6, &[0x60, 0xEA, 0x60, 0xEA])),
    ]
}

#[test]
fn a_huge_header_is_refused_before_memory_is_taken() {
    for (name, file) in huge_headers() {
        let message = refusal(&file, &Limits::default()).message().to_owned();
        assert!(message.ends_with("more than 12000 pixels a side: 60000 x 60000"), "{name}: {message}");
        // Within the limits, but far more than so few bytes can hold.
        let generous = Limits { side: 65_000, pixels: 5_000_000_000, ..Limits::default() };
        if name == "jpeg" {
            let message = refusal(&file, &generous).message().to_owned();
            assert!(message.starts_with("the JPEG picture is cut off"), "{message}");
        }
    }
}

#[test]
fn every_limit_is_checked_for_every_format() {
    for drawn in DRAWN.iter() {
        let (width, height) = (drawn.picture.width(), drawn.picture.height());
        let exact = Limits { bytes: drawn.file.len(), side: width.max(height), pixels: u64::from(width * height) };
        assert!(Picture::decode(&drawn.file, &exact).is_ok(), "{}", drawn.name);
        let cases = [
            (Limits { bytes: exact.bytes - 1, ..exact }, format!("more than {} bytes: {}", exact.bytes - 1, exact.bytes)),
            (Limits { side: exact.side - 1, ..exact }, format!("more than {} pixels a side", exact.side - 1)),
            (Limits { pixels: exact.pixels - 1, ..exact }, format!("more than {} pixels: ", exact.pixels - 1)),
        ];
        for (limits, says) in cases {
            let error = refusal(&drawn.file, &limits);
            assert!(error.message().contains(&says) && error.hint().is_some(), "{}: {error}", drawn.name);
        }
    }
}

#[test]
fn a_cut_off_picture_is_refused_or_lacks_nothing() {
    for drawn in DRAWN.iter() {
        let whole = decode(&drawn.file).unwrap();
        let length = drawn.file.len();
        let step = length / 80 + 1;
        for cut in (1..length).filter(|cut| cut % step == 0 || cut + 24 > length) {
            match decode(&drawn.file[..cut]) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Input),
                // A trailer can be missing, pixels can't.
                Ok(picture) => assert!(picture == whole, "{} cut to {cut} of {length} bytes", drawn.name),
            }
        }
    }
}

/// Browsers show it, and nothing is missing.
#[test]
fn a_jpeg_that_lacks_only_its_end_marker_is_read() {
    for name in ["baseline 420.jpg", "progressive 420.jpg", "grey.jpg"] {
        let file = &drawn(name).file;
        assert_eq!(&file[file.len() - 2..], [0xFF, 0xD9], "{name}");
        let whole = decode(file).unwrap();
        for lacking in [1, 2] {
            assert!(decode(&file[..file.len() - lacking]).unwrap() == whole, "{name} without its last {lacking}");
        }
    }
}

#[test]
fn a_jpeg_that_lacks_more_than_its_end_marker_is_cut_off() {
    for name in ["baseline 420.jpg", "progressive 420.jpg", "grey.jpg"] {
        let file = &drawn(name).file;
        let last_scan = fervor::picture::markers::Markers::of(file).filter(|marker| marker.code == 0xDA).last().unwrap();
        // The last is cut where its last scan begins: of a progressive one, all but that scan is there.
        for cut in [file.len() - 9, file.len() / 2, last_scan.start] {
            let error = refusal(&file[..cut], &Limits::default());
            assert_eq!(error.message(), format!("the JPEG picture is cut off after {cut} bytes"), "{name}");
        }
    }
}

#[test]
fn a_half_file_of_any_format_is_called_cut_off() {
    for name in ["RGB.png", "RGB.bmp", "lossless.webp", "lossy.webp", "palette.gif", "RGB.tif", "tiff_lzw.tif"] {
        let file = &drawn(name).file;
        let error = refusal(&file[..file.len() * 3 / 5], &Limits::default());
        assert!(error.message().contains("is cut off after"), "{name}: {error}");
    }
}

#[test]
fn damaged_bytes_never_panic_and_never_break_a_limit() {
    // Marsaglia's xorshift32: the same cases on every machine.
    let mut state = 0x2545_F491_u32;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    let limits = Limits { bytes: 1 << 16, side: 2000, pixels: 250_000 };
    for drawn in DRAWN.iter() {
        for _ in 0..100 {
            let mut file = drawn.file.clone();
            for _ in 0..=random(3) {
                let at = random(file.len());
                match random(4) {
                    0 => file[at] ^= 1 << random(8),
                    1 => file[at] = random(256) as u8,
                    2 => file[at] = [0, 1, 0x7F, 0x80, 0xFF][random(5)],
                    _ => {
                        drop(file.splice(at..(at + random(6)).min(file.len()), std::iter::repeat_n(random(256) as u8, random(6))))
                    }
                }
            }
            match Picture::decode(&file, &limits) {
                Ok(picture) => assert!(u64::from(picture.width() * picture.height()) <= limits.pixels),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Input),
            }
        }
    }
}

#[test]
fn what_is_encoded_can_be_decoded() {
    let picture = &drawn("RGB.png").picture;
    assert_eq!(&decode(&picture.encode_png().unwrap()).unwrap(), picture);
    let again = decode(&picture.encode_jpeg(95).unwrap()).unwrap();
    assert_eq!((again.width(), again.height()), (picture.width(), picture.height()));
    assert!(largest_difference(again.rgb(), picture.rgb()) < 40);
    let too_wide = Picture::from_rgb(65_536, 1, vec![0; 3 * 65_536]).unwrap().encode_jpeg(90).unwrap_err();
    assert!(too_wide.message().contains("65536 x 1"), "{too_wide}");
}

#[test]
fn a_file_is_measured_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    std::fs::write(&path, &drawn("RGB.png").file).unwrap();
    assert_eq!(picture::read(&path, &Limits::default()).unwrap(), drawn("RGB.png").picture);
    let cases = [
        (path.clone(), Limits { bytes: 10, ..Limits::default() }, "a.png: the picture has more than 10 bytes"),
        (folder.path().to_owned(), Limits::default(), "this is a folder"),
        (folder.path().join("none.png"), Limits::default(), "none.png: the file cannot be read"),
    ];
    for (path, limits, says) in cases {
        let error = picture::read(&path, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_crop_holds_the_pixels_of_its_place() {
    let picture = Picture::from_rgb(3, 2, (0..18).collect()).unwrap();
    assert_eq!(
        picture.cropped(1, 0, 2, 2).unwrap(),
        Picture::from_rgb(2, 2, vec![3, 4, 5, 6, 7, 8, 12, 13, 14, 15, 16, 17]).unwrap()
    );
    for [x, y, width, height] in [[2, 0, 2, 1], [0, 0, 0, 1], [0, 2, 1, 1], [u32::MAX, 0, 2, 1]] {
        assert!(picture.cropped(x, y, width, height).is_err());
    }
}

#[test]
fn a_picture_is_resized_as_it_is_asked() {
    let picture = Picture::from_rgb(40, 30, [60, 120, 180].repeat(1200)).unwrap();
    for filter in [Filter::Bilinear, Filter::Bicubic] {
        for (width, height) in [(7, 90), (40, 30), (1, 1), (41, 30)] {
            let resized = picture.resized(width, height, filter).unwrap();
            assert_eq!(resized.rgb(), [60, 120, 180].repeat((width * height) as usize));
        }
    }
    assert!(picture.resized(0, 5, Filter::Bilinear).is_err());
    assert!(picture.resized(100_000, 100_000, Filter::Bilinear).is_err());
}

#[test]
#[ignore = "needs shared/data"]
fn photographs_and_their_chips_agree_with_pillow() {
    #[derive(Deserialize)]
    struct PillowChip {
        #[serde(rename = "box")]
        bounds: [f32; 4],
        grey: String,
    }
    #[derive(Deserialize)]
    struct Entry {
        path: String,
        width: u32,
        height: u32,
        quarters: [[f64; 3]; 4],
        tolerance: f64,
        #[serde(default)]
        chips: Vec<PillowChip>,
    }
    #[derive(Deserialize)]
    struct File {
        entries: Vec<Entry>,
    }
    let data = shared("");
    let file: File = serde_json::from_str(include_str!("../data/photographs.json")).unwrap();
    // Unoptimised, all 303 would take too long for every run: a tenth of them, and all of which there are chips.
    let every = if cfg!(debug_assertions) { 10 } else { 1 };
    for (_, entry) in file.entries.iter().enumerate().filter(|(i, entry)| i % every == 0 || !entry.chips.is_empty()) {
        let picture = picture::read(&data.join(&entry.path), &Limits::default()).unwrap();
        assert_eq!((picture.width(), picture.height()), (entry.width, entry.height), "{}", entry.path);
        for (quarter, expected) in quarters(&picture).iter().zip(&entry.quarters) {
            let close = quarter.iter().zip(expected).all(|(a, b)| (a - b).abs() <= entry.tolerance);
            assert!(close, "{}: {quarter:?} instead of {expected:?}", entry.path);
        }
        for PillowChip { bounds: [x, y, width, height], grey } in &entry.chips {
            let framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
            let preprocess = Preprocess { size: 48, color: Color::Gray, framing, filter: Filter::Bilinear, standardize: None };
            let bounds = BoundingBox { x: *x, y: *y, width: *width, height: *height };
            let chip = preprocess.chip(&picture, &Face { bounds, score: None, landmarks: None });
            let expected = bytes_of(grey);
            let largest = largest_difference(chip.pixels(), &expected);
            assert!(largest <= 2, "{}, box {bounds:?}: off by {largest}", entry.path);
        }
    }
}

/// The mean colours of a picture's four quarters.
fn quarters(picture: &Picture) -> [[f64; 3]; 4] {
    let (middle_x, middle_y) = (picture.width() / 2, picture.height() / 2);
    let (right, below) = (picture.width() - middle_x, picture.height() - middle_y);
    let crops = [
        (0, 0, middle_x, middle_y),
        (middle_x, 0, right, middle_y),
        (0, middle_y, middle_x, below),
        (middle_x, middle_y, right, below),
    ];
    crops.map(|(x, y, width, height)| {
        let crop = picture.cropped(x, y, width, height).unwrap();
        let mut sums = [0_u64; 3];
        for pixel in crop.rgb().as_chunks::<3>().0 {
            sums = std::array::from_fn(|i| sums[i] + u64::from(pixel[i]));
        }
        sums.map(|sum| sum as f64 / f64::from(width * height))
    })
}
