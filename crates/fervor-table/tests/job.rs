//! Jobs from beginning to end, on pictures that are drawn here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, DictionaryArray, Int8Array, RecordBatch, StringArray};
use bytes::Bytes;
use fervor::{Analyzer, Error, Limits, Picture, Reason, Result, WholePicture};
use fervor_table::job::{
    Counts, Far, Job, ListDigest, Listed, NoInput, PartFormat, Planner, Shard, Spec, TellList, Work, is_job,
};
use fervor_table::{ParquetFile, arrow_array};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::FileReader;

fn picture(grain: u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..48 * 48_u32).map(|i| (i % 48) as u8 * 3 + grain).collect();
    Picture::from_gray(48, 48, &pixels).unwrap().encode_png().unwrap()
}

/// A folder `pictures/` with `count` pictures, of which each fifth is none.
fn pictures(root: &Path, count: u8) -> Vec<PathBuf> {
    let folder = root.join("pictures");
    fs::create_dir_all(&folder).unwrap();
    let paths: Vec<PathBuf> = (0..count).map(|number| folder.join(format!("{number:03}.png"))).collect();
    for (number, path) in paths.iter().enumerate() {
        fs::write(path, if number % 5 == 4 { b"words".to_vec() } else { picture(number as u8) }).unwrap();
    }
    paths
}

fn spec(part: usize, format: &str) -> Spec {
    let settings = serde_json::json!({"model": "m", "faces": "whole"}).as_object().cloned().unwrap();
    Spec { settings, inputs: vec!["pictures".to_owned()], directory: "/".to_owned(), part, format: format.to_owned() }
}

/// Works at a job until it is done, or until so many pictures are.
fn work(job: &mut Job, most: u64) -> Counts {
    let analyzer = Analyzer::builtin().unwrap().with_finder(WholePicture);
    let (stop, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let work = Work {
        analyzer: &analyzer,
        keep: &|_| true,
        limits: Limits::default(),
        format: PartFormat::Parquet,
        stop: &stop,
        far: Some(Arc::new(Server)),
        failed: &|_, _, _| {},
        progress: &|counts| {
            if seen.fetch_add(counts.pictures, Ordering::Relaxed) + counts.pictures >= most {
                stop.store(true, Ordering::Relaxed);
            }
        },
    };
    let todo: Vec<_> = job.todo().unwrap().collect::<Result<_>>().unwrap();
    for (piece, path) in todo {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Some((counts, bytes, sha256)) = work.run(&piece, &path).unwrap() else { break };
        job.done(&piece, &path, counts, bytes, sha256, 0.0).unwrap();
    }
    job.finish().unwrap().0
}

/// As a server would answer that has one picture, and behind `s3:///` the files of this machine.
struct Server;

impl Server {
    fn bytes(address: &str) -> Result<Vec<u8>> {
        let gone = || Error::input("gone").because(Reason::Missing);
        match address.strip_prefix("s3://") {
            Some(path) if path.starts_with('/') => fs::read(path).map_err(|_| gone()),
            _ if address.ends_with("/here.png") => Ok(picture(9)),
            _ => Err(gone()),
        }
    }
}

impl Far for Server {
    fn fetch(&self, addresses: &[&str]) -> Vec<Result<Vec<u8>>> {
        addresses.iter().map(|address| Self::bytes(address)).collect()
    }

    fn stamp(&self, address: &str) -> Result<(u64, u64)> {
        Ok((Self::bytes(address)?.len() as u64, 0))
    }

    fn ranges(&self, address: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let all = Bytes::from(Self::bytes(address)?);
        Ok(ranges.iter().map(|range| all.slice(range.start as usize..range.end as usize)).collect())
    }
}

fn of_files(paths: &[PathBuf]) -> impl FnOnce(&mut Planner) -> Result<()> + '_ {
    |planner| paths.iter().try_for_each(|path| planner.file(Listed::from(path.clone())))
}

/// The parts of a folder: their names and what they hold.
fn parts(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.filter(|path| name(path).starts_with("part-")).map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// Source, row and error of each row, part by part.
fn rows(folder: &Path) -> Vec<(String, Option<i64>, bool)> {
    let mut rows = Vec::new();
    for name in parts(folder).keys() {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(folder.join(name)).unwrap()).unwrap().build().unwrap();
        for batch in reader {
            let batch = batch.unwrap();
            let column = |name: &str| batch.column_by_name(name).unwrap();
            for row in 0..batch.num_rows() {
                let ids = column("row_id").as_primitive::<Int64Type>();
                let source = column("source").as_string::<i32>().value(row);
                let source = Path::new(source).file_name().unwrap().to_string_lossy().into_owned();
                rows.push((source, (!ids.is_null(row)).then(|| ids.value(row)), !column("error").is_null(row)));
            }
        }
    }
    rows
}
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
    for text in ["0/2", "3/2", "2", "a/b"] {
        assert!(text.parse::<Shard>().is_err(), "{text}");
    }
}

