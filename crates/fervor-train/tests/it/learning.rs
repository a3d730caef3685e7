//! What each part of a recipe beyond the basics changes, and that a continued run comes to the very same bundle with it.

use std::fs;
use std::path::{Path, PathBuf};

use fervor::{Bundle, Face};
use fervor_lab::dataset::Split;
use fervor_train::{End, Outcome};

use crate::world::World;

fn last(outcome: &Outcome) -> Vec<u8> {
    fs::read(outcome.run.join("last.onnx")).unwrap()
}

/// Trains a world, and stops and continues another of the same recipe: both must come to the same bundle.
fn assert_resumes_exactly(overrides: &[&str]) {
    let whole = World::new(overrides);
    let expected = last(&whole.train().unwrap());
    let mut parts = World::new(overrides);
    parts.stop_after = Some(7); // 5 batches an epoch: in the middle of the second
    let first = parts.train().unwrap();
    assert_eq!(first.end, End::Interrupted);
    parts.resume = Some(first.run);
    parts.stop_after = None;
    assert!(last(&parts.train().unwrap()) == expected, "{overrides:?}");
}

/// A trained world and its bundle's path as a TOML list of teachers.
fn teacher(overrides: &[&str]) -> (World, String, PathBuf) {
    let world = World::new(overrides);
    let path = world.train().unwrap().run.join("last.onnx");
    let rule = format!("distill.teachers=[{:?}]", path.display().to_string());
    (world, rule, path)
}

#[test]
fn every_way_of_learning_changes_what_is_learned_and_resumes_exactly() {
    let plain = World::new(&["epochs=2"]);
    let plain = plain.train().unwrap().log;
    for rule in [
        "augment.mixup=0.4",
        "augment.cutmix=1.0",
        "augment.overexpose=0.5",
        "augment.jpeg=0.5",
        "data.sampling=balanced",
        "network.block_dropout=0.2",
        "optimizer.sam=0.05",
        "preprocess.standardize={ mean = 129.5, deviation = 54.0 }",
    ] {
        let changed = World::new(&["epochs=2", rule]);
        assert_ne!(changed.train().unwrap().log[1].val_loss, plain[1].val_loss, "{rule}");
        assert_resumes_exactly(&["epochs=2", rule]);
    }
}

#[test]
fn a_student_learns_from_its_teachers_alone() {
    let (_world, rule, path) = teacher(&["epochs=6"]);
    let right = Bundle::open(&path).unwrap().card().metrics["validation.accuracy"];
    for chips in ["distill.chips=augmented", "distill.chips=fixed", "distill.chips=plain"] {
        // A share of 1: no label is looked at.
        let world = World::new(&["epochs=8", "name=student", "distill.weight=1.0", &rule, chips]);
        let log = world.train().unwrap().log;
        let best = log.iter().map(|row| row.val_accuracy).fold(0.0, f64::max);
        assert!(right > 0.8 && best > 0.8, "{chips}: {right} {log:?}");
        assert_resumes_exactly(&["epochs=2", "name=student", &rule, chips, "augment.mixup=0.4"]);
    }
}

