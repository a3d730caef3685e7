//! Whether an explanation is right: deletion and insertion (Petsiuk, Das, Saenko: "RISE", 2018).
//!
//! *Deletion*: pixels are blurred in the order of their worth; the faster the probability of the class falls, the better
//! the order: the area under the curve is low. *Insertion*: pixels come back into the blurred chip in that order; the area is
//! high.

use super::{BATCH, Explanation, blurred};
use crate::metrics::argmax;
use crate::random::SplitMix64;
use fervor::bundle::Bundle;
use fervor::error::Result;
use fervor::preprocess::Chip;

/// Steps of the curves.
const STEPS: usize = 24;

/// What says in which order pixels are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    /// The explanation.
    Explained,
    /// Blocks of a twelfth of the side in random order.
    Random,
    /// From the middle outwards: where faces are.
    Centre,
}

impl Ranking {
    /// All of them, the explanation first.
    pub const ALL: [Self; 3] = [Self::Explained, Self::Random, Self::Centre];

    /// A word for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Explained => "explained",
            Self::Random => "random",
            Self::Centre => "centre",
        }
    }

    fn order(self, explanation: &Explanation, class: usize, seed: u64) -> Vec<usize> {
        let side = explanation.side();
        let worth: Vec<f32> = match self {
            Self::Explained => explanation.map(class).to_vec(),
            Self::Random => {
                let block = (side / 12).max(1);
                let across = side.div_ceil(block);
                let mut random = SplitMix64(seed);
                let blocks: Vec<f32> = (0..across * across).map(|_| random.share() as f32).collect();
                let noise = |place: usize| blocks[place / side / block * across + place % side / block];
                (0..side * side).map(noise).collect()
            }
            Self::Centre => {
                let middle = (side as f32 - 1.0) / 2.0;
                (0..side * side).map(|i| -((i / side) as f32 - middle).hypot((i % side) as f32 - middle)).collect()
            }
        };
        let mut order: Vec<usize> = (0..worth.len()).collect();
        order.sort_by(|&a, &b| worth[b].total_cmp(&worth[a]));
        order
    }
}

/// Areas under the two curves, each in 0..=1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faithfulness {
    /// Lower is better.
    pub deletion: f64,
    /// Higher is better.
    pub insertion: f64,
}

/// How the probability of the answered class follows each of [`Ranking::ALL`]; `seed` is of the random order.
///
/// # Errors
/// [`Model`](fervor::ErrorKind::Model): the network fails.
pub fn faithfulness(bundle: &Bundle, chip: &Chip, explanation: &Explanation, seed: u64) -> Result<[Faithfulness; 3]> {
    let class = argmax(explanation.probabilities().values());
    let empty = blurred(chip);
    let mut scores = [Faithfulness::default(); 3];
    for (score, ranking) in scores.iter_mut().zip(Ranking::ALL) {
        let order = ranking.order(explanation, class, seed);
        score.deletion = area(bundle, chip, &empty, &order, class)?;
        score.insertion = area(bundle, &empty, chip, &order, class)?;
    }
    Ok(scores)
}

/// Area under the probability of `class` while `from` becomes `to` pixel by pixel, by the trapezoid rule.
fn area(bundle: &Bundle, from: &Chip, to: &Chip, order: &[usize], class: usize) -> Result<f64> {
    let plane = order.len();
    let steps: Vec<Chip> = (0..=STEPS)
        .map(|step| {
            from.clone().edited(|pixels| {
                for (channel, values) in pixels.chunks_exact_mut(plane).enumerate() {
                    order[..plane * step / STEPS].iter().for_each(|&i| values[i] = to.pixels()[channel * plane + i]);
                }
            })
        })
        .collect();
    let card = bundle.card();
    let mut curve = Vec::with_capacity(steps.len());
    for batch in steps.chunks(BATCH) {
        let answers = bundle.logits(batch)?;
        // Without flags: they would be of the blur that is put in here, not of the picture.
        curve.extend(answers.iter().map(|logits| f64::from(card.probabilities(logits, None).values()[class])));
    }
    Ok(curve.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).sum::<f64>() / STEPS as f64)
}
