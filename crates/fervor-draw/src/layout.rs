//! Where a face's panel goes: beside its face, inside the picture, over as little of other faces and panels as possible.

use super::canvas::Rect;

/// The rectangles that panels should keep off, and the picture they must stay in.
pub(super) struct Room {
    pub width: f32,
    pub height: f32,
    /// All faces' boxes.
    pub faces: Vec<Rect>,
    /// The panels that stand already.
    pub panels: Vec<Rect>,
}

/// A place and what it covers: 0 covers nothing, 1 is as bad as lying wholly on another face.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub rect: Rect,
    pub cost: f32,
}

impl Room {
    /// The best of the places about face `own` for a panel of `width` x `height`, `gap` away from its box.
    pub fn place(&self, own: usize, width: f32, height: f32, gap: f32) -> Place {
        let face = self.faces[own];
        let (left, right) = (face.x - gap - width, face.right() + gap);
        let (above, below) = (face.y - gap - height, face.bottom() + gap);
        let (centre, low) = (face.x + (face.width - width) / 2.0, face.bottom() - height);
        let corners = [(0.0, self.height), (self.width, self.height), (0.0, 0.0), (self.width, 0.0)];
        // In the order of preference.
        let beside = [
            (right, face.y),
            (left, face.y),
            (centre, below),
            (right, low),
            (left, low),
            (face.x, below),
            (face.right() - width, below),
            (centre, above),
            (face.x, above),
            (face.right() - width, above),
            // Upon the face itself, at its lower edge.
            (centre, low - gap),
        ];
        // Among others nobody could say whose panel stands in a corner.
        let corners = corners.into_iter().take(if self.faces.len() == 1 { 4 } else { 0 });
        self.best(own, width, height, gap, beside.into_iter().chain(corners))
    }

    /// The best place for a one-line chip: along the box' edges.
    pub fn place_chip(&self, own: usize, width: f32, height: f32, gap: f32) -> Place {
        let face = self.faces[own];
        let centre = face.x + (face.width - width) / 2.0;
        let along = [
            (centre, face.y - gap - height),
            (face.x, face.y - gap - height),
            (face.right() - width, face.y - gap - height),
            (centre, face.bottom() + gap),
            (face.x, face.bottom() + gap),
            (face.right() - width, face.bottom() + gap),
            (face.right() + gap, face.y),
            (face.x - gap - width, face.y),
            (centre, face.bottom() - height),
        ];
        self.best(own, width, height, gap, along.into_iter())
    }

    fn best(&self, own: usize, width: f32, height: f32, gap: f32, places: impl Iterator<Item = (f32, f32)>) -> Place {
        let inside =
            |at: f32, size: f32, room: f32| at.clamp(gap.min((room - size) / 2.0), (room - size - gap).max((room - size) / 2.0));
        places
            .enumerate()
            .map(|(order, (x, y))| {
                let rect = Rect::new(inside(x, width, self.width), inside(y, height, self.height), width, height);
                Place { rect, cost: self.cost(own, &rect) + 0.01 * order as f32 }
            })
            .min_by(|a, b| a.cost.total_cmp(&b.cost))
            .expect("there are candidates")
    }

    fn cost(&self, own: usize, panel: &Rect) -> f32 {
        let others: f32 = self
            .faces
            .iter()
            .enumerate()
            .filter(|&(index, _)| index != own)
            // A small face under a large panel is as lost as a large one that is half covered.
            .map(|(_, face)| panel.overlap(&head(face)) / panel.area().min(face.area()).max(1.0))
            .sum();
        let panels: f32 = self.panels.iter().map(|other| panel.overlap(other) / panel.area().min(other.area()).max(1.0)).sum();
        let face = self.faces[own];
        let own = panel.overlap(&face) / face.area().max(1.0);
        others + 3.0 * panels + 2.0 * own
    }
}

/// A face's box with the hair, which the detector leaves out.
fn head(face: &Rect) -> Rect {
    Rect::new(face.x - 0.08 * face.width, face.y - 0.2 * face.height, 1.16 * face.width, 1.25 * face.height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(faces: &[Rect]) -> Room {
        Room { width: 400.0, height: 300.0, faces: faces.to_vec(), panels: Vec::new() }
    }

    #[test]
    fn a_face_alone_has_its_panel_at_its_right() {
        let place = room(&[Rect::new(100.0, 100.0, 80.0, 80.0)]).place(0, 60.0, 50.0, 5.0);
        assert_eq!((place.rect.x, place.rect.y), (185.0, 100.0));
        assert_eq!(place.cost, 0.0);
    }

    #[test]
    fn a_face_at_the_right_edge_has_it_at_its_left() {
        let place = room(&[Rect::new(310.0, 100.0, 80.0, 80.0)]).place(0, 60.0, 50.0, 5.0);
        assert_eq!(place.rect.x, 245.0);
    }

    #[test]
    fn a_neighbour_is_not_covered() {
        let faces = [Rect::new(100.0, 100.0, 80.0, 80.0), Rect::new(190.0, 100.0, 80.0, 80.0)];
        let place = room(&faces).place(0, 60.0, 50.0, 5.0);
        assert_eq!(place.rect.overlap(&faces[1]), 0.0);
    }

    #[test]
    fn a_panel_stays_inside_the_picture_even_if_the_face_does_not() {
        for face in [Rect::new(-50.0, -50.0, 80.0, 80.0), Rect::new(380.0, 280.0, 80.0, 80.0), Rect::new(0.0, 0.0, 400.0, 300.0)]
        {
            for (width, height) in [(60.0, 50.0), (390.0, 20.0)] {
                let rect = room(&[face]).place(0, width, height, 5.0).rect;
                assert!(rect.x >= 0.0 && rect.y >= 0.0 && rect.right() <= 400.0 && rect.bottom() <= 300.0, "{rect:?}");
            }
        }
    }
}
