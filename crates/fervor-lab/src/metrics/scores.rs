//! Scores that look at the probabilities, not only at the winner.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::Confusion;
use crate::random::SplitMix64;

/// Draws by which [`Chance::most`] is found.
const DRAWS: usize = 2000;

/// Bins of the expected calibration error, as in Guo et al. 2017.
pub const RELIABILITY_BINS: usize = 15;

/// The samples whose confidence lies in (`from`, `to`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lower edge, excluded (a confidence of 0 lies in the first bin all the same).
    pub from: f64,
    /// Upper edge, included.
    pub to: f64,
    /// Samples in the bin.
    pub n: u64,
    /// Their mean confidence; null for an empty bin.
    pub confidence: Option<f64>,
    /// The share of them that is right; null for an empty bin.
    pub accuracy: Option<f64>,
}

/// The calibration error that chance alone makes: the truths are drawn anew from the confidences (consistency resampling: Bröcker
/// and Smith, "Increasing the reliability of reliability diagrams", 2007), each bin's count of right answers as a normal number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// On average.
    pub mean: f64,
    /// In 95 of 100 cases it is at most this.
    pub most: f64,
}

/// Everything that is counted from probabilities and truths.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Truth against the most probable class.
    pub confusion: Confusion,
    /// Mean of -ln p(true class), p held inside [2^-52, 1 - 2^-52] as scikit-learn does; natural logarithm.
    pub log_loss: f64,
    /// Mean over the samples of the squared distance between probabilities and truth, summed over the classes: 0 to 2 (Brier 1950).
    pub brier: f64,
    /// Expected calibration error: the mean over [`RELIABILITY_BINS`] equal bins, weighted by their samples,
    /// of |accuracy - confidence| (Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3).
    pub ece: f64,
    /// The share of samples whose true class is among the two most probable.
    pub top2_accuracy: f64,
    /// The bins of the calibration error, from low to high confidence.
    pub reliability: Vec<ReliabilityBin>,
    /// For each bin how far its count of right answers strays by chance: a standard deviation.
    strays: [f64; RELIABILITY_BINS],
}

impl Scores {
    /// Scores `probabilities` (n x `classes`, row after row) against the true class of each row. All values are NaN for no rows.
    ///
    /// # Panics
    /// If the lengths do not fit, or a truth is not below `classes`.
    pub fn new(classes: usize, probabilities: &[f32], truth: &[usize]) -> Self {
        assert_eq!(probabilities.len(), classes * truth.len(), "probabilities are not {} x {classes}", truth.len());
        let n = truth.len() as f64;
        let mut confusion = Confusion::new(classes);
        let (mut log_loss, mut brier, mut top2) = (0.0, 0.0, 0u64);
        let mut bins = [Bin::default(); RELIABILITY_BINS];
        for (row, &truth) in probabilities.chunks_exact(classes.max(1)).zip(truth) {
            let predicted = argmax(row);
            confusion.add(truth, predicted);
            log_loss -= f64::from(row[truth]).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
            brier += row
                .iter()
                .enumerate()
                .map(|(class, &p)| (f64::from(p) - f64::from(u8::from(class == truth))).powi(2))
                .sum::<f64>();
            top2 += u64::from(rank_of(row, truth) < 2);
            bins[bin_of(f64::from(row[predicted]))].add(f64::from(row[predicted]), predicted == truth);
        }
        let ece = bins.iter().map(Bin::gap).sum::<f64>() / n;
        let reliability = bins.iter().enumerate().map(|(index, bin)| bin.report(index)).collect();
        Self {
            confusion,
            log_loss: log_loss / n,
            brier: brier / n,
            ece,
            top2_accuracy: top2 as f64 / n,
            reliability,
            strays: bins.map(|bin| bin.variance.sqrt()),
        }
    }

    /// What the calibration error of a model that is right exactly as often as it says would be on as many samples. It is drawn anew
    /// at each call.
    pub fn chance(&self) -> Chance {
        let n = self.confusion.total() as f64;
        let mut random = SplitMix64(0);
        let mut draw = || self.strays.iter().map(|stray| stray * normal(&mut random).abs()).sum::<f64>() / n;
        let mut drawn: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
        drawn.sort_by(f64::total_cmp);
        // The mean of |x| of a normal number x.
        let mean = (2.0 / PI).sqrt() * self.strays.iter().sum::<f64>() / n;
        Chance { mean, most: drawn[DRAWS * 95 / 100] }
    }
}

/// A normal number (Box and Muller 1958).
fn normal(random: &mut SplitMix64) -> f64 {
    let [radius, angle] = [random.share(), random.share()];
    (-2.0 * (1.0 - radius).ln()).sqrt() * (2.0 * PI * angle).cos()
}

