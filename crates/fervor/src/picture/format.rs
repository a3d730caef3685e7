//! What a file is, told by its first bytes.

use std::fmt;

/// A picture format that [`Picture::decode`](super::Picture::decode) reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// JPEG, baseline and progressive, grey, YCbCr and CMYK.
    Jpeg,
    /// PNG of every colour type and depth.
    Png,
    /// Windows bitmap.
    Bmp,
    /// WebP, lossy and lossless.
    WebP,
    /// GIF.
    Gif,
    /// TIFF with integer values.
    Tiff,
}

impl Format {
    /// Every format, the most common first.
    pub const ALL: &[Format] = &[Format::Jpeg, Format::Png, Format::Bmp, Format::WebP, Format::Gif, Format::Tiff];

    /// The format that a file's first bytes (12 suffice) announce, whatever its name says.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Format::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Format::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Format::Tiff),
            // "BM" alone also begins texts; the reserved bytes of a bitmap are zero in practice, the size of its header small.
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(Format::Bmp),
            [b'B', b'M', rest @ ..] if rest.len() >= 16 && rest[12] >= 12 && rest[13..16] == [0; 3] => Some(Format::Bmp),
            _ => None,
        }
    }

    /// The format that a file name's extension promises, upper or lower case, without the dot.
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.extensions().iter().any(|known| known.eq_ignore_ascii_case(extension)))
    }

    /// The format's name: `JPEG`, `PNG`, `BMP`, `WebP`, `GIF`, `TIFF`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Bmp => "BMP",
            Format::WebP => "WebP",
            Format::Gif => "GIF",
            Format::Tiff => "TIFF",
        }
    }

    /// The extensions that files of this format carry, the usual one first.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Format::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Format::Png => &["png"],
            Format::Bmp => &["bmp", "dib"],
            Format::WebP => &["webp"],
            Format::Gif => &["gif"],
            Format::Tiff => &["tiff", "tif"],
        }
    }
}

/// The extensions of all pictures that are read, in lower case and without the dot; the usual one of each format first.
/// They say where pictures are looked for; what a file is, its content says ([`Format::of`]).
pub fn extensions() -> impl Iterator<Item = &'static str> {
    Format::ALL.iter().flat_map(|format| format.extensions().iter().copied())
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether what [`lookalike`] calls so is a film.
pub(super) fn is_film(name: &str) -> bool {
    name.ends_with(" video")
}

