//! What jobs read: archives, tables, addresses.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{ArrayRef, BinaryArray, DictionaryArray, Int8Array, RecordBatch, StringArray};
use fervor::Result;
use fervor_table::job::{Job, Listed, NoInput, Shard, is_job};
use fervor_table::{ParquetFile, arrow_array};
use parquet::arrow::ArrowWriter;
use parquet::file::reader::FileReader;

use crate::world::{Server, of_files, parts, picture, pictures, rows, spec, work};

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

    // One behind the other, with the end marks of both, and something else behind these.
    let joined = world.path().join("joined.tar");
    fs::write(&joined, [&whole[..], &whole[..], &[7; 700]].concat()).unwrap();

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
        planner.archive(&joined)?;
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
    // Each archive has the first, the joined one twice; the end of the second is missing, and is a row.
    assert_eq!((of("0.png").len(), of("1.jpg")), (4, vec![(None, true); 4]));
    assert_eq!(of(&format!("{}.png", "long".repeat(20))), [(None, false); 3]);
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
        planner.archive(&address(&joined))?;
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
    let plan = fs::read_to_string(folder.join("_plan.jsonl")).unwrap();
    assert!(plan.contains("a link that leads back to itself: circle-2.png"), "{plan}");

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
