//! The names of a recipe's keys, for those who nearly wrote one.

use fervor::Error;

/// All keys that a recipe may have.
const KEYS: &[&str] = &[
    "name",
    "description",
    "licence",
    "seed",
    "epochs",
    "batch_size",
    "precision",
    "ema",
    "labels",
    "views",
    "preprocess.size",
    "preprocess.color",
    "preprocess.filter",
    "preprocess.standardize",
    "preprocess.framing",
    "network.name",
    "network.widths",
    "network.blocks",
    "network.units",
    "network.dropout",
    "network.block_dropout",
    "data.split",
    "data.fraction",
    "data.sampling",
    "data.labels_from",
    "data.described",
    "transfer.from",
    "transfer.sha256",
    "transfer.frozen_epochs",
    "transfer.trunk_rate",
    "transfer.batch_norm",
    "distill.teachers",
    "distill.sha256",
    "distill.temperature",
    "distill.weight",
    "distill.chips",
    "distill.augmentations",
    "optimizer.name",
    "optimizer.learning_rate",
    "optimizer.weight_decay",
    "optimizer.momentum",
    "optimizer.nesterov",
    "optimizer.epsilon",
    "optimizer.sam",
    "schedule.name",
    "schedule.warmup_epochs",
    "schedule.start",
    "schedule.end",
    "schedule.patience",
    "schedule.factor",
    "schedule.least",
    "progressive.first",
    "progressive.epochs",
    "loss.label_smoothing",
    "loss.votes",
    "loss.class_weights",
    "loss.votes_head",
    "early_stopping.patience",
    "augment.flip",
    "augment.shift",
    "augment.rotation",
    "augment.scale",
    "augment.crop",
    "augment.brightness",
    "augment.contrast",
    "augment.erase",
    "augment.erase_area",
    "augment.degrade",
    "augment.overexpose",
    "augment.jpeg",
    "augment.mixup",
    "augment.cutmix",
    "augment.mix_share",
];

/// The error of a recipe with these changes, with the key that somebody who wrote an unknown one probably meant.
pub(super) fn hinted<S: AsRef<str>>(error: Error, overrides: &[S]) -> Error {
    let keys = overrides.iter().filter_map(|rule| Some(rule.as_ref().split_once('=')?.0.trim()));
    let unknown =
        keys.into_iter().find(|key| !KEYS.iter().any(|known| known == key || is_within(known, key) || is_within(key, known)));
    match unknown.map(|key| (key, nearest(key))) {
        Some((key, near)) if error.remedy().is_none() => {
            error.with_hint(format!("a recipe has no key {key:?}; the nearest is {near}"))
        }
        _ => error,
    }
}

/// Whether `key` lies in the section `section`: `optimizer.name` in `optimizer`.
fn is_within(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// The known key that takes the fewest changes: of all of it, or of its last word where the section is left out or another.
fn nearest(key: &str) -> &'static str {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let cost = |known: &&&str| {
        let whole = distance(key, known);
        // The right word in the wrong section is nearer than another word in the right one.
        let word = distance(&last(key), &last(known)) * 2 + 1;
        (whole.min(word), whole)
    };
    KEYS.iter().min_by_key(cost).copied().unwrap_or("name")
}

/// How many letters have to be changed, added or taken away (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Recipe, SMALL, builtin};

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        for (written, meant) in [
            ("epoch", "epochs"),
            ("learning_rate", "optimizer.learning_rate"),
            ("optimiser.learning_rate", "optimizer.learning_rate"),
            ("optimizer.lerning_rate", "optimizer.learning_rate"),
            ("batchsize", "batch_size"),
            ("augment.mix_up", "augment.mixup"),
            ("loss.mixup", "augment.mixup"),
            ("data.splits", "data.split"),
        ] {
            assert_eq!(nearest(written), meant, "{written}");
        }
        assert_eq!((distance("kitten", "sitting"), distance("", "abc")), (3, 3));
    }

    #[test]
    fn only_a_wrong_key_is_hinted_at() {
        let hint = |rule: &str| Recipe::parse(SMALL, &[rule]).unwrap_err().hint();
        assert_eq!(
            hint("augment.flop=true").as_deref(),
            Some("a recipe has no key \"augment.flop\"; the nearest is augment.flip")
        );
        assert_eq!(hint("optimizer.learning_rate=-1"), None);
    }

    #[test]
    fn every_key_of_the_projects_recipes_is_known() {
        for name in builtin::names() {
            let table: toml::Table = builtin::text(name).unwrap().parse().unwrap();
            for (key, value) in &table {
                let keys: Vec<String> = match value.as_table() {
                    Some(section) => section.keys().map(|inner| format!("{key}.{inner}")).collect(),
                    None => vec![key.clone()],
                };
                for key in keys {
                    assert!(KEYS.contains(&key.as_str()), "{name}: {key}");
                }
            }
        }
    }
}
