//! Parquet as Hugging Face's `datasets` writes it; `tools/reference/faces_parquet.py` made the file.

use std::sync::Arc;

use fervor::Reason;
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, Split};
use fervor_table::arrow_array::{Array, ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use fervor_table::arrow_schema::Field;
use fervor_table::{PartOptions, PartWriter};
use image::ImageFormat;

use super::{World, ids, only, picture, says};
use crate::world::told;

const FACES: &[u8] = include_bytes!("../../data/faces.parquet");

#[test]
fn rows_with_pictures_are_a_data_set() {
    let world = World::new().file("hub/data/test-00000-of-00001.parquet", FACES).file("one.parquet", FACES);
    for name in ["hub", "one.parquet"] {
        let dataset = world.open_file(name, &OpenOptions::default()).unwrap();
        assert_eq!(ids(&dataset), ["row:0", "row:1", "row:2", "row:3", "row:4", "row:5"], "{name}");
        assert_eq!(dataset.labels().names(), ["happy", "sad"]);
        assert_eq!(dataset.class_counts(None), [3, 3]);
        assert_eq!(
            (dataset.group("person", 1), dataset.group("person", 2), dataset.group("age", 0)),
            (Some("bea"), None, Some("31"))
        );
        assert_eq!(dataset.picture(3).unwrap().content_hash(), dataset.samples()[3].hash);
        assert_eq!((dataset.problems()[0].id.as_str(), dataset.problems()[0].reason), ("row:6", Reason::NotAPicture));
        assert_eq!(dataset.of_split(Split::Test).len(), if name == "hub" { 6 } else { 0 });
        // A manifest opens as the same.
        Manifest::of(&dataset).save(&world.path("m.json")).unwrap();
        let again = world.open_file("m.json", &OpenOptions::default()).unwrap();
        let without_groups = |dataset: &Dataset| {
            let mut samples = dataset.samples().to_vec();
            samples.iter_mut().for_each(|sample| sample.groups.clear());
            samples
        };
        assert_eq!(without_groups(&again), without_groups(&dataset));
        // By their names: a manifest has them in the order of the alphabet.
        for column in ["person", "age"] {
            let groups = |dataset: &Dataset| (0..6).map(|i| dataset.group(column, i).map(str::to_owned)).collect::<Vec<_>>();
            assert_eq!(groups(&again), groups(&dataset));
        }
        assert_eq!(again.picture(5).unwrap(), dataset.picture(5).unwrap());
    }
}

#[test]
fn a_damaged_file_is_an_error_and_no_panic() {
    let world = World::new()
        .file("cut.parquet", &FACES[..FACES.len() - 40])
        .file("noise.parquet", [&b"PAR1"[..], &[7; 200], b"PAR1"].concat());
    for name in ["cut.parquet", "noise.parquet"] {
        assert_eq!(world.open_file(name, &OpenOptions::default()).unwrap_err().reason(), Reason::Damaged, "{name}");
    }
}

/// A table of these columns as Parquet, with the names of the classes where `datasets` would write them.
fn table(world: &World, name: &str, columns: Vec<(&str, ArrayRef)>, names: &[&str]) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let features = serde_json::json!({"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}});
    let mut options = PartOptions::default();
    if !names.is_empty() {
        options.metadata.push(("huggingface".to_owned(), features.to_string()));
    }
    let mut part = PartWriter::with_options(&world.path(name), &batch.schema(), &options).unwrap();
    part.write(&batch).unwrap();
    part.finish().unwrap();
}

/// Pictures of these numbers as `datasets` stores them.
fn structures(numbers: &[u8]) -> ArrayRef {
    let bytes: ArrayRef = files(numbers);
    let paths: ArrayRef = texts(&["a.png"].repeat(numbers.len()));
    let field = |name: &str, column: &ArrayRef| Arc::new(Field::new(name, column.data_type().clone(), true));
    Arc::new(StructArray::from(vec![(field("bytes", &bytes), bytes.clone()), (field("path", &paths), paths.clone())]))
}

/// The same as bytes alone.
fn files(numbers: &[u8]) -> ArrayRef {
    let files: Vec<Vec<u8>> = numbers.iter().map(|&number| picture(number, ImageFormat::Png)).collect();
    Arc::new(BinaryArray::from_iter_values(files))
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn numbers(numbers: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(numbers.to_vec()))
}

/// What each row that is left out is told.
fn told_of(dataset: &Dataset) -> Vec<(&str, &str)> {
    dataset.problems().iter().map(|problem| (problem.id.as_str(), problem.message.as_str())).collect()
}

// The last column of bytes or structures took the place of the pictures without a word.
#[test]
fn one_column_holds_the_pictures_whatever_stands_beside() {
    let world = World::new();
    let sums: ArrayRef = Arc::new(BinaryArray::from_iter_values([[7_u8; 16]; 3]));
    let (labels, pictures, masks) = (texts(&["happy", "sad", "sad"]), structures(&[1, 2, 3]), structures(&[91, 92, 93]));
    let cases = [
        ("mask.parquet", vec![("image", pictures.clone()), ("mask", masks.clone()), ("label", labels.clone())]),
        ("md5.parquet", vec![("image", pictures.clone()), ("label", labels.clone()), ("md5", sums.clone())]),
        ("unnamed.parquet", vec![("md5", sums.clone()), ("face", files(&[1, 2, 3])), ("mask", masks), ("label", labels.clone())]),
    ];
    for (name, columns) in cases {
        table(&world, name, columns, &[]);
        let dataset = world.open_file(name, &OpenOptions::default()).unwrap();
        assert_eq!((dataset.len(), dataset.problems().len()), (3, 0), "{name}");
        assert_eq!(dataset.picture(1).unwrap().rgb()[0], 2, "{name}");
        assert!(dataset.group_columns().is_empty(), "{name}: {:?}", dataset.group_columns());
    }
    table(&world, "none.parquet", vec![("path", labels.clone()), ("label", labels)], &[]);
    let error = told(&world.open_file("none.parquet", &OpenOptions::default()).unwrap_err());
    says(&error, &["expected a column of pictures as bytes, found path,label"]);
}

// What was no place among the names became a class: "-1", "0e0", "7".
#[test]
fn a_label_is_one_of_the_names_or_none() {
    let world = World::new();
    let missing: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.0), Some(1.0), None, Some(f64::NAN), Some(0.5), Some(1.0)]));
    let names = ["happy", "sad"];
    let cases = [
        ("whole.parquet", numbers(&[0, 1, -1, 7, 0, 1]), "a label that is none of the 2 classes: \"7\""),
        ("floats.parquet", missing.clone(), "a label that is none of the 2 classes: \"0.5\""),
        ("words.parquet", texts(&["joy", "sad", "", "bored", "happy", "1"]), "a label that is none of the 2 classes: \"bored\""),
    ];
    for (name, labels, wrong) in cases {
        table(&world, name, vec![("image", structures(&[1, 2, 3, 4, 5, 6])), ("label", labels)], &names);
        let dataset = world.open_file(name, &OpenOptions::default()).unwrap();
        assert_eq!(dataset.labels().names(), names, "{name}");
        let found = told_of(&dataset);
        assert_eq!(found[0], ("row:2", "a row without a label"), "{name}");
        assert_eq!(found.iter().filter(|(_, message)| *message == wrong).count(), 1, "{name}: {found:?}");
        assert_eq!(ids(&dataset).last(), Some(&"row:5"), "{name}");
        assert_eq!(dataset.samples().last().unwrap().label, 1, "{name}");
    }
    // Without names a whole number is itself, however it is stored.
    table(&world, "bare.parquet", vec![("image", structures(&[1, 2, 3, 4, 5, 6])), ("label", missing)], &[]);
    let dataset = world.open_file("bare.parquet", &OpenOptions::default()).unwrap();
    assert_eq!(dataset.labels().names(), ["0", "0.5", "1"]);
}

