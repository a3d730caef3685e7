//! NAL units: what H.264 and HEVC streams consist of, behind start codes or behind their lengths.

const START: [u8; 4] = [0, 0, 0, 1];

/// Rewrites a sample's units, each behind its length in `width` bytes, to stand behind start codes. What follows a length that
/// does not fit is left out; true if all fitted.
pub(crate) fn to_annex_b(mut sample: &[u8], width: usize, out: &mut Vec<u8>) -> bool {
    out.clear();
    while !sample.is_empty() {
        let Some((length, rest)) = sample.split_at_checked(width) else { return false };
        let length = length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        let Some((unit, rest)) = rest.split_at_checked(length) else { return false };
        out.extend_from_slice(&START);
        out.extend_from_slice(unit);
        sample = rest;
    }
    true
}

/// Appends one unit behind a start code.
pub(crate) fn push_unit(unit: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&START);
    out.extend_from_slice(unit);
}

/// The units of a stream with start codes, without them.
pub(crate) fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start(stream).map(|at| &stream[at..]);
    std::iter::from_fn(move || {
        let here = rest?;
        let (unit, next) = match start_code(here) {
            Some(at) => (&here[..at], Some(&here[at + 3..])),
            None => (here, None),
        };
        rest = next;
        // Zeros before a start code belong to it; no unit ends with one.
        let end = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        Some(&unit[..end])
    })
    .filter(|unit| !unit.is_empty())
}

/// Where the first unit begins.
fn after_start(stream: &[u8]) -> Option<usize> {
    start_code(stream).map(|at| at + 3)
}

/// Where the next `00 00 01` stands.
pub(crate) fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    // The 1 is looked for: it is rarer than zeros, and memchr-like loops are quick.
    while let Some(one) = bytes.get(from + 2..).and_then(|rest| rest.iter().position(|&byte| byte == 1)) {
        let one = from + 2 + one;
        if bytes[one - 1] == 0 && bytes[one - 2] == 0 {
            return Some(one - 2);
        }
        from = one - 1;
    }
    None
}

/// The unit's payload without the bytes that keep start codes out of it, its first `limit` bytes.
pub(crate) fn unescaped(unit: &[u8], limit: usize) -> Vec<u8> {
    let (mut out, mut zeros) = (Vec::with_capacity(unit.len().min(limit)), 0);
    for &byte in unit.iter().take(limit) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_behind_lengths_or_start_codes() {
        let mut stream = Vec::new();
        assert!(to_annex_b(&[0, 2, 0x65, 7, 0, 1, 0x41], 2, &mut stream));
        assert_eq!(stream, [0, 0, 0, 1, 0x65, 7, 0, 0, 0, 1, 0x41]);
        assert_eq!(units(&stream).collect::<Vec<_>>(), [&[0x65, 7][..], &[0x41]]);
        assert!(!to_annex_b(&[0, 0, 0, 9, 1], 4, &mut stream) && stream.is_empty());
        assert_eq!(units(&[9, 9, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 5, 1]).collect::<Vec<_>>(), [&[1][..], &[5, 1]]);
        assert_eq!(units(&[0, 0, 1]).count() + units(&[]).count() + units(&[1, 2]).count(), 0);
        assert_eq!(unescaped(&[0, 0, 3, 1, 0, 0, 3], 99), [0, 0, 1, 0, 0]);
    }
}
