//! What is kept of each picture from the one time it is decoded: a kilobyte in place of its pixels.

use std::collections::HashMap;
use std::sync::Mutex;

use rayon::prelude::*;

use super::container::{self, Container};
use crate::dataset::{Dataset, SeenFile};
use fervor::picture::{Picture, area_means};
use fervor::picture::{laplacian_variance, mean_and_deviation};

/// Side of the thumbnail in grey.
pub(super) const SIDE: usize = 32;
/// Sharpness is judged at no more than so many pixels a side, so that one bound serves crops and photographs.
const SHARPNESS_SIDE: usize = 64;

/// A picture's measures.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub width: u32,
    pub height: u32,
    /// Whether red, green and blue are equal everywhere.
    pub gray: bool,
    /// Mean grey value.
    pub brightness: f32,
    /// Standard deviation of the grey values.
    pub contrast: f32,
    /// Variance of the Laplacian / variance of the grey values; 0 without contrast.
    pub sharpness: f32,
    /// Greatest minus least grey value.
    pub range: u8,
    /// The whole picture as `SIDE` x `SIDE` means of grey.
    pub thumbnail: Box<[u8; SIDE * SIDE]>,
    /// The same of what a frame of one colour surrounds, where there is a frame.
    pub inner: Vec<[u8; SIDE * SIDE]>,
    /// What its file is; none for rows of tables.
    pub container: Option<Container>,
}

impl Facts {
    pub fn of(picture: &Picture, bytes: Option<&[u8]>) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let gray = picture.is_gray();
        let luma = if gray { picture.rgb().iter().step_by(3).copied().collect() } else { picture.luma() };
        let (brightness, contrast) = mean_and_deviation(&luma);
        let longest = width.max(height);
        let sharpness = if longest <= SHARPNESS_SIDE {
            sharpness(&luma, width, height)
        } else {
            let shrunk = |side: usize| (side * SHARPNESS_SIDE / longest).max(1);
            let (w, h) = (shrunk(width), shrunk(height));
            sharpness(&area_means(&luma, [width, height], [w, h]), w, h)
        };
        let thumbnail = area_means(&luma, [width, height], [SIDE, SIDE]);
        let least = luma.iter().min().copied().unwrap_or_default();
        let greatest = luma.iter().max().copied().unwrap_or_default();
        Self {
            width: picture.width(),
            height: picture.height(),
            gray,
            brightness,
            contrast,
            sharpness,
            range: greatest - least,
            thumbnail: thumbnail.try_into().expect("SIDE x SIDE means"),
            inner: inner(&luma, width, height),
            container: bytes.and_then(container::of),
        }
    }
}

/// Gathers facts while a data set is opened.
#[derive(Default)]
pub(super) struct Collector(Mutex<HashMap<String, Facts>>);

impl Collector {
    pub fn see(&self, file: SeenFile) {
        let facts = Facts::of(file.picture, Some(file.bytes));
        self.0.lock().expect("no thread panics while it holds the lock").insert(file.id.to_owned(), facts);
    }

    /// The facts of each sample, in their order. What was not seen in a file (rows of tables lie in memory) is looked at now.
    pub fn align(self, dataset: &Dataset) -> Vec<Facts> {
        let mut seen = self.0.into_inner().expect("no thread panics while it holds the lock");
        let seen: Vec<Option<Facts>> = dataset.samples().iter().map(|sample| seen.remove(&sample.id)).collect();
        seen.into_par_iter()
            .enumerate()
            .map(|(index, facts)| {
                facts.unwrap_or_else(|| match dataset.picture(index) {
                    Ok(picture) => Facts::of(&picture, None),
                    // Gone since it was opened a moment ago: measured as nothing, and so found blank.
                    Err(_) => Facts::of(&Picture::from_gray(1, 1, &[0]).expect("one pixel"), None),
                })
            })
            .collect()
    }
}

/// Thumbnails of what a frame surrounds: lines of one grey value at all four edges, of at least a fiftieth of the side. Where the picture
/// itself has such lines at an edge, the frame is as thick as its thinnest side.
fn inner(luma: &[u8], width: usize, height: usize) -> Vec<[u8; SIDE * SIDE]> {
    const EVEN: u8 = 10;
    let Some(&frame) = luma.first() else { return Vec::new() };
    let of_frame = |value: &u8| value.abs_diff(frame) <= EVEN;
    let row = |y: usize| luma[y * width..(y + 1) * width].iter().all(of_frame);
    let column = |x: usize| luma.iter().skip(x).step_by(width).all(of_frame);
    let [top, bottom] = [(0..height).take_while(|&y| row(y)).count(), (0..height).rev().take_while(|&y| row(y)).count()];
    let [left, right] = [(0..width).take_while(|&x| column(x)).count(), (0..width).rev().take_while(|&x| column(x)).count()];
    let framed = [(top, height), (bottom, height), (left, width), (right, width)]
        .iter()
        .all(|(edge, side)| edge * 50 >= *side && *edge > 0);
    if !framed || 2 * (top + bottom) > height || 2 * (left + right) > width {
        return Vec::new();
    }
    let least = top.min(bottom).min(left).min(right);
    let mut frames = vec![[top, bottom, left, right], [least; 4]];
    frames.dedup();
    let within = |[top, bottom, left, right]: [usize; 4]| {
        let (w, h) = (width - left - right, height - top - bottom);
        let inside: Vec<u8> = (top..top + h).flat_map(|y| luma[y * width + left..][..w].iter().copied()).collect();
        area_means(&inside, [w, h], [SIDE, SIDE]).try_into().expect("SIDE x SIDE means")
    };
    frames.into_iter().map(within).collect()
}

/// Variance of the Laplacian over the variance of the values, so that a picture of low contrast is not called blurred for it.
fn sharpness(gray: &[u8], width: usize, height: usize) -> f32 {
    let (_, deviation) = mean_and_deviation(gray);
    if width < 3 || height < 3 || deviation < 1e-3 {
        return 0.0;
    }
    laplacian_variance(gray, width, height) / (deviation * deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blurred_picture_is_less_sharp_and_low_contrast_is_no_blur() {
        let sharp: Vec<u8> = (0..64 * 64).map(|i| if (i / 4 + i / 256) % 2 == 0 { 40 } else { 200 }).collect();
        let faint: Vec<u8> = sharp.iter().map(|v| 100 + v / 10).collect();
        let blurred = area_means(&area_means(&sharp, [64, 64], [5, 5]), [5, 5], [64, 64]);
        let [a, b, c] = [&sharp, &faint, &blurred].map(|gray| sharpness(gray, 64, 64));
        assert!((a - b).abs() < 0.1 * a, "{a} {b}");
        assert!(c < 0.5 * a, "{a} {c}");
        assert_eq!(sharpness(&[9; 64], 8, 8), 0.0);
    }
}
