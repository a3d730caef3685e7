use std::path::PathBuf;

use super::*;
use crate::dataset::{Sample, Skipped};
use fervor::emotion::LabelSet;
use fervor::picture::Limits;

/// A folder of files that nobody will read: (id, class, split, number of its pixels).
fn files(labels: &[&str], files: impl IntoIterator<Item = (String, usize, Option<Split>, u32)>) -> Dataset {
    let samples = files.into_iter().map(|(id, label, split, number)| {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&number.to_le_bytes());
        Sample { id, label, split, hash: ContentHash(hash), votes: None, groups: Vec::new(), face: None, row: 0 }
    });
    Dataset {
        name: "files".to_owned(),
        root: PathBuf::from("files"),
        labels: LabelSet::new(labels).unwrap(),
        vote_labels: None,
        group_columns: Vec::new(),
        samples: samples.collect(),
        problems: Vec::new(),
        skipped: Skipped::default(),
        pictures: Pictures::Files,
        limits: Limits::default(),
        framing: None,
    }
}

/// So many distinct pictures of each class.
fn distinct(counts: &[usize], split: Option<Split>) -> Dataset {
    let names = ["happy", "sad", "angry", "fear"];
    let mut number = 0;
    let mut all = Vec::new();
    for (label, &count) in counts.iter().enumerate() {
        for _ in 0..count {
            number += 1;
            all.push((format!("{}/{number}.png", names[label]), label, split, number));
        }
    }
    files(&names[..counts.len()], all)
}

fn apply(rule: &str, dataset: &mut Dataset) -> SplitReport {
    SplitRule::parse(rule).unwrap().apply(dataset).unwrap()
}

fn refusal(rule: &str, dataset: &mut Dataset) -> String {
    let error = SplitRule::parse(rule).unwrap().apply(dataset).unwrap_err();
    format!("{error}\n{}", error.hint().unwrap_or_default())
}

fn splits(dataset: &Dataset) -> Vec<Option<Split>> {
    dataset.samples().iter().map(|sample| sample.split).collect()
}

/// The class counts of FER-2013, in the alphabetical order of its folders: train/ and test/ as on Kaggle.
const CLASSES: [&str; 7] = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"];
const TRAIN: [usize; 7] = [3995, 436, 4097, 7215, 4965, 4830, 3171];
const TEST: [usize; 7] = [958, 111, 1024, 1774, 1233, 1247, 831];
const PUBLIC: [usize; 7] = [467, 56, 496, 895, 607, 653, 415];

#[test]
fn keras_draws_the_22968_and_1432_of_system_b() {
    let mut all = Vec::new();
    for label in 0..7 {
        // Scrambled, because the rule sorts by name and not by how files are found.
        let mut push = |split, folder: &str, kind: &str, count: usize| {
            for number in (0..count).map(|number| (number * 7919) % count) {
                let id = format!("{folder}/{}/{kind}_{number:08}.jpg", CLASSES[label]);
                all.push((id, label, Some(split), all.len() as u32));
            }
        };
        push(Split::Train, "train", "Training", TRAIN[label]);
        push(Split::Test, "test", "PublicTest", PUBLIC[label]);
        push(Split::Test, "test", "PrivateTest", TEST[label] - PUBLIC[label]);
    }
    let mut dataset = files(&CLASSES, all);
    assert_eq!(dataset.len(), 28_709 + 7_178);
    let report = apply("keras", &mut dataset);
    assert_eq!(report.counts, [22_968, 1_432, 7_178 - 1_432]);
    assert_eq!(report.left_out, 28_709 - 22_968);

    let id = |index: &usize| dataset.samples()[*index].id.clone();
    assert!(dataset.of_split(Split::Validation).iter().map(id).all(|id| id.contains("/PrivateTest_")));
    let angry: Vec<String> = dataset.of_split(Split::Train).iter().map(id).filter(|id| id.contains("/angry/")).collect();
    assert_eq!(angry.iter().min().unwrap(), "train/angry/Training_00000799.jpg", "the first int(0.2 * 3995) are not trained on");
}

