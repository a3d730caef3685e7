//! Runs side by side, and the search for a learning rate.

use std::sync::atomic::{AtomicBool, Ordering};

use fervor_lab::dataset::Manifest;
use fervor_train::runs::Runs;
use fervor_train::{Backend, RateOptions, find_rate};

use crate::world::World;

fn run_name(world: &World) -> String {
    world.recipe.run_name(&Manifest::of(&world.data()).sha256())
}

#[test]
fn runs_are_listed_with_their_scores_and_what_their_recipes_differ_in() {
    let world = World::new(&["epochs=2"]);
    let other = World::new(&["epochs=1", "schedule.warmup_epochs=0", "optimizer.learning_rate=0.02", "name=other"]);
    world.train().unwrap();
    other.train_into(&world.out()).unwrap();
    std::fs::create_dir(world.out().join("broken")).unwrap();
    std::fs::write(world.out().join("broken/recipe.toml"), "name = ").unwrap();

    let mut runs = Runs::read(&world.out()).unwrap();
    assert_eq!(runs.problems.len(), 1);
    assert_eq!(runs.problems[0].0, "broken");
    runs.sort_by("epochs").unwrap();
    let [first, second] = &runs.rows[..] else { panic!("{runs:?}") };
    assert_eq!((first.name.as_str(), first.epochs, first.epochs_of), (run_name(&world).as_str(), 2, 2));
    assert!(first.accuracy.is_some() && first.hours > 0.0 && first.data == second.data && first.data.is_some(), "{first:?}");
    assert_eq!(second.differs["optimizer.learning_rate"], "0.02");
    assert_eq!(second.differs.keys().collect::<Vec<_>>(), ["epochs", "optimizer.learning_rate", "schedule.warmup_epochs"]);
    assert!(runs.text().contains("optimizer.learning_rate=0.02"), "{}", runs.text());
    assert!(runs.csv().lines().next().unwrap().ends_with("data,recipe.epochs,optimizer.learning_rate,schedule.warmup_epochs"));
    let json: serde_json::Value = serde_json::from_str(&runs.json()).unwrap();
    assert_eq!((json["schema"].as_str(), json["runs"].as_array().unwrap().len()), (Some("fervor.runs/1"), 2));

    runs.sort_by("optimizer.learning_rate").unwrap();
    assert_eq!(runs.rows[0].name, run_name(&other));
    assert!(runs.sort_by("mood").unwrap_err().message().contains("no column"));
    assert!(Runs::read(&world.out().join("nowhere")).is_err());
}

#[test]
fn a_learning_rate_is_found_that_learns() {
    let world = World::new(&[]);
    let stop = AtomicBool::new(false);
    let (recipe, data) = (&world.recipe, world.data());
    let mut steps = 0;
    let test = find_rate(RateOptions {
        recipe,
        dataset: &data,
        backend: Backend::Cpu,
        threads: 2,
        stop: &stop,
        progress: &mut |done, _| steps = done,
    })
    .unwrap()
    .expect("nobody stopped it");
    assert_eq!(test.points.len(), steps);
    assert!((1e-4..1.0).contains(&test.suggestion) && test.steepest <= test.lowest, "{test:?}");
    assert!(!world.out().exists(), "it leaves nothing behind");
}

// Where the test had come to was suggested as the rate.
#[test]
fn a_search_that_is_stopped_suggests_no_rate() {
    let world = World::new(&[]);
    let (recipe, data, stop) = (&world.recipe, world.data(), AtomicBool::new(false));
    let found = find_rate(RateOptions {
        recipe,
        dataset: &data,
        backend: Backend::Cpu,
        threads: 2,
        stop: &stop,
        progress: &mut |done, _| stop.store(done == 15, Ordering::Relaxed),
    });
    assert_eq!(found.unwrap(), None);
}
