use std::process::{Command, Stdio};
use std::time::Duration;

use crate::world::World;

/// Train and test without a fault, faces that differ by their grain.
fn set() -> World {
    (0..12).fold(World::new(), |world, i| {
        let world =
            world.face(&format!("set/train/happy/{i}.png"), true, i).face(&format!("set/train/sad/{i}.png"), false, 50 + i);
        world.face(&format!("set/test/happy/{i}.png"), true, 100 + i).face(&format!("set/test/sad/{i}.png"), false, 150 + i)
    })
}

#[test]
fn an_audit_exits_with_one_where_something_is_wrong() {
    // Drawn faces of one class differ by grain alone, and so are near-duplicates.
    let world = set();
    world.fervor("audit set --near 0").exits(0).answers("0 errors").answers("not checked");
    let world = world.face("set/test/sad/leak.png", false, 50);
    let report = world.fervor("audit set --near 0 --format json").exits(1).json();
    assert_eq!(report["schema"], "fervor.audit/1");
    assert_eq!(report["findings"][0]["kind"], "leak");
    let command = report["command"].as_str().unwrap();
    assert!(command.ends_with("audit set --near 0 --format json"), "{command}");
    world.fervor("audit nowhere").exits(2).says("nowhere");
    world.fervor("audit set --near 101").exits(2).says("0 to 100");
}

#[test]
fn the_text_fits_a_screen() {
    let world = set().face("set/test/sad/leak.png", false, 50).file("set/train/sad/broken.png", b"no picture");
    let text = world.fervor("audit set").exits(1).stdout();
    assert!(text.lines().count() <= 50, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

#[test]
fn a_mended_set_is_read_by_evaluate_and_its_decisions_can_be_edited() {
    let world = set().face("set/test/sad/leak.png", false, 50).file("set/train/sad/broken.png", b"no picture");
    world.fervor("audit set --near 0 --fix out").exits(1).says("mended: quarantine 1, remove 1");
    world.fervor("audit out/manifest.json --near 0").exits(0);
    let report = world.fervor("evaluate fervor-48 out/manifest.json --format json").exits(0).json();
    assert_eq!(report["n"], 25);
    world.fervor("audit set --near 0 --fix out").exits(2).says("it is there already");

    let changes = std::fs::read_to_string(world.path("out/changes.csv")).unwrap();
    let world = world.file("edited.csv", changes.replace(",remove,", ",keep,").as_bytes());
    world.fervor("audit set --decisions edited.csv --fix again --copy").exits(0).answers("quarantine 1; 49 pictures are left");
    assert!(world.path("again/pictures/test/sad/leak.png").exists());
    assert!(world.path("again/quarantine/train/sad/broken.png").exists());
    world.fervor("audit set --decisions edited.csv").exits(2).says("--fix");
}

#[test]
fn a_killed_repair_leaves_nothing_or_all_of_it() {
    let world = set().face("set/test/sad/leak.png", false, 50);
    let mut complete = 0;
    for step in 0..12 {
        let out = format!("out-{step}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_fervor"))
            .args(["audit", "set", "--near", "0", "--copy", "--fix", &out])
            .current_dir(world.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(25 * step));
        child.kill().unwrap();
        child.wait().unwrap();
        if world.path(&out).exists() {
            complete += 1;
            world.fervor(&format!("audit {out}/manifest.json --near 0")).exits(0);
            assert!(world.path(&out).join("changes.csv").exists());
        }
    }
    println!("{complete} of 12 were done before they were killed");
    world.fervor("audit set --near 0 --copy --fix out-0-again").exits(1);
}

#[test]
fn a_split_writes_a_manifest_that_tears_nothing_apart() {
    let world = set().face("set/test/sad/copy.png", false, 50);
    world.fervor("split set --ratios 60:20:20 --near 0 --seed 3 --output split.json").exits(0).answers("split.json  train");
    world.fervor("audit split.json --near 0").exits(0);
    world.fervor("split set --folds 3 --near 0 --output folds.json").exits(0).answers("folds-3.json");
    for fold in 1..=3 {
        world.fervor(&format!("audit folds-{fold}.json --near 0")).exits(0);
    }
    world.fervor("split set --ratios nonsense --output x.json").exits(2).says("80:10:10");
    world.fervor("split set --folds 1 --output x.json").exits(2).says("2..=100");
}

#[test]
fn results_inside_the_data_or_over_something_else_are_refused_before_any_work() {
    let world = (0..3).fold(World::new(), |world, i| {
        world.face(&format!("set/happy/{i}.png"), true, i).face(&format!("set/sad/{i}.png"), false, 50 + i)
    });
    let world = world.file("taken.txt", b"mine");
    world.fervor("audit set --fix set/clean").exits(2).says("--fix lies inside the data set: set/clean");
    world.fervor("audit set --report set/happy/report").exits(2).says("--report lies inside the data set");
    world.fervor("split set --output set/happy/0.png").exits(2).says("--output lies inside the data set");
    world.fervor("audit set --fix taken.txt").exits(2).says("it is there already: taken.txt");
    world.fervor("audit set --report taken.txt").exits(2).says("this is a file: taken.txt");
    world.fervor("split set --ratios 80 --output split.json").exits(2).says("80:10:10");
    assert_eq!(std::fs::read(world.path("taken.txt")).unwrap(), b"mine");
    assert!(!world.path("split.json").exists() && !world.path("set/clean").exists());
}
