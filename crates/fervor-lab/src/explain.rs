//! Which parts of a face an answer rests on: occlusion maps through the bundle itself, and scores that say how far to
//! trust them.
//!
//! A window of the chip is replaced by its blurred self, and what the log-odds of each class lose is what the window was
//! worth (Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014; blurring instead of grey as in
//! Fong and Vedaldi, 2017). Nothing but the bundle's answers is used: it works for every network, without gradients.

use fervor::bundle::Bundle;
use fervor::error::Result;
use fervor::prediction::Probabilities;
use fervor::preprocess::Chip;
use fervor::quality::Quality;

mod draw;
mod score;

pub use draw::{overlay, sheet};
pub use score::{Faithfulness, Ranking, faithfulness};

/// Sides of the windows as shares of the chip's side: features of a face from a mouth's corner to half a face.
const WINDOWS: [f32; 3] = [1.0 / 6.0, 1.0 / 4.0, 1.0 / 3.0];

/// Chips that go through the network at a time.
const BATCH: usize = 64;

/// What each pixel of a chip was worth for each class.
#[derive(Clone, Debug)]
pub struct Explanation {
    side: usize,
    probabilities: Probabilities,
    /// One map a class, row by row.
    maps: Vec<Vec<f32>>,
}

impl Explanation {
    /// Explains a bundle's answer for a chip; about 300 runs of the network for a chip of any size. `quality` is that of the
    /// face, so that the answer is the one that is published; without it the probabilities are those of an unflagged face.
    ///
    /// # Errors
    /// [`Model`](fervor::ErrorKind::Model): the network fails.
    pub fn of(bundle: &Bundle, chip: &Chip, quality: Option<&Quality>) -> Result<Self> {
        let side = chip.size();
        let card = bundle.card();
        let blurred = blurred(chip);
        let windows: Vec<Window> = WINDOWS.iter().flat_map(|share| Window::over(side, *share)).collect();
        let whole = bundle.logits(std::slice::from_ref(chip))?.remove(0);
        let odds = log_odds(&whole);
        let classes = whole.len();
        let mut sums = vec![vec![0.0; side * side]; classes];
        let mut counts = vec![0.0; side * side];
        for batch in windows.chunks(BATCH) {
            let hidden: Vec<Chip> = batch.iter().map(|window| window.hide(chip, &blurred)).collect();
            for (window, logits) in batch.iter().zip(bundle.logits(&hidden)?) {
                let lost: Vec<f32> = odds.iter().zip(log_odds(&logits)).map(|(before, after)| before - after).collect();
                for place in window.places(side) {
                    // A small window says more about each of its pixels than a large one.
                    let weight = 1.0 / window.side as f32;
                    counts[place] += weight;
                    sums.iter_mut().zip(&lost).for_each(|(map, lost)| map[place] += weight * lost);
                }
            }
        }
        for map in &mut sums {
            map.iter_mut().zip(&counts).for_each(|(sum, count)| *sum /= count);
            *map = smoothed(map, side, side / 24);
        }
        Ok(Self { side, probabilities: card.probabilities(&whole, quality), maps: sums })
    }

    /// Side of the maps in pixels: the chip's.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The answer that is explained.
    pub fn probabilities(&self) -> &Probabilities {
        &self.probabilities
    }

    /// What each pixel is worth for a class, `side x side`, row by row, in log-odds: above zero it speaks for the class,
    /// below zero against it.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn map(&self, class: usize) -> &[f32] {
        &self.maps[class]
    }
}

/// `ln(p / (1 - p))` of each class: unlike a probability it does not saturate where the network is sure, and for that it is
/// taken from the other logits and not from a softmax, whose `1 - p` is nothing there.
fn log_odds(logits: &[f32]) -> Vec<f32> {
    let others = |class: usize| {
        let rest = || logits.iter().enumerate().filter(move |(i, _)| *i != class).map(|(_, logit)| *logit);
        let top = rest().fold(f32::NEG_INFINITY, f32::max);
        top + rest().map(|logit| (logit - top).exp()).sum::<f32>().ln()
    };
    (0..logits.len()).map(|class| logits[class] - others(class)).collect()
}

/// A square of the chip.
struct Window {
    left: usize,
    top: usize,
    side: usize,
}

