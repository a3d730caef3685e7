use std::fs;

use fervor::{Bundle, ErrorKind, Face, Reason, Remedy};
use fervor_lab::dataset::{Manifest, Split};
use fervor_train::End;

use crate::world::World;

#[test]
fn a_training_learns_and_leaves_a_bundle_that_answers() {
    let world = World::new(&["epochs=8"]);
    let outcome = world.train().unwrap();
    assert_eq!(outcome.end, End::Finished);
    assert_eq!(outcome.log.len(), 8);
    let best = outcome.log.iter().map(|row| row.val_accuracy).fold(0.0, f64::max);
    assert!(best > 0.9, "{:?}", outcome.log);

    let bundle = Bundle::open(&outcome.run.join("best.onnx")).unwrap();
    assert_eq!(bundle.card().name, "tiny");
    assert_eq!(Some(bundle.card().recipe.epoch), outcome.best_epoch);
    assert_eq!(bundle.card().metrics["validation.accuracy"], best);
    let data = world.data();
    let validation = data.of_split(Split::Validation);
    let right = validation.iter().filter(|&&index| {
        let picture = data.picture(index).unwrap();
        let chip = bundle.card().preprocess.chip(&picture, &Face::whole(&picture));
        let logits = &bundle.logits(&[chip]).unwrap()[0];
        let top = logits.iter().copied().fold(f32::MIN, f32::max);
        logits[data.samples()[index].label] == top
    });
    assert_eq!(right.count() as f64 / validation.len() as f64, best);
    let trained_on = |split| data.of_split(split).iter().all(|&index| bundle.was_trained_on(data.samples()[index].hash));
    assert!(trained_on(Split::Train) && !trained_on(Split::Validation));

    for name in [
        "recipe.toml",
        "manifest.json",
        "first_batch.png",
        "loss.png",
        "accuracy.png",
        "events.out.tfevents.fervor",
        "last.onnx",
        "checkpoint/state.json",
    ] {
        assert!(outcome.run.join(name).exists(), "{name}");
    }
    let log = fs::read_to_string(outcome.run.join("log.csv")).unwrap();
    assert_eq!(log.lines().count(), 9, "{log}");
    assert!(log.starts_with("epoch,train_loss,train_accuracy,train_macro_f1,val_loss,"), "{log}");
}

#[test]
fn the_same_recipe_gives_the_same_bundle() {
    let world = World::new(&["epochs=1", "schedule.warmup_epochs=0"]);
    let [first, second] = ["a", "b"].map(|out| world.train_into(&world.out().join(out)).unwrap().run.join("last.onnx"));
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap());
    let other = World::new(&["epochs=1", "schedule.warmup_epochs=0", "seed=4"]);
    assert_ne!(other.train().unwrap().log[0].train_loss, world.train().unwrap().log[0].train_loss);
}

#[test]
fn an_interrupted_training_resumes_to_the_very_same_bundle() {
    for overrides in [&["name=sgd"][..], &["name=adam", "optimizer.name=adamw", "optimizer.learning_rate=0.01"]] {
        let whole = World::new(overrides);
        let expected = whole.train().unwrap();

        let mut parts = World::new(overrides);
        parts.stop_after = Some(7); // 5 batches an epoch: in the middle of the second
        let first = parts.train().unwrap();
        assert_eq!(first.end, End::Interrupted);
        assert_eq!(first.log.len(), 1);
        parts.resume = Some(first.run.clone());
        parts.stop_after = Some(3); // at the end of the second
        assert_eq!(parts.train().unwrap().end, End::Interrupted);
        parts.stop_after = None;
        let last = parts.train().unwrap();
        assert_eq!(last.end, End::Finished);

        for (a, b) in last.log.iter().zip(&expected.log) {
            assert_eq!((a.train_loss, a.val_loss, a.val_accuracy), (b.train_loss, b.val_loss, b.val_accuracy));
        }
        for name in ["last.onnx", "best.onnx"] {
            assert!(
                fs::read(last.run.join(name)).unwrap() == fs::read(expected.run.join(name)).unwrap(),
                "{overrides:?}: {name}"
            );
        }
    }
}

#[test]
fn a_checkpoint_under_its_old_name_is_found() {
    let mut world = World::new(&[]);
    world.stop_after = Some(5);
    let run = world.train().unwrap().run;
    fs::rename(run.join("checkpoint"), run.join(".checkpoint.old")).unwrap();
    world.resume = Some(run);
    world.stop_after = None;
    assert_eq!(world.train().unwrap().end, End::Finished);
}

#[test]
fn a_run_is_never_written_over() {
    let world = World::new(&["epochs=1", "schedule.warmup_epochs=0"]);
    world.train().unwrap();
    let error = world.train().unwrap_err();
    let run = world.out().join(world.recipe.run_name(&Manifest::of(&world.data()).sha256())).display().to_string();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Input, Reason::Exists));
    assert_eq!(error.remedy(), Some(&Remedy::ResumeOrRename { run }));
}

#[test]
fn another_recipe_or_other_data_cannot_continue_a_run() {
    let mut world = World::new(&[]);
    world.stop_after = Some(1);
    let run = world.train().unwrap().run;
    let mut other = World::new(&["seed=9"]);
    other.resume = Some(run.clone());
    let error = other.train().unwrap_err();
    assert_eq!((error.reason(), error.remedy()), (Reason::Mismatch, Some(&Remedy::ContinueAsBegun)));
    world.resume = Some(run.join("checkpoint"));
    assert!(world.train().unwrap_err().message().contains("no run to continue"));
}

#[test]
fn training_stops_early_when_nothing_improves() {
    let world = World::new(&["epochs=30", "optimizer.learning_rate=1e-9", "ema=0.0", "early_stopping.patience=2"]);
    let outcome = world.train().unwrap();
    assert_eq!(outcome.end, End::EarlyStopped);
    assert_eq!(outcome.log.len(), outcome.best_epoch.unwrap() + 2);
}

#[test]
fn a_training_that_blows_up_says_so() {
    let world = World::new(&["optimizer.learning_rate=100", "optimizer.weight_decay=1"]);
    let error = world.train().unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Model, Reason::NotFinite));
    assert_eq!(error.remedy(), Some(&Remedy::LowerRate));
}

#[test]
fn data_without_a_validation_part_is_refused() {
    let world = World::new(&[]);
    let mut data = world.data();
    for index in data.of_split(Split::Validation) {
        data.set_split(index, None);
    }
    let error = world.train_on(data).unwrap_err();
    assert!(error.message().ends_with("no pictures for validation"), "{error}");
}
