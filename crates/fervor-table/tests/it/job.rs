//! Jobs from beginning to end: stopped, torn, shared, begun again.

use std::fs;
use std::path::{Path, PathBuf};

use fervor::{Error, Reason, Result};
use fervor_table::job::{Job, ListDigest, Listed, Planner, Shard, Spec, TellList};

use crate::world::{of_files, parts, pictures, spec, work};

#[test]
fn a_job_that_was_stopped_comes_to_the_same_rows() {
    let world = tempfile::tempdir().unwrap();
    let paths = pictures(world.path(), 23);
    let whole = world.path().join("whole");
    let mut job = Job::open(&whole, &spec(5, "parquet"), Shard::default(), of_files(&paths)).unwrap();
    assert_eq!((job.pictures(), job.pieces()), (23, 5));
    let counts = work(&mut job, u64::MAX);
    assert_eq!((counts.pictures, counts.rows, counts.errors, counts.faces), (23, 23, 4, 19));
    assert!(whole.join("_SUCCESS").exists());
    for most in [1, 6, 11, 16] {
        let folder = world.path().join(format!("stopped-{most}"));
        let open = || Job::open(&folder, &spec(5, "parquet"), Shard::default(), of_files(&paths)).unwrap();
        work(&mut open(), most);
        assert!(!folder.join("_SUCCESS").exists());
        let mut again = open();
        assert!(again.before().pictures < 23);
        work(&mut again, u64::MAX);
        assert_eq!(parts(&folder), parts(&whole));
    }
}

#[test]
fn parts_that_are_torn_or_unnamed_are_done_again() {
    let world = tempfile::tempdir().unwrap();
    let paths = pictures(world.path(), 12);
    let folder = world.path().join("job");
    let open = || Job::open(&folder, &spec(4, "parquet"), Shard::default(), of_files(&paths)).unwrap();
    work(&mut open(), u64::MAX);
    let whole = parts(&folder);
    let names: Vec<&String> = whole.keys().collect();
    // One is cut off, one is gone, and the last line of the manifest is half written.
    fs::write(folder.join(names[0]), &whole[names[0]][..100]).unwrap();
    fs::remove_file(folder.join(names[1])).unwrap();
    let manifest = fs::read_to_string(folder.join("_manifest.jsonl")).unwrap();
    fs::write(folder.join("_manifest.jsonl"), &manifest[..manifest.len() - 20]).unwrap();
    let mut job = open();
    assert_eq!(job.before().pictures, 0);
    work(&mut job, u64::MAX);
    assert_eq!(parts(&folder), whole);
    drop(job);
    assert_eq!(open().before().pictures, 12);
}

#[test]
fn another_job_other_things_and_a_second_worker_are_refused() {
    let world = tempfile::tempdir().unwrap();
    let paths = pictures(world.path(), 3);
    let folder = world.path().join("job");
    let open = |spec: &Spec, folder: &Path| Job::open(folder, spec, Shard::default(), of_files(&paths));
    let refused = |opened: Result<Job>| -> Error { opened.expect_err("it is refused") };
    let job = open(&spec(2, "parquet"), &folder).unwrap();
    let second = refused(open(&spec(2, "parquet"), &folder));
    assert!(second.message().contains(&format!("process {}", std::process::id())), "{second}");
    drop(job);
    let mut other = spec(2, "parquet");
    other.settings.insert("faces".into(), "detect".into());
    let error = refused(open(&other, &folder));
    assert_eq!(error.reason(), Reason::Mismatch);
    assert!(error.message().contains(r#"faces is "whole" there and "detect" here"#), "{error}");
    let error = refused(open(&spec(2, "parquet"), &world.path().join("pictures")));
    assert!(error.reason() == Reason::Exists && error.message().contains(".png"), "{error}");
}

#[test]
fn shards_share_a_job_and_the_last_one_says_that_it_is_done() {
    let world = tempfile::tempdir().unwrap();
    let paths = pictures(world.path(), 14);
    let [whole, shared] = ["whole", "shared"].map(|name| world.path().join(name));
    work(&mut Job::open(&whole, &spec(3, "parquet"), Shard::default(), of_files(&paths)).unwrap(), u64::MAX);
    for (shard, done) in [("2/2", false), ("1/2", true)] {
        let mut job = Job::open(&shared, &spec(3, "parquet"), shard.parse().unwrap(), of_files(&paths)).unwrap();
        work(&mut job, u64::MAX);
        assert_eq!(shared.join("_SUCCESS").exists(), done);
    }
    assert_eq!(parts(&shared), parts(&whole));
    // A part is gone: who looks next sees that it is not whole.
    let part = fs::read_dir(&shared).unwrap().map(|entry| entry.unwrap().path());
    let part = part.filter(|path| path.extension().is_some_and(|end| end == "parquet")).min().unwrap();
    fs::remove_file(part).unwrap();
    drop(Job::open(&shared, &spec(3, "parquet"), "2/2".parse().unwrap(), of_files(&paths)).unwrap());
    assert!(!shared.join("_SUCCESS").exists());
    for text in ["0/2", "3/2", "2", "a/b"] {
        assert!(text.parse::<Shard>().is_err(), "{text}");
    }
}

#[test]
fn a_job_goes_on_with_its_list_and_with_no_other() {
    let world = tempfile::tempdir().unwrap();
    let paths = pictures(world.path(), 4);
    let folder = world.path().join("job");
    let open = |list: &[PathBuf]| {
        let plan = |planner: &mut Planner| {
            list.iter().try_for_each(|path| {
                planner.listed(path);
                planner.file(Listed::from(path.clone()))
            })
        };
        let tell = |digest: &mut ListDigest| {
            list.iter().for_each(|path| digest.add(path));
            Ok(())
        };
        Job::open_listed(&folder, &spec(2, "parquet"), Shard::default(), plan, Some(&tell as TellList))
    };
    work(&mut open(&paths[..3]).unwrap(), 2);
    for (list, says) in [(&paths[..], "3 there and 4 here"), (&paths[1..], "other paths"), (&paths[..2], "3 there and 2 here")] {
        let error = open(list).expect_err(says);
        assert!(error.reason() == Reason::Mismatch && error.message().contains(says), "{error}");
    }
    let counts = work(&mut open(&paths[..3]).unwrap(), u64::MAX);
    assert_eq!(counts.pictures, 3);
    // Earlier versions kept no digest: their jobs go on, and say so.
    let written = folder.join("_job.json");
    let mut job: serde_json::Value = serde_json::from_slice(&fs::read(&written).unwrap()).unwrap();
    job.as_object_mut().unwrap().remove("list").expect("a digest of the list");
    fs::write(&written, job.to_string()).unwrap();
    let job = open(&paths).unwrap();
    assert!(job.notes()[0].contains("the 3 pictures that were planned"), "{:?}", job.notes());
}