#[test]
fn keras_without_given_splits_cuts_each_class() {
    let mut dataset = distinct(&[10, 9], None);
    let report = apply("keras", &mut dataset);
    assert_eq!((report.counts, report.left_out), ([16, 3, 0], 0));
    assert_eq!(report.classes, [("happy".to_owned(), [8, 2, 0]), ("sad".to_owned(), [8, 1, 0])]);
    // By name: 1.png, 10.png, 2.png.
    assert_eq!(dataset.samples()[9].split, Some(Split::Validation));
    assert_eq!(dataset.samples()[1].split, Some(Split::Train));
}

#[test]
fn keras_needs_file_names_and_no_validation_part() {
    let mut table = distinct(&[10, 9], None);
    table.pictures = Pictures::Gray { side: 1, rows: Default::default() };
    assert!(refusal("keras", &mut table).contains("a table has none"));
    let mut three = distinct(&[10, 9], Some(Split::Train));
    three.set_split(0, Some(Split::Validation));
    assert!(refusal("keras", &mut three).contains("use as-given"));
}

#[test]
fn every_class_is_divided_as_asked() {
    let mut dataset = distinct(&[200, 55, 17, 3], None);
    let report = apply("80:10:10", &mut dataset);
    assert_eq!(report.left_out, 0);
    assert_eq!(report.classes[0].1, [160, 20, 20]);
    for (name, counts) in &report.classes {
        let n: usize = counts.iter().sum();
        for (count, share) in counts.iter().zip([0.8, 0.1, 0.1]) {
            assert!((*count as f64 - share * n as f64).abs() < 1.0, "{name}: {counts:?}");
        }
    }
    // Rounding of single classes does not add up: 275 x 0.8 = 220, 27.5, 27.5.
    assert!(report.counts[0] == 220 && report.counts[1].abs_diff(report.counts[2]) <= 1, "{:?}", report.counts);
}

#[test]
fn many_small_classes_still_get_every_part() {
    let mut dataset = distinct(&[4, 4, 4, 4], None);
    let report = apply("80:10:10", &mut dataset);
    assert!(report.counts[0].abs_diff(13) <= 1 && report.counts[1] >= 1 && report.counts[2] >= 1, "{:?}", report.counts);
}

#[test]
fn duplicates_stay_together_even_under_two_labels() {
    // 40 pictures, each three times; every fifth of them once under the other label.
    let all = (0..120_u32).map(|n| {
        let picture = n % 40;
        let label = usize::from(picture >= 20) ^ usize::from(picture % 5 == 0 && n >= 80);
        (format!("{label}/{n}.png"), label, None, picture)
    });
    let mut dataset = files(&["happy", "sad"], all);
    for seed in 0..20 {
        let rule = SplitRule::parse("70:15:15").unwrap().with_seed(seed);
        let report = rule.apply(&mut dataset).unwrap();
        assert_eq!((report.straddling_groups, report.leaked), (0, [0, 0]));
        // Groups of three cannot hit 84, 18, 18 exactly.
        for (count, wanted) in report.counts.iter().zip([84_usize, 18, 18]) {
            assert!(count.abs_diff(wanted) <= 3, "seed {seed}: {:?}", report.counts);
        }
    }
}

#[test]
fn a_group_larger_than_any_part_goes_where_it_hurts_least() {
    let all = (0..20_u32).map(|n| (format!("{n}.png"), usize::from(n >= 18), None, if n < 15 { 0 } else { n }));
    let mut dataset = files(&["happy", "sad"], all);
    let report = apply("50:25:25", &mut dataset);
    assert_eq!(report.straddling_groups, 0);
    assert!(splits(&dataset)[..15].iter().all(|&split| split == Some(Split::Train)));
}

