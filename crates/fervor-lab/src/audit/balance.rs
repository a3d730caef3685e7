//! Whether the classes are evenly filled, and what each would have to count.

use super::kind::{FindingKind, Remedy};
use super::value::{Balance, ClassWeight, Finding, Item};
use super::words::one_line;
use crate::dataset::{Dataset, Split};
use crate::words::counted;

/// From this ratio on, imbalance is a warning.
const IMBALANCED: f64 = 3.0;

/// Fewer pictures than this cannot stand in train, validation and test.
const FEW: usize = 3;

/// Of the training part, or of everything where the data has none.
pub(super) fn of(dataset: &Dataset) -> Balance {
    let has_train = dataset.class_counts(Some(Split::Train)).iter().any(|&count| count > 0);
    let counts = dataset.class_counts(has_train.then_some(Split::Train));
    let all: usize = counts.iter().sum();
    let used = counts.iter().filter(|&&count| count > 0);
    let imbalance_ratio = match (used.clone().max(), used.clone().min()) {
        (Some(&most), Some(&least)) => most as f64 / least as f64,
        _ => 1.0,
    };
    let beta = (all.max(1) as f64 - 1.0) / all.max(1) as f64;
    let effective = |count: usize| (1.0 - beta.powf(count as f64)) / (1.0 - beta);
    // A class without pictures has no say, neither in the sum nor in the mean.
    let inverse: Vec<f64> = counts.iter().map(|&count| if count == 0 { 0.0 } else { 1.0 / effective(count) }).collect();
    let scale = used.count().max(1) as f64 / inverse.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let classes: Vec<ClassWeight> = counts
        .iter()
        .zip(&inverse)
        .enumerate()
        .map(|(label, (&count, inverse))| ClassWeight {
            label: dataset.labels().name(label).to_owned(),
            pictures: count,
            effective_number: effective(count),
            weight: inverse * scale,
            balanced: if count == 0 { 0.0 } else { all as f64 / (counts.len() * count) as f64 },
        })
        .collect();
    // A recipe takes only weights above 0; that of a class without pictures is never used.
    let weights: Vec<String> =
        classes.iter().map(|class| if class.pictures == 0 { "1".to_owned() } else { weight_words(class, 3) }).collect();
    Balance {
        of: if has_train { "train" } else { "all" }.to_owned(),
        imbalance_ratio,
        classes,
        setting: format!("loss.class_weights=[{}]", weights.join(",")),
    }
}

/// A weight with so many digits after the point, zeros before the first other digit not counted; `-` for a class without pictures,
/// which has none.
pub(super) fn weight_words(class: &ClassWeight, digits: usize) -> String {
    if class.pictures == 0 {
        return "-".to_owned();
    }
    let zeros = (-class.weight.log10()).floor().max(0.0) as usize;
    format!("{:.*}", digits + zeros, class.weight)
}

pub(super) fn findings(dataset: &Dataset, balance: &Balance) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(missing(dataset));
    findings.extend(few(dataset));
    if balance.imbalance_ratio >= IMBALANCED {
        let mut items: Vec<Item> = balance
            .classes
            .iter()
            .map(|class| Item {
                id: class.label.clone(),
                label: Some(class.label.clone()),
                detail: format!("{}, weight {}", counted(class.pictures, "picture", "pictures"), weight_words(class, 2)),
                value: Some(class.pictures as f64),
                ..Item::default()
            })
            .collect();
        items.sort_by(|a, b| a.value.partial_cmp(&b.value).expect("counts are numbers"));
        findings.push(Finding {
            title: format!("The largest class has {:.1} times as many pictures as the smallest", balance.imbalance_ratio),
            remedy: Some(Remedy::WeighClasses { setting: balance.setting.clone() }),
            ..Finding::of(FindingKind::Imbalance, items)
        });
    }
    findings
}

/// Classes that are too small to be divided.
fn few(dataset: &Dataset) -> Option<Finding> {
    let counts = dataset.class_counts(None);
    let items = counts.iter().enumerate().filter(|(_, count)| (1..FEW).contains(*count)).map(|(label, &count)| Item {
        id: dataset.labels().name(label).to_owned(),
        label: Some(dataset.labels().name(label).to_owned()),
        detail: counted(count, "picture", "pictures"),
        value: Some(count as f64),
        ..Item::default()
    });
    Finding::if_any(FindingKind::FewPictures, items.collect())
}

