//! The two ways to read a plane of pixels at places and sizes that are not its own: between four neighbours ([`Bilinear`], whose
//! loops stand with the others), and over areas ([`area_means`]). Whole pictures are resized by
//! [`Picture::resized`](super::Picture::resized).
//!
//! Wherever a chip, a corruption or a drawing is warped, these lines do it, so that all of them mean the same place by the
//! same number and treat the edge alike.

pub use fervor_simd::between::Bilinear;

/// A plane of bytes at another size, each new value the mean of the area that it covers.
///
/// # Panics
/// If a side is zero, or the plane has not `width x height` values.
pub fn area_means(gray: &[u8], [width, height]: [usize; 2], [columns, rows]: [usize; 2]) -> Vec<u8> {
    assert!(width > 0 && height > 0 && gray.len() == width * height, "{} values are not {width} x {height}", gray.len());
    assert!(columns > 0 && rows > 0, "a plane of {columns} x {rows} values");
    let across = spans(width, columns);
    let down = spans(height, rows);
    let mut narrow = vec![0.0_f32; columns * height];
    for (line, narrow) in gray.chunks_exact(width).zip(narrow.chunks_exact_mut(columns)) {
        for (value, span) in narrow.iter_mut().zip(&across) {
            *value = line[span.from..].iter().zip(&span.weights).map(|(&pixel, weight)| f32::from(pixel) * weight).sum();
        }
    }
    let mut means = Vec::with_capacity(columns * rows);
    let mut line = vec![0.0_f32; columns];
    for span in &down {
        line.fill(0.0);
        for (source, weight) in narrow[span.from * columns..].chunks_exact(columns).zip(&span.weights) {
            line.iter_mut().zip(source).for_each(|(sum, value)| *sum += value * weight);
        }
        means.extend(line.iter().map(|value| (value + 0.5) as u8));
    }
    means
}

/// The pixels that one new pixel covers, with their shares.
struct Span {
    from: usize,
    weights: Vec<f32>,
}

fn spans(length: usize, parts: usize) -> Vec<Span> {
    let step = length as f64 / parts as f64;
    let span = |part: usize| {
        let (start, end) = (part as f64 * step, (part + 1) as f64 * step);
        let from = (start.floor() as usize).min(length - 1);
        let to = (end.ceil() as usize).clamp(from + 1, length);
        let covered = |pixel: usize| (end.min(pixel as f64 + 1.0) - start.max(pixel as f64)).max(0.0);
        let sum: f64 = (from..to).map(covered).sum();
        let weights = (from..to).map(|pixel| if sum > 0.0 { (covered(pixel) / sum) as f32 } else { 1.0 / (to - from) as f32 });
        Span { from, weights: weights.collect() }
    };
    (0..parts).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_areas_keep_the_mean_and_a_picture_of_the_same_size() {
        let gray: Vec<u8> = (0..48 * 48).map(|i| ((i * 37) % 251) as u8).collect();
        assert_eq!(area_means(&gray, [48, 48], [48, 48]), gray);
        let small = area_means(&gray, [48, 48], [32, 32]);
        let mean = |values: &[u8]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
        assert!((mean(&gray) - mean(&small)).abs() < 0.6);
        assert_eq!(area_means(&[10, 30], [2, 1], [1, 1]), [20]);
        assert_eq!(area_means(&[10, 30], [2, 1], [4, 2]), [10, 10, 30, 30, 10, 10, 30, 30]);
    }
}
