//! [`Head`]: several answers of one network, and how the card makes one of them.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Reason, Result};
use crate::prediction::log_softmax;

/// The least prior that is divided by: a class that the training never showed does not become certain.
const LEAST_PRIOR: f32 = 1e-4;

/// One of several classifiers on one trunk, each trained on targets of its own: what a data set's labels say, what people vote.
///
/// The network gives the heads' logits one after the other, one a class each. The answer is
/// `sum over heads of weight * (log softmax(logits) - prior_removed * log prior + biases)`: a weighted geometric mean of what the
/// heads say, without the share of it that they say of every picture (Menon et al., "Long-tail learning via logit adjustment",
/// 2021, equation 9), and with what pictures of the kind that the model is for show more or less often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// What it was trained on: `labels`, `votes`.
    pub name: String,
    /// How much it counts in the answer: 0 or more; not all of a card are 0.
    pub weight: f32,
    /// By which its logits are divided where it answers alone.
    pub temperature: f32,
    /// The share of each class in its training targets; they sum to 1.
    pub prior: Vec<f32>,
    /// How much of the prior is taken out: 0 nothing, 1 all of it.
    pub prior_removed: f32,
    /// What is added to each class's log-probability where the heads become one answer; none: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub biases: Vec<f32>,
}

impl Head {
    /// # Errors
    /// `Model`: a value out of range, or another count of priors than classes.
    pub(super) fn check_all(heads: &[Self], classes: usize) -> Result<()> {
        for (index, head) in heads.iter().enumerate() {
            let wrong = |what: String| Error::model(format!("the card's head {:?} {what}", head.name)).because(Reason::Invalid);
            if head.name.is_empty() || heads[..index].iter().any(|other| other.name == head.name) {
                return Err(wrong("needs a name of its own".to_owned()));
            }
            if !(head.weight.is_finite() && head.weight >= 0.0) {
                return Err(wrong(format!("must have a weight of 0 or more, it is {}", head.weight)));
            }
            if !(head.temperature.is_finite() && head.temperature > 0.0) {
                return Err(wrong(format!("must have a positive temperature, it is {}", head.temperature)));
            }
            if !(0.0..=2.0).contains(&head.prior_removed) {
                return Err(wrong(format!("must have prior_removed in 0..=2, it is {}", head.prior_removed)));
            }
            if head.prior.len() != classes || !head.prior.iter().all(|share| (0.0..=1.0).contains(share)) {
                return Err(wrong(format!("must have {classes} priors between 0 and 1, they are {:?}", head.prior)));
            }
            if !(head.biases.is_empty() || head.biases.len() == classes) || !head.biases.iter().all(|bias| bias.is_finite()) {
                return Err(wrong(format!("must have {classes} finite biases or none, they are {:?}", head.biases)));
            }
        }
        if !heads.is_empty() && heads.iter().all(|head| head.weight == 0.0) {
            return Err(Error::model("all heads of the card have the weight 0").because(Reason::Invalid));
        }
        Ok(())
    }

    /// One row of logits, one a class, out of those of all heads, `[heads * classes]`.
    pub fn blend(heads: &[Self], logits: &[f32]) -> Vec<f32> {
        let classes = logits.len() / heads.len();
        let mut sums = vec![0.0; classes];
        for (head, logits) in heads.iter().zip(logits.chunks_exact(classes)).filter(|(head, _)| head.weight > 0.0) {
            for ((sum, log), prior) in sums.iter_mut().zip(log_softmax(logits, 1.0)).zip(&head.prior) {
                let prior = f64::from(head.prior_removed) * f64::from(prior.max(LEAST_PRIOR)).ln();
                *sum += f64::from(head.weight) * (log - prior);
            }
            sums.iter_mut().zip(&head.biases).for_each(|(sum, bias)| *sum += f64::from(head.weight) * f64::from(*bias));
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prediction::softmax;

    fn head(name: &str, weight: f32, prior_removed: f32) -> Head {
        Head { name: name.to_owned(), weight, temperature: 1.0, prior: vec![0.8, 0.1, 0.1], prior_removed, biases: Vec::new() }
    }

    #[test]
    fn one_head_alone_answers_as_if_there_were_no_other() {
        let logits = [1.0, 2.0, -1.0, 9.0, -9.0, 0.0];
        let blended = Head::blend(&[head("labels", 1.0, 0.0), head("votes", 0.0, 0.0)], &logits);
        for (ours, alone) in softmax(&blended, 1.0).iter().zip(softmax(&logits[..3], 1.0)) {
            assert!((ours - alone).abs() < 1e-6);
        }
    }

    #[test]
    fn the_prior_that_is_taken_out_helps_rare_classes() {
        let logits = [1.0, 0.5, 0.0, 1.0, 0.5, 0.0];
        let top = |heads: &[Head]| {
            let row = Head::blend(heads, &logits);
            (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap()
        };
        assert_eq!(top(&[head("labels", 0.5, 0.0), head("votes", 0.5, 0.0)]), 0);
        assert_eq!(top(&[head("labels", 0.5, 0.0), head("votes", 0.5, 1.0)]), 1);
    }

    #[test]
    fn biases_are_added_as_much_as_the_head_counts() {
        let logits = [1.0, 0.5, 0.0, 1.0, 0.5, 0.0];
        let plain = [head("labels", 0.25, 0.5), head("votes", 0.75, 0.0)];
        let mut biased = plain.clone();
        biased[0].biases = vec![4.0, 0.0, -8.0];
        let rows = [&plain, &biased].map(|heads| Head::blend(heads, &logits));
        let added: Vec<f32> = rows[1].iter().zip(&rows[0]).map(|(biased, plain)| biased - plain).collect();
        assert!(added.iter().zip([1.0, 0.0, -2.0]).all(|(added, wanted)| (added - wanted).abs() < 1e-6), "{added:?}");
    }

    #[test]
    fn heads_out_of_range_are_refused() {
        let good = [head("labels", 1.0, 0.0), head("votes", 0.0, 0.5)];
        assert!(Head::check_all(&good, 3).is_ok() && Head::check_all(&[], 3).is_ok());
        assert!(Head::check_all(&good, 4).is_err());
        let changes: [fn(&mut Head); 8] = [
            |head| head.name = "votes".to_owned(),
            |head| head.weight = -1.0,
            |head| head.weight = 0.0,
            |head| head.temperature = 0.0,
            |head| head.prior_removed = 3.0,
            |head| head.prior[0] = f32::NAN,
            |head| head.biases = vec![1.0],
            |head| head.biases = vec![0.0, f32::INFINITY, 0.0],
        ];
        for change in changes {
            let mut bad = good.clone();
            change(&mut bad[0]);
            assert!(Head::check_all(&bad, 3).is_err(), "{bad:?}");
        }
    }
}
