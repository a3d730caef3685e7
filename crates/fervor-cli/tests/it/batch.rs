use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::world::World;

/// Two folders with ten drawn faces, a text that calls itself a picture, and notes beside them.
fn set() -> World {
    let world = (0..10).fold(World::new(), |world, i| world.face(&format!("set/{}/{i}.png", i % 2), i % 3 == 0, i));
    world.file("set/0/broken.jpg", b"words").file("set/notes.txt", b"words")
}

/// The parts of a job by their names.
fn parts(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut parts: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.starts_with("part-"))
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect();
    parts.sort();
    parts
}

#[test]
fn every_input_has_a_row_and_the_counts_match() {
    let world = set();
    let ran = world.fervor("batch set gone.png --output rows --format jsonl --part 4 --faces whole").exits(1);
    ran.answers("12 pictures: 10 faces, 0 pictures without a face, 2 without an answer")
        .answers("parts: 3")
        .says("passed over 1 file")
        .says("warning: set/0/broken.jpg: ")
        .says("warning: gone.png: ");
    let lines: Vec<serde_json::Value> = parts(&world.path("rows"))
        .iter()
        .flat_map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines.iter().filter(|line| line["error"].is_object()).count(), 2);
    // The same rows as predict gives.
    let predicted = world.fervor("predict set/0/0.png --faces whole --format json").json();
    assert_eq!(lines[0], predicted);

    world
        .fervor("batch set gone.png --output rows --format jsonl --part 4 --faces whole")
        .exits(1)
        .says("12 of 12 pictures are done");
    let refused = world.fervor("batch set gone.png --output rows --format jsonl --part 4 --faces detect").exits(2);
    refused.says(r#"faces is "whole" there and "detect" here"#).says("another folder");
    world.fervor("batch set --output set/0").exits(2).says("other things");
    world.fervor("batch set --output x --shard 3/2").exits(2).says("3/16");
    world.fervor("batch gone.png --output none").exits(2);
    let csv = world.fervor("batch set --output table --format csv --faces whole").exits(1);
    csv.answers("11 rows, parts: 1");
    let table = String::from_utf8(parts(&world.path("table"))[0].1.clone()).unwrap();
    assert!(table.starts_with("source,picture_width") && table.lines().count() == 12, "{table}");
}

#[test]
fn the_first_inputs_without_an_answer_are_named_and_the_others_counted() {
    let list: String = (0..13).map(|number| format!("gone-{number}.png\n")).collect();
    let world = set().file("list.txt", format!("set/0/0.png\n{list}").as_bytes());
    let ran = world.fervor("batch --list list.txt --output rows --faces whole").exits(1);
    let warnings: Vec<String> =
        ran.stderr().lines().filter_map(|line| line.strip_prefix("warning: ").map(str::to_owned)).collect();
    assert_eq!(warnings.len(), 11, "{ran}");
    assert!(warnings[9].starts_with("gone-9.png: ") && warnings[10].starts_with("3 more"), "{ran}");
    // What was done before is not told again.
    let again = world.fervor("batch --list list.txt --output rows --faces whole").exits(1);
    assert!(!again.stderr().contains("warning"), "{again}");
}

#[test]
fn a_job_that_is_killed_at_any_moment_comes_to_the_same_rows() {
    let world = set();
    let job = |folder: &str| format!("batch set --output {folder} --part 2 --faces whole");
    world.fervor(&job("whole")).exits(1);
    let whole = parts(&world.path("whole"));
    assert_eq!(whole.len(), 6);
    let mut begun = 0;
    for (number, milliseconds) in [0, 40, 80, 120, 160, 220, 280, 340, 420, 500].into_iter().enumerate() {
        let folder = format!("killed-{number}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_fervor"))
            .args(job(&folder).split(' '))
            .current_dir(world.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = world.path(&folder);
        begun += usize::from(left.exists() && (1..6).contains(&parts(&left).len()));
        world.fervor(&job(&folder)).exits(1);
        assert_eq!(parts(&left), whole, "after {milliseconds} ms");
        assert!(left.join("_SUCCESS").exists());
    }
    // How many were killed between parts depends on the machine; each of them came to the same rows.
    println!("{begun} of 10 were killed between two parts");
}

#[test]
fn shards_need_nothing_but_a_folder_between_them() {
    let world = set();
    let job = |rest: &str| world.fervor(&format!("batch set --part 3 --faces whole {rest}"));
    job("--output whole").exits(1);
    job("--output shared --shard 1/2").exits(0).answers("other shards are not done");
    job("--output shared --shard 2/2").exits(1).answers("all of it is there");
    assert_eq!(parts(&world.path("shared")), parts(&world.path("whole")));
}

#[test]
fn archives_and_tables_of_a_folder_are_inputs_like_its_pictures() {
    let world = set().file("set/1/damaged.parquet", b"no table").file("set/1/damaged.tar", b"no archive");
    let ran = world.fervor("batch set --output rows --faces whole").exits(1);
    ran.answers("13 pictures: 10 faces").answers("3 without an answer").says("passed over 1 file");
}
