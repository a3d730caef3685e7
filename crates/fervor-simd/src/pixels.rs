//! Pixels of bytes.

/// A value of some opacity on a white ground, rounded to the nearest.
#[inline]
pub fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// Red, green, blue, opacity become red, green, blue on a white ground, in place: a large picture is never held twice. What is left
/// of a last pixel that is not whole is dropped.
pub fn rgba_over_white(values: &mut Vec<u8>) {
    let pixels = values.len() / 4;
    let fours = pixels / 4;
    for i in 0..fours {
        // Four pixels in four words; what is written lies behind what is read next.
        let four: &[u8; 16] = values[16 * i..].first_chunk().expect("four pixels");
        let [a, b, c, d] =
            std::array::from_fn(|p| u32::from_le_bytes([four[4 * p], four[4 * p + 1], four[4 * p + 2], four[4 * p + 3]]));
        let [a, b, c, d] = if a & b & c & d >= 0xFF00_0000 { [a, b, c, d] } else { [a, b, c, d].map(word_over_white) };
        let words = [a & 0xFF_FFFF | b << 24, b >> 8 & 0xFFFF | c << 16, c >> 16 & 0xFF | d << 8];
        let out: &mut [u8; 12] = values[12 * i..].first_chunk_mut().expect("room for four pixels");
        for (bytes, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
    }
    for i in 4 * fours..pixels {
        let [r, g, b, a] = *values[4 * i..].first_chunk().expect("a pixel");
        let out: &mut [u8; 3] = values[3 * i..].first_chunk_mut().expect("room for a pixel");
        *out = [r, g, b].map(|value| over_white(value, a));
    }
    values.truncate(3 * pixels);
}

fn word_over_white(word: u32) -> u32 {
    let [r, g, b, a] = word.to_le_bytes();
    let [r, g, b] = [r, g, b].map(|value| over_white(value, a));
    u32::from_le_bytes([r, g, b, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_their_number_pixels_are_laid_over_white_one_by_one() {
        for pixels in 0..23 {
            for opaque in [false, true] {
                let byte = |i: usize| if opaque && i % 4 == 3 { 255 } else { (i * 89 % 256) as u8 };
                let mut values: Vec<u8> = (0..4 * pixels).map(byte).collect();
                let expected: Vec<u8> =
                    values.as_chunks().0.iter().flat_map(|&[r, g, b, a]| [r, g, b].map(|v| over_white(v, a))).collect();
                values.extend([7, 7]); // no whole pixel
                rgba_over_white(&mut values);
                assert_eq!(values, expected, "{pixels} pixels");
            }
        }
    }

    #[test]
    fn nothing_of_what_is_opaque_changes_and_nothing_is_left_of_what_is_not() {
        assert!((0..=255).all(|value| over_white(value, 255) == value && over_white(value, 0) == 255));
        assert_eq!(over_white(0, 128), 127);
    }
}
