//! What can be told of a JPEG from its markers alone: whether it is whole, before memory is taken for its pixels.

use crate::picture::markers::{Marker, Markers};

/// What a walk over the markers tells.
pub(super) struct Outline {
    /// Whether the file has its end marker.
    pub ended: bool,
    /// Baseline, everything in one scan: the only case in which the scan's length has a lower bound.
    one_scan: bool,
    /// Bytes of entropy-coded data.
    coded: usize,
    /// Blocks of 8 x 8 values that the smallest unit holds, over all components, and that unit's blocks across and down.
    blocks: usize,
    across: usize,
    down: usize,
    /// Components of the last frame header; 0 without one.
    pub components: usize,
    /// The last frame's components, and which of their 64 coefficients no scan gave to the last bit.
    lacking: Vec<(u8, u64)>,
    /// Components that an Adobe segment behind a frame header (T.872, 6.5.3) asks for. The decoder believes it, and would look for
    /// some that are not there.
    pub adobe: usize,
}

impl Outline {
    /// Walks from the first to the end marker, or to the end of the file.
    pub fn of(bytes: &[u8]) -> Self {
        let (one_scan, lacking) = (true, Vec::new());
        let mut outline =
            Self { ended: false, one_scan, coded: 0, blocks: 0, across: 1, down: 1, components: 0, lacking, adobe: 0 };
        let (mut scans, mut scan) = (0, None);
        for marker in Markers::of(bytes) {
            if let Some(start) = scan.take() {
                outline.coded += marker.start - start;
            }
            outline.components = marker.components().map_or(outline.components, usize::from);
            match marker.code {
                Marker::END => outline.ended = true,
                0xEE if outline.components > 0 && marker.content.starts_with(b"Adobe") => {
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
                    outline.given(marker.content);
                }
                _ => {}
            }
        }
        outline.one_scan &= scans == 1;
        outline
    }

    /// Takes note of a scan: its components, and from which coefficient to which it gives which bits of theirs (T.81, B.2.3).
    fn given(&mut self, scan: &[u8]) {
        let Some((&count, rest)) = scan.split_first() else { return };
        let Some((components, &[first, last, bits])) = rest.split_at_checked(2 * usize::from(count)) else { return };
        if bits & 15 != 0 || first > last || last > 63 {
            return;
        }
        let given = (u64::MAX >> (63 - (last - first))) << first;
        for [id, _] in components.as_chunks::<2>().0 {
            self.lacking.iter_mut().filter(|(other, _)| other == id).for_each(|(_, lacking)| *lacking &= !given);
        }
    }

    /// Whether there is a scan for every coefficient of every component, down to the last bit.
    pub fn is_complete(&self) -> bool {
        !self.lacking.is_empty() && self.lacking.iter().all(|(_, lacking)| *lacking == 0)
    }

    fn sampling(&mut self, frame: &[u8]) {
        let components = frame.get(6..).unwrap_or_default().as_chunks::<3>().0;
        self.lacking = components.iter().map(|c| (c[0], u64::MAX)).collect();
        let factors: Vec<_> = components.iter().map(|c| (usize::from(c[1] >> 4), usize::from(c[1] & 15))).collect();
        // One component alone is stored block by block, whatever its factors.
        let factors = if factors.len() == 1 { vec![(1, 1)] } else { factors };
        self.blocks = factors.iter().map(|(h, v)| h * v).sum();
        self.across = factors.iter().map(|f| f.0).max().unwrap_or(1).max(1);
        self.down = factors.iter().map(|f| f.1).max().unwrap_or(1).max(1);
    }

    /// Whether there are fewer coded bits than a baseline picture of this size takes at the very least: two a block.
    /// Catches a huge header over a small or an early ended scan, before memory is taken.
    pub fn is_too_short_for(&self, width: usize, height: usize) -> bool {
        let units = width.div_ceil(8 * self.across) * height.div_ceil(8 * self.down);
        self.one_scan && self.coded * 8 < 2 * units * self.blocks
    }
}
