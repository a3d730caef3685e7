//! What bytes are, by how they begin.

/// A kind of source that our own readers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// MP4, MOV and their kin.
    Mp4,
    /// H.264 as it stands.
    H264,
    /// HEVC as it stands.
    Hevc,
    /// JPEGs one after the other, or one.
    Jpeg,
    /// GIF, WebP or PNG, animated or not.
    Gif,
    /// See [`Kind::Gif`].
    WebP,
    /// See [`Kind::Gif`].
    Png,
}

/// How many bytes are looked at.
pub(crate) const LOOK: usize = 64;

/// What begins like this.
pub(crate) fn kind(start: &[u8]) -> Option<Kind> {
    const BOXES: [&[u8]; 8] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"];
    match start {
        [0xFF, 0xD8, 0xFF, ..] => Some(Kind::Jpeg),
        [b'G', b'I', b'F', b'8', ..] => Some(Kind::Gif),
        [0x89, b'P', b'N', b'G', ..] => Some(Kind::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Kind::WebP),
        [0, 0, 0, 1, unit @ ..] | [0, 0, 1, unit @ ..] => elementary(unit),
        [_, _, _, _, name @ ..] if name.get(..4).is_some_and(|name| BOXES.contains(&name)) => Some(Kind::Mp4),
        _ => None,
    }
}

/// Which codec's stream begins with this unit: a parameter set, a delimiter or a message.
fn elementary(unit: &[u8]) -> Option<Kind> {
    match *unit {
        // Of HEVC's parameter sets and delimiters: layer 0, temporal id 0.
        [head, 1, ..] if head & 0x81 == 0 && (32..=39).contains(&(head >> 1)) => Some(Kind::Hevc),
        [head, ..] if head & 0x80 == 0 && [6, 7, 9].contains(&(head & 31)) => Some(Kind::H264),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_by_the_first_bytes() {
        assert_eq!(kind(b"\0\0\0\x18ftypisom"), Some(Kind::Mp4));
        assert_eq!(kind(&[0, 0, 0, 1, 0x67, 0x64]), Some(Kind::H264));
        assert_eq!(kind(&[0, 0, 0, 1, 0x40, 1, 0x0C]), Some(Kind::Hevc));
        assert_eq!(kind(b"\x1A\x45\xDF\xA3matroska"), None);
        assert_eq!(kind(b""), None);
    }
}
