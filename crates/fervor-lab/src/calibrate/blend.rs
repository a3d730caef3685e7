//! How the heads of a network become one answer: fitted on pictures of the kind that the model is for.

use serde::{Deserialize, Serialize};

use super::{Answers, Measure, published};
use crate::metrics::{Confusion, Scores, fit_temperature_to};
use crate::sweep::Steps;
use fervor::bundle::Head;
use fervor::error::{Error, Reason, Result};
use fervor::prediction::log_softmax;

/// Shares of the second head, and of the priors, that are tried: eleven, and five for each head.
const WEIGHTS: usize = 10;
const PRIORS: usize = 4;
/// Blends whose macro recall is this near the best are as good; of those the likeliest is taken.
const AS_GOOD: f64 = 0.004;

/// How heads shall become one answer, and what that does to the answers. [`Measure::blend`] makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Blend {
    /// The card's heads with the weights and priors that were fitted.
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

/// Weight of the second head, and how much of each head's prior is taken out.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Choice {
    second: f32,
    removed: [f32; 2],
}

impl Choice {
    fn all() -> impl Iterator<Item = Self> {
        (0..=WEIGHTS).flat_map(|weight| {
            (0..=PRIORS).flat_map(move |first| {
                (0..=PRIORS).map(move |second| Self {
                    second: weight as f32 / WEIGHTS as f32,
                    removed: [first, second].map(|prior| prior as f32 / PRIORS as f32),
                })
            })
        })
    }

    fn applied(self, heads: &[Head]) -> Vec<Head> {
        let mut heads = heads.to_vec();
        for (index, head) in heads.iter_mut().enumerate() {
            head.weight = if index == 0 { 1.0 - self.second } else { self.second };
            // What does not count has nothing to take out.
            head.prior_removed = if head.weight > 0.0 { self.removed[index] } else { 0.0 };
        }
        heads
    }
}

impl Measure<'_> {
    /// Fits the weights of a network's two heads and how much of their priors is taken out, so that the mean recall of the classes
    /// is high: every class counts the same, however often the training showed it.
    ///
    /// # Errors
    /// `Model`: the network has not two heads ([`Reason::Unsupported`]), or fails. `Data`: too few pictures.
    pub fn blend(&self) -> Result<Blend> {
        let heads = &self.bundle.card().heads;
        if heads.len() != 2 {
            let count = heads.len().max(1);
            return Err(Error::model(format!("a blend is of two heads; the model {} has {count}", self.bundle.card().name))
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
    let tried: Vec<(Vec<Head>, f64)> = Choice::all()
        .map(|choice| {
            let heads = choice.applied(heads);
            let recall = confusion(answers, [&heads, &heads]).balanced_accuracy();
            (heads, recall)
        })
        .collect();
    let top = tried.iter().map(|(_, recall)| *recall).fold(0.0, f64::max);
    let good = tried.into_iter().filter(|(_, recall)| *recall >= top - AS_GOOD);
    let good = good.map(|(heads, _)| {
        let loss = balanced_loss(answers, &heads);
        (heads, loss)
    });
    good.min_by(|a, b| a.1.total_cmp(&b.1)).expect("the best is as good as itself").0
}

/// Mean over the classes of the mean loss of their pictures, at the temperature that fits best.
fn balanced_loss(answers: &Answers, heads: &[Head]) -> f64 {
    let rows: Vec<Vec<f32>> = answers.logits.iter().map(|row| Head::blend(heads, row)).collect();
    let temperature = fit_temperature_to(&rows, &answers.targets);
    let classes = rows.first().map_or(0, Vec::len);
    let mut sums = vec![(0.0, 0.0); classes];
    for (row, &truth) in rows.iter().zip(&answers.truths) {
        sums[truth].0 -= log_softmax(row, temperature)[truth];
        sums[truth].1 += 1.0;
    }
    let present: Vec<f64> = sums.iter().filter(|(_, n)| *n > 0.0).map(|(loss, n)| loss / n).collect();
    present.iter().sum::<f64>() / present.len().max(1) as f64
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
        Head { name: name.to_owned(), weight, temperature: 1.0, prior: vec![0.8, 0.2], prior_removed: 0.0 }
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
    fn the_blend_follows_the_head_that_is_right_and_takes_out_its_prior() {
        let (answers, heads) = (answers(), vec![head("labels", 1.0), head("votes", 0.0)]);
        assert_eq!(confusion(&answers, [&heads, &heads]).balanced_accuracy(), 0.5);
        let fitted = fitted(&answers, &heads);
        assert_eq!(confusion(&answers, [&fitted, &fitted]).balanced_accuracy(), 1.0, "{fitted:?}");
        assert!(fitted[1].weight > 0.3 && fitted.iter().any(|head| head.prior_removed > 0.0), "{fitted:?}");
    }
}