impl Window {
    /// Windows of this share of the side that overlap by half and reach every edge.
    fn over(side: usize, share: f32) -> Vec<Self> {
        let window = ((side as f32 * share).round() as usize).clamp(1, side);
        let steps = (side - window).div_ceil((window / 2).max(1));
        let at = |step: usize| ((side - window) * step).checked_div(steps).unwrap_or(0);
        let squares = (0..=steps).flat_map(|row| (0..=steps).map(move |column| (column, row)));
        squares.map(|(column, row)| Self { left: at(column), top: at(row), side: window }).collect()
    }

    /// Indices of its pixels in a plane.
    fn places(&self, side: usize) -> impl Iterator<Item = usize> {
        let (left, top, window) = (self.left, self.top, self.side);
        (top..top + window).flat_map(move |row| (left..left + window).map(move |column| row * side + column))
    }

    fn hide(&self, chip: &Chip, blurred: &Chip) -> Chip {
        let side = chip.size();
        chip.clone().edited(|pixels| {
            for (plane, hidden) in pixels.chunks_exact_mut(side * side).zip(blurred.pixels().chunks_exact(side * side)) {
                self.places(side).for_each(|place| plane[place] = hidden[place]);
            }
        })
    }
}

/// The chip without detail.
fn blurred(chip: &Chip) -> Chip {
    let side = chip.size();
    let radius = (side / 8).max(1);
    chip.clone().edited(|pixels| {
        for plane in pixels.chunks_exact_mut(side * side) {
            let values: Vec<f32> = plane.iter().map(|&value| f32::from(value)).collect();
            let values = smoothed(&values, side, radius);
            plane.iter_mut().zip(values).for_each(|(pixel, value)| *pixel = (value + 0.5) as u8);
        }
    })
}

/// Three running means over `2 radius + 1` values each way: nearly a Gaussian.
fn smoothed(values: &[f32], side: usize, radius: usize) -> Vec<f32> {
    (0..3).fold(values.to_vec(), |values, _| {
        transposed(&mean_of_rows(&transposed(&mean_of_rows(&values, side, radius), side), side, radius), side)
    })
}

/// Each value becomes the mean of its neighbours within `radius` in its row; rows go on with their end values.
fn mean_of_rows(values: &[f32], side: usize, radius: usize) -> Vec<f32> {
    let mut means = Vec::with_capacity(values.len());
    for row in values.chunks_exact(side) {
        let at = |i: isize| row[i.clamp(0, side as isize - 1) as usize];
        let radius = radius as isize;
        means.extend((0..side as isize).map(|x| (x - radius..=x + radius).map(at).sum::<f32>() / (2 * radius + 1) as f32));
    }
    means
}

fn transposed(values: &[f32], side: usize) -> Vec<f32> {
    (0..side * side).map(|i| values[i % side * side + i / side]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fervor::preprocess::{Color, Filter, Framing, Preprocess};

    fn chip(side: usize, value: impl Fn(usize, usize) -> u8) -> Chip {
        let framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
        let preprocess = Preprocess { size: side, color: Color::Gray, framing, filter: Filter::Bilinear, standardize: None };
        preprocess.golden_chip().edited(|pixels| {
            pixels.iter_mut().enumerate().for_each(|(place, pixel)| *pixel = value(place / side, place % side));
        })
    }

    #[test]
    fn the_windows_cover_every_pixel() {
        for side in [8, 13, 48, 128] {
            for share in WINDOWS {
                let mut seen = vec![false; side * side];
                Window::over(side, share).iter().flat_map(|w| w.places(side)).for_each(|place| seen[place] = true);
                assert!(seen.iter().all(|seen| *seen), "{side}, {share}");
            }
        }
    }

    #[test]
    fn log_odds_are_those_of_the_softmax() {
        let logits = [2.0_f32, -1.0, 0.5];
        let sum: f32 = logits.iter().map(|z| z.exp()).sum();
        for (odds, logit) in log_odds(&logits).iter().zip(logits) {
            let p = logit.exp() / sum;
            assert!((odds - (p / (1.0 - p)).ln()).abs() < 1e-5);
        }
        assert!(log_odds(&[500.0, -500.0]).iter().all(|odds| odds.is_finite()));
    }

    #[test]
    fn blurring_keeps_plain_chips_and_spreads_dots() {
        let plain = chip(16, |_, _| 77);
        assert_eq!(blurred(&plain), plain);
        let dot = blurred(&chip(16, |row, column| if (row, column) == (8, 8) { 255 } else { 0 }));
        assert!(dot.pixels().iter().all(|value| *value < 40));
        let turned: Vec<u8> = (0..256).map(|i| dot.pixels()[i % 16 * 16 + i / 16]).collect();
        assert_eq!(dot.pixels(), turned, "rows and columns alike");
    }
}
