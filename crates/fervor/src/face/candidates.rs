//! From the detector's raw heads to faces: decoding, and suppression of boxes that mean the same face.

use crate::face::{BoundingBox, Face, Landmarks};

use super::letterbox::Letterbox;

/// Adds the faces of one level that score at least `threshold`, in the pixels of the laid picture.
///
/// `heads` is `[rows][columns][16]`: a cell's class and object logit, box (4) and points (10). YuNet (Wu, Peng, Yu 2023)
/// scores a cell with the geometric mean of its two probabilities; box centre and points are offsets from the cell's corner
/// in strides, the box's size is a logarithm. The points come as the person's right eye, left eye, nose tip, right and left
/// mouth corner, which for the viewer of an upright face is left to right: the order of [`Landmarks`](crate::face::Landmarks).
pub(super) fn decode(heads: &[f32], columns: usize, stride: usize, threshold: f32, laid: &Letterbox, faces: &mut Vec<Face>) {
    let stride = stride as f32;
    // Neither probability is over 1, so each must reach the threshold's square: most cells fail here, without an exponential.
    let least = threshold * threshold;
    let least = (least / (1.0 - least)).ln();
    for (cell, values) in heads.as_chunks::<16>().0.iter().enumerate() {
        let &[class, object, dx, dy, log_width, log_height, ref points @ ..] = values;
        // NaN fails every comparison and is no face.
        let possible = class >= least && object >= least;
        if !possible {
            continue;
        }
        let score = (sigmoid(class) * sigmoid(object)).sqrt();
        let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
        let at = |x: f32, y: f32| laid.to_picture([(column + x) * stride, (row + y) * stride]);
        let (half_width, half_height) = (0.5 * exp(log_width), 0.5 * exp(log_height));
        let [left, top] = at(dx - half_width, dy - half_height);
        let [right, bottom] = at(dx + half_width, dy + half_height);
        let landmarks: Landmarks = std::array::from_fn(|i| at(points[2 * i], points[2 * i + 1]));
        let bounds = BoundingBox { x: left, y: top, width: right - left, height: bottom - top };
        if score >= threshold && meets(&bounds, laid) && landmarks.as_flattened().iter().all(|v| v.is_finite()) {
            faces.push(Face { bounds, score: Some(score), landmarks: Some(landmarks) });
        }
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + exp(-logit))
}

/// The exponential, rounded from double precision: platforms' own in single precision differ in the last bit, WebAssembly's among them.
fn exp(value: f32) -> f32 {
    f64::from(value).exp() as f32
}

/// Whether the box is a finite one that reaches into the picture (not only into the filling).
fn meets(bounds: &BoundingBox, laid: &Letterbox) -> bool {
    let [width, height] = laid.to_picture(laid.inner.map(|side| side as f32));
    let finite = [bounds.x, bounds.y, bounds.width, bounds.height].iter().all(|v| v.is_finite());
    let across = bounds.x < width && bounds.x + bounds.width > 0.0 && bounds.width > 0.0;
    let down = bounds.y < height && bounds.y + bounds.height > 0.0 && bounds.height > 0.0;
    finite && across && down
}

/// Greedy suppression: the best first, without those that overlap a better one by more than `overlap`
/// (intersection over union), and at most `count`.
pub(super) fn suppress(mut faces: Vec<Face>, overlap: f32, count: usize) -> Vec<Face> {
    faces.sort_by(|a, b| b.certainty().total_cmp(&a.certainty()));
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.len() == count {
            break;
        }
        if kept.iter().all(|better| better.bounds.iou(&face.bounds) <= overlap) {
            kept.push(face);
        }
    }
    kept
}