#[test]
fn the_draw_depends_on_the_seed_and_the_pixels_only() {
    let mut first = distinct(&[60, 40], None);
    let mut renamed = distinct(&[60, 40], None);
    renamed.samples.iter_mut().for_each(|sample| sample.id = format!("elsewhere/{}", sample.id));
    renamed.samples.reverse();
    apply("80:10:10", &mut first);
    apply("80:10:10", &mut renamed);
    let mut there = splits(&renamed);
    there.reverse();
    assert_eq!(splits(&first), there);

    let zero = splits(&first);
    SplitRule::DEFAULT_RATIO.with_seed(1).apply(&mut first).unwrap();
    assert_ne!(splits(&first), zero);
    apply("80:10:10", &mut first);
    assert_eq!(splits(&first), zero, "what was drawn before does not matter");
}

/// A seeded split is a promise: stored manifests and published numbers rest on it. These values, computed by a second
/// implementation of the rule in Python, may never change.
#[test]
fn the_draw_of_seed_7_is_the_same_for_ever() {
    let mut dataset = distinct(&[12, 8], None);
    SplitRule::parse("50:25:25").unwrap().with_seed(7).apply(&mut dataset).unwrap();
    let letter = |split: &Option<Split>| ['t', 'v', 'E'][Split::ALL.iter().position(|s| Some(*s) == *split).unwrap()];
    assert_eq!(splits(&dataset).iter().map(letter).collect::<String>(), "EEtvttttvEtvtvtEEtvt");
}

#[test]
fn two_parts_leave_the_given_test_part_alone() {
    let mut dataset = distinct(&[100, 100], Some(Split::Train));
    (0..50).for_each(|index| dataset.set_split(index, Some(Split::Test)));
    let report = apply("90:10", &mut dataset);
    assert_eq!(report.counts, [135, 15, 50]);
    assert!(splits(&dataset)[..50].iter().all(|&split| split == Some(Split::Test)));
    assert!(report.to_string().contains("the data's own test part stays: 50 samples"));

    let report = apply("80:10:10", &mut dataset);
    assert_eq!(report.counts, [160, 20, 20]);
    assert!(report.to_string().contains("was drawn into the new splits"));
}

// Copies of kept test pictures were dealt into train and validation.
#[test]
fn copies_of_a_kept_test_picture_are_in_no_split() {
    let mut dataset = distinct(&[20, 20], Some(Split::Train));
    dataset.set_split(0, Some(Split::Test));
    // 1 has the pixels of 0, 2 is nearly 1, 3 nearly 2.
    dataset.samples[1].hash = dataset.samples[0].hash;
    let families = [vec![1, 2], vec![2, 3]];
    let report = SplitRule::parse("80:20").unwrap().apply_together(&mut dataset, &families).unwrap();
    assert_eq!(splits(&dataset)[..4], [Some(Split::Test), None, None, None]);
    assert_eq!((report.counts.iter().sum::<usize>(), report.left_out, report.leaked), (37, 3, [0, 0]));
    let text = report.to_string();
    assert!(text.contains("in no split, because they are copies of test pictures: 3 samples"), "{text}");
    assert!(text.contains("the data's own test part stays: 1 sample"), "{text}");
}

// `fervor split --folds` drew the data's own test part into training.
#[test]
fn folds_keep_the_given_test_part_and_leave_out_its_copies() {
    let mut dataset = distinct(&[20, 20], Some(Split::Train));
    (0..5).for_each(|index| dataset.set_split(index, Some(Split::Test)));
    dataset.samples[5].hash = dataset.samples[0].hash;
    for parts in [[80, 10, 10], [80, 20, 0]] {
        for fold in dataset.folds(3, parts, 0, &[]).unwrap() {
            assert_eq!(fold.of_split(Split::Test), [0, 1, 2, 3, 4], "{parts:?}");
            assert_eq!(fold.samples()[5].split, None, "{parts:?}");
            let drawn = [Split::Train, Split::Validation].map(|split| fold.of_split(split).len());
            assert_eq!(drawn.iter().sum::<usize>(), 34, "{parts:?}");
        }
    }
}

#[test]
fn folds_that_stay_empty_are_named() {
    let error = distinct(&[2, 1], None).folds(7, [80, 20, 0], 0, &[]).unwrap_err();
    assert!(error.message().contains("nothing is left for fold ") && error.message().contains("of 3 samples"), "{error}");
    assert!(error.hint().unwrap().contains("fewer folds"), "{error}");
    let error = distinct(&[10, 10], None).folds(2, [1_000_000, 1, 1], 0, &[]).unwrap_err();
    assert!(error.message().contains("nothing is left for test"), "{error}");
}