/// What bytes that are none of our formats look like, and whether it is a picture that could be converted.
pub(super) fn lookalike(bytes: &[u8]) -> Option<(&'static str, bool)> {
    const MAGIC: [(&[u8], &str, bool); 18] = [
        (b"%PDF", "a PDF document", false),
        (b"PK\x03\x04", "a ZIP archive or an office document", false),
        (b"\x1F\x8B", "a gzip archive", false),
        (b"\xFD7zXZ\0", "an xz archive", false),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive", false),
        (b"Rar!", "a RAR archive", false),
        (b"BZh", "a bzip2 archive", false),
        (b"\x28\xB5\x2F\xFD", "a Zstandard archive", false),
        (b"\x7FELF", "a program", false),
        (b"\x93NUMPY", "a NumPy array", false),
        (b"\x1A\x45\xDF\xA3", "a Matroska or WebM video", false),
        (b"8BPS", "a Photoshop picture", true),
        (b"\xFF\x0A", "a JPEG XL picture", true),
        (b"\0\0\0\x0CJXL ", "a JPEG XL picture", true),
        (b"\0\0\0\x0CjP  ", "a JPEG 2000 picture", true),
        (b"\xFF\x4F\xFF\x51", "a JPEG 2000 picture", true),
        (b"\0\0\x01\0", "an icon", true),
        (b"qoif", "a QOI picture", true),
    ];
    if let [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] = bytes {
        return Some(match brand.get(..4) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => ("a HEIC picture", true),
            Some(b"avif" | b"avis") => ("an AVIF picture", true),
            _ => ("an MP4 or QuickTime video", false),
        });
    }
    if let Some((_, name, convertible)) = MAGIC.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return Some((name, *convertible));
    }
    match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => return Some(("an AVI video", false)),
        _ if bytes.get(257..262) == Some(b"ustar".as_slice()) => return Some(("a tar archive", false)),
        [b'P', b'1'..=b'6', b' ' | b'\n' | b'\r' | b'\t', ..] => return Some(("a Netpbm picture", true)),
        _ => {}
    }
    let start = &bytes[..bytes.len().min(512)];
    if start.iter().all(|&b| b == 0) {
        return Some(("nothing but zeros", false));
    }
    // A cut in the middle of a character is no reason not to be text.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&start[..e.valid_up_to()]).unwrap_or_default(),
        Err(_) => return None,
    };
    if text.is_empty() || text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let text = text.trim_start_matches('\u{FEFF}').trim_start().to_ascii_lowercase();
    Some(match text {
        text if text.starts_with("<!doctype html") || text.starts_with("<html") => ("an HTML page", false),
        text if text.starts_with("<svg") || text.contains("<svg") => ("an SVG drawing", true),
        text if text.starts_with("<?xml") => ("an XML document", false),
        text if text.starts_with("version https://git-lfs") => {
            ("a Git LFS pointer: the picture itself was not downloaded", false)
        }
        text if text.starts_with('{') || text.starts_with('[') => ("JSON", false),
        _ => ("text", false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content() {
        let cases: [(&[u8], Option<Format>); 11] = [
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01", Some(Format::Jpeg)),
            (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", Some(Format::Png)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(Format::WebP)),
            (b"GIF89a\x01\0\x01\0", Some(Format::Gif)),
            (b"II*\0\x08\0\0\0", Some(Format::Tiff)),
            (b"MM\0*\0\0\0\x08", Some(Format::Tiff)),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", Some(Format::Bmp)),
            (b"BMW builds motor cars and motorcycles", None),
            (b"RIFF\x10\0\0\0AVI LIST", None),
            (b"\xFF\xD8", None),
            (b"", None),
        ];
        for (bytes, format) in cases {
            assert_eq!(Format::of(bytes), format, "{bytes:?}");
        }
    }

    #[test]
    fn an_extension_promises_a_format() {
        assert_eq!(Format::from_extension("JPG"), Some(Format::Jpeg));
        assert_eq!(Format::from_extension("tif"), Some(Format::Tiff));
        assert_eq!(Format::from_extension("txt"), None);
        assert!(["jpg", "dib", "tif"].iter().all(|known| extensions().any(|extension| extension == *known)));
        assert!(Format::ALL.iter().all(|f| f.extensions().iter().all(|e| Format::from_extension(e) == Some(*f))));
    }

    #[test]
    fn other_files_are_called_by_their_names() {
        let cases: [(&[u8], &str, bool); 9] = [
            (b"%PDF-1.7\n", "a PDF document", false),
            (b"\n<!DOCTYPE html><html>", "an HTML page", false),
            (b"<?xml version=\"1.0\"?><svg/>", "an SVG drawing", true),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture", true),
            (b"\0\0\0\x1Cftypavif", "an AVIF picture", true),
            (b"\0\0\0\x1Cftypisom", "an MP4 or QuickTime video", false),
            (b"angry,happy\r\n1,2\r\n", "text", false),
            // Cut in the middle of a character.
            (b"fr\xC3\xB6hlich, tr\xC3", "text", false),
            (&[0; 40], "nothing but zeros", false),
        ];
        for (bytes, name, convertible) in cases {
            assert_eq!(lookalike(bytes), Some((name, convertible)), "{bytes:?}");
        }
        let tar: Vec<u8> = [b"a.jpg".to_vec(), vec![0; 252], b"ustar\x0000".to_vec()].concat();
        assert_eq!(lookalike(&tar), Some(("a tar archive", false)));
        assert_eq!(lookalike(b"\x01\x02\x03\xF7"), None);
    }
}
