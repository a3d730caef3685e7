//! Alignment: a face's five landmarks are laid on a fixed template, and the square around the template is drawn.

use fervor_simd::between::{Straight, draw_line};

use crate::face::Landmarks;
use crate::picture::{Filter, Frame, Picture};

/// Five points in a square chip, (x, y) in its pixels: eyes, nose tip, mouth corners, as the viewer sees them from the left.
pub(super) type Template = [[f64; 2]; 5];

/// The template of a chip of `side` pixels with its eyes `eye_distance` of the side apart, at `eye_y` of its height.
///
/// The face's proportions are those of the ArcFace template (insightface, 112 px: eyes at (38.3, 51.7) and (73.5, 51.5),
/// nose (56.0, 71.7), mouth (41.5, 92.4) and (70.7, 92.2)), made symmetric, in units of its eye distance.
pub(super) fn template(eye_distance: f64, eye_y: f64, side: f64) -> Template {
    const NOSE_DOWN: f64 = 0.5715;
    const MOUTH_DOWN: f64 = 1.1546;
    const MOUTH_HALF: f64 = 0.4140;
    let face = [[-0.5, 0.0], [0.5, 0.0], [0.0, NOSE_DOWN], [-MOUTH_HALF, MOUTH_DOWN], [MOUTH_HALF, MOUTH_DOWN]];
    face.map(|[x, y]| [(0.5 + x * eye_distance) * side, (eye_y + y * eye_distance) * side])
}

/// `chip = turn * picture + shift`, points read as complex numbers x + iy: a turn, a scale and a shift, no reflection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Similarity {
    turn: [f64; 2],
    shift: [f64; 2],
}

impl Similarity {
    /// The similarity that lays `points` on `template` with the least sum of squared distances (Umeyama 1991).
    ///
    /// In the plane a turn with a scale is one complex number, and Umeyama's solution without reflection is
    /// `sum(conj(p) q) / sum(|p|^2)` over centred points: what the singular values and the guard come to.
    /// None if the points coincide or are not finite.
    pub fn between(points: &Landmarks, template: &Template) -> Option<Self> {
        let points = points.map(|point| point.map(f64::from));
        let centre = |points: &Template| points.iter().fold([0.0; 2], |sum, p| [sum[0] + p[0] / 5.0, sum[1] + p[1] / 5.0]);
        let (from, to) = (centre(&points), centre(template));
        let (mut real, mut imaginary, mut spread) = (0.0, 0.0, 0.0);
        for (p, q) in points.iter().zip(template) {
            let ([px, py], [qx, qy]) = ([p[0] - from[0], p[1] - from[1]], [q[0] - to[0], q[1] - to[1]]);
            real += px * qx + py * qy;
            imaginary += px * qy - py * qx;
            spread += px * px + py * py;
        }
        let turn = [real / spread, imaginary / spread];
        let turned = multiply(turn, from);
        let shift = [to[0] - turned[0], to[1] - turned[1]];
        turn.iter().chain(&shift).all(|v| v.is_finite()).then_some(Self { turn, shift })
    }

    /// Chip pixels a picture pixel.
    pub fn scale(&self) -> f64 {
        // Not `hypot`, whose last bit is each platform's own.
        let [a, b] = self.turn;
        (a * a + b * b).sqrt()
    }

    /// The place in the picture that is drawn at a place in the chip.
    pub fn to_picture(self, chip: [f64; 2]) -> [f64; 2] {
        let [a, b] = self.turn;
        let square = a * a + b * b;
        multiply([a / square, -b / square], [chip[0] - self.shift[0], chip[1] - self.shift[1]])
    }

    /// Whether the chip would show at least one pixel, at most three times the picture's longer side, and not only what
    /// lies beyond the picture: outside of that the landmarks are no face's, and the work is without bound.
    pub fn is_drawable(&self, picture: &Picture, side: u32) -> bool {
        let shown = f64::from(side) / self.scale();
        let longer = f64::from(picture.width().max(picture.height()));
        let middle = self.to_picture([f64::from(side) / 2.0; 2]);
        let near = |at: f64, length: u32| (-shown..=f64::from(length) + shown).contains(&at);
        (1.0..=3.0 * longer).contains(&shown) && near(middle[0], picture.width()) && near(middle[1], picture.height())
    }
}

/// The product of complex numbers.
fn multiply([a, b]: [f64; 2], [c, d]: [f64; 2]) -> [f64; 2] {
    [a * c - b * d, a * d + b * c]
}

/// The chip that the similarity draws, `side` pixels wide and high.
///
/// Three steps keep it free of aliasing at every scale: the picture is shrunk (antialiased) until two of its pixels fall on
/// one of the chip, drawn turned at twice the chip's size by bilinear interpolation, and that is halved (antialiased).
pub(super) fn draw(picture: &Picture, similarity: &Similarity, side: u32, filter: Filter) -> Picture {
    const OVERSAMPLING: u32 = 2;
    let drawn = OVERSAMPLING * side;
    let shown = shown(similarity, f64::from(side));
    let shrink = 1.0 / (f64::from(OVERSAMPLING) * similarity.scale());
    let (source, frame) = picture.reduced(shown, [drawn; 2], [shrink; 2], filter);
    let place = |x: f64, y: f64| {
        let at = similarity.to_picture([x, y].map(|v| v / f64::from(OVERSAMPLING)));
        [frame.x + (at[0] - shown.x) * (frame.width / shown.width), frame.y + (at[1] - shown.y) * (frame.height / shown.height)]
    };
    // The way is straight: the first pixel's place and the steps across and down give every other.
    let first = place(0.5, 0.5);
    let step = |to: [f64; 2]| [to[0] - first[0], to[1] - first[1]];
    let (across, down) = (step(place(1.5, 0.5)), step(place(0.5, 1.5)));
    // Four numbers a pixel, the last of them idle: a register's width, whatever the processor.
    let wide = |&[red, green, blue]: &[u8; 3]| [f32::from(red), f32::from(green), f32::from(blue), 0.0];
    let colors: Vec<[f32; 4]> = source.rgb().as_chunks().0.iter().map(wide).collect();
    let size = [source.width() as usize, source.height() as usize];
    let mut rgb = vec![0; 3 * (drawn * drawn) as usize];
    for (y, line) in rgb.chunks_exact_mut(3 * drawn as usize).enumerate() {
        // There pixel i's centre lies at i, here at i + 0.5.
        let first = [0, 1].map(|axis| first[axis] + y as f64 * down[axis] - 0.5);
        draw_line(&colors, size, Straight { first, step: across }, line.as_chunks_mut().0);
    }
    let drawn = Picture::from_rgb(drawn, drawn, rgb).expect("three values a pixel were pushed");
    drawn.sampled(drawn.frame(), side, side, filter)
}

/// The smallest upright rectangle of the picture that holds the turned square which the chip shows.
fn shown(similarity: &Similarity, side: f64) -> Frame {
    let corners = [[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]].map(|corner| similarity.to_picture(corner));
    let from = |axis: usize| corners.iter().map(|c| c[axis]).fold(f64::INFINITY, f64::min);
    let to = |axis: usize| corners.iter().map(|c| c[axis]).fold(f64::NEG_INFINITY, f64::max);
    Frame { x: from(0), y: from(1), width: to(0) - from(0), height: to(1) - from(1) }
}
