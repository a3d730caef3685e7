use std::collections::BTreeSet;

use fervor::dataset::Split;
use fervor_train::EpochLog;
use fervor_train::folds::{CrossValidation, Spread, folds, with_fold};

use crate::world::World;

#[test]
fn every_picture_is_in_one_fold_and_classes_are_spread_evenly() {
    let data = World::new(&[]).data();
    let fold_of = folds(&data, 5, 1).unwrap();
    for fold in 0..5 {
        let parts = with_fold(&data, &fold_of, fold);
        assert_eq!(parts.class_counts(Some(Split::Validation)), [3; 7]);
        assert_eq!(parts.class_counts(Some(Split::Train)), [12; 7]);
    }
    assert_eq!(fold_of, folds(&data, 5, 1).unwrap());
    assert_ne!(fold_of, folds(&data, 5, 2).unwrap());
    assert!(folds(&data, 1, 1).is_err() && folds(&data, 106, 1).unwrap_err().message().contains("105 distinct"));
}

#[test]
fn copies_stay_in_one_fold_and_test_pictures_in_none() {
    let mut data = World::new(&[]).data();
    data.set_split(3, Some(Split::Test));
    // Each of the first 20 three times.
    let twice: Vec<usize> = (0..105).chain(0..20).chain(0..20).collect();
    let data = data.subset(&twice);
    let fold_of = folds(&data, 4, 1).unwrap();
    assert!(fold_of[3].is_none());
    for index in (0..20).filter(|index| *index != 3) {
        let places: Vec<usize> = (0..145).filter(|&other| data.samples()[other].hash == data.samples()[index].hash).collect();
        assert_eq!(places.len(), 3);
        assert_eq!(places.iter().map(|&place| fold_of[place]).collect::<BTreeSet<_>>().len(), 1);
    }
}

#[test]
fn the_table_tells_each_fold_and_the_spread() {
    let row = |epoch: usize, accuracy: f64| EpochLog {
        epoch,
        train_loss: 1.0,
        train_accuracy: 0.5,
        train_macro_f1: 0.5,
        val_loss: 1.0,
        val_accuracy: accuracy,
        val_macro_f1: accuracy,
        learning_rate: 0.1,
        seconds: 1.0,
        pictures_per_second: 1.0,
    };
    let logs = [vec![row(1, 0.75), row(2, 0.5)], vec![row(1, 0.5), row(2, 0.75)]];
    let done = CrossValidation { folds: logs.map(|log| (8, 4, log)).into() };
    assert_eq!(done.last(|row| row.val_accuracy), Spread { mean: 0.625, deviation: 0.03125_f64.sqrt() });
    let table = done.table();
    assert!(table.contains("| 1 | 8 | 4 | 50.00 % | 0.5000 | 1.0000 | 1 | 75.00 % |"), "{table}");
    assert!(table.contains("| mean | | | 62.50 % |") && table.contains("| deviation | | | 17.68 % |"), "{table}");
}
