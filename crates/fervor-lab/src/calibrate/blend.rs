//! How the heads of a network become one answer: fitted on pictures of the kind that the model is for.

use serde::{Deserialize, Serialize};

use super::{Answers, Measure, published};
use crate::metrics::{Confusion, Scores, fit_mixture};
use crate::sweep::Steps;
use fervor::bundle::Head;
use fervor::error::{Error, Reason, Result};

/// How much more a picture of a rare class counts: by the power of how rare it is. At 0 each picture counts the same, and the
/// rare are given up for the frequent; at 1 each class counts the same, however few pictures speak for it.
const BALANCE: f64 = 0.75;

/// How heads shall become one answer, and what that does to the answers. [`Measure::blend`] makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Blend {
    /// The card's heads with the weights and biases that were fitted.
    pub heads: Vec<Head>,
    /// Mean recall of the classes that the data has: as the card was; with a blend that was fitted on the other half of the
    /// pictures; with `heads`.
    pub macro_recall: [f64; 3],
    /// Accuracy in the same three cases.
    pub accuracy: [f64; 3],
    /// Names of the pictures that could not be read, and were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

impl Measure<'_> {
    /// Fits the weights of a network's heads, and a bias for each class that takes the place of their priors: what the kind of
    /// pictures that the model is for shows more or less often than its training, and what people call otherwise there. Rare
    /// classes count nearly as much as frequent ones ([`fit_mixture`]).
    ///
    /// # Errors
    /// `Model`: the network has one head ([`Reason::Unsupported`]), or fails. `Data`: too few pictures.
    pub fn blend(&self) -> Result<Blend> {
        let heads = &self.bundle.card().heads;
        if heads.len() < 2 {
            return Err(Error::model(format!("a blend is of two heads or more; the model {} has 1", self.bundle.card().name))
                .because(Reason::Unsupported)
                .with_hint("a recipe with loss.votes_head trains a network with two"));
        }
        let wanted = self.wanted();
        let steps = Steps::new(wanted.len(), self.progress);
        let answers = self.asked(&wanted, None, &steps, |chips| self.bundle.head_logits(chips))?;
        answers.are_enough()?;
        let best = fitted(&answers, heads);
        let halves = [1, 0].map(|half| {
            let other = answers.half(half);
            if other.truths.is_empty() { best.clone() } else { fitted(&other, heads) }
        });
        let judged = [[heads, heads], [&halves[0], &halves[1]], [&best, &best]].map(|by_half| confusion(&answers, by_half));
        Ok(Blend {
            macro_recall: judged.each_ref().map(Confusion::balanced_accuracy),
            accuracy: judged.each_ref().map(Confusion::accuracy),
            unreadable: answers.unreadable.into_iter().collect(),
            heads: best,
        })
    }
}

/// The heads as they answer these pictures best.
fn fitted(answers: &Answers, heads: &[Head]) -> Vec<Head> {
    let mut of_class = vec![0.0; answers.targets[0].len()];
    answers.truths.iter().for_each(|truth| of_class[*truth] += 1.0);
    let all = answers.truths.len() as f64;
    let counts = answers.truths.iter().map(|truth| (all / of_class[*truth]).powf(BALANCE));
    let sum: f64 = counts.clone().sum();
    let counts: Vec<f64> = counts.map(|count| count * all / sum).collect();
    let found = fit_mixture(heads.len(), &answers.logits, &answers.targets, &counts);
    let heads = heads.iter().zip(&found.weights).map(|(head, weight)| Head {
        weight: *weight as f32,
        prior_removed: 0.0,
        // What does not count has nothing to add.
        biases: if *weight > 0.0 { found.biases.iter().map(|bias| *bias as f32).collect() } else { Vec::new() },
        ..head.clone()
    });
    heads.collect()
}

/// What is answered, each row with the heads of its half.
fn confusion(answers: &Answers, by_half: [&Vec<Head>; 2]) -> Confusion {
    let rows = answers.logits.iter().zip(&answers.places);
    let rows: Vec<Vec<f32>> = rows.map(|(logits, place)| published(&Head::blend(by_half[place % 2], logits), 1.0)).collect();
    Scores::new(rows.first().map_or(0, Vec::len), &rows.concat(), &answers.truths).confusion
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(name: &str, weight: f32) -> Head {
        Head { name: name.to_owned(), weight, temperature: 1.0, prior: vec![0.8, 0.2], prior_removed: 0.0, biases: Vec::new() }
    }

    /// The first head says class 0 of everything, the second what is true, the rare class a little too seldom.
    fn answers() -> Answers {
        let truths: Vec<usize> = (0..200).map(|row| row / 2 % 2).collect();
        let logits = truths.iter().enumerate().map(|(row, truth)| {
            let second = if *truth == 0 { [2.0, 0.0] } else { [if row % 5 == 0 { 0.5 } else { -1.0 }, 0.0] };
            [[1.0, 0.0], second].concat()
        });
        let targets = truths.iter().map(|truth| if *truth == 0 { vec![1.0, 0.0] } else { vec![0.0, 1.0] }).collect();
        Answers { logits: logits.collect(), targets, places: (0..200).collect(), truths, ..Answers::default() }
    }

    #[test]
    fn the_blend_follows_the_head_that_is_right_and_raises_the_rare_class() {
        let (answers, heads) = (answers(), vec![head("labels", 1.0), head("votes", 0.0)]);
        assert_eq!(confusion(&answers, [&heads, &heads]).balanced_accuracy(), 0.5);
        let fitted = fitted(&answers, &heads);
        assert_eq!(confusion(&answers, [&fitted, &fitted]).balanced_accuracy(), 1.0, "{fitted:?}");
        assert!(fitted[1].weight > 0.3 && fitted[1].biases[1] > fitted[1].biases[0], "{fitted:?}");
    }
}