#[test]
fn pictures_in_archives_and_tables_have_rows_as_files_have() {
    let world = tempfile::tempdir().unwrap();
    let tar = world.path().join("a.tar");
    let mut builder = tar::Builder::new(File::create(&tar).unwrap());
    let long = format!("{}/{}.png", "deep".repeat(20), "long".repeat(20));
    for (name, bytes) in [("0.png", picture(1)), ("0.json", b"{}".to_vec()), ("1.jpg", b"words".to_vec()), (&long, picture(2))] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap();
    // In the last member's header: after it there is a block of its bytes, and two at the end.
    let cut = world.path().join("cut.tar");
    let whole = fs::read(&tar).unwrap();
    fs::write(&cut, &whole[..whole.len() - 1836]).unwrap();

    let table = world.path().join("t.parquet");
    let cells = [Some(picture(3)), None, Some(b"words".to_vec()), Some(picture(4)), Some(picture(5))];
    let image: ArrayRef = Arc::new(BinaryArray::from_iter(cells.iter().map(Option::as_deref)));
    let id: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d", "e"]));
    let batch = RecordBatch::try_from_iter([("id", id), ("image", image)]).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&table).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let folder = world.path().join("job");
    let missing = world.path().join("gone.parquet");
    let mut job = Job::open(&folder, &spec(3, "parquet"), Shard::default(), |planner| {
        planner.archive(&tar)?;
        planner.archive(&cut)?;
        planner.table(&table, None)?;
        planner.table(&missing, None)
    })
    .unwrap();
    assert!(job.notes()[0].contains("passed over 1 members"), "{:?}", job.notes());
    let counts = work(&mut job, u64::MAX);
    let rows = rows(&folder);
    assert_eq!((counts.pictures as usize, counts.rows as usize), (rows.len(), rows.len()));
    let of =
        |name: &str| -> Vec<(Option<i64>, bool)> { rows.iter().filter(|row| row.0 == name).map(|row| (row.1, row.2)).collect() };
    // Both archives have the first; the end of the second is missing, and is a row.
    assert_eq!((of("0.png").len(), of("1.jpg")), (2, vec![(None, true); 2]));
    assert_eq!(of(&format!("{}.png", "long".repeat(20))), [(None, false)]);
    assert_eq!(of("cut.tar"), [(None, true)]);
    assert_eq!(of("t.parquet"), [(Some(0), false), (Some(1), true), (Some(2), true), (Some(3), false), (Some(4), false)]);
    assert_eq!(of("gone.parquet"), [(None, true)]);

    // The same behind addresses.
    let address = |path: &Path| PathBuf::from(format!("s3://{}", path.display()));
    let far = world.path().join("far");
    let mut job = Job::open(&far, &spec(3, "parquet"), Shard::default(), |planner| {
        planner.reaches(Arc::new(Server));
        planner.archive(&address(&tar))?;
        planner.archive(&address(&cut))?;
        planner.table(&address(&table), None)?;
        planner.table(&address(&missing), None)
    })
    .unwrap();
    assert_eq!(work(&mut job, u64::MAX), counts);
    assert_eq!(self::rows(&far), rows);
}

/// `tests/data/make.py` writes them.
#[test]
fn tables_packed_with_zstandard_are_read_as_others_write_them() {
    let world = tempfile::tempdir().unwrap();
    for version in ["zstd-1.parquet", "zstd-2.parquet"] {
        let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(version);
        let folder = world.path().join(version);
        // Parts smaller than the row group, so that rows are passed over.
        let mut job = Job::open(&folder, &spec(3, "parquet"), Shard::default(), |planner| planner.table(&table, None)).unwrap();
        let counts = work(&mut job, u64::MAX);
        assert_eq!((counts.pictures, counts.faces, counts.errors), (8, 6, 2), "{version}");
        let named = (0..6).map(|row| (format!("{row}.png"), Some(row), false));
        let bad = [(version.to_owned(), Some(6), true), ("words.png".to_owned(), Some(7), true)];
        assert_eq!(rows(&folder), named.chain(bad).collect::<Vec<_>>(), "{version}");

        let labels: Vec<String> = ParquetFile::open(File::open(&table).unwrap())
            .unwrap()
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().into_columns().pop().unwrap().1.to_string())
            .collect();
        assert_eq!(labels, ["0", "1", "0", "1", "0", "1", "0", "1"]);

        // A page that is damaged is an error in the rows, not the end of the job.
        let damaged = world.path().join(format!("damaged-{version}"));
        let mut bytes = fs::read(&table).unwrap();
        bytes[200..260].fill(0);
        fs::write(&damaged, bytes).unwrap();
        let folder = world.path().join(format!("of-{version}"));
        let mut job = Job::open(&folder, &spec(9, "parquet"), Shard::default(), |planner| planner.table(&damaged, None)).unwrap();
        let counts = work(&mut job, u64::MAX);
        assert!(counts.pictures == 8 && counts.errors > 2, "{counts:?}");
    }
}

