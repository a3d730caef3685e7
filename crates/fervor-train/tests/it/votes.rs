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
