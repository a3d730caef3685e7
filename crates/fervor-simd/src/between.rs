//! Values between pixels.

/// The four pixels around a place, and how far it lies from the first of them. Pixel i lies at i, so that the middle of a
/// picture's first pixel is 0; beyond the edge its pixels go on.
///
/// ```
/// use fervor_simd::between::Bilinear;
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

/// Where the pixels of a line that is drawn lie in a picture: each a step from the one before.
#[derive(Clone, Copy, Debug)]
pub struct Straight {
    /// The first pixel's place (x, y), where pixel i of the picture lies at i.
    pub first: [f64; 2],
    /// From one pixel's place to the next one's.
    pub step: [f64; 2],
}

/// Draws red, green and blue of the places of a line, each rounded to the nearest. A pixel of the picture is four numbers from 0 to
/// 255, of which the last is idle: a register's width, whatever the processor.
///
/// # Panics
/// If a side of the picture is zero, or the picture has less pixels than `width x height`.
pub fn draw_line(colors: &[[f32; 4]], size: [usize; 2], line: Straight, out: &mut [[u8; 3]]) {
    let Straight { first, step } = line;
    for (x, pixel) in out.iter_mut().enumerate() {
        let at = Bilinear::at([first[0] + x as f64 * step[0], first[1] + x as f64 * step[1]], size);
        let [a, b, c, d] = at.places.map(|place| colors[place]);
        // Whole numbers of 32 bits: four at a time.
        let whole: [i32; 4] = std::array::from_fn(|lane| (at.single([a[lane], b[lane], c[lane], d[lane]]) + 0.5) as i32);
        *pixel = [whole[0] as u8, whole[1] as u8, whole[2] as u8];
    }
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
    fn a_line_is_drawn_as_its_places_are_one_by_one() {
        let size = [7, 5];
        let colors: Vec<[f32; 4]> = (0..35).map(|i| [0, 1, 2, 3].map(|c| ((i * 71 + c * 29) % 256) as f32)).collect();
        for (first, step) in [([-2.0, 1.25], [0.75, 0.125]), ([6.5, 4.5], [-0.5, -0.375]), ([3.0, 2.0], [0.0, 0.0])] {
            let mut line = [[0; 3]; 19];
            draw_line(&colors, size, Straight { first, step }, &mut line);
            for (x, pixel) in line.iter().enumerate() {
                let at = Bilinear::at([0, 1].map(|axis: usize| first[axis] + x as f64 * step[axis]), size);
                let expected = [0, 1, 2].map(|c: usize| (at.single(at.places.map(|place| colors[place][c])) + 0.5) as u8);
                assert_eq!(*pixel, expected, "pixel {x} of {first:?}");
            }
        }
    }
}