#[test]
fn a_table_that_was_changed_since_or_holds_no_pictures_is_not_taken_for_the_planned_one() {
    let world = tempfile::tempdir().unwrap();
    let table = world.path().join("t.parquet");
    let write = |columns: Vec<(&str, ArrayRef)>| {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&table).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    let image = |count: usize| -> ArrayRef { Arc::new(BinaryArray::from_iter((0..count).map(|i| Some(picture(i as u8))))) };
    let ids: ArrayRef = Arc::new(arrow_array::Int32Array::from(vec![1, 2]));
    write(vec![("id", Arc::clone(&ids))]);
    let planned = |name: &str, column: Option<&str>| {
        Job::open(&world.path().join(name), &spec(9, "parquet"), Shard::default(), |planner| planner.table(&table, column))
    };
    let refused = |name: &str, column: Option<&str>, says: &str| {
        let counts = work(&mut planned(name, column).unwrap(), u64::MAX);
        assert_eq!((counts.pictures, counts.errors), (1, 1), "it is a row with an error: {says}");
        let plan = fs::read_to_string(world.path().join(name).join("_plan.jsonl")).unwrap();
        assert!(plan.contains(says), "{plan}");
    };
    refused("a", None, "no column holds pictures; there are: id (");
    write(vec![("id", ids), ("image", image(2))]);
    refused("b", Some("photo"), "there are: id, image");

    let mut job = planned("c", Some("image")).unwrap();
    write(vec![("image", image(3))]);
    let counts = work(&mut job, u64::MAX);
    assert_eq!((counts.pictures, counts.errors), (2, 2), "each planned row says that the table was changed");
}

#[test]
fn pictures_behind_addresses_are_fetched_and_keep_their_place() {
    let world = tempfile::tempdir().unwrap();
    let paths = pictures(world.path(), 2);
    let near = paths[0].display().to_string();
    let inputs = ["https://example.org/here.png", &near, "s3://bucket/gone.png", "https://example.org/b/here.png"];
    let folder = world.path().join("job");
    let mut job = Job::open(&folder, &spec(9, "parquet"), Shard::default(), |planner| {
        inputs.iter().try_for_each(|input| planner.file(Listed::Path((*input).to_owned())))
    })
    .unwrap();
    let counts = work(&mut job, u64::MAX);
    assert_eq!((counts.pictures, counts.faces, counts.errors), (4, 3, 1));
    let rows = rows(&folder);
    assert_eq!(
        rows.iter().map(|row| (row.0.as_str(), row.2)).collect::<Vec<_>>(),
        [("here.png", false), ("000.png", false), ("gone.png", true), ("here.png", false)]
    );
}

/// A member of an archive: a file's bytes, or a link of this kind to a name.
type Packed<'a> = Result<Vec<u8>, (tar::EntryType, &'a str)>;

fn archive(path: &Path, members: &[(&str, Packed)]) {
    let mut builder = tar::Builder::new(File::create(path).unwrap());
    for (name, member) in members {
        let mut header = tar::Header::new_gnu();
        match member {
            Ok(bytes) => {
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, name, &bytes[..]).unwrap();
            }
            Err((kind, to)) => {
                header.set_entry_type(*kind);
                header.set_size(0);
                builder.append_link(&mut header, name, to).unwrap();
            }
        }
    }
    builder.into_inner().unwrap();
}

