use std::fs;

use fervor::Bundle;
use fervor_train::End;

use crate::world::World;

const VOTES: [&str; 5] = ["data.labels_from=votes", "loss.votes=1.0", "loss.label_smoothing=0", "epochs=8", "name=voted"];

#[test]
fn labels_come_from_the_majority_of_the_votes() {
    let world = World::new(&VOTES);
    let data = world.data();
    assert_eq!(data.labels().len(), 8);
    assert_eq!(data.len(), 105 - 7, "round 0 has no majority");
    let mut outcome = world.train().unwrap();
    assert!(outcome.log.iter().any(|row| row.val_accuracy > 0.8), "{:?}", outcome.log);
    let bundle = Bundle::open(&outcome.run.join("best.onnx")).unwrap();
    let metrics = &bundle.card().metrics;
    // 7:3 voters disagree by 0.611 nats; a network that says what they say has no divergence.
    let (cross_entropy, kl) = (metrics["validation.votes_cross_entropy"], metrics["validation.votes_kl"]);
    assert!((cross_entropy - kl - 0.6109).abs() < 1e-3 && (0.0..0.3).contains(&kl), "{cross_entropy} {kl}");
    assert!(bundle.card().labels.index_of("contempt").is_some());

    let mut parts = World::new(&VOTES);
    parts.stop_after = Some(7);
    parts.resume = Some(parts.train().unwrap().run);
    parts.stop_after = None;
    let last = parts.train().unwrap();
    assert_eq!(last.end, End::Finished);
    outcome.run.push("last.onnx");
    assert!(fs::read(last.run.join("last.onnx")).unwrap() == fs::read(outcome.run).unwrap());
}

const TWO_HEADS: [&str; 4] = ["loss.votes_head=0.6", "loss.label_smoothing=0", "epochs=16", "name=heads"];

#[test]
fn two_heads_learn_from_labels_and_from_votes_and_travel_in_one_bundle() {
    let world = World::new(&TWO_HEADS);
    let outcome = world.train().unwrap();
    let bundle = Bundle::open(&outcome.run.join("best.onnx")).unwrap();
    let card = bundle.card();
    assert_eq!((card.outputs(), card.requires.as_slice()), (14, ["heads".to_owned()].as_slice()));
    let names: Vec<&str> = card.heads.iter().map(|head| head.name.as_str()).collect();
    assert_eq!(names, ["labels", "votes"]);
    assert!((card.heads[1].prior.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{:?}", card.heads);
    assert!(card.metrics["validation.votes_head_kl"] < 0.9, "{:?}", card.metrics);

    // The voters' second choice is the next expression of their table, which no label is.
    let data = world.data();
    let places: Vec<usize> = (0..data.len()).filter(|index| index / 7 >= 10).collect();
    let chips: Vec<_> = places.iter().map(|&index| card.preprocess.whole(&data.picture(index).unwrap())).collect();
    let sure = |bundle: &Bundle| {
        let rows = bundle.logits(&chips).unwrap();
        let tops = rows.iter().map(|row| f64::from(bundle.card().probabilities(row, None).top().1));
        tops.sum::<f64>() / rows.len() as f64
    };
    let [labels, votes] = ["labels", "votes"].map(|head| sure(&bundle.through_head(head).unwrap()));
    assert!(labels > votes, "labels are sure of themselves, voters are not: {labels} {votes}");
    assert_eq!(sure(&bundle), labels, "a training leaves the labels' head to answer");
    let error = bundle.through_head("people").unwrap_err();
    assert!(error.message().contains("it has labels, votes"), "{error}");

    // And both go on learning, whatever they begin with.
    let from = outcome.run.join("best.onnx");
    let section = format!("[transfer]\nfrom = {:?}\nfrozen_epochs = 0\ntrunk_rate = 1.0\n", from.display().to_string());
    for heads in ["loss.votes_head=0.4", "loss.votes_head=0"] {
        let again = World::with(&[heads, "epochs=1", "optimizer.learning_rate=1e-6", "ema=0", "name=again"], |text| {
            format!("{text}{section}")
        });
        let again = again.train().unwrap();
        let same = Bundle::open(&again.run.join("last.onnx")).unwrap();
        assert_eq!(same.card().heads.len(), if heads.ends_with('0') { 0 } else { 2 });
        assert!((sure(&same) - labels).abs() < 0.1, "{heads}: {} {labels}", sure(&same));
    }
}

#[test]
fn a_teacher_with_two_heads_teaches_each_head_its_own() {
    let teacher = World::new(&TWO_HEADS);
    let run = teacher.train().unwrap().run;
    let section = format!("[distill]\nteachers = [{:?}]\nweight = 1.0\n", run.join("best.onnx").display().to_string());
    for chips in ["plain", "augmented", "fixed"] {
        let chips = format!("distill.chips={chips}");
        let student =
            World::with(&["loss.votes_head=0.5", "epochs=16", "name=student", &chips], |text| format!("{text}{section}"));
        let outcome = student.train().unwrap();
        let metrics = Bundle::open(&outcome.run.join("last.onnx")).unwrap().card().metrics.clone();
        assert!(metrics["validation.accuracy"] > 0.8 && metrics["validation.votes_head_kl"] < 1.2, "{chips}: {metrics:?}");
    }
}
