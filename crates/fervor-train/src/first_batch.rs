//! A picture of the first batch, as the network sees it: what augmentation makes of the faces is to be looked at.

use fervor::{LabelSet, Picture, Result};
use fervor_draw::{Caption, SheetItem, contact_sheet};

use crate::loader::Batch;

/// Pictures on the sheet, and how many stand in a row.
const SHEET: usize = 32;
const COLUMNS: usize = 8;
/// Classes with a smaller share of a target are not named.
const NAMED: f32 = 0.1;

/// The sheet as a PNG: each chip after augmentation with its label and, where that is another, what the network shall answer.
///
/// # Errors
/// Only where a picture cannot be drawn.
pub fn png(batch: &Batch, channels: usize, labels: &LabelSet, name: &str) -> Result<Vec<u8>> {
    let pixels = batch.pixels.chunks_exact(channels * batch.side * batch.side);
    let rows = pixels.zip(&batch.labels).zip(batch.targets.chunks_exact(labels.len())).take(SHEET);
    let items = rows.map(|((pixels, &label), target)| {
        let mut caption = vec![Caption { text: labels.name(label).to_owned(), strong: true }];
        caption.extend(wanted(target, label, labels).map(|text| Caption { text, strong: false }));
        Ok(SheetItem { picture: enlarged(pixels, channels, batch.side)?, caption })
    });
    let title = format!("{name}: the first batch as the network sees it");
    contact_sheet(&title, &items.collect::<Result<Vec<_>>>()?, COLUMNS)?.encode_png()
}

/// "happy 70 %, sad 30 %" of a target that is more than the label.
fn wanted(target: &[f32], label: usize, labels: &LabelSet) -> Option<String> {
    let mut shares: Vec<(usize, f32)> = target.iter().copied().enumerate().filter(|(_, share)| *share >= NAMED).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let only = matches!(shares.as_slice(), [(class, _)] if *class == label);
    (!only).then(|| {
        let words = shares.iter().map(|(class, share)| format!("{} {:.0} %", labels.name(*class), 100.0 * share));
        words.collect::<Vec<_>>().join(", ")
    })
}

/// A chip, each of its pixels a square so large that the chip fills its place on the sheet.
fn enlarged(pixels: &[f32], channels: usize, side: usize) -> Result<Picture> {
    let (times, plane) = ((168 / side).max(1), side * side);
    let places = (0..side * times).flat_map(|y| (0..side * times).map(move |x| y / times * side + x / times));
    let rgb = places.flat_map(|at| [0, 1, 2].map(|channel| pixels[channel.min(channels - 1) * plane + at].round() as u8));
    Picture::from_rgb((side * times) as u32, (side * times) as u32, rgb.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_shows_chips_labels_and_mixed_targets() {
        let labels = LabelSet::new(["happy", "sad"]).unwrap();
        assert_eq!(wanted(&[0.97, 0.03], 0, &labels), None);
        assert_eq!(wanted(&[0.3, 0.7], 1, &labels).as_deref(), Some("sad 70 %, happy 30 %"));
        let batch = Batch {
            pixels: vec![100.4; 2 * 3 * 24 * 24],
            side: 24,
            targets: vec![1.0, 0.0, 0.3, 0.7],
            weights: vec![1.0; 2],
            labels: vec![0, 1],
            votes: None,
            taught: Vec::new(),
        };
        let png = png(&batch, 3, &labels, "tiny").unwrap();
        let sheet = Picture::decode(&png, &fervor::Limits::default()).unwrap();
        let centre = 3 * ((64 + 84) * sheet.width() + 20 + 84) as usize;
        assert_eq!(sheet.rgb()[centre], 100);
    }
}