#[derive(Clone, Copy, Default)]
struct Bin {
    n: u64,
    confidence: f64,
    /// Of the count of right answers, were each right as often as its confidence says.
    variance: f64,
    right: u64,
}

impl Bin {
    fn add(&mut self, confidence: f64, right: bool) {
        self.n += 1;
        self.confidence += confidence;
        self.variance += (confidence * (1.0 - confidence)).max(0.0);
        self.right += u64::from(right);
    }

    /// |accuracy - confidence| times the samples.
    fn gap(&self) -> f64 {
        (self.right as f64 - self.confidence).abs()
    }

    fn report(&self, index: usize) -> ReliabilityBin {
        let edge = |index: usize| index as f64 / RELIABILITY_BINS as f64;
        let mean = |sum: f64| (self.n > 0).then(|| sum / self.n as f64);
        ReliabilityBin {
            from: edge(index),
            to: edge(index + 1),
            n: self.n,
            confidence: mean(self.confidence),
            accuracy: mean(self.right as f64),
        }
    }
}

/// The bin (i / 15, (i + 1) / 15] in which a confidence lies.
fn bin_of(confidence: f64) -> usize {
    // NaN casts to 0, and f32 rounding may lift a confidence above 1.
    ((confidence * RELIABILITY_BINS as f64).ceil() as usize).saturating_sub(1).min(RELIABILITY_BINS - 1)
}

/// The most probable class; the first of equals.
pub fn argmax(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (class, &p) in probabilities.iter().enumerate() {
        if p > probabilities[best] {
            best = class;
        }
    }
    best
}

/// How many classes stand before `class` by probability; equals stand in their order. 0 is the most probable.
pub fn rank_of(probabilities: &[f32], class: usize) -> usize {
    let own = probabilities[class];
    probabilities.iter().enumerate().filter(|&(other, &p)| p > own || (p == own && other < class)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sure_and_right_answer_costs_nothing() {
        let scores = Scores::new(2, &[1.0, 0.0], &[0]);
        assert!(scores.log_loss < 1e-12);
        assert_eq!((scores.brier, scores.ece, scores.top2_accuracy), (0.0, 0.0, 1.0));
        assert_eq!(scores.reliability[14].n, 1);
    }

    #[test]
    fn a_sure_and_wrong_answer_stays_finite() {
        let scores = Scores::new(2, &[0.0, 1.0], &[0]);
        assert!((scores.log_loss - 52.0 * 2f64.ln()).abs() < 1e-9);
        assert_eq!((scores.brier, scores.ece), (2.0, 1.0));
    }

    #[test]
    fn what_chance_makes_is_what_models_that_keep_their_word_show() {
        let mut random = SplitMix64(5);
        let confidences: Vec<f32> = (0..800).map(|_| (0.5 + 0.5 * random.share()) as f32).collect();
        let probabilities: Vec<f32> = confidences.iter().flat_map(|&c| [c, 1.0 - c]).collect();
        let mut shown: Vec<f64> = Vec::new();
        let mut chance = None;
        for _ in 0..300 {
            let truth: Vec<usize> = confidences.iter().map(|&c| usize::from(random.share() >= f64::from(c))).collect();
            let scores = Scores::new(2, &probabilities, &truth);
            shown.push(scores.ece);
            assert_eq!(*chance.get_or_insert_with(|| scores.chance()), scores.chance(), "the truths are nothing to it");
        }
        shown.sort_by(f64::total_cmp);
        let (chance, mean) = (chance.unwrap(), shown.iter().sum::<f64>() / 300.0);
        assert!((chance.mean - mean).abs() < 0.002, "{} {mean}", chance.mean);
        assert!((chance.most - shown[285]).abs() < 0.004, "{} {}", chance.most, shown[285]);
        assert_eq!(Scores::new(2, &[1.0, 0.0], &[0]).chance(), Chance { mean: 0.0, most: 0.0 });
    }

    #[test]
    fn equals_are_ranked_in_their_order() {
        assert_eq!(argmax(&[0.4, 0.4, 0.2]), 0);
        assert_eq!([0, 1, 2].map(|class| rank_of(&[0.4, 0.4, 0.2], class)), [0, 1, 2]);
    }

    #[test]
    fn a_bins_upper_edge_belongs_to_it() {
        assert_eq!([0.0, 1e-9, 1.0 / 15.0, 0.0667, 1.0, 1.000001].map(bin_of), [0, 0, 0, 1, 14, 14]);
    }
}
