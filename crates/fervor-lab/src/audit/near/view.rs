//! What a copy may be that is no crop of its original: turned by a few degrees or upside down, or with a frame around it.

use super::SIDE;

type Thumbnail = [u8; SIDE * SIDE];

/// Degrees by which copies are turned: the alignment finds what lies two or three degrees beside them.
const TURNS: [f32; 4] = [-9.0, -5.0, 5.0, 9.0];

/// The picture under each such alteration, with its name; `inner` is what a frame surrounds.
pub fn of(thumbnail: &Thumbnail, inner: &[Thumbnail]) -> impl Iterator<Item = (Thumbnail, &'static str)> {
    let turned = TURNS.map(|degrees| (turned(thumbnail, degrees), "turned"));
    let mut upside_down = *thumbnail;
    upside_down.reverse();
    // Left and right exchanged, and upside down: a mirror that lies.
    let mut flipped = upside_down;
    flipped.as_chunks_mut::<SIDE>().0.iter_mut().for_each(|row| row.reverse());
    let framed: Vec<_> = inner.iter().map(|inner| (*inner, "framed")).collect();
    turned.into_iter().chain([(upside_down, "upside down"), (flipped, "mirrored, upside down")]).chain(framed)
}

/// Turned around its middle, bilinear; beyond the edge its pixels are repeated.
fn turned(thumbnail: &Thumbnail, degrees: f32) -> Thumbnail {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = (SIDE - 1) as f32 / 2.0;
    let last = (SIDE - 1) as f32 - 1e-3;
    let pixel = |x: usize, y: usize| f32::from(thumbnail[y * SIDE + x]);
    std::array::from_fn(|i| {
        let (dx, dy) = ((i % SIDE) as f32 - middle, (i / SIDE) as f32 - middle);
        let [x, y] = [cos * dx - sin * dy + middle, sin * dx + cos * dy + middle].map(|at| at.clamp(0.0, last));
        let (left, top, right, down) = (x as usize, y as usize, x.fract(), y.fract());
        let above = pixel(left, top) + right * (pixel(left + 1, top) - pixel(left, top));
        let below = pixel(left, top + 1) + right * (pixel(left + 1, top + 1) - pixel(left, top + 1));
        (above + down * (below - above)).round() as u8
    })
}
