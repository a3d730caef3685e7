//! Counts, histograms and one batch: what a data set is like.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::facts::{Facts, SIDE};
use super::value::{BatchStatistics, ClassStatistics, Histogram, SizeCount, Statistics};
use super::{balance, pictures};
use crate::dataset::{Dataset, Split};
use fervor::preprocess::Preprocess;

/// Ids of examples kept for each class.
const EXAMPLES: usize = 24;
/// Pictures of the batch: System A's default.
const BATCH: usize = 32;
const BINS: usize = 32;
/// Sizes told one by one.
const SIZES: usize = 50;

pub(super) fn of(dataset: &Dataset, facts: &[Facts], preprocess: &Preprocess) -> Statistics {
    let mut formats = BTreeMap::new();
    let mut sizes: HashMap<(u32, u32), usize> = HashMap::new();
    for fact in facts {
        if let Some(container) = fact.container {
            *formats.entry(container.format.name().to_owned()).or_insert(0) += 1;
        }
        *sizes.entry((fact.width, fact.height)).or_default() += 1;
    }
    let distinct_sizes = sizes.len();
    let mut sizes: Vec<SizeCount> =
        sizes.into_iter().map(|((width, height), pictures)| SizeCount { width, height, pictures }).collect();
    sizes.sort_unstable_by_key(|size| (std::cmp::Reverse(size.pictures), size.width, size.height));
    sizes.truncate(SIZES);
    let gray = facts.iter().filter(|fact| fact.gray).count();
    let all = |value: fn(&Facts) -> f64| facts.iter().map(value).collect::<Vec<_>>();
    Statistics {
        classes: classes(dataset, facts),
        balance: balance::of(dataset),
        formats,
        gray,
        color: facts.len() - gray,
        sizes,
        distinct_sizes,
        width: histogram(all(|fact| fact.width.into()), None),
        height: histogram(all(|fact| fact.height.into()), None),
        aspect: histogram(all(|fact| f64::from(fact.width) / f64::from(fact.height)), None),
        brightness: histogram(all(|fact| fact.brightness.into()), Some([0.0, 256.0])),
        contrast: histogram(all(|fact| fact.contrast.into()), Some([0.0, 128.0])),
        sharpness: histogram(all(|fact| fact.sharpness.into()), None),
        batch: batch(dataset, facts, preprocess),
    }
}

fn classes(dataset: &Dataset, facts: &[Facts]) -> Vec<ClassStatistics> {
    let samples = dataset.samples();
    let by_split = [Some(Split::Train), Some(Split::Validation), Some(Split::Test)].map(|split| dataset.class_counts(split));
    let of_class = |label: usize| {
        let members: Vec<usize> = (0..samples.len()).filter(|&index| samples[index].label == label).collect();
        let [train, validation, test] = [0, 1, 2].map(|split: usize| by_split[split][label]);
        let mut sums = vec![0_u64; SIDE * SIDE];
        for &member in &members {
            sums.iter_mut().zip(facts[member].thumbnail.iter()).for_each(|(sum, &value)| *sum += u64::from(value));
        }
        let n = members.len().max(1) as u64;
        ClassStatistics {
            label: dataset.labels().name(label).to_owned(),
            pictures: members.len(),
            distinct: members.iter().map(|&member| samples[member].hash).collect::<HashSet<_>>().len(),
            train,
            validation,
            test,
            no_split: members.len() - train - validation - test,
            examples: drawn(dataset, facts, members, EXAMPLES).into_iter().map(|index| samples[index].id.clone()).collect(),
            mean_picture: sums.iter().map(|sum| ((sum + n / 2) / n) as u8).collect(),
            mean_side: SIDE,
        }
    };
    (0..dataset.labels().len()).map(of_class).collect()
}

/// Samples drawn without replacement, each picture once and none that is blank. Their hashes are as good as random numbers, and
/// the same on every machine.
fn drawn(dataset: &Dataset, facts: &[Facts], mut from: Vec<usize>, count: usize) -> Vec<usize> {
    let samples = dataset.samples();
    from.retain(|&index| !pictures::is_blank(&facts[index]));
    from.sort_unstable_by_key(|&index| samples[index].hash);
    from.dedup_by_key(|index| samples[*index].hash);
    from.truncate(count);
    from
}

/// A batch of the training part, or of everything where there is none.
fn batch(dataset: &Dataset, facts: &[Facts], preprocess: &Preprocess) -> Option<BatchStatistics> {
    let train = dataset.of_split(Split::Train);
    let from = if train.is_empty() { (0..dataset.len()).collect() } else { train };
    let mut labels = vec![0; dataset.labels().len()];
    let mut ids = Vec::new();
    let mut values = Vec::new();
    for index in drawn(dataset, facts, from, BATCH) {
        let Ok(picture) = dataset.picture(index) else { continue };
        values.extend_from_slice(preprocess.whole(&picture).pixels());
        let sample = &dataset.samples()[index];
        labels[sample.label] += 1;
        ids.push(sample.id.clone());
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
    let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / n;
    let [channels, height, width] = preprocess.shape();
    Some(BatchStatistics {
        shape: [ids.len(), channels, height, width],
        preprocess: preprocess.clone(),
        least: *values.iter().min()?,
        greatest: *values.iter().max()?,
        mean,
        deviation: variance.sqrt(),
        labels,
        ids,
    })
}

/// Equal bins over `range`, or from the least to the greatest value.
fn histogram(mut values: Vec<f64>, range: Option<[f64; 2]>) -> Histogram {
    values.sort_unstable_by(f64::total_cmp);
    let (Some(&least), Some(&greatest)) = (values.first(), values.last()) else { return Histogram::default() };
    let [from, to] = range.unwrap_or([least, greatest]);
    // All values the same: one bin around them.
    let (from, to, bins) = if to > from { (from, to, BINS) } else { (from - 0.5, to + 0.5, 1) };
    let width = (to - from) / bins as f64;
    let mut counts = vec![0; bins];
    for value in &values {
        counts[(((value - from) / width).max(0.0) as usize).min(bins - 1)] += 1;
    }
    let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
    Histogram {
        edges: (0..=bins).map(|edge| from + edge as f64 * width).collect(),
        counts,
        least,
        low: at(0.05),
        median: at(0.5),
        high: at(0.95),
        greatest,
        mean: values.iter().sum::<f64>() / values.len() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_holds_every_value_once() {
        let histogram = histogram((0..=100).map(f64::from).collect(), None);
        assert_eq!(histogram.counts.iter().sum::<u64>(), 101);
        assert_eq!((histogram.least, histogram.median, histogram.greatest), (0.0, 50.0, 100.0));
        assert_eq!(histogram.edges.len(), histogram.counts.len() + 1);
    }

    #[test]
    fn equal_values_fill_one_bin() {
        let histogram = histogram(vec![48.0; 9], None);
        assert_eq!((histogram.counts, histogram.edges), (vec![9], vec![47.5, 48.5]));
    }
}