/// Classes without any picture, and those that a split in use lacks.
fn missing(dataset: &Dataset) -> Option<Finding> {
    let all = dataset.class_counts(None);
    let item = |label: usize, split: Option<Split>, detail: String| Item {
        id: dataset.labels().name(label).to_owned(),
        split,
        detail,
        ..Item::default()
    };
    let mut items: Vec<Item> =
        (0..all.len()).filter(|&label| all[label] == 0).map(|label| item(label, None, "no pictures".to_owned())).collect();
    let empty = items.len();
    for split in Split::ALL {
        let counts = dataset.class_counts(Some(split));
        if counts.iter().any(|&count| count > 0) {
            let lacking = (0..counts.len()).filter(|&label| counts[label] == 0 && all[label] > 0);
            items.extend(lacking.map(|label| item(label, Some(split), format!("{split} has none"))));
        }
    }
    let nowhere = match empty {
        0 => None,
        1 => Some(format!("class {} has no pictures", one_line(&items[0].id))),
        _ => Some(format!("{empty} classes have no pictures")),
    };
    let torn = items.len() - empty;
    let somewhere = (torn > 0).then(|| format!("{} missing from a split", counted(torn, "class is", "classes are")));
    let title: Vec<String> = nowhere.into_iter().chain(somewhere).collect();
    Finding::if_any(FindingKind::MissingClass, items).map(|finding| Finding { title: title.join(", "), ..finding })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Level;
    use crate::dataset::OpenOptions;

    #[test]
    fn a_class_without_pictures_has_no_weight_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faces.csv");
        let row = |label: usize, value: usize| format!("{label},{}\n", vec![value.to_string(); 48 * 48].join(" "));
        // The classes of FER-2013 are fixed: angry, disgust, fear, happy, sad, surprise, neutral.
        let rows: String = [0, 0, 1, 2, 3, 5, 6].iter().enumerate().map(|(value, &label)| row(label, value)).collect();
        std::fs::write(&path, format!("emotion,pixels\n{rows}")).unwrap();
        let dataset = Dataset::open(&path, &OpenOptions::default()).unwrap();
        let sad = dataset.labels().names().iter().position(|name| name == "sad").unwrap();
        let balance = of(&dataset);
        assert_eq!((balance.classes[sad].pictures, balance.classes[sad].weight, balance.classes[sad].balanced), (0, 0.0, 0.0));
        assert_eq!(weight_words(&balance.classes[sad], 2), "-");
        let sum: f64 = balance.classes.iter().map(|class| class.weight).sum();
        assert!((sum - 6.0).abs() < 1e-9, "the mean of the others is 1: {sum}");
        assert!(!balance.setting.contains("0.000"), "a recipe takes it: {}", balance.setting);
        let findings = findings(&dataset, &balance);
        let kinds: Vec<FindingKind> = findings.iter().map(|finding| finding.kind).collect();
        assert_eq!((kinds, findings[0].level), (vec![FindingKind::MissingClass, FindingKind::FewPictures], Level::Warning));
        assert_eq!(findings[1].items.len(), 6, "one or two pictures are too few to divide");
        assert_eq!(findings[0].title, "class sad has no pictures");
    }

    // A weight of 0.0004 was suggested as 0.000, which a recipe refuses.
    #[test]
    fn a_weight_that_is_suggested_is_never_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faces.csv");
        let many: String = (0..8000).map(|number| format!("3,{} 0 0 {}\n", number / 256, number % 256)).collect();
        std::fs::write(&path, format!("emotion,pixels\n{many}4,9 9 9 9\n")).unwrap();
        let balance = of(&Dataset::open(&path, &OpenOptions::default()).unwrap());
        let weights = balance.setting.trim_start_matches("loss.class_weights=[").trim_end_matches(']').split(',');
        for (weight, class) in weights.map(|weight| weight.parse::<f64>().unwrap()).zip(&balance.classes) {
            assert!(class.pictures == 0 || (weight / class.weight - 1.0).abs() < 0.01, "{weight} for {class:?}");
        }
        let happy = balance.classes.iter().find(|class| class.pictures == 8000).unwrap();
        assert_eq!((weight_words(happy, 2), weight_words(happy, 3)), ("0.00040".to_owned(), "0.000395".to_owned()));
    }
}
