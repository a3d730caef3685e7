//! [`Shots`]: where a film is cut.

use crate::picture::Picture;

/// Pixels of the small copies that are compared.
const COLUMNS: usize = 32;
const ROWS: usize = 18;

/// A cut changes the small copy by at least so many levels on average,
const LEAST: f32 = 18.0;

/// leaves less than this likeness between the copies (correlation, -1..=1): a lamp that goes on changes all and the picture not;
const LIKENESS: f32 = 0.75;

/// and changes them by so many times what the frames before changed,
const TIMES: f32 = 3.0;

/// or leaves less than this share of the colours (0..=1): of frames that are looked at once a second every one differs much, but what
/// moves keeps its colours (at least 0.85 in films of people and streets, at most 0.64 across their cuts).
const COLOURS: f32 = 0.75;

/// Levels of a channel that are told apart as colours.
const LEVELS: usize = 8;

/// Tells the first frame of each shot of a film, in one pass, from small copies of the frames: a few microseconds each.
///
/// A frame begins a shot if it shows something else than the frame before, and differs from it by far more than those before it did from
/// theirs, or has other colours: a camera that pans or a lamp that goes on is no cut, nor is what happens from one second to the next.
/// Slow fades are none either; whatever follows faces through them has to notice by itself that they are gone.
///
/// ```
/// use fervor::{Picture, Shots};
///
/// let frame = |value: u8| Picture::from_gray(64, 36, &[[value; 32], [255 - value; 32]].concat().repeat(36));
/// let mut shots = Shots::new();
/// let firsts: Vec<bool> = [10, 11, 12, 240, 241].into_iter().map(|v| Ok(shots.is_first(&frame(v)?))).collect::<fervor::Result<_>>()?;
/// assert_eq!(firsts, [true, false, false, true, false]);
/// # Ok::<(), fervor::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shots {
    last: Option<Glance>,
    /// How much frames of this shot usually change, an average that forgets; unknown before its second frame.
    usual: Option<f32>,
}

impl Shots {
    /// Before the first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this frame is the first of a shot; the very first one is.
    pub fn is_first(&mut self, picture: &Picture) -> bool {
        self.is_first_glance(Glance::at(picture))
    }

    /// The same of a frame of which only a small copy is left.
    pub fn is_first_glance(&mut self, glance: Glance) -> bool {
        let Some(last) = self.last.replace(glance) else { return true };
        let Some(Glance { size, small }) = &self.last else { return true };
        let change = difference(&last.small, small);
        let other = || change > LEAST && likeness(&last.small, small) < LIKENESS;
        let sudden = self.usual.is_some_and(|usual| change > TIMES * usual);
        let first = *size != last.size || other() && (sudden || shared_colours(&last.small, small) < COLOURS);
        self.usual = (!first).then(|| self.usual.map_or(change, |usual| 0.8 * usual + 0.2 * change));
        first
    }
}

/// A small copy of a frame, by which it is compared with its neighbours: 7 KB.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    size: (u32, u32),
    /// 32 x 18 values, each the mean of a few pixels.
    small: Vec<[f32; 3]>,
}

impl Glance {
    /// At this frame.
    pub fn at(picture: &Picture) -> Self {
        Self { size: (picture.width(), picture.height()), small: small(picture) }
    }
}

/// The picture at 32 x 18, each value the mean of a few of its pixels.
fn small(picture: &Picture) -> Vec<[f32; 3]> {
    /// Pixels a cell, horizontally and vertically: enough that noise and thin lines do not count.
    const TAKEN: usize = 4;
    let place = |at: usize, side: u32, cells: usize| (at * side as usize / (cells * TAKEN)) as u32;
    let mut small = vec![[0.0; 3]; COLUMNS * ROWS];
    for (cell, value) in small.iter_mut().enumerate() {
        let (column, row) = (cell % COLUMNS, cell / COLUMNS);
        for y in (0..TAKEN).map(|y| place(row * TAKEN + y, picture.height(), ROWS)) {
            for x in (0..TAKEN).map(|x| place(column * TAKEN + x, picture.width(), COLUMNS)) {
                value.iter_mut().zip(picture.pixel(x, y)).for_each(|(sum, v)| *sum += f32::from(v));
            }
        }
        value.iter_mut().for_each(|sum| *sum /= (TAKEN * TAKEN) as f32);
    }
    small
}

