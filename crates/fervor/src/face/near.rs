//! Faces where they were a moment ago: a look at their surroundings alone, for the frames of a video between two full looks.

use crate::error::Result;
use crate::face::{BoundingBox, Face};
use crate::picture::{Filter, Frame, Picture};

use super::yunet::YuNet;

/// The surroundings that are looked at: a square with so many times the face's longer side.
const REACH: f32 = 2.0;

/// The sides that a look may have in the network's input. A large face needs no more pixels than this to be found again.
const LOOKS: [f32; 2] = [96.0, 192.0];

/// So many faces are cheaper found by one look at everything.
const MOST_FACES: usize = 6;

/// A face that is found again has moved by less than this share of its side,
const MOVED: f32 = 0.6;

/// and has grown or shrunk by less than this factor.
const GROWN: f32 = 1.6;

/// The faces near these boxes, one for each, in order; none if one of them is not found again, or if a full look costs no more.
pub(super) fn find(detector: &YuNet, picture: &Picture, boxes: &[BoundingBox]) -> Result<Option<Vec<Face>>> {
    if boxes.len() > MOST_FACES {
        return Ok(None);
    }
    let mut faces: Vec<Face> = Vec::with_capacity(boxes.len());
    for last in boxes {
        let Some(face) = look(detector, picture, last)? else { return Ok(None) };
        // Two that became one cannot be told apart here.
        if faces.iter().any(|other| other.bounds.iou(&face.bounds) > detector.overlap()) {
            return Ok(None);
        }
        faces.push(face);
    }
    Ok(Some(faces))
}

/// The best face that could be this one.
fn look(detector: &YuNet, picture: &Picture, last: &BoundingBox) -> Result<Option<Face>> {
    let side = last.width.max(last.height);
    if ![last.x, last.y, last.width, last.height].iter().all(|value| value.is_finite()) || side < 1.0 {
        return Ok(None);
    }
    let [middle_x, middle_y] = middle(last);
    let reach = REACH * side;
    // The usual look's scale, so that the answer is the usual look's; less for large faces. At the picture's edge the region ends,
    // as the usual look does: what the network sees beyond an edge moves its boxes.
    let longest = picture.width().max(picture.height()) as usize;
    let usual = detector.usual(picture) as f32 / longest as f32;
    let scale = usual.clamp(LOOKS[0] / reach, LOOKS[1] / reach);
    let cut = |middle: f32, end: u32| [(middle - reach / 2.0).max(0.0).floor(), (middle + reach / 2.0).min(end as f32).ceil()];
    let [[left, right], [top, bottom]] = [cut(middle_x, picture.width()), cut(middle_y, picture.height())];
    let [width, height] = [right - left, bottom - top];
    let [columns, rows] = [width, height].map(|side| (side * scale).round());
    if columns < 1.0 || rows < 1.0 {
        return Ok(None);
    }
    let frame = Frame { x: left.into(), y: top.into(), width: width.into(), height: height.into() };
    let region = picture.sampled(frame, columns as u32, rows as u32, Filter::Bilinear);
    let pixel = [width / columns, height / rows];
    let moved = |face: &Face| {
        let [x, y] = middle(&face.bounds);
        let size = (face.bounds.area() / last.area()).sqrt();
        (x - middle_x).hypot(y - middle_y) < MOVED * side && (1.0 / GROWN..GROWN).contains(&size)
    };
    let found = detector.find_at(&region, columns.max(rows) as usize)?;
    let back = |face| in_picture(face, [left, top], pixel);
    Ok(found.into_iter().map(back).find(moved))
}

fn middle(bounds: &BoundingBox) -> [f32; 2] {
    [bounds.x + bounds.width / 2.0, bounds.y + bounds.height / 2.0]
}

/// A face of a region, in the picture's pixels.
fn in_picture(face: Face, [left, top]: [f32; 2], [across, down]: [f32; 2]) -> Face {
    let BoundingBox { x, y, width, height } = face.bounds;
    let point = |[x, y]: [f32; 2]| [left + x * across, top + y * down];
    let [x, y] = point([x, y]);
    let bounds = BoundingBox { x, y, width: width * across, height: height * down };
    Face { bounds, landmarks: face.landmarks.map(|points| points.map(point)), ..face }
}
