use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fervor_table::PartWriter;
use fervor_table::arrow_array::{ArrayRef, BinaryArray, Int32Array, RecordBatch, StringArray};

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
    world.fervor("batch gone.png --output none").exits(2).answers("no picture has an answer, the same command tries again");
    assert!(!world.path("none/_SUCCESS").exists());
    std::fs::copy(world.path("set/0/0.png"), world.path("gone.png")).unwrap();
    world.fervor("batch gone.png --output none").exits(0).answers("all of it is there");
    world.fervor("batch gone.png --output none").exits(0).says("1 of 1 pictures are done already");
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

/// A table with numbers and, if it has any, paths.
fn table(path: &Path, paths: &[&str]) {
    let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(0..2));
    let words: ArrayRef = Arc::new(StringArray::from(if paths.is_empty() { vec!["sad", "happy"] } else { paths.to_vec() }));
    let name = if paths.is_empty() { "label" } else { "path" };
    let batch = RecordBatch::try_from_iter([("id", ids), (name, words)]).unwrap();
    let mut part = PartWriter::create(path, &batch.schema()).unwrap();
    part.write(&batch).unwrap();
    part.finish().unwrap();
}

/// A second list in the folder of the first was taken for the same job, and its pictures had no rows.
#[test]
fn a_job_goes_on_with_its_list_and_refuses_another() {
    let world = set().file("list.txt", b"set/0/0.png\nset/1/1.png\n");
    let listed = |list: &[u8]| world.fervor_reading("batch --list - --output rows --faces whole", list);
    listed(b"set/0/0.png\n").exits(0).answers("1 pictures");
    let other = listed(b"set/0/0.png\nset/1/1.png\n").exits(2);
    other.says("the folder holds another job: the paths of its list are 1 there and 2 here").says("another folder");
    listed(b"set/1/1.png\n").exits(2).says("the list names other paths");
    listed(b"set/0/0.png\r\n").exits(0).says("1 of 1 pictures are done already");
    let file = || world.fervor("batch --list list.txt --output of-file --faces whole");
    file().exits(0);
    file().exits(0).says("2 of 2 pictures are done already");
    std::fs::write(world.path("list.txt"), "set/0/0.png\nset/1/1.png\nset/1/3.png\n").unwrap();
    file().exits(2).says("2 there and 3 here");
}

/// Each job beside its pictures took the rows of those before it for pictures.
#[test]
fn rows_of_earlier_jobs_are_passed_over_and_counted() {
    let world = set();
    let job = |rest: &str| world.fervor(&format!("batch {rest} --faces whole"));
    job("set --output set/rows").exits(1).answers("11 pictures");
    job("set --output set/nano --model fervor-nano")
        .exits(1)
        .answers("11 pictures")
        .says("set: passed over 1 file of an earlier job");
    let part = parts(&world.path("set/rows")).remove(0).0;
    std::fs::copy(world.path("set/rows").join(&part), world.path("set/copy.parquet")).unwrap();
    job("set --output rows").exits(1).answers("11 pictures").says("set: passed over 3 files of earlier jobs");
    // The same by their own names: rows that say so.
    let named =
        job("set/rows set/0/0.png set/copy.parquet --output named").exits(1).answers("3 pictures").answers("2 without an answer");
    named.says("set/rows: the folder of an earlier job").says("set/copy.parquet: it holds answers (fervor.rows/1)");
    std::fs::create_dir(world.path("copies")).unwrap();
    std::fs::rename(world.path("set/copy.parquet"), world.path("copies/a.parquet")).unwrap();
    job("copies --output of-copies").exits(2).says("copies: no pictures in it, only 1 file of an earlier job");
}

/// One such table ended the whole job.
#[test]
fn a_table_without_pictures_never_stops_the_others() {
    let world = set();
    table(&world.path("set/labels.parquet"), &[]);
    table(&world.path("set/paths.parquet"), &["set/0/0.png", "set/1/1.png"]);
    let walked = world.fervor("batch set --output rows --faces whole").exits(1).answers("13 pictures: 12 faces");
    walked.says("set: passed over 1 table without pictures (set/labels.parquet: no column holds pictures; there are: id, label)");
    let named = world.fervor("batch set/0/0.png set/labels.parquet --output named --faces whole").exits(1);
    named.answers("2 pictures: 1 faces").says("warning: set/labels.parquet: no column holds pictures; there are: id, label");
    let column = world.fervor("batch set/0/0.png set/paths.parquet --column photo --output column --faces whole").exits(1);
    column.answers("2 pictures: 1 faces").says(r#"set/paths.parquet: no column is called "photo"; there are: id, path"#);
    let listed = world.fervor_reading("batch --list - --output listed --faces whole", b"set/0/0.png\nset/labels.parquet\n");
    listed.exits(1).answers("2 pictures: 1 faces");
}

#[test]
fn pictures_without_a_name_are_told_by_their_rows_where_only_names_are_written() {
    let world = set();
    let picture = std::fs::read(world.path("set/0/0.png")).unwrap();
    let image: ArrayRef = Arc::new(BinaryArray::from_iter([Some(&picture[..]), None, Some(&picture[..])]));
    let batch = RecordBatch::try_from_iter([("image", image)]).unwrap();
    let mut part = PartWriter::create(&world.path("t.parquet"), &batch.schema()).unwrap();
    part.write(&batch).unwrap();
    part.finish().unwrap();
    table(&world.path("paths.parquet"), &["set/0/0.png", ""]);
    world.fervor("batch t.parquet paths.parquet --output rows --format jsonl --faces whole --part 100").exits(1);
    let lines = parts(&world.path("rows"))
        .into_iter()
        .flat_map(|(_, bytes)| String::from_utf8(bytes).map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).unwrap());
    let sources: Vec<String> = lines
        .map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap()["source"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sources, ["t.parquet#0", "t.parquet#1", "t.parquet#2", "set/0/0.png", "paths.parquet#1"]);
}

/// The job waited for somebody to write into the pipe, and heard of no interrupt.
#[cfg(unix)]
#[test]
fn a_pipe_among_the_pictures_is_a_row_with_an_error() {
    let world = set();
    if !std::process::Command::new("mkfifo").arg(world.path("pipe.png")).status().is_ok_and(|made| made.success()) {
        eprintln!("passed over: there is no mkfifo");
        return;
    }
    let ran = world.fervor_reading("batch --list - --output rows --faces whole", b"set/0/0.png\npipe.png\n").exits(1);
    ran.answers("2 pictures: 1 faces").says("pipe.png: a job reads files, this is a pipe, a socket or a device");
}
