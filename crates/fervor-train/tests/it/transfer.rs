use std::fs;
use std::path::{Path, PathBuf};

use fervor::onnx::ModelProto;
use fervor::{Bundle, ErrorKind, Face, Remedy};
use fervor_lab::dataset::Split;
use fervor_train::{End, Recipe};

use crate::world::World;

/// A recipe that leaves network and preprocessing to its source.
const WITHOUT_NETWORK: &str = r#"
    name = "mine"
    epochs = 2
    batch_size = 8
    [optimizer]
    name = "sgd"
    learning_rate = 0.01
"#;

/// A world with a network that knows its seven classes, and the path of its bundle.
fn teacher() -> (World, PathBuf) {
    let world = World::new(&["epochs=6"]);
    let outcome = world.train().unwrap();
    assert!(outcome.log[5].val_accuracy > 0.8, "{:?}", outcome.log);
    let path = outcome.run.join("last.onnx");
    (world, path)
}

fn from(path: &Path, overrides: &[&str]) -> World {
    let from = format!("transfer.from={:?}", path.display().to_string());
    let mut all = vec![from.as_str(), "name=moved", "schedule.name=constant", "ema=0.0"];
    all.extend(overrides);
    World::with(&all, |recipe| recipe.replace("warmup_epochs = 1", ""))
}

/// The weights of all convolutions, and of the classifier.
fn weights(path: &Path) -> (Vec<Vec<u8>>, Vec<u8>) {
    let graph = ModelProto::parse(&fs::read(path).unwrap()).unwrap().graph.unwrap();
    let of = |operator: &str| -> Vec<Vec<u8>> {
        let names = graph.node.iter().filter(|node| node.op_type == operator).map(|node| node.input[1].clone());
        names.map(|name| graph.initializer.iter().find(|t| t.name == name).unwrap().raw_data.clone()).collect()
    };
    (of("Conv"), of("Gemm").remove(0))
}

#[test]
fn only_the_classifier_learns_while_the_trunk_is_frozen() {
    let (_world, source) = teacher();
    let trained = |overrides: &[&str]| {
        let world = from(&source, overrides);
        weights(&world.train().unwrap().run.join("last.onnx"))
    };
    let ((before, classifier), (after, moved)) = (weights(&source), trained(&["epochs=2", "transfer.frozen_epochs=2"]));
    assert!(before == after, "a convolution moved");
    assert!(classifier != moved, "the classifier did not move");
    let (whole, _) = trained(&["epochs=2", "transfer.frozen_epochs=1"]);
    assert!(before.iter().zip(&whole).all(|(a, b)| a != b), "a convolution did not move");
}

