//! Jobs from beginning to end, on pictures that are drawn here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BinaryArray, RecordBatch, StringArray};
use bytes::Bytes;
use fervor::{Analyzer, Error, Limits, Picture, Reason, Result, WholePicture};
use fervor_table::job::{Counts, Far, Job, Listed, PartFormat, Planner, Shard, Spec, Work};
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
    let error = planned("a", None).expect_err("it holds no pictures");
    assert!(error.message().contains("no column holds pictures; there are: id"), "{error}");
    write(vec![("id", ids), ("image", image(2))]);
    let error = planned("b", Some("photo")).expect_err("there is no such column");
    assert!(error.message().contains("there are: id, image"), "{error}");

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