/// The mean absolute difference, in levels.
fn difference(a: &[[f32; 3]], b: &[[f32; 3]]) -> f32 {
    let sum: f32 = a.as_flattened().iter().zip(b.as_flattened()).map(|(a, b)| (a - b).abs()).sum();
    sum / (3 * COLUMNS * ROWS) as f32
}

/// The share of their colours that two copies have in common, wherever they are: the mean over the channels of what their histograms share.
fn shared_colours(a: &[[f32; 3]], b: &[[f32; 3]]) -> f32 {
    let [a, b] = [a, b].map(|small| {
        let mut histograms = [[0.0f32; LEVELS]; 3];
        for pixel in small {
            for (histogram, value) in histograms.iter_mut().zip(pixel) {
                // A value between two levels counts for both: light that changes a little moves little.
                let at = value / 255.0 * (LEVELS - 1) as f32;
                let low = (at as usize).min(LEVELS - 2);
                histogram[low] += low as f32 + 1.0 - at;
                histogram[low + 1] += at - low as f32;
            }
        }
        histograms
    });
    let shared: f32 = a.as_flattened().iter().zip(b.as_flattened()).map(|(a, b)| a.min(*b)).sum();
    shared / (3 * COLUMNS * ROWS) as f32
}

/// The correlation of two copies; 1 where both are plain.
fn likeness(a: &[[f32; 3]], b: &[[f32; 3]]) -> f32 {
    let (a, b) = (a.as_flattened(), b.as_flattened());
    let count = a.len() as f32;
    let mean = |values: &[f32]| values.iter().sum::<f32>() / count;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut var_a, mut var_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        var_a += a * a;
        var_b += b * b;
    }
    // Plain pictures differ by noise alone: levels count, not the pattern.
    let plain = count * 4.0;
    match (var_a > plain, var_b > plain) {
        (true, true) => both / (var_a * var_b).sqrt(),
        (false, false) => f32::from(u8::from((mean_a - mean_b).abs() < LEAST)),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scene of stripes, seen from `x` on, at this light.
    fn scene(kind: u32, x: u32, light: f32) -> Picture {
        let (width, height) = (160, 90);
        let rgb = (0..height).flat_map(|row| (0..width).map(move |column| (row, column))).flat_map(|(row, column)| {
            let at = (column + x) as f32;
            let value = match kind {
                0 => 120.0 + 60.0 * (at / 23.0).sin() + 40.0 * (row as f32 / 17.0).cos(),
                1 => 90.0 + 80.0 * (at / 9.0).cos() * (row as f32 / 11.0).sin(),
                _ => 0.0,
            };
            let value = (value * light).clamp(0.0, 255.0) as u8;
            [value, value / 2, (f32::from(value) * 0.8) as u8]
        });
        Picture::from_rgb(width, height, rgb.collect()).unwrap()
    }

    fn firsts(frames: impl IntoIterator<Item = Picture>) -> Vec<usize> {
        let mut shots = Shots::new();
        frames.into_iter().enumerate().filter(|(_, frame)| shots.is_first(frame)).map(|(number, _)| number).collect()
    }

    #[test]
    fn cuts_are_found_and_pans_lamps_and_noise_are_none() {
        let still = |kind| (0..6).map(move |_| scene(kind, 0, 1.0));
        assert_eq!(firsts(still(0).chain(still(1)).chain(still(2)).chain(still(0))), [0, 6, 12, 18]);
        assert_eq!(firsts((0..30).map(|i| scene(0, 5 * i, 1.0))), [0], "a camera pans");
        assert_eq!(firsts(still(0).chain((0..6).map(|_| scene(0, 0, 0.5)))), [0], "a lamp goes off");
        assert_eq!(firsts((0..20).map(|i| scene(1, 0, 1.0 + 0.03 * (i % 3) as f32))), [0], "light flickers");
        let cut_in_motion = (0..10).map(|i| scene(0, 5 * i, 1.0)).chain((0..5).map(|i| scene(1, 5 * i, 1.0)));
        assert_eq!(firsts(cut_in_motion), [0, 10]);
        assert_eq!(firsts((0..10).map(|i| scene(0, 40 * i, 1.0))), [0], "a person who moves, seen once a second");
        let seldom = (0..5).map(|i| scene(0, 40 * i, 1.0)).chain((0..5).map(|i| scene(1, 40 * i, 1.0)));
        assert_eq!(firsts(seldom), [0, 5], "and a cut");
        assert_eq!(firsts([scene(0, 0, 1.0), scene(0, 0, 1.0).cropped(0, 0, 80, 90).unwrap()]), [0, 1], "another size");
    }
}
