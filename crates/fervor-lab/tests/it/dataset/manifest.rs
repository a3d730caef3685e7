//! Manifests: saved, hashed, and opened as the data set that they describe.

use std::fs;

use fervor::Reason;
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, Split, SplitRule};

use crate::world::told;

use super::{World, ids, only, says};

fn faces() -> World {
    let world = World::new();
    (0..10).fold(world, |world, number| {
        let class = if number % 2 == 0 { "happy" } else { "sad" };
        world.face(&format!("faces/{class}/{number}.png"), number)
    })
}

fn split(world: &World) -> Dataset {
    let mut dataset = world.open_file("faces", &OpenOptions::default()).unwrap();
    SplitRule::parse("60:20:20").unwrap().apply(&mut dataset).unwrap();
    dataset
}

#[test]
fn a_manifest_opens_as_the_data_set_that_it_describes() {
    let world = faces();
    let dataset = split(&world);
    let manifest = Manifest::of(&dataset);
    manifest.save(&world.path("manifest.json")).unwrap();
    assert_eq!(Manifest::load(&world.path("manifest.json")).unwrap(), manifest);
    assert!(!world.path("manifest.json.part").exists());

    let again = world.open_file("manifest.json", &OpenOptions::default()).unwrap();
    assert_eq!(again.samples(), dataset.samples());
    assert_eq!((again.name(), again.labels()), ("faces", dataset.labels()));
    assert_eq!(again.picture(3).unwrap(), dataset.picture(3).unwrap());
    assert_eq!(Manifest::of(&again).sha256(), manifest.sha256());
    assert_eq!(manifest.hashes(Split::Train).count(), 6);
    assert!(manifest.hashes(Split::Train).all(|hash| dataset.samples().iter().any(|sample| sample.hash == hash)));
}

#[test]
fn the_hash_is_of_the_data_and_not_of_its_place() {
    let (here, there) = (faces(), faces());
    let manifest = Manifest::of(&split(&here));
    assert_eq!(manifest.sha256(), Manifest::of(&split(&there)).sha256());
    assert_eq!(manifest.sha256().len(), 64);

    let mut moved = manifest.clone();
    moved.samples[0].split = None;
    assert_ne!(moved.sha256(), manifest.sha256());
    let mut relabelled = manifest.clone();
    relabelled.samples[0].label = 1 - relabelled.samples[0].label;
    assert_ne!(relabelled.sha256(), manifest.sha256());
}

#[test]
fn a_manifest_above_its_pictures_can_be_moved_with_them() {
    let world = faces();
    Manifest::of(&split(&world)).save(&world.path("manifest.json")).unwrap();
    let other = World::new();
    fs::rename(world.path("faces"), other.path("faces")).unwrap();
    fs::rename(world.path("manifest.json"), other.path("manifest.json")).unwrap();
    assert_eq!(other.open_file("manifest.json", &OpenOptions::default()).unwrap().len(), 10);
}

#[test]
fn a_manifest_of_a_table_gives_its_rows_back() {
    let table = "emotion,pixels,Usage\n0,1 2 3 4,Training\n3,5 6 7 8,Training\n8,bad,Training\n6,7 7 7 7,PublicTest\n";
    let votes = "neutral,happiness\n1,3\n2,2\n0,0\n0,4\n";
    let world = World::new().file("t.csv", table).file("votes.csv", votes);
    let with_votes = OpenOptions { votes: Some(world.path("votes.csv")), ..OpenOptions::default() };
    let dataset = world.open_file("t.csv", &with_votes).unwrap().filter(|sample| sample.id != "row:1");
    Manifest::of(&dataset).save(&world.path("m.json")).unwrap();
    let again = world.open_file("m.json", &OpenOptions::default()).unwrap();
    assert_eq!(again.samples(), dataset.samples());
    assert_eq!(again.vote_labels(), dataset.vote_labels());
    assert_eq!(again.picture(1).unwrap().rgb()[0], 7);
    assert_eq!(world.open_file("m.json", &with_votes).unwrap().samples(), dataset.samples());
    let happy_first = world.open_file("m.json", &only(&["neutral", "angry"])).unwrap();
    assert_eq!(happy_first.samples().iter().map(|sample| sample.label).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_picture_that_changed_or_went_is_a_problem() {
    let world = faces();
    Manifest::of(&split(&world)).save(&world.path("m.json")).unwrap();
    fs::remove_file(world.path("faces/happy/0.png")).unwrap();
    let world = world.face("faces/happy/2.png", 200).face("faces/happy/new.png", 201);
    let dataset = world.open_file("m.json", &OpenOptions::default()).unwrap();
    assert_eq!(dataset.len(), 8);
    assert!(!ids(&dataset).contains(&"happy/new.png"));
    let [gone, changed] = dataset.problems() else { panic!("{:?}", dataset.problems()) };
    assert_eq!((gone.id.as_str(), changed.id.as_str()), ("happy/0.png", "happy/2.png"));
    says(&changed.message, &["its pixels changed"]);
    assert_eq!((gone.reason, changed.reason), (Reason::Missing, Reason::Changed));

    fs::rename(world.path("faces"), world.path("moved")).unwrap();
    let error = told(&world.open_file("m.json", &OpenOptions::default()).unwrap_err());
    says(&error, &["the pictures are gone from", "hint: "]);
}

#[test]
fn a_file_that_is_no_manifest_is_refused() {
    let world = faces();
    Manifest::of(&split(&world)).save(&world.path("good.json")).unwrap();
    let good = fs::read_to_string(world.path("good.json")).unwrap();
    let first = good.lines().nth(2).unwrap();
    let cases = [
        ("{".to_owned(), "not a manifest"),
        ("{\"a\": 1}".to_owned(), "found JSON without one"),
        (good.replace("manifest/1", "manifest/2"), "found \"fervor.manifest/2\""),
        (good.replace("\"name\":", "\"nome\":"), "unknown field `nome`"),
        (good.replace("\"label\":\"sad\"", "\"label\":\"mad\""), "has an unknown label: \"mad\""),
        (good.replace("\"hash\":\"", "\"hash\":\"zz"), "64 hexadecimal digits"),
        (good.replace("happy/0.png", "../../secret.png"), "leads out of the data"),
        (good.replace("happy/0.png", "/etc/passwd"), "leads out of the data"),
        (good.replace(first, &format!("{first}\n{first}")), "a sample occurs twice"),
        (good.replacen("\",\"split", "\",\"votes\":[1.0],\"split", 1), "votes that do not fit"),
    ];
    for (text, message) in cases {
        let world = World::new().file("m.json", &text);
        let error = world.open_file("m.json", &OpenOptions::default()).unwrap_err();
        assert_eq!(error.kind(), fervor::ErrorKind::Data);
        says(&told(&error), &["m.json: ", message]);
    }
}