// A part that was not understood became that of the file, without a word.
#[test]
fn a_row_in_an_unknown_part_is_left_out_and_told() {
    let world = World::new();
    let columns = vec![
        ("image", structures(&[1, 2, 3, 4])),
        ("label", texts(&["happy", "sad", "bored", "sad"])),
        ("split", texts(&["val", "", "holdout", "test"])),
    ];
    table(&world, "train-0.parquet", columns, &[]);
    let dataset = world.open_file("train-0.parquet", &OpenOptions::default()).unwrap();
    assert_eq!(dataset.labels().names(), ["happy", "sad"]);
    let splits: Vec<Option<Split>> = dataset.samples().iter().map(|sample| sample.split).collect();
    assert_eq!(splits, [Some(Split::Validation), Some(Split::Train), Some(Split::Test)]);
    assert_eq!(told_of(&dataset), [("row:2", "a row in an unknown part: \"holdout\"")]);
}

// A folder drops a class of which no picture can be read; a table kept it.
#[test]
fn a_class_of_which_no_picture_can_be_read_is_no_class() {
    let world = World::new();
    let mut files: Vec<Vec<u8>> = (0..4).map(|number| picture(number, ImageFormat::Png)).collect();
    files[2] = b"no picture".to_vec();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("image", Arc::new(BinaryArray::from_iter_values(files))),
        ("label", texts(&["angry", "sad", "bored", "sad"])),
        ("split", texts(&["train", "train", "test", "test"])),
    ];
    table(&world, "t.parquet", columns, &[]);
    let dataset = world.open_file("t.parquet", &OpenOptions::default()).unwrap();
    assert_eq!((dataset.labels().names(), dataset.class_counts(None)), (&["angry".to_owned(), "sad".to_owned()][..], vec![1, 2]));
    assert_eq!(dataset.skipped().empty_classes, ["bored"]);
    assert_eq!([Split::Train, Split::Test].map(|split| dataset.left_out(Some(split)).unreadable), [0, 1]);
    assert_eq!(world.open_file("t.parquet", &only(&["bored", "sad"])).unwrap().labels().names(), ["bored", "sad"]);
}