#[test]
fn a_transfer_begins_with_what_its_source_knows() {
    let (world, source) = teacher();
    let (bundle, data) = (Bundle::open(&source).unwrap(), world.data());
    let right = data.of_split(Split::Validation).into_iter().filter(|&index| {
        let picture = data.picture(index).unwrap();
        let logits = &bundle.logits(&[bundle.card().preprocess.chip(&picture, &Face::whole(&picture))]).unwrap()[0];
        logits[data.samples()[index].label] == logits.iter().copied().fold(f32::MIN, f32::max)
    });
    let accuracy = right.count() as f64 / data.of_split(Split::Validation).len() as f64;
    // Such a small rate changes nothing.
    for norms in ["fixed", "batch"] {
        let norms = format!("transfer.batch_norm={norms}");
        let log = from(&source, &["epochs=1", "optimizer.learning_rate=1e-9", &norms]).train().unwrap().log;
        assert_eq!(log[0].val_accuracy, accuracy);
    }
    // Two of the classes, in another order: still known.
    let few = from(&source, &["epochs=1", "optimizer.learning_rate=1e-9", r#"labels=["sad", "disgust"]"#]);
    assert!(few.train().unwrap().log[0].val_accuracy > 0.8);
}

#[test]
fn batch_norms_may_follow_the_batch_again_without_a_jump() {
    let (_world, source) = teacher();
    let log = from(&source, &["epochs=3", "transfer.batch_norm=batch", "transfer.frozen_epochs=0"]).train().unwrap().log;
    assert!(log.iter().all(|row| row.val_accuracy > 0.8), "{log:?}");
}

#[test]
fn an_interrupted_transfer_resumes_to_the_very_same_bundle() {
    let (_world, source) = teacher();
    for norms in ["transfer.batch_norm=fixed", "transfer.batch_norm=batch"] {
        let whole = from(&source, &["epochs=3", "ema=0.5", norms]);
        let expected = whole.train().unwrap();
        let mut parts = from(&source, &["epochs=3", "ema=0.5", norms]);
        for stop_after in [2, 5] {
            parts.stop_after = Some(stop_after); // in the frozen epoch, then after it
            let outcome = parts.train().unwrap();
            assert_eq!(outcome.end, End::Interrupted);
            parts.resume = Some(outcome.run);
        }
        parts.stop_after = None;
        let last = parts.train().unwrap();
        assert!(fs::read(last.run.join("last.onnx")).unwrap() == fs::read(expected.run.join("last.onnx")).unwrap(), "{norms}");
    }
}

#[test]
fn a_recipe_may_leave_network_and_preprocessing_to_its_source() {
    let recipe = Recipe::parse(WITHOUT_NETWORK, &["transfer.from=fervor-48", "network.dropout=0.3"]).unwrap();
    let card = Bundle::builtin("fervor-48").unwrap().card().clone();
    assert_eq!(recipe.preprocess, card.preprocess);
    assert!(recipe.to_toml().contains("dropout = 0.3"), "{}", recipe.to_toml());
    assert_eq!(Recipe::parse(&recipe.to_toml(), &[] as &[&str]).unwrap(), recipe);
}

#[test]
fn the_built_in_model_can_be_continued() {
    let dropout = ["transfer.from=fervor-48", "epochs=1", "batch_size=64", "data.fraction=0.3"];
    let world = World::with(&dropout, |recipe| {
        let (head, rest) = recipe.split_once("[preprocess]").unwrap();
        let (_, tail) = rest.split_once("[optimizer]").unwrap();
        format!("{head}[optimizer]{tail}").replace("warmup_epochs = 1", "warmup_epochs = 0")
    });
    // It starts only if the network gives the bundle's logits to 1e-4.
    assert_eq!(world.train().unwrap().end, End::Finished);
}

#[test]
fn a_deeper_network_begins_as_its_source_and_learns_in_all_layers() {
    let (_world, source) = teacher();
    // A rate that changes nothing, for the network as it was and for a deeper one; then one that does.
    let still = ["epochs=1", "optimizer.learning_rate=1e-9", "transfer.frozen_epochs=0"];
    let deeper = ["network.blocks=[1, 2]", "transfer.frozen_epochs=0"];
    let worlds = [
        from(&source, &still),
        from(&source, &[&deeper[..], &still[..2]].concat()),
        from(&source, &[&deeper[..], &["epochs=3"]].concat()),
    ];
    let [shallow, untouched, learned] = worlds.each_ref().map(|world| world.train().unwrap());
    assert_eq!(untouched.log[0].val_accuracy, shallow.log[0].val_accuracy);
    let [few, before, after] = [&shallow, &untouched, &learned].map(|outcome| weights(&outcome.run.join("last.onnx")).0);
    assert_eq!(before.len(), few.len() + 2);
    assert!(before.iter().zip(&after).all(|(a, b)| a != b), "a convolution did not move");
    assert!(learned.log[2].val_accuracy > 0.8, "{:?}", learned.log);
}

#[test]
fn a_source_that_does_not_fit_is_refused() {
    let (_world, source) = teacher();
    for (rule, says) in [
        ("preprocess.size=28", "preprocess"),
        ("network.widths=[8, 8, 24]", "another network"),
        ("transfer.sha256=00", "not the one"),
        ("transfer.from=nothing", "no built-in model"),
        ("transfer.frozen_epochs=9", "transfer.frozen_epochs must be"),
    ] {
        let error = match World::try_with(&[&format!("transfer.from={:?}", source.display().to_string()), rule]) {
            Ok(world) => world.train().unwrap_err(),
            Err(error) => error,
        };
        assert!(error.message().contains(says), "{rule}: {error}");
        assert!(matches!(error.kind(), ErrorKind::Input | ErrorKind::Model));
    }
    let error = Recipe::parse(WITHOUT_NETWORK, &["transfer={}"]).unwrap_err();
    assert_eq!(error.remedy(), Some(&Remedy::StartFrom));
}

// A model that began from another one knew its own pictures only, and scores on the other's were called free of leaks.
#[test]
fn a_model_knows_what_its_source_was_trained_on() {
    let (world, source) = teacher();
    let data = world.data();
    let trained: Vec<_> = data.of_split(Split::Train).into_iter().map(|index| data.samples()[index].hash).collect();
    // Two of the source's classes, so that most of its pictures are not the new model's own.
    let second = from(&source, &["epochs=1", r#"labels=["sad", "disgust"]"#]);
    let run = second.train().unwrap().run;
    let bundle = Bundle::open(&run.join("best.onnx")).unwrap();
    assert!(bundle.card().data.training_pictures < trained.len());
    assert!(trained.iter().all(|&hash| bundle.was_trained_on(hash)));
    assert!(!data.of_split(Split::Validation).iter().any(|&index| bundle.was_trained_on(data.samples()[index].hash)));
    // And so on, from one model to the next.
    let third = from(&run.join("last.onnx"), &["epochs=1", "name=third", r#"labels=["fear", "happy"]"#]);
    let bundle = Bundle::open(&third.train().unwrap().run.join("best.onnx")).unwrap();
    assert!(trained.iter().all(|&hash| bundle.was_trained_on(hash)));
}
