//! FER+ votes, joined by row.

use fervor::Error;
use fervor_lab::dataset::{Dataset, OpenOptions};

use crate::world::told;

use super::{World, says};

const TABLE: &str = "emotion,pixels,Usage\n0,1 2 3 4,Training\n3,5 6 7 8,Training\n9,bad,Training\n6,7 7 7 7,PublicTest\n";
const HEADER: &str = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF";
const VOTES: [&str; 4] = [
    "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
    "Training,,0,0,0,0,0,0,0,0,0,10",
    "Training,fer0000002.png,5,0,0,3,1,0,0,0,1,0",
    "PublicTest,fer0000003.png,0,0,0,0,0,0,0,0,0,0",
];

fn votes(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

fn join(world: &World, name: &str, votes: &str) -> Result<Dataset, Error> {
    world.open_file(name, &OpenOptions { votes: Some(world.path(votes)), ..OpenOptions::default() })
}

#[test]
fn votes_become_shares_by_row() {
    let world = World::new().file("fer.csv", TABLE).file("votes.csv", votes(&VOTES));
    let dataset = join(&world, "fer.csv", "votes.csv").unwrap();
    let labels = dataset.vote_labels().unwrap().names();
    assert_eq!(labels, ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt", "unknown", "nf"]);
    let samples = dataset.samples();
    assert_eq!(samples[0].votes.as_deref(), Some(&[0.4, 0.0, 0.0, 0.1, 0.3, 0.2, 0.0, 0.0, 0.0, 0.0][..]));
    assert_eq!(samples[1].votes.as_deref().map(|votes| votes[9]), Some(1.0));
    assert_eq!((samples[2].id.as_str(), &samples[2].votes), ("row:3", &None), "nobody voted");

    let [angry, _, _, _, sad, _, neutral] = dataset.soft_label(0).unwrap()[..] else { panic!("seven classes") };
    assert!([(angry, 0.3), (sad, 0.1), (neutral, 0.4)].iter().all(|(found, expected)| (found - expected).abs() < 1e-6_f32));
    assert_eq!(dataset.soft_label(1), None, "ten votes for not-a-face say nothing of its expression");
    assert_eq!(dataset.subset(&[0]).soft_label(0), dataset.soft_label(0));
}

// A comma inside an image's name shifted the counts.
#[test]
fn names_with_commas_and_counts_with_points_are_read() {
    let world = World::new().file("fer.csv", TABLE);
    let plain = join(&world.file("votes.csv", votes(&VOTES)), "fer.csv", "votes.csv").unwrap();
    let named = votes(&VOTES).replace("fer0000000.png,4,", "\"fer, the \"\"first\"\".png\",4.0,");
    for text in [named.replace('\n', "\r\n"), votes(&VOTES).replace(',', "\t")] {
        let world = World::new().file("fer.csv", TABLE).file("votes.csv", text);
        assert_eq!(join(&world, "fer.csv", "votes.csv").unwrap().samples(), plain.samples());
    }
}

#[test]
fn votes_of_another_table_are_refused() {
    let swapped = [VOTES[0], VOTES[3], VOTES[2], VOTES[1]];
    let numbered = format!("row,{HEADER}\n0,{}\n2,{}\n3,{}\n1,{}\n", VOTES[0], VOTES[1], VOTES[2], VOTES[3]);
    let cases = [
        (votes(&VOTES[..3]), "votes for 3 rows, but "),
        (votes(&swapped), "row:1 is in train in the data, in validation here"),
        (numbered, "row 1 is numbered \"2\""),
        (votes(&["Training,x,4,0", VOTES[1]]), "line 2: expected 12 columns, found 4"),
        (votes(&["Training,x,4,0,0,-1,3,2,0,0,0,0"]), "row 0: expected a count, found \"-1\""),
        ("a,b\n1,2\n".to_owned(), "expected FER+ votes with the columns neutral"),
    ];
    for (text, message) in cases {
        let world = World::new().file("fer.csv", TABLE).file("votes.csv", text);
        let error = join(&world, "fer.csv", "votes.csv").unwrap_err();
        says(&told(&error), &["votes.csv: ", message]);
    }
    let world = World::new().file("fer.csv", TABLE);
    says(&told(&join(&world, "fer.csv", "none.csv").unwrap_err()), &["none.csv: the file cannot be read"]);
}

#[test]
fn files_find_their_rows_through_a_table_of_names() {
    let names =
        "row,usage,label,kaggle_path\n0,Training,happy,train/happy/Training_7.jpg\n1,Training,sad,train/sad/Training_7.jpg\n";
    let world = || World::new().face("f/train/happy/Training_7.png", 1).face("f/train/sad/Training_7.png", 2);
    let two = votes(&["Training,,9,0,0,0,0,0,0,0,1,0", "Training,,0,0,0,10,0,0,0,0,0,0"]);

    let beside = world().file("votes.csv", &two).file("fer2013-names.csv", names);
    let dataset = join(&beside, "f", "votes.csv").unwrap();
    assert_eq!(dataset.soft_label(1), Some(vec![0.0, 1.0]));
    assert_eq!(dataset.samples()[0].votes.as_ref().unwrap()[0], 0.9);

    let without = world().file("votes.csv", &two);
    says(&told(&join(&without, "f", "votes.csv").unwrap_err()), &["files have no rows", "fer2013-names.csv", "hint: "]);

    let named = world().file("votes.csv", &two).file("names.csv", names.replace("train/sad", "train/fear"));
    let options =
        OpenOptions { votes: Some(named.path("votes.csv")), names: Some(named.path("names.csv")), ..OpenOptions::default() };
    let error = told(&named.open_file("f", &options).unwrap_err());
    says(&error, &["names of 1 of 2 files are known, but not of \"train/sad/Training_7.png\""]);

    let mislabelled = world().file("votes.csv", &two).file("fer2013-names.csv", names.replace(",sad,", ",fear,"));
    let error = told(&join(&mislabelled, "f", "votes.csv").unwrap_err());
    says(&error, &["\"train/sad/Training_7.png\" is sad in the data, but row 1 is fear"]);
}

// Both pictures got the votes of one row.
#[test]
fn a_row_that_two_files_have_is_refused() {
    let world = World::new().face("f/train/happy/1.png", 1).face("f/train/sad/2.png", 2);
    let names = "row,kaggle_path\n1,train/happy/1.jpg\n1,train/sad/2.jpg\n";
    let two = votes(&["Training,,9,0,0,0,0,0,0,0,1,0", "Training,,0,0,0,10,0,0,0,0,0,0"]);
    let world = world.file("votes.csv", two).file("fer2013-names.csv", names);
    let error = told(&join(&world, "f", "votes.csv").unwrap_err());
    says(&error, &["fer2013-names.csv", "two paths have the same row: row 1, the second is \"train/sad/2.jpg\"", "hint: "]);
}

#[test]
fn the_majority_of_the_votes_becomes_the_label() {
    let table = "emotion,pixels,Usage\n0,1 2 3 4,Training\n3,5 6 7 8,Training\n6,9 9 9 9,Training\n6,7 7 7 7,PublicTest\n";
    let rows = [
        "Training,a,1,0,0,0,2,1,0,6,0,0", // contempt: the single votes do not count
        "Training,b,0,2,0,0,0,0,0,0,0,8", // not a face
        "Training,c,5,0,0,5,0,0,0,0,0,0", // at odds
        "PublicTest,d,0,0,0,0,0,0,0,0,0,0",
    ];
    let world = World::new().file("fer.csv", table).file("votes.csv", votes(&rows));
    let dataset = join(&world, "fer.csv", "votes.csv").unwrap();
    let (voted, left_out) = dataset.labelled_by_votes(None).unwrap();
    assert_eq!(voted.labels().len(), 8);
    assert_eq!((voted.len(), voted.labels().name(voted.samples()[0].label)), (1, "contempt"));
    assert_eq!((left_out.without_majority, left_out.other_majority, left_out.without_votes), (1, 1, 1));
    assert_eq!(voted.soft_label(0).unwrap().len(), 8);
    let again = voted.labelled_by_votes(Some(voted.labels())).unwrap().0;
    assert_eq!(again.samples(), voted.samples(), "done twice it is as done once");

    let happy = fervor::LabelSet::new(["happy", "sad"]).unwrap();
    says(&told(&dataset.labelled_by_votes(Some(&happy)).unwrap_err()), &["no sample of 4 has a majority among happy, sad"]);
    let proud = fervor::LabelSet::new(["happy", "proud"]).unwrap();
    says(&told(&dataset.labelled_by_votes(Some(&proud)).unwrap_err()), &["nobody could vote for class \"proud\""]);
    let silent = world.open_file("fer.csv", &OpenOptions::default()).unwrap();
    says(&told(&silent.labelled_by_votes(None).unwrap_err()), &["the data has none", "hint: give the table of votes"]);
}

#[test]
fn votes_with_a_quote_that_is_not_closed_are_refused_with_its_line() {
    let torn = VOTES.map(|row| row.replace("fer0000002", "\"fer0000002"));
    let rows: Vec<&str> = torn.iter().map(String::as_str).collect();
    let world = World::new().file("fer.csv", TABLE).file("votes.csv", votes(&rows));
    let error = told(&join(&world, "fer.csv", "votes.csv").unwrap_err());
    says(&error, &["votes.csv", "line 4: a quote opens here and is never closed"]);
}
