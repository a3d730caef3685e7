use fervor_train::EpochLog;
use fervor_train::folds::{CrossValidation, Spread};

use super::world::World;

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

// The table said that a fold's pictures did not choose its last epoch, where they had ended the training.
#[test]
fn recipes_that_ask_a_folds_own_pictures_are_refused() {
    let check = |overrides: &[&str]| CrossValidation::check(&World::new(overrides).recipe);
    for (overrides, key, hint) in [
        (&["early_stopping.patience=2"][..], "early_stopping.patience = 2", "early_stopping.patience = 3"),
        (&["schedule={ name = 'plateau' }"], "schedule.name = \"plateau\"", "schedule.name = \"cosine\""),
    ] {
        let error = check(overrides).unwrap_err();
        assert!(error.message().contains(key), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
    check(&[]).unwrap();
    check(&["early_stopping.patience=3"]).unwrap();
}
