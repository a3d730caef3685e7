//! What an optimizer does to a parameter's numbers, in one pass over memory instead of one for each operation.

use rayon::prelude::*;

use super::simd::vectorised;

/// Numbers that a task works on.
const PIECE: usize = 1 << 14;

/// A step of gradient descent with momentum; weight decay is an L2 term of the gradient.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    /// The learning rate.
    pub rate: f32,
    /// Share of the velocity that stays.
    pub momentum: f32,
    /// Share of the weight that is added to its gradient.
    pub decay: f32,
    /// Whether the step looks ahead by the momentum.
    pub nesterov: bool,
}

impl Descent {
    /// Moves the weights, and the velocity, by which they move: `v = momentum * v + g`.
    pub fn step(&self, weight: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        let Self { rate, momentum, decay, nesterov } = *self;
        // The step is `ahead * v + own * g`.
        let (ahead, own) = if nesterov { (momentum, 1.0) } else { (1.0, 0.0) };
        let pieces = weight.par_chunks_mut(PIECE).zip(gradient.par_chunks(PIECE)).zip(velocity.par_chunks_mut(PIECE));
        pieces
            .for_each(|((weight, gradient), velocity)| descend(weight, gradient, velocity, [rate, momentum, decay, ahead, own]));
    }
}

/// `value = (1 - share) * value + share * target`.
pub fn approach(value: &mut [f32], target: &[f32], share: f32) {
    let pieces = value.par_chunks_mut(PIECE).zip(target.par_chunks(PIECE));
    pieces.for_each(|(value, target)| approach_piece(value, target, share));
}

vectorised! {
    fn descend(weight: &mut [f32], gradient: &[f32], velocity: &mut [f32], factors: [f32; 5]) {
        let [rate, momentum, decay, ahead, own] = factors;
        let n = weight.len();
        let (gradient, velocity) = (&gradient[..n], &mut velocity[..n]);
        for i in 0..n {
            let g = gradient[i] + decay * weight[i];
            let v = momentum * velocity[i] + g;
            velocity[i] = v;
            weight[i] -= rate * (ahead * v + own * g);
        }
    }
}

vectorised! {
    fn approach_piece(value: &mut [f32], target: &[f32], share: f32) {
        let n = value.len();
        let target = &target[..n];
        for i in 0..n {
            value[i] = (1.0 - share) * value[i] + share * target[i];
        }
    }
}
