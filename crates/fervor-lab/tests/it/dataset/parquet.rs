//! Parquet as Hugging Face's `datasets` writes it; `tools/reference/faces_parquet.py` made the file.

use fervor::Reason;
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, Split};

use super::{World, ids};

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
