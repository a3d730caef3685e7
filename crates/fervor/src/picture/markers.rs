//! The markers of a JPEG file, one after the other (ITU-T T.81, annex B): what can be told of it without decoding.

/// A marker with its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker<'a> {
    /// The byte after the FF that makes it a marker.
    pub code: u8,
    /// Where its FF stands.
    pub start: usize,
    /// Where its segment ends: after a start of scan, where the coded data begin.
    pub end: usize,
    /// What its segment holds, without the length; empty for the end marker.
    pub content: &'a [u8],
}

impl Marker<'_> {
    /// The end of the picture.
    pub const END: u8 = 0xD9;
    /// The start of a scan.
    pub const SCAN: u8 = 0xDA;

    /// Whether it is a frame header: C0 to CF, of which C4, C8 and CC are tables and reserved.
    pub fn is_frame(&self) -> bool {
        matches!(self.code, 0xC0..=0xCF) && !matches!(self.code, 0xC4 | 0xC8 | 0xCC)
    }

    /// How many components a frame header announces: 1 grey, 3 in colour, 4 CMYK.
    pub fn components(&self) -> Option<u8> {
        self.content.get(5).copied().filter(|_| self.is_frame())
    }
}

/// Walks from the first marker after the start to the end marker, over the coded data of scans. Ends early where the file does.
/// Thumbnails lie within segments and are passed over; restart markers are parts of a scan.
#[derive(Clone, Debug)]
pub struct Markers<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Markers<'a> {
    /// The markers of a JPEG file.
    pub fn of(bytes: &'a [u8]) -> Self {
        // The two bytes of the start of image.
        Self { bytes, at: 2 }
    }
}

impl<'a> Iterator for Markers<'a> {
    type Item = Marker<'a>;

    fn next(&mut self) -> Option<Marker<'a>> {
        loop {
            // A marker is FF and a byte that is neither FF (a fill byte) nor 0 (an FF of the coded data).
            let start = self.at + self.bytes.get(self.at..)?.iter().position(|&byte| byte == 0xFF)?;
            let code = *self.bytes.get(start + 1)?;
            let after = start + 2;
            match code {
                0xFF => self.at = start + 1,
                0 | 0x01 | 0xD0..=0xD8 => self.at = after,
                Marker::END => {
                    self.at = self.bytes.len();
                    return Some(Marker { code, start, end: after, content: &[] });
                }
                _ => {
                    let length = usize::from(u16::from_be_bytes(*self.bytes.get(after..)?.first_chunk()?)).max(2);
                    let end = after + length;
                    let content = self.bytes.get(after + 2..end)?;
                    self.at = end;
                    return Some(Marker { code, start, end, content });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_tells_frames_and_scans_and_ends_at_the_end_marker() {
        let file =
            b"\xFF\xD8\xFF\xEE\0\x04ab\xFF\xFF\xC0\0\x08\x08\0\x08\0\x08\x04\xFF\xDA\0\x02x\xFF\0y\xFF\xD0z\xFF\xD9\xFF\xC0";
        let markers: Vec<Marker> = Markers::of(file).collect();
        assert_eq!(markers.iter().map(|marker| marker.code).collect::<Vec<_>>(), [0xEE, 0xC0, Marker::SCAN, Marker::END]);
        assert_eq!((markers[0].content, markers[1].components()), (&b"ab"[..], Some(4)));
        assert_eq!(&file[markers[2].end..markers[3].start], b"x\xFF\0y\xFF\xD0z");
        for end in 0..file.len() {
            assert!(Markers::of(&file[..end]).count() <= 4, "what ends early makes no panic");
        }
    }
}