/// `tar` writes the second name of a file as a link to the first.
#[test]
fn links_in_an_archive_are_pictures_of_their_own() {
    use tar::EntryType::{Link, Symlink};
    let world = tempfile::tempdir().unwrap();
    let tar = world.path().join("a.tar");
    let far = format!("{}/{}.png", "deep".repeat(20), "long".repeat(20));
    let members = [
        ("./hl/1.png", Ok(picture(1))),
        ("hl/2.png", Err((Link, "hl/1.png"))),
        ("hl/3.png", Err((Symlink, "1.png"))),
        ("hl/deep/4.png", Err((Symlink, ".././3.png"))),
        ("hl/without-a-name", Err((Link, "./hl/1.png"))),
        (&far, Ok(picture(2))),
        ("hl/5.png", Err((Link, far.as_str()))),
        ("6.png", Err((Symlink, "later.png"))),
        ("hl/words.txt", Ok(b"words".to_vec())),
        ("hl/words-2.txt", Err((Link, "hl/words.txt"))),
        ("hl/folder", Err((Symlink, "deep"))),
        ("gone.png", Err((Link, "hl/9.png"))),
        ("outside.png", Err((Symlink, "../1.png"))),
        ("root.png", Err((Symlink, "/hl/1.png"))),
        ("circle.png", Err((Symlink, "circle-2.png"))),
        ("circle-2.png", Err((Symlink, "circle.png"))),
        ("later.png", Ok(picture(3))),
    ];
    archive(&tar, &members);
    let folder = world.path().join("job");
    let mut job = Job::open(&folder, &spec(2, "parquet"), Shard::default(), |planner| planner.archive(&tar)).unwrap();
    assert!(job.notes()[0].contains("passed over 3 members"), "{:?}", job.notes());
    let counts = work(&mut job, u64::MAX);
    assert_eq!((counts.pictures, counts.faces, counts.errors), (14, 9, 5));
    let named = |errors: bool| {
        let mut names: Vec<String> = rows(&folder).into_iter().filter(|row| row.2 == errors).map(|row| row.0).collect();
        names.sort();
        names
    };
    let long = format!("{}.png", "long".repeat(20));
    assert_eq!(
        named(false),
        ["1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "later.png", &long, "without-a-name"]
            .map(str::to_owned)
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(named(true), ["circle-2.png", "circle.png", "gone.png", "outside.png", "root.png"]);

    // The same behind an address.
    let far = world.path().join("far");
    let mut job = Job::open(&far, &spec(2, "parquet"), Shard::default(), |planner| {
        planner.reaches(Arc::new(Server));
        planner.archive(Path::new(&format!("s3://{}", tar.display())))
    })
    .unwrap();
    assert_eq!(work(&mut job, u64::MAX), counts);
    assert_eq!(rows(&far), rows(&folder));
}

#[test]
fn categorical_columns_of_tables_are_read() {
    let world = tempfile::tempdir().unwrap();
    let path = pictures(world.path(), 1)[0].display().to_string();
    let paths: DictionaryArray<Int32Type> = [Some(path.as_str()), None, Some(&path)].into_iter().collect();
    let labels: ArrayRef = Arc::new(["sad", "sad", "happy"].into_iter().collect::<DictionaryArray<Int8Type>>());
    let values: ArrayRef = Arc::new(BinaryArray::from_iter([Some(picture(1)), Some(picture(2))]));
    let images = DictionaryArray::<Int8Type>::new(Int8Array::from(vec![Some(1), None, Some(0)]), values);
    let columns: [(&str, ArrayRef); 2] = [("path", Arc::new(paths)), ("image", Arc::new(images))];
    for (name, column) in columns {
        let table = world.path().join(format!("{name}.parquet"));
        let batch = RecordBatch::try_from_iter([("label", Arc::clone(&labels)), (name, column)]).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&table).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let folder = world.path().join(name);
        let mut job = Job::open(&folder, &spec(9, "parquet"), Shard::default(), |planner| planner.table(&table, None)).unwrap();
        let counts = work(&mut job, u64::MAX);
        assert_eq!((counts.pictures, counts.faces, counts.errors), (3, 2, 1), "{name}");
    }
    // Words are no pictures, also where each stands once.
    let table = world.path().join("labels.parquet");
    let batch = RecordBatch::try_from_iter([("label", labels)]).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&table).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    Job::open(&world.path().join("labels"), &spec(9, "parquet"), Shard::default(), |planner| {
        let why = planner.table_met(&table, None)?;
        assert!(matches!(&why, Some(NoInput::NoPictures(error)) if error.message().contains("there are: label")), "{why:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn answers_of_a_job_are_no_pictures_of_another() {
    let world = tempfile::tempdir().unwrap();
    let paths = pictures(world.path(), 2);
    let first = world.path().join("first");
    work(&mut Job::open(&first, &spec(9, "parquet"), Shard::default(), of_files(&paths)).unwrap(), u64::MAX);
    assert!(is_job(&first) && !is_job(&world.path().join("pictures")) && !is_job(&world.path().join("none")));
    let part = first.join(parts(&first).keys().next().unwrap());
    let job = |name: &str, column: Option<&str>| {
        let folder = world.path().join(name);
        let mut job = Job::open(&folder, &spec(9, "parquet"), Shard::default(), |planner| {
            let met = planner.table_met(&part, column)?;
            assert!(matches!(met, Some(NoInput::Answers(_))), "{met:?}");
            planner.table(&part, column)
        });
        work(job.as_mut().unwrap(), u64::MAX)
    };
    let counts = job("second", None);
    assert_eq!((counts.pictures, counts.errors), (1, 1), "the file is a row that says so");
    let counts = job("third", Some("source"));
    assert_eq!((counts.pictures, counts.errors), (2, 0), "who names the column has its pictures");
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
