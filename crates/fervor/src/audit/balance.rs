//! Whether the classes are evenly filled, and what each would have to count.

use super::value::{Balance, ClassWeight, Finding, FindingKind, Item, Level};
use super::words::{counted, thousands};
use crate::dataset::{Dataset, Split};

/// From this ratio on, imbalance is a warning.
const IMBALANCED: f64 = 3.0;

/// Of the training part, or of everything where the data has none.
pub(super) fn of(dataset: &Dataset) -> Balance {
    let has_train = dataset.class_counts(Some(Split::Train)).iter().any(|&count| count > 0);
    let counts = dataset.class_counts(has_train.then_some(Split::Train));
    let all: usize = counts.iter().sum();
    let used = counts.iter().filter(|&&count| count > 0);
    let imbalance_ratio = match (used.clone().max(), used.min()) {
        (Some(&most), Some(&least)) => most as f64 / least as f64,
        _ => 1.0,
    };
    let beta = (all.max(1) as f64 - 1.0) / all.max(1) as f64;
    let effective = |count: usize| (1.0 - beta.powf(count as f64)) / (1.0 - beta);
    // A class without pictures has no say; it counts as if it had one.
    let inverse: Vec<f64> = counts.iter().map(|&count| 1.0 / effective(count.max(1))).collect();
    let scale = counts.len() as f64 / inverse.iter().sum::<f64>();
    let classes: Vec<ClassWeight> = counts
        .iter()
        .zip(&inverse)
        .enumerate()
        .map(|(label, (&count, inverse))| ClassWeight {
            label: dataset.labels().name(label).to_owned(),
            pictures: count,
            effective_number: effective(count),
            weight: inverse * scale,
            balanced: all as f64 / (counts.len() * count.max(1)) as f64,
        })
        .collect();
    let weights: Vec<String> = classes.iter().map(|class| format!("{:.3}", class.weight)).collect();
    Balance {
        of: if has_train { "train" } else { "all" }.to_owned(),
        imbalance_ratio,
        classes,
        setting: format!("loss.class_weights=[{}]", weights.join(",")),
    }
}

pub(super) fn findings(dataset: &Dataset, balance: &Balance) -> Vec<Finding> {
    let mut findings = Vec::new();
    let missing: Vec<Item> = Split::ALL
        .into_iter()
        .map(|split| (split, dataset.class_counts(Some(split))))
        .filter(|(_, counts)| counts.iter().any(|&count| count > 0))
        .flat_map(|(split, counts)| (0..counts.len()).filter(move |&label| counts[label] == 0).map(move |label| (split, label)))
        .map(|(split, label)| Item {
            id: dataset.labels().name(label).to_owned(),
            split: Some(split),
            detail: format!("{split} has none"),
            ..Item::default()
        })
        .collect();
    if !missing.is_empty() {
        findings.push(Finding {
            kind: FindingKind::MissingClass,
            level: Level::Warning,
            title: format!("{} missing from a split", counted(missing.len(), "class is", "classes are")),
            reason: "A class that a part lacks cannot be learnt or judged there.".to_owned(),
            command: None,
            items: missing,
            groups: Vec::new(),
        });
    }
    if balance.imbalance_ratio >= IMBALANCED {
        let mut items: Vec<Item> = balance
            .classes
            .iter()
            .map(|class| Item {
                id: class.label.clone(),
                label: Some(class.label.clone()),
                detail: format!("{} pictures, weight {:.2}", thousands(class.pictures), class.weight),
                value: Some(class.pictures as f64),
                ..Item::default()
            })
            .collect();
        items.sort_by(|a, b| a.value.partial_cmp(&b.value).expect("counts are numbers"));
        findings.push(Finding {
            kind: FindingKind::Imbalance,
            level: Level::Warning,
            title: format!("The largest class has {:.1} times as many pictures as the smallest", balance.imbalance_ratio),
            reason: "A network learns to prefer frequent classes; accuracy hides what happens to rare ones.".to_owned(),
            command: Some(format!("fervor train RECIPE --data DATA --set {}", balance.setting)),
            items,
            groups: Vec::new(),
        });
    }
    findings
}
