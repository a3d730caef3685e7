//! Faces where they were a moment ago: a look at their surroundings alone, for the frames of a video between two full looks.

use crate::error::Result;
use crate::face::{BoundingBox, Face};
use crate::picture::{Filter, Frame, Picture};

use super::yunet::YuNet;

/// The surroundings that are looked at: a square with so many times the face's longer side.
const REACH: f32 = 2.0;

/// The sides that a look may have in the network's input. A large face needs no more pixels than this to be found again.
const LOOKS: [f64; 2] = [96.0, 192.0];

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
    if side.is_nan() || side < 1.0 {
        return Ok(None);
    }
    let [middle_x, middle_y] = middle(last);
    let reach = REACH * side;
    // The usual look's scale, so that the answer is the usual look's; less for large faces.
    let longest = picture.width().max(picture.height()) as usize;
    let scale = detector.usual(picture) as f64 / longest as f64;
    let input = (f64::from(reach) * scale / 32.0).round() * 32.0;
    let input = input.clamp(LOOKS[0], LOOKS[1]);
    let (left, top) = (middle_x - reach / 2.0, middle_y - reach / 2.0);
    let frame = Frame { x: left.into(), y: top.into(), width: reach.into(), height: reach.into() };
    let region = picture.sampled(frame, input as u32, input as u32, Filter::Bilinear);
    let pixel = reach / input as f32;
    let moved = |face: &Face| {
        let [x, y] = middle(&face.bounds);
        let size = (face.bounds.area() / last.area()).sqrt();
        (x - middle_x).hypot(y - middle_y) < MOVED * side && (1.0 / GROWN..GROWN).contains(&size)
    };
    let found = detector.find_at(&region, input as usize)?;
    let back = |face| in_picture(face, [left, top], pixel);
    Ok(found.into_iter().map(back).find(moved))
}

fn middle(bounds: &BoundingBox) -> [f32; 2] {
    [bounds.x + bounds.width / 2.0, bounds.y + bounds.height / 2.0]
}

/// A face of a region, in the picture's pixels.
fn in_picture(face: Face, [left, top]: [f32; 2], pixel: f32) -> Face {
    let BoundingBox { x, y, width, height } = face.bounds;
    let bounds = BoundingBox { x: left + x * pixel, y: top + y * pixel, width: width * pixel, height: height * pixel };
    let landmarks = face.landmarks.map(|points| points.map(|[x, y]| [left + x * pixel, top + y * pixel]));
    Face { bounds, landmarks, ..face }
}
