//! Decoders' values become RGB bytes.

use fervor_simd::pixels::{over_white, rgba_over_white};
use image::ColorType;

/// Decoded values in the machine's byte order as RGB bytes: grey is repeated, 16 bits keep their high byte, alpha lies over white.
///
/// # Panics
/// On floating-point values, which are refused before they are decoded.
pub(super) fn to_rgb(mut values: Vec<u8>, color: ColorType) -> Vec<u8> {
    match color {
        ColorType::Rgb8 => return values,
        ColorType::Rgba8 => {
            rgba_over_white(&mut values);
            values.shrink_to_fit();
        }
        ColorType::Rgb16 => shrink::<6>(&mut values, |v| [high(v, 0), high(v, 1), high(v, 2)]),
        ColorType::Rgba16 => shrink::<8>(&mut values, |v| [0, 1, 2].map(|i| over_white(high(v, i), high(v, 3)))),
        ColorType::La16 => shrink::<4>(&mut values, |v| [over_white(high(v, 0), high(v, 1)); 3]),
        ColorType::L8 => return values.iter().flat_map(|&v| [v; 3]).collect(),
        ColorType::La8 => return values.as_chunks().0.iter().flat_map(|&[v, a]| [over_white(v, a); 3]).collect(),
        ColorType::L16 => return values.as_chunks::<2>().0.iter().flat_map(|v| [high(v, 0); 3]).collect(),
        other => panic!("no integer values: {other:?}"),
    }
    values
}

/// Replaces pixels of `N` bytes by three bytes each, in place: a large picture is never held twice.
fn shrink<const N: usize>(values: &mut Vec<u8>, rgb: impl Fn(&[u8; N]) -> [u8; 3]) {
    let pixels = values.len() / N;
    for i in 0..pixels {
        let pixel = *values[i * N..].first_chunk().expect("N bytes a pixel");
        values[3 * i..3 * i + 3].copy_from_slice(&rgb(&pixel));
    }
    values.truncate(3 * pixels);
    values.shrink_to_fit();
}

/// The high byte of the 16-bit value number `index`.
fn high(pixel: &[u8], index: usize) -> u8 {
    (u16::from_ne_bytes([pixel[2 * index], pixel[2 * index + 1]]) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_becomes_rgb() {
        let wide = |values: &[u16]| values.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>();
        let cases = [
            (ColorType::L8, vec![7, 200], vec![7, 7, 7, 200, 200, 200]),
            (ColorType::La8, vec![7, 255, 0, 51], vec![7, 7, 7, 204, 204, 204]),
            (ColorType::Rgb8, vec![1, 2, 3], vec![1, 2, 3]),
            (ColorType::Rgba8, vec![1, 2, 3, 255, 9, 9, 9, 0, 255, 0, 100, 128], vec![1, 2, 3, 255, 255, 255, 255, 127, 177]),
            (ColorType::L16, wide(&[0x12FF, 0xFFFF]), vec![0x12, 0x12, 0x12, 255, 255, 255]),
            (ColorType::La16, wide(&[0x1234, 0xFFFF]), vec![0x12, 0x12, 0x12]),
            (ColorType::Rgb16, wide(&[0x0102, 0x0304, 0x0506, 0x0708, 0x090A, 0x0B0C]), vec![1, 3, 5, 7, 9, 11]),
            (ColorType::Rgba16, wide(&[0x0102, 0x0304, 0x0506, 0xFFFF, 1, 2, 3, 4]), vec![1, 3, 5, 255, 255, 255]),
        ];
        for (color, values, rgb) in cases {
            assert_eq!(to_rgb(values, color), rgb, "{color:?}");
        }
    }
}