// u32::MAX:u32::MAX wrapped to a sum of its own.
#[test]
fn parts_are_bounded() {
    for text in ["4294967295:4294967295", "1000001:1", "80:10:4294967295"] {
        let error = SplitRule::parse(text).unwrap_err();
        assert!(error.message().contains("each part of a split must be at most 1,000,000"), "{text}: {error}");
    }
    assert!(SplitRule::parse("1000000:1").is_ok());
    let error = distinct(&[10, 10], None).folds(5, [u32::MAX, u32::MAX, u32::MAX], 0, &[]).unwrap_err();
    assert!(error.message().contains("got 4294967295"), "{error}");
}

#[test]
fn given_splits_stay_and_their_leaks_are_told() {
    let mut dataset = files(
        &["happy", "sad"],
        [("a", 0, Split::Train, 1), ("b", 1, Split::Train, 2), ("c", 0, Split::Validation, 1), ("d", 1, Split::Validation, 3)]
            .map(|(id, label, split, number)| (id.to_owned(), label, Some(split), number)),
    );
    let before = splits(&dataset);
    let report = apply("as-given", &mut dataset);
    assert_eq!(splits(&dataset), before);
    assert_eq!((report.counts, report.straddling_groups, report.leaked), ([2, 2, 0], 1, [1, 0]));
    assert!(report.to_string().contains("1 sample of validation has the very pixels of samples in train"), "{report}");
}

#[test]
fn a_rule_that_does_not_fit_says_which_one_does() {
    let mut nothing = distinct(&[5, 5], None);
    let error = SplitRule::AsGiven.apply(&mut nothing).unwrap_err();
    assert_eq!(error.remedy(), Some(&Remedy::DrawSplits { rule: "80:10:10".into() }));
    let mut kaggle = distinct(&[5, 5], Some(Split::Train));
    kaggle.set_split(0, Some(Split::Test));
    let error = SplitRule::AsGiven.apply(&mut kaggle).unwrap_err();
    assert!(error.message().contains("no validation part, but train 9, test 1"), "{error}");
    assert_eq!(error.remedy(), Some(&Remedy::DrawSplits { rule: "90:10".into() }));
    let before = splits(&kaggle);
    assert!(refusal("1000:1", &mut kaggle).contains("nothing is left for validation"));
    assert_eq!(splits(&kaggle), before, "a refused rule changes nothing");
    assert!(refusal("as-given", &mut distinct(&[5, 5], Some(Split::Test))).contains("only a test part"));
}

#[test]
fn rules_are_read_from_text() {
    assert_eq!(SplitRule::parse("80:10:10").unwrap(), SplitRule::DEFAULT_RATIO);
    assert_eq!(SplitRule::parse(" As-Given ").unwrap(), SplitRule::AsGiven);
    assert_eq!(SplitRule::parse("keras").unwrap(), SplitRule::Keras { validation_split: 0.2 });
    assert_eq!(SplitRule::parse("3:1").unwrap(), SplitRule::Ratio { train: 3, validation: 1, test: 0, seed: 0 });
    for text in ["", "80", "80:0:20", "0:10", "80:10:5:5", "80:-1:21", "random", "80,10,10", "99999999999:1"] {
        assert!(SplitRule::parse(text).unwrap_err().to_string().contains("not a split rule"), "{text}");
    }
}

#[test]
fn splits_are_read_in_every_spelling() {
    for (text, split) in [("Training", Split::Train), ("VAL", Split::Validation), ("PublicTest", Split::Validation)] {
        assert_eq!(Split::parse(text), Some(split));
    }
    for split in Split::ALL {
        assert_eq!(Split::parse(split.name()), Some(split));
        assert_eq!(serde_json::to_string(&split).unwrap(), format!("{:?}", split.name()));
    }
    assert_eq!(Split::parse("PrivateTest"), Some(Split::Test));
    assert_eq!(Split::parse("images"), None);
}
