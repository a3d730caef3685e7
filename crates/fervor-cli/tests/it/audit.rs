use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
    assert_eq!(report["findings"][0]["command"], "fervor audit set --fix OUT");
    assert_eq!(report["findings"][0]["remedy"]["remedy"], "fix");
    let unchecked = report["not_checked"].to_string();
    assert!(
        unchecked.contains("faces: --faces looks for pictures") && unchecked.contains("suspect labels: --suspects"),
        "{unchecked}"
    );
    // Suspects that were looked for and not found were said not to be checked.
    let looked = world.fervor("audit set --near 0 --suspects --format json").exits(1).json();
    assert!(!looked["not_checked"].to_string().contains("suspect labels"), "{looked}");
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

/// When a repair is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Killed {
    AtOnce,
    /// When the folder has been begun: in the middle of the work, most likely.
    Begun,
    /// When the folder has its name.
    Done,
}

#[test]
fn a_killed_repair_leaves_nothing_or_all_of_it() {
    let world = set().face("set/test/sad/leak.png", false, 50);
    world.fervor("audit set --near 0 --copy --fix whole").exits(1);
    let whole = files_below(&world.path("whole"));
    let mut complete = 0;
    let cases = [vec![Killed::AtOnce; 2], vec![Killed::Begun; 8], vec![Killed::Done; 2]].concat();
    for (number, killed) in cases.iter().copied().enumerate() {
        let out = world.path(&format!("out-{number}"));
        let repair = || format!("audit set --near 0 --copy --fix out-{number}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_fervor"))
            .args(repair().split(' '))
            .current_dir(world.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let hidden = format!(".out-{number}.{}-", child.id());
        let part = || {
            let entries = std::fs::read_dir(world.path("")).unwrap().map(|entry| entry.unwrap().path());
            let mut parts = entries.filter(|path| path.extension().is_some_and(|end| end == "part"));
            parts.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&hidden)))
        };
        let awaited = |seen: &dyn Fn() -> bool| {
            let end = Instant::now() + Duration::from_secs(120);
            while !seen() {
                assert!(Instant::now() < end, "{killed:?}: nothing came in two minutes");
                std::thread::yield_now();
            }
        };
        match killed {
            Killed::AtOnce => {}
            Killed::Begun => awaited(&|| part().is_some() || out.exists()),
            Killed::Done => awaited(&|| out.exists()),
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if out.exists() {
            complete += 1;
            assert_ne!(killed, Killed::AtOnce, "no repair is that quick");
            assert_eq!(files_below(&out), whole, "{killed:?}: what has the name is whole");
            world.fervor(&format!("audit out-{number}/manifest.json --near 0")).exits(0);
        } else {
            assert_ne!(killed, Killed::Done);
            // What is left of it is in nobody's way, and never becomes a part of the result.
            let left = part().unwrap_or_else(|| world.path(&format!("{hidden}0.part")));
            std::fs::create_dir_all(&left).unwrap();
            std::fs::write(left.join("of the killed one"), "").unwrap();
            world.fervor(&repair()).exits(1);
            assert_eq!(files_below(&out), whole, "{killed:?}: done again, it is whole");
        }
        assert!(part().is_none(), "{killed:?}");
    }
    assert!(0 < complete && complete < cases.len(), "{complete} of {} were done before they were killed", cases.len());
}

/// Every file below a folder, by its path and size; of the manifest, which names its own folder, the path alone.
fn files_below(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let size = if entry.file_name() == "manifest.json" { 0 } else { entry.metadata().unwrap().len() };
                files.push((path.strip_prefix(folder).unwrap().to_owned(), size));
            }
        }
    }
    files.sort();
    files
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
