//! Where a face is expected next.

use crate::face::BoundingBox;

/// A motion is believed for so long: after it a face has come to rest. In seconds.
const FADES: f64 = 0.6;

/// The motion is an average over about so many seconds.
const LEARNS: f64 = 0.15;

/// A face as a track last saw it, and how it moves.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    pub bounds: BoundingBox,
    /// In pixels a second, of the middle.
    velocity: [f64; 2],
    /// Seconds that the motion was observed.
    observed: f64,
}

impl Motion {
    pub(super) fn new(bounds: BoundingBox) -> Self {
        Self { bounds, velocity: [0.0; 2], observed: 0.0 }
    }

    /// The face is here now, `elapsed` seconds after it was last seen.
    pub(super) fn see(&mut self, bounds: BoundingBox, elapsed: f64) {
        let (before, now) = (middle(&self.bounds), middle(&bounds));
        if elapsed > 0.0 {
            // The first observation is all there is.
            let weight = if self.observed == 0.0 { 1.0 } else { -(-elapsed / LEARNS).exp_m1() };
            for axis in 0..2 {
                let moved = (now[axis] - before[axis]) / elapsed;
                self.velocity[axis] += weight * (moved - self.velocity[axis]);
            }
            self.observed += elapsed;
        }
        self.bounds = bounds;
    }

    /// Where it is expected so many seconds later.
    pub(super) fn expected(&self, elapsed: f64) -> BoundingBox {
        // A velocity that fades with e^(-t / FADES), added up. One jump between two frames is no motion yet.
        let sure = (self.observed / LEARNS).min(1.0);
        let reach = FADES * -(-elapsed / FADES).exp_m1() * sure;
        let [x, y] = self.velocity.map(|speed| (speed * reach) as f32);
        BoundingBox { x: self.bounds.x + x, y: self.bounds.y + y, ..self.bounds }
    }
}

fn middle(bounds: &BoundingBox) -> [f64; 2] {
    [bounds.x + bounds.width / 2.0, bounds.y + bounds.height / 2.0].map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_that_moves_is_expected_further_on_and_comes_to_rest() {
        let at = |x: f32| BoundingBox { x, y: 0.0, width: 10.0, height: 10.0 };
        let mut motion = Motion::new(at(0.0));
        (1..=25).for_each(|i| motion.see(at(4.0 * i as f32), 0.04));
        assert!((motion.expected(0.04).x - 104.0).abs() < 0.5);
        let far = motion.expected(60.0).x;
        assert!((155.0..165.0).contains(&far), "100 pixels a second for 0.6 seconds: {far}");
        assert_eq!(Motion::new(at(3.0)).expected(9.0), at(3.0));
    }
}