#[test]
fn a_student_of_a_few_classes_asks_its_teacher_about_those() {
    let (_world, rule, _) = teacher(&["epochs=6"]);
    let world = World::new(&["epochs=10", "name=student", "distill.weight=1.0", &rule, r#"labels=["surprise", "angry"]"#]);
    let log = world.train().unwrap().log;
    assert!(log.iter().any(|row| row.val_accuracy > 0.8), "{log:?}");
}

#[test]
fn answers_about_fixed_chips_are_asked_once_and_an_interrupted_asking_goes_on() {
    let (_world, rule, _) = teacher(&["epochs=2"]);
    let fixed = ["epochs=2", "name=student", &rule, "distill.chips=fixed", "distill.augmentations=3"];
    let whole = World::new(&fixed);
    let outcome = whole.train().unwrap();
    let stored = fs::read(outcome.run.join("teachers.bin")).unwrap();
    let header = stored.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    assert_eq!(stored.len() - header, 70 * 3 * 7, "pictures, augmentations, classes");

    // Stopped while the teachers are asked, and its file torn: the rest is asked when it goes on.
    let mut parts = World::new(&fixed);
    parts.stop_at_once = true;
    let first = parts.train().unwrap();
    assert_eq!((first.end, first.log.len()), (End::Interrupted, 0));
    fs::write(first.run.join("teachers.bin"), &stored[..header + 500]).unwrap();
    parts.stop_at_once = false;
    parts.resume = Some(first.run.clone());
    assert!(last(&parts.train().unwrap()) == last(&outcome));
    assert_eq!(fs::read(first.run.join("teachers.bin")).unwrap(), stored);

    let other = World::new(&[&fixed[..], &["seed=9"]].concat());
    assert_ne!(fs::read(other.train().unwrap().run.join("teachers.bin")).unwrap(), stored, "another seed, other chips");
}

#[test]
fn several_teachers_are_averaged() {
    let (_first, _, a) = teacher(&["epochs=2"]);
    let (_second, _, b) = teacher(&["epochs=2", "seed=8"]);
    let trained = |teachers: &[&Path]| {
        let names: Vec<String> = teachers.iter().map(|path| path.display().to_string()).collect();
        let world = World::new(&["epochs=1", "schedule.warmup_epochs=0", &format!("distill.teachers={names:?}")]);
        world.train().unwrap().log[0].val_loss
    };
    let [first, second, both] = [trained(&[&a]), trained(&[&b]), trained(&[&a, &b])];
    assert!(first != second && first != both && second != both);
}

#[test]
fn teachers_that_do_not_fit_are_refused() {
    let (_world, rule, path) = teacher(&["epochs=1", "schedule.warmup_epochs=0"]);
    for (change, says) in [("preprocess.size=28", "takes other chips"), ("labels=[\"happy\", \"sad\"]", "")] {
        let refused = World::new(&["name=student", &rule, change]).train();
        match says {
            "" => assert!(refused.is_ok(), "a teacher may know more classes"),
            says => assert!(refused.unwrap_err().message().contains(says), "{change}"),
        }
    }
    let (_few, few, _) = teacher(&["epochs=1", "schedule.warmup_epochs=0", "labels=[\"happy\", \"sad\"]"]);
    let error = World::new(&["name=student", &few]).train().unwrap_err();
    assert!(error.message().contains("has no class \"angry\""), "{error}");
    let world = World::new(&["name=student", &rule]);
    fs::remove_file(path).unwrap();
    assert!(world.train().unwrap_err().to_string().contains("a teacher"));
}

#[test]
fn a_plateau_lowers_the_rate_and_resumes_exactly() {
    let plateau = |recipe: &str| {
        recipe.replace("\"one-cycle\"", "\"plateau\"\n patience = 1\n factor = 0.5").replace("warmup_epochs = 1", "")
    };
    // Such a small rate never lowers the loss by enough.
    let overrides = ["epochs=4", "optimizer.learning_rate=1e-9", "ema=0.0", "augment.flip=false"];
    let whole = World::with(&overrides, plateau);
    let expected = whole.train().unwrap();
    let rates: Vec<f64> = expected.log.iter().map(|row| row.learning_rate / 1e-9).collect();
    assert!(rates.windows(2).all(|pair| pair[1] <= pair[0]) && rates[3] < 1.0, "{rates:?}");
    let mut parts = World::with(&overrides, plateau);
    parts.stop_after = Some(13);
    parts.resume = Some(parts.train().unwrap().run);
    parts.stop_after = None;
    assert!(last(&parts.train().unwrap()) == last(&expected));
}

#[test]
fn a_bundle_with_two_views_answers_with_their_mean() {
    let (world, _, single) = teacher(&["epochs=2"]);
    let (_other, _, double) = teacher(&["epochs=2", "views=flip"]);
    let [single, double] = [single, double].map(|path| Bundle::open(&path).unwrap());
    let data = world.data();
    let picture = data.picture(data.of_split(Split::Validation)[3]).unwrap();
    let chip = single.card().preprocess.chip(&picture, &Face::whole(&picture));
    let [plain, mirrored] = [chip.clone(), chip.mirrored()].map(|chip| single.logits(&[chip]).unwrap().remove(0));
    let both = double.logits(&[chip]).unwrap().remove(0);
    let mean = plain.iter().zip(&mirrored).map(|(a, b)| 0.5 * (a + b));
    assert!(both.iter().zip(mean).all(|(a, b)| (a - b).abs() < 1e-5) && plain != both);
    assert!(!serde_json::to_string(single.card()).unwrap().contains("\"views\""));
    assert!(serde_json::to_string(double.card()).unwrap().contains("\"views\":\"flip\""));
}