/// Whether `face` is only a piece of the much larger `whole`: on a face too large for it, the detector may take an eye and
/// a cheek for a face.
pub(super) fn is_fragment(face: &Face, whole: &Face) -> bool {
    let (a, b) = (&face.bounds, &whole.bounds);
    let width = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x);
    let height = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y);
    let shared = width.max(0.0) * height.max(0.0);
    shared > 0.7 * a.area() && a.area() < 0.5 * b.area()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The heads of 4 x 4 cells, only one of them with a face (or nearly one).
    fn heads(cell: usize, values: [f32; 16]) -> Vec<f32> {
        let mut cells = [[-20.0; 16]; 16];
        cells[cell] = values;
        cells.as_flattened().to_vec()
    }

    fn logit(probability: f32) -> f32 {
        (probability / (1.0 - probability)).ln()
    }

    fn face(x: f32, y: f32, side: f32, score: f32) -> Face {
        Face { bounds: BoundingBox { x, y, width: side, height: side }, score: Some(score), landmarks: None }
    }

    #[test]
    fn a_cell_becomes_a_box_and_points_in_the_pictures_pixels() {
        let mut values = [0.0; 16];
        (values[0], values[1]) = (logit(0.9), logit(0.4));
        values[2..6].copy_from_slice(&[0.5, 0.25, 2.0_f32.ln(), 3.0_f32.ln()]);
        values[6..].copy_from_slice(&[0.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0, 1.0]);
        // Row 1, column 2; the picture is twice as large as the input.
        let laid = Letterbox::new(64, 64, 32);
        let mut faces = Vec::new();
        decode(&heads(4 + 2, values), 4, 8, 0.5, &laid, &mut faces);
        let [found] = &faces[..] else { panic!("{faces:?}") };
        assert!((found.certainty() - 0.6).abs() < 1e-6);
        // Centre (2.5, 1.25) x 8 x 2 = (40, 20), size (2, 3) x 8 x 2 = (32, 48).
        let expected = BoundingBox { x: 24.0, y: -4.0, width: 32.0, height: 48.0 };
        let close = |a: f32, b: f32| (a - b).abs() < 1e-3;
        assert!(close(found.bounds.x, expected.x) && close(found.bounds.y, expected.y), "{:?}", found.bounds);
        assert!(close(found.bounds.width, expected.width) && close(found.bounds.height, expected.height), "{:?}", found.bounds);
        assert_eq!(found.landmarks.unwrap(), [[32.0, 16.0], [48.0, 16.0], [40.0, 24.0], [32.0, 32.0], [48.0, 32.0]]);
    }

    #[test]
    fn cells_under_the_threshold_or_broken_are_no_faces() {
        let laid = Letterbox::new(32, 32, 32);
        for (class, log_width) in [(-1.0, 0.0), (f32::NAN, 0.0), (9.0, f32::NAN), (9.0, f32::INFINITY), (9.0, -200.0)] {
            let mut values = [0.0; 16];
            (values[0], values[1], values[4]) = (class, 9.0, log_width);
            let mut faces = Vec::new();
            decode(&heads(5, values), 4, 8, 0.7, &laid, &mut faces);
            assert!(faces.is_empty(), "class {class}, log width {log_width}: {faces:?}");
        }
    }

    #[test]
    fn every_threshold_takes_the_cells_that_score_as_much() {
        let laid = Letterbox::new(32, 32, 32);
        for (threshold, count) in [(0.0, 16), (0.5, 1), (0.8, 1), (0.95, 0), (1.0, 0)] {
            let mut values = [0.0; 16];
            (values[0], values[1]) = (logit(0.9), logit(0.8)); // Their mean is 0.85.
            let mut cells = heads(5, values);
            // Small boxes in every cell.
            cells.as_chunks_mut::<16>().0.iter_mut().for_each(|cell| cell[2..].fill(0.0));
            let mut faces = Vec::new();
            decode(&cells, 4, 8, threshold, &laid, &mut faces);
            assert_eq!(faces.len(), count, "threshold {threshold}");
        }
    }

    #[test]
    fn a_box_in_the_filling_is_no_face() {
        // The picture fills the upper half of a 32 x 32 input; row 3 begins at pixel 24.
        let laid = Letterbox::new(32, 16, 32);
        let mut values = [0.0; 16];
        (values[0], values[1]) = (9.0, 9.0);
        let mut faces = Vec::new();
        decode(&heads(3 * 4, values), 4, 8, 0.7, &laid, &mut faces);
        assert!(faces.is_empty(), "{faces:?}");
    }

    #[test]
    fn the_best_of_overlapping_boxes_stays() {
        let faces = vec![face(2.0, 0.0, 20.0, 0.8), face(0.0, 0.0, 20.0, 0.9), face(100.0, 0.0, 20.0, 0.7)];
        let kept = suppress(faces, 0.3, 10);
        assert_eq!(kept, [face(0.0, 0.0, 20.0, 0.9), face(100.0, 0.0, 20.0, 0.7)]);
    }

    #[test]
    fn at_most_the_asked_count_stays() {
        let faces = (0..9_u8).map(|i| face(50.0 * f32::from(i), 0.0, 20.0, 0.1 * f32::from(i))).collect();
        let kept = suppress(faces, 0.3, 2);
        assert_eq!(kept.iter().map(|f| f.bounds.x).collect::<Vec<_>>(), [400.0, 350.0]);
    }

    #[test]
    fn a_small_box_inside_a_large_one_is_a_fragment() {
        let whole = face(0.0, 0.0, 100.0, 0.8);
        assert!(is_fragment(&face(20.0, 20.0, 40.0, 0.9), &whole));
        assert!(!is_fragment(&face(5.0, 5.0, 90.0, 0.9), &whole), "nearly as large");
        assert!(!is_fragment(&face(80.0, 20.0, 40.0, 0.9), &whole), "half outside");
    }
}
