//! Faces that lie on their side or stand on their head: looked for in turned copies of a picture, where no face in it is clearly upright.

use std::borrow::Cow;

use crate::error::Result;
use crate::face::{BoundingBox, Face};
use crate::picture::{Filter, Picture};

use super::yunet::YuNet;

/// From this score on a face stands upright: so do 846 of 881 photographs show one, and of 180 turned ones none.
const UPRIGHT: f32 = 0.9;

/// A turned face counts from this score on: there are three times as many looks in which something could be taken for one.
const TURNED: f32 = 0.85;

/// A turned face takes the place of an upright one only if it scores more by this. One that stands on its head is often found as an
/// upright one with nearly the score; one that lies on its side hardly ever, but a profile may score as one.
fn marked(turns: u8) -> f32 {
    if turns == 2 { 0.02 } else { 0.08 }
}

/// The quick looks see less: a face that they score so much lower is still looked for.
const LENIENCE: f32 = 0.05;

/// Boxes that overlap by more (intersection over union) mean the same face.
const SAME: f32 = 0.2;

/// These upright faces of the picture, and those that stand upright once it is turned.
///
/// Three quick looks, at half the usual side and so a quarter of the work each, say which turn promises something; only that one
/// is looked at as an upright picture is.
pub(super) fn add(detector: &YuNet, picture: &Picture, mut faces: Vec<Face>) -> Result<Vec<Face>> {
    let best = |faces: &[Face]| faces.iter().map(Face::certainty).fold(0.0, f32::max);
    let upright = best(&faces);
    if upright >= UPRIGHT {
        return Ok(faces);
    }
    let (width, height) = (picture.width(), picture.height());
    let half = shrunk(picture, detector.usual(picture) / 2)?;
    let longest = half.width().max(half.height()) as usize;
    let (mut promising, mut most) = (0, 0.0);
    for turns in 1..4 {
        let score = best(&detector.find_at(&half.turned(turns), longest)?);
        if score >= most && score >= TURNED.max(upright + marked(turns)) - LENIENCE {
            (promising, most) = (turns, score);
        }
    }
    if promising == 0 {
        return Ok(faces);
    }
    let same = |a: &Face, b: &Face| a.bounds.iou(&b.bounds) > SAME;
    let mut turned = detector.find_upright(&picture.turned(promising))?;
    turned.iter_mut().for_each(|face| *face = turned_back(face, promising, [width as f32, height as f32]));
    turned.retain(|face| {
        let rivals = faces.iter().filter(|rival| same(face, rival));
        face.certainty() >= rivals.map(|rival| rival.certainty() + marked(promising)).fold(TURNED, f32::max)
    });
    faces.retain(|face| !turned.iter().any(|other| same(face, other)));
    faces.append(&mut turned);
    Ok(detector.suppress(faces))
}

/// The picture with this longer side, if it is larger.
fn shrunk(picture: &Picture, side: usize) -> Result<Cow<'_, Picture>> {
    let longest = picture.width().max(picture.height());
    let fit = |length: u32| (u64::from(length) * side as u64 / u64::from(longest)).max(1) as u32;
    if longest as usize <= side {
        return Ok(Cow::Borrowed(picture));
    }
    picture.resized(fit(picture.width()), fit(picture.height()), Filter::Bilinear).map(Cow::Owned)
}

/// A face that was found in a picture of this width and height once it had been turned clockwise by so many quarters.
fn turned_back(face: &Face, turns: u8, [width, height]: [f32; 2]) -> Face {
    let back = |[x, y]: [f32; 2]| match turns {
        1 => [y, height - x],
        2 => [width - x, height - y],
        3 => [width - y, x],
        _ => [x, y],
    };
    let BoundingBox { x, y, width: across, height: down } = face.bounds;
    let ([ax, ay], [bx, by]) = (back([x, y]), back([x + across, y + down]));
    let bounds = BoundingBox { x: ax.min(bx), y: ay.min(by), width: (ax - bx).abs(), height: (ay - by).abs() };
    Face { bounds, score: face.score, landmarks: face.landmarks.map(|points| points.map(back)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A bright pixel of a turned picture lies where the bright pixel of the picture does.
    #[test]
    fn a_face_is_turned_back_to_where_it_was() {
        let (width, height) = (7, 4);
        let mut gray = vec![0; width * height];
        gray[2 * width + 5] = 255;
        let picture = Picture::from_gray(width as u32, height as u32, &gray).unwrap();
        for turns in 0..4 {
            let turned = picture.turned(turns);
            let at = turned.rgb().iter().position(|&value| value == 255).unwrap() / 3;
            let [x, y] = [at % turned.width() as usize, at / turned.width() as usize].map(|v| v as f32);
            let landmarks = Some([[x + 0.5, y + 0.5]; 5]);
            let face = Face { bounds: BoundingBox { x, y, width: 1.0, height: 1.0 }, score: Some(0.9), landmarks };
            let back = turned_back(&face, turns, [width as f32, height as f32]);
            assert_eq!(back.bounds, BoundingBox { x: 5.0, y: 2.0, width: 1.0, height: 1.0 }, "{turns} turns");
            assert_eq!(back.landmarks.unwrap()[0], [5.5, 2.5], "{turns} turns");
        }
    }
}
