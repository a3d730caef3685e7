//! From the detector's raw heads to faces: decoding, and suppression of boxes that mean the same face.

use crate::face::{BoundingBox, Face};

use super::letterbox::Letterbox;

/// The heads of one level: a value, or values, for each cell of a grid, row by row.
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Input pixels a cell.
    pub stride: usize,
    /// Cells a row.
    pub columns: usize,
    /// Probability that the cell shows a face, `[cells]`.
    pub class: Vec<f32>,
    /// Probability that the cell's box is a good one, `[cells]`.
    pub object: Vec<f32>,
    /// Centre offset and log size in strides, `[cells, 4]`.
    pub boxes: Vec<f32>,
    /// Five point offsets in strides, `[cells, 10]`.
    pub points: Vec<f32>,
}

impl Level {
    /// Adds the faces that score at least `threshold`, in the pixels of the laid picture.
    ///
    /// YuNet (Wu, Peng, Yu 2023) scores a cell with the geometric mean of its two probabilities; the box centre and the
    /// points are offsets from the cell's corner. The points come as the person's right eye, left eye, nose tip, right
    /// and left mouth corner, which for the viewer of an upright face is left to right: the order of
    /// [`Landmarks`](crate::face::Landmarks).
    pub fn decode(&self, threshold: f32, laid: &Letterbox, faces: &mut Vec<Face>) {
        let stride = self.stride as f32;
        let (boxes, points) = (self.boxes.as_chunks::<4>().0, self.points.as_chunks::<10>().0);
        for (cell, (class, object)) in self.class.iter().zip(&self.object).enumerate() {
            let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
            // NaN is no face.
            let is_face = score >= threshold;
            if !is_face {
                continue;
            }
            let (column, row) = ((cell % self.columns) as f32, (cell / self.columns) as f32);
            let [dx, dy, log_width, log_height] = boxes[cell];
            let (half_width, half_height) = (0.5 * log_width.exp(), 0.5 * log_height.exp());
            let at = |x: f32, y: f32| laid.to_picture([(column + x) * stride, (row + y) * stride]);
            let [left, top] = at(dx - half_width, dy - half_height);
            let [right, bottom] = at(dx + half_width, dy + half_height);
            let p = points[cell];
            let landmarks = std::array::from_fn(|i| at(p[2 * i], p[2 * i + 1]));
            let bounds = BoundingBox { x: left, y: top, width: right - left, height: bottom - top };
            if meets(&bounds, laid) && landmarks.as_flattened().iter().all(|v| v.is_finite()) {
                faces.push(Face { bounds, score, landmarks: Some(landmarks) });
            }
        }
    }
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
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
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

    /// A level of 4 x 4 cells without a face.
    fn quiet_level(stride: usize) -> Level {
        Level { stride, columns: 4, class: vec![0.0; 16], object: vec![1.0; 16], boxes: vec![0.0; 64], points: vec![0.0; 160] }
    }

    fn face(x: f32, y: f32, side: f32, score: f32) -> Face {
        Face { bounds: BoundingBox { x, y, width: side, height: side }, score, landmarks: None }
    }

    #[test]
    fn a_cell_becomes_a_box_and_points_in_the_pictures_pixels() {
        let mut level = quiet_level(8);
        let cell = 4 + 2; // Row 1, column 2.
        (level.class[cell], level.object[cell]) = (0.9, 0.4);
        level.boxes[4 * cell..][..4].copy_from_slice(&[0.5, 0.25, 2.0_f32.ln(), 3.0_f32.ln()]);
        level.points[10 * cell..][..10].copy_from_slice(&[0.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0, 1.0]);
        // The picture is twice as large as the input.
        let laid = Letterbox::new(64, 64, 32);
        let mut faces = Vec::new();
        level.decode(0.5, &laid, &mut faces);
        let [found] = &faces[..] else { panic!("{faces:?}") };
        assert!((found.score - 0.6).abs() < 1e-6);
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
        for (class, log_width) in [(0.2, 0.0), (f32::NAN, 0.0), (1.0, f32::NAN), (1.0, f32::INFINITY), (1.0, -200.0)] {
            let mut level = quiet_level(8);
            (level.class[5], level.boxes[4 * 5 + 2]) = (class, log_width);
            let mut faces = Vec::new();
            level.decode(0.7, &laid, &mut faces);
            assert!(faces.is_empty(), "class {class}, log width {log_width}: {faces:?}");
        }
    }

    #[test]
    fn a_box_in_the_filling_is_no_face() {
        // The picture fills the upper half of a 32 x 32 input; row 3 begins at pixel 24.
        let laid = Letterbox::new(32, 16, 32);
        let mut level = quiet_level(8);
        level.class[3 * 4] = 1.0;
        let mut faces = Vec::new();
        level.decode(0.7, &laid, &mut faces);
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
