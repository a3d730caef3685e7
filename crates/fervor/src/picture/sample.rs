//! The two ways to read a plane of pixels at places and sizes that are not its own: between four neighbours ([`Bilinear`]),
//! and over areas ([`area_means`]). Whole pictures are resized by [`Picture::resized`](super::Picture::resized).
//!
//! Wherever a chip, a corruption or a drawing is warped, these lines do it, so that all of them mean the same place by the
//! same number and treat the edge alike.

/// The four pixels around a place, and how far it lies from the first of them. Pixel i lies at i, so that the middle of a
/// picture's first pixel is 0; beyond the edge its pixels go on.
///
/// ```
/// use fervor::picture::Bilinear;
///
/// let plane = [0.0_f32, 10.0, 20.0, 30.0]; // 2 x 2
/// let at = |x, y| Bilinear::at([x, y], [2, 2]);
/// assert_eq!(at(0.5, 0.5).single(at(0.5, 0.5).places.map(|place| plane[place])), 15.0);
/// assert_eq!(at(-3.0, 9.0).places, [2, 3, 2, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bilinear {
    /// Indices in the plane: above left, above right, below left, below right.
    pub places: [usize; 4],
    right: f64,
    down: f64,
}

impl Bilinear {
    /// Looks at a place (x, y) of a plane of this width and height.
    ///
    /// # Panics
    /// If a side is zero.
    #[inline]
    pub fn at([x, y]: [f64; 2], [width, height]: [usize; 2]) -> Self {
        let (left, right, across) = neighbours(x, width);
        let (top, bottom, down) = neighbours(y, height);
        let (above, below) = (top * width, bottom * width);
        Self { places: [above + left, above + right, below + left, below + right], right: across, down }
    }

    /// The value there, of those at the four [`places`](Self::places).
    #[inline]
    pub fn single(&self, [a, b, c, d]: [f32; 4]) -> f32 {
        let (right, down) = (self.right as f32, self.down as f32);
        let (above, below) = (a + (b - a) * right, c + (d - c) * right);
        above + (below - above) * down
    }

    /// As [`single`](Self::single), in double precision.
    #[inline]
    pub fn double(&self, [a, b, c, d]: [f64; 4]) -> f64 {
        let (above, below) = (a + (b - a) * self.right, c + (d - c) * self.right);
        above + (below - above) * self.down
    }
}

/// The two nearest pixels on one axis, and the weight of the second.
#[inline]
fn neighbours(at: f64, side: usize) -> (usize, usize, f64) {
    assert!(side > 0, "a plane without pixels");
    let at = at.clamp(0.0, side as f64 - 1.0);
    // Processors convert numbers of 32 bits in one instruction, and no side is longer.
    let first = at as u32;
    let place = first as usize;
    (place, (place + 1).min(side - 1), at - f64::from(first))
}

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
    fn a_place_between_pixels_is_mixed_of_four() {
        let plane: Vec<f32> = (0..12).map(|i| (i % 4 * 10 + i / 4) as f32).collect();
        for (place, value) in
            [([0.0, 0.0], 0.0), ([1.25, 0.0], 12.5), ([3.0, 2.0], 32.0), ([2.5, 1.5], 26.5), ([-7.0, 50.0], 2.0)]
        {
            let at = Bilinear::at(place, [4, 3]);
            assert_eq!(at.single(at.places.map(|place| plane[place])), value, "{place:?}");
            assert_eq!(at.double(at.places.map(|place| f64::from(plane[place]))), f64::from(value), "{place:?}");
        }
        assert_eq!(Bilinear::at([f64::NAN, 0.0], [4, 3]).places[0], 0, "no place is outside of the plane");
    }

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
