//! Explanations as pictures: what speaks for a class glows warm over the grey face, what speaks against it cold.

use super::Explanation;
use fervor::error::Result;
use fervor::face::Face;
use fervor::picture::{Bilinear, Filter, Picture};
use fervor::prediction::{adjective, percent};
use fervor::preprocess::{Color, Preprocess};
use fervor_draw::{Caption, SheetItem, contact_sheet};

/// Side of a drawn face.
const SIDE: u32 = 168;

/// Warm and cold ends of the scale; both are told apart in greys and by colour-blind people.
const FOR: [f32; 3] = [255.0, 106.0, 20.0];
const AGAINST: [f32; 3] = [40.0, 110.0, 255.0];

/// A map over a face. `face` is what the map's pixels lie on, at any size; `scale` is the worth that is drawn at full strength.
///
/// # Errors
/// Never for faces that [`Preprocess::chip`] cut.
pub fn overlay(face: &Picture, map: &[f32], side: usize, scale: f32) -> Result<Picture> {
    let (width, height) = (face.width(), face.height());
    let mut rgb = Vec::with_capacity(face.rgb().len());
    let luma = face.luma();
    for y in 0..height {
        for x in 0..width {
            // Both lie over each other from edge to edge.
            let place = |at: u32, length: u32| (f64::from(at) + 0.5) / f64::from(length) * side as f64 - 0.5;
            let at = Bilinear::at([place(x, width), place(y, height)], [side, side]);
            let worth = at.single(at.places.map(|place| map[place])) / scale.max(f32::EPSILON);
            let strength = worth.abs().min(1.0);
            let color = if worth >= 0.0 { FOR } else { AGAINST };
            // The face stays readable below: its light is kept and tinted.
            let grey = f32::from(luma[(y * width + x) as usize]);
            let light = 0.35 + 0.65 * grey / 255.0;
            rgb.extend(color.map(|c| (grey + 0.85 * strength * (c * light - grey) + 0.5) as u8));
        }
    }
    Picture::from_rgb(width, height, rgb)
}

/// A sheet for one face: the face as the network frames it, what the network sees, and a map for each class, the most
/// probable first. All maps share the answer's scale, so that their
/// strengths can be compared.
///
/// # Errors
/// A sheet that cannot be drawn.
pub fn sheet(title: &str, picture: &Picture, face: &Face, preprocess: &Preprocess, explanation: &Explanation) -> Result<Picture> {
    let sharp = Preprocess { size: SIDE as usize, color: Color::Rgb, standardize: None, ..preprocess.clone() };
    let sharp = sharp.chip(picture, face).to_picture();
    let seen = preprocess.chip(picture, face).to_picture().resized(SIDE, SIDE, Filter::Bicubic)?;
    let probabilities = explanation.probabilities();
    let labels = probabilities.labels();
    let answer = labels.index_of(probabilities.top().0).expect("the answer is one of the labels");
    let scale = explanation.map(answer).iter().fold(0.0_f32, |most, worth| most.max(worth.abs()));
    let caption = |text: String, strong| Caption { text, strong };
    let [channels, side, _] = preprocess.shape();
    let kind = if channels == 1 { "grey" } else { "colour" };
    let mut items = vec![
        SheetItem {
            picture: sharp.clone(),
            caption: vec![caption("the face".into(), true), caption("as it is framed".into(), false)],
        },
        SheetItem {
            picture: seen,
            caption: vec![caption("the network's view".into(), true), caption(format!("{side} x {side} {kind}"), false)],
        },
    ];
    for (rank, (label, probability)) in probabilities.ranked().into_iter().enumerate() {
        let map = explanation.map(labels.index_of(label).expect("a ranked label is one of the labels"));
        let (said, note) = match rank {
            0 => (probabilities.short_words(), "rests on what is warm"),
            _ => (adjective(label).into_owned(), "warm: for, cold: against"),
        };
        items.push(SheetItem {
            picture: overlay(&sharp, map, explanation.side(), scale)?,
            caption: vec![caption(format!("{said} {}", percent(probability)), true), caption(note.into(), false)],
        });
    }
    contact_sheet(title, &items, 5)
}
