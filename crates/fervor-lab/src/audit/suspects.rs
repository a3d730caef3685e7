//! Labels that are probably wrong, by confident learning (Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating
//! Uncertainty in Dataset Labels") from probabilities of models that did not see the sample.

mod logistic;

use super::kind::FindingKind;
use super::value::{Finding, Item};
use super::words::item;
use crate::dataset::{Dataset, Progress};
use crate::sweep::{Steps, Sweep};
use crate::words::whole_percent;
use fervor::bundle::Bundle;
use fervor::error::Result;

/// Parts of the cross-validation.
const FOLDS: usize = 5;
/// A bundle that was trained on more than this share of the samples says nothing new about them.
const TRAINED_ON: f64 = 0.01;

/// What was found.
pub(super) struct Suspects {
    /// Says where the probabilities came from; `None`: no label is suspect.
    pub finding: Option<Finding>,
    /// Names of the pictures that could not be read any more, and of which nothing is said.
    pub unreadable: Vec<String>,
}

/// The suspect labels of a data set, the most suspect first. The bundle's own probabilities are taken where it has the data's classes
/// and was not trained on its pictures; else logistic regressions on the bundle's features, each on four fifths of the
/// data, judge the fifth that they did not see.
///
/// # Errors
/// The network fails.
pub(super) fn of(dataset: &Dataset, bundle: &Bundle, progress: Progress) -> Result<Suspects> {
    let samples = dataset.samples();
    let card = bundle.card();
    let trained = samples.iter().filter(|sample| bundle.was_trained_on(sample.hash)).count() as f64 / samples.len() as f64;
    let own_classes: Option<Vec<usize>> = dataset.labels().names().iter().map(|name| card.labels.index_of(name)).collect();
    let own_classes = own_classes.filter(|_| bundle.knows_training_pictures() && trained <= TRAINED_ON);

    let indices: Vec<usize> = (0..samples.len()).collect();
    let steps = Steps::new(indices.len(), progress);
    let swept = Sweep { dataset, samples: &indices, steps: &steps }.run(
        |_, picture| Ok(Some((card.preprocess.whole(picture), ()))),
        |chips| match &own_classes {
            Some(classes) => probabilities(bundle, classes, chips),
            None => match bundle.features(chips)? {
                Some(features) => Ok(features),
                None => bundle.logits(chips),
            },
        },
    )?;
    let unreadable = swept.unreadable();
    let (kept, rows): (Vec<usize>, Vec<Vec<f32>>) = swept.answers.into_iter().map(|answer| (answer.index, answer.values)).unzip();
    let labels: Vec<usize> = kept.iter().map(|&index| samples[index].label).collect();
    let (rows, source) = match own_classes {
        Some(_) => (rows, format!("the probabilities of {}, which was not trained on these pictures", card.name)),
        None => {
            // By the pixels' hash, so that copies are never on both sides.
            let folds: Vec<usize> = kept.iter().map(|&index| usize::from(samples[index].hash.0[7]) % FOLDS).collect();
            let rows = logistic::cross_validated(rows, &labels, dataset.labels().len(), &folds, FOLDS);
            (rows, format!("{FOLDS}-fold cross-validated logistic regression on the features of {}", card.name))
        }
    };
    let suspects = confident(&rows, &labels, dataset.labels().len());
    let items: Vec<Item> = suspects
        .iter()
        .map(|suspect| {
            let row = &rows[suspect.row];
            let names = dataset.labels();
            let (given, meant) = (labels[suspect.row], suspect.meant);
            Item {
                detail: [given, meant]
                    .map(|class| format!("{} {}", names.name(class), whole_percent(row[class].into())))
                    .join(", "),
                value: Some(f64::from(suspect.margin)),
                suggestion: Some(names.name(meant).to_owned()),
                ..item(dataset, kept[suspect.row])
            }
        })
        .collect();
    let reason =
        format!("By {source}: another class is as probable as it is for that class' own pictures. The surest come first.");
    let finding = Finding::if_any(FindingKind::SuspectLabel, items).map(|finding| Finding { reason, ..finding });
    Ok(Suspects { finding, unreadable })
}

/// The bundle's probabilities in the order of the data's classes, scaled to sum to 1 over them.
fn probabilities(bundle: &Bundle, classes: &[usize], chips: &[fervor::preprocess::Chip]) -> Result<Vec<Vec<f32>>> {
    let card = bundle.card();
    let rows = bundle.logits(chips)?.into_iter().map(|logits| {
        // Without the pictures' flags: pictures of a class are compared with each other, all at one temperature.
        let all = card.probabilities(&logits, None);
        let mut row: Vec<f32> = classes.iter().map(|&class| all.values()[class]).collect();
        let sum: f32 = row.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        row.iter_mut().for_each(|value| *value /= sum);
        row
    });
    Ok(rows.collect())
}

struct Suspect {
    row: usize,
    meant: usize,
    /// Probability of the label less that of the best other class: -1 is as suspect as can be.
    margin: f32,
}

/// The off-diagonal cells of the confident joint: samples for which some class reaches the mean probability that it has on its own
/// samples, the most probable of those classes not being the label. By normalised margin, the least first.
fn confident(rows: &[Vec<f32>], labels: &[usize], classes: usize) -> Vec<Suspect> {
    let mut sums = vec![0.0_f64; classes];
    let mut counts = vec![0_usize; classes];
    for (row, &label) in rows.iter().zip(labels) {
        sums[label] += f64::from(row[label]);
        counts[label] += 1;
    }
    let thresholds: Vec<f32> =
        sums.iter().zip(&counts).map(|(sum, &n)| if n > 0 { (sum / n as f64) as f32 } else { f32::INFINITY }).collect();
    let mut suspects: Vec<Suspect> = rows
        .iter()
        .zip(labels)
        .enumerate()
        .filter_map(|(index, (row, &label))| {
            let confident = (0..classes).filter(|&class| row[class] >= thresholds[class]);
            let meant = confident.max_by(|&a, &b| row[a].total_cmp(&row[b]))?;
            (meant != label).then(|| {
                let other = (0..classes).filter(|&class| class != label).map(|class| row[class]).fold(0.0, f32::max);
                Suspect { row: index, meant, margin: row[label] - other }
            })
        })
        .collect();
    suspects.sort_by(|a, b| a.margin.total_cmp(&b.margin));
    suspects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_against_confident_probabilities_is_suspect() {
        let mut rows: Vec<Vec<f32>> = Vec::new();
        let mut labels = Vec::new();
        for i in 0..40 {
            let sure = 0.7 + 0.005 * (i % 20) as f32;
            rows.push(if i % 2 == 0 { vec![sure, 1.0 - sure] } else { vec![1.0 - sure, sure] });
            labels.push(i % 2);
        }
        labels[4] = 1;
        rows[4] = vec![0.95, 0.05];
        labels[7] = 0;
        let found: Vec<(usize, usize)> = confident(&rows, &labels, 2).iter().map(|s| (s.row, s.meant)).collect();
        assert_eq!(found[0], (4, 0), "the surest first");
        assert!(found.contains(&(7, 1)) || rows[7][1] < 0.7, "{found:?}");
        assert!(found.len() <= 2, "{found:?}");
    }
}
