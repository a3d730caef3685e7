//! Tables of paths and labels, and what their other columns say.

use fervor::Reason;
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, Split};

use super::{World, ids, says};
use crate::world::told;

fn faces() -> World {
    ["a", "b", "c", "d"]
        .iter()
        .zip(1..)
        .fold(World::new(), |world, (name, number)| world.face(&format!("faces/{name}.png"), number))
}

fn open(world: &World, name: &str) -> Dataset {
    world.open_file(name, &OpenOptions::default()).unwrap()
}

#[test]
fn a_table_of_paths_and_labels_is_a_data_set_with_groups() {
    let csv = "path,label,split,person,age\nfaces/a.png,joy,train,anna,31\nfaces/b.png,sad,val,\"b, c\",\n./faces/../faces/c.png,sad,,anna,5\n";
    let tsv = csv.replace("\"b, c\"", "b; c").replace(',', "\t").replace("b; c", "b, c");
    let json = concat!(
        "{\"path\": \"faces/a.png\", \"label\": \"joy\", \"split\": \"train\", \"person\": \"anna\", \"age\": 31}\n",
        "{\"path\": \"faces/b.png\", \"label\": \"sad\", \"split\": \"val\", \"person\": \"b, c\"}\n\n",
        "{\"path\": \"faces\\\\c.png\", \"label\": \"sad\", \"person\": \"anna\", \"age\": 5}\n",
    );
    let array = format!("[{}]", json.trim_end().replace("\n\n", "\n").replace('\n', ","));
    let world = faces().file("t.csv", csv).file("t.tsv", tsv).file("t.jsonl", json).file("t.json", array);
    for name in ["t.csv", "t.tsv", "t.jsonl", "t.json"] {
        let dataset = open(&world, name);
        assert_eq!(dataset.name(), "t");
        assert_eq!(ids(&dataset), ["faces/a.png", "faces/b.png", "faces/c.png"], "{name}");
        assert_eq!(dataset.labels().names(), ["happy", "sad"], "{name}");
        let splits: Vec<Option<Split>> = dataset.samples().iter().map(|sample| sample.split).collect();
        assert_eq!(splits, [Some(Split::Train), Some(Split::Validation), None]);
        assert_eq!(dataset.group("person", 1), Some("b, c"), "{name}");
        assert_eq!((dataset.group("age", 0), dataset.group("age", 1), dataset.group("sex", 0)), (Some("31"), None, None));
        // A manifest keeps them.
        Manifest::of(&dataset).save(&world.path("m.json")).unwrap();
        let again = open(&world, "m.json");
        assert_eq!((again.group("person", 2), again.group("age", 1)), (Some("anna"), None));
        assert_eq!(Manifest::of(&again).sha256(), Manifest::of(&again.subset(&[0, 1, 2])).sha256());
    }
}

#[test]
fn a_bad_row_stops_no_other() {
    let csv = "file;class;part\nfaces/a.png;happy;x\nfaces/gone.png;sad;x\nfaces/b.png;;x\nfaces/b.png;sad;x;y\n;sad;x\nfaces/a.png;happy;x\nfaces/d.png;sad;x\n";
    let dataset = open(&faces().file("t.csv", csv), "t.csv");
    assert_eq!(ids(&dataset), ["faces/a.png", "faces/d.png"]);
    let found: Vec<(&str, Reason)> = dataset.problems().iter().map(|problem| (problem.id.as_str(), problem.reason)).collect();
    assert_eq!(
        found,
        [
            ("line:4", Reason::Invalid),
            ("line:5", Reason::Invalid),
            ("line:6", Reason::Invalid),
            ("line:7", Reason::Exists),
            ("faces/gone.png", Reason::Missing)
        ]
    );
}

// The first label was taken, and the other row called a picture that is named again.
#[test]
fn a_picture_of_several_labels_is_left_out_and_both_are_named() {
    let rows =
        "faces/a.png,angry\nfaces/b.png,joy\nfaces/c.png,angry\n./faces/a.png,happy\nfaces/b.png,happy\nfaces/a.png,angry\n";
    let dataset = open(&faces().file("t.csv", format!("path,label\n{rows}")), "t.csv");
    assert_eq!(ids(&dataset), ["faces/b.png", "faces/c.png"]);
    let found: Vec<(&str, Reason, &str)> =
        dataset.problems().iter().map(|problem| (problem.id.as_str(), problem.reason, problem.message.as_str())).collect();
    assert_eq!(
        found,
        [
            ("faces/a.png", Reason::Mismatch, "left out, it has more than one label: angry by line 2, happy by line 5"),
            ("line:6", Reason::Exists, "the row is left out: it names faces/b.png again, after line 3")
        ]
    );
}

// It was a picture that is named again, in the part that its first row says.
#[test]
fn a_picture_of_several_parts_is_left_out_and_both_are_named() {
    let rows = "faces/a.png,happy,train\nfaces/b.png,sad,\nfaces/c.png,happy,test\nfaces/d.png,sad,train\n\
                ./faces/a.png,happy,test\nfaces/b.png,sad,val\nfaces/d.png,happy,dev\n";
    let world = faces().face("faces/e.png", 5).file("t.csv", format!("path,label,split\n{rows}faces/e.png,happy,test\n"));
    let dataset = open(&world, "t.csv");
    assert_eq!(ids(&dataset), ["faces/b.png", "faces/c.png", "faces/e.png"]);
    assert_eq!(dataset.samples()[0].split, Some(Split::Validation), "a row that says no part contradicts none");
    let found: Vec<(&str, &str)> =
        dataset.problems().iter().map(|problem| (problem.id.as_str(), problem.message.as_str())).collect();
    assert_eq!(
        found,
        [
            ("faces/a.png", "left out, it is in more than one part: train by line 2, test by line 6"),
            ("line:7", "the row is left out: it names faces/b.png again, after line 3"),
            (
                "faces/d.png",
                "left out, it has more than one label: sad by line 5, happy by line 8; and in more than one part: train by line \
                 5, validation by line 8"
            ),
        ]
    );
    let left_out = dataset.left_out(Some(Split::Test));
    assert_eq!((left_out.unreadable, left_out.disputed, left_out.torn, left_out.of_unknown_part), (0, 0, 2, 0));
}

// Letters of another encoding became replacement characters without a word.
#[test]
fn a_table_in_another_encoding_is_refused_with_its_line() {
    let world = faces().file("t.csv", b"path,label,person\nfaces/a.png,happy,anna\nfaces/b.png,sad,Ren\xe9e\n");
    let error = world.open_file("t.csv", &OpenOptions::default()).unwrap_err();
    says(&told(&error), &["t.csv: line 3 is not UTF-8: \"Ren\u{fffd}e\"", "hint: save it as UTF-8"]);
}

#[test]
fn paths_may_lead_out_of_the_tables_folder() {
    let world = faces();
    let absolute = world.path("faces/a.png").canonicalize().unwrap();
    let world = world.file("deep/er/t.csv", format!("path,label\n{},happy\n../../faces/b.png,sad\n", absolute.display()));
    let dataset = open(&world, "deep/er/t.csv");
    assert_eq!(dataset.len(), 2);
    assert!(dataset.picture(1).is_ok());
    Manifest::of(&dataset).save(&world.path("m.json")).unwrap();
    assert_eq!(open(&world, "m.json").len(), 2);
}

#[test]
fn metadata_of_an_image_folder_are_read() {
    let world = World::new().face("train/1.png", 1).face("train/2.png", 2).face("test/3.png", 3);
    let world = world.file("train/metadata.csv", "file_name,label,camera\n1.png,happy,left\n2.png,sad,right\n");
    let dataset = world.file("test/metadata.jsonl", "{\"file_name\": \"3.png\", \"label\": \"sad\"}\n").open();
    assert_eq!(ids(&dataset), ["test/3.png", "train/1.png", "train/2.png"]);
    assert_eq!((dataset.of_split(Split::Train).len(), dataset.of_split(Split::Test).len()), (2, 1));

    // Without labels, the folders are the classes, and the metadata say more.
    let world = World::new().face("happy/1.png", 1).face("sad/2.png", 2);
    let dataset = world.file("metadata.csv", "file_name,person\nsad/2.png,bea\n").open();
    assert_eq!((dataset.group("person", 0), dataset.group("person", 1)), (None, Some("bea")));
}

#[test]
fn a_person_can_write_a_manifest() {
    let text = r#"{"schema": "fervor.manifest/1", "samples": [
        {"id": "faces/a.png", "label": "joy", "split": "train"},
        {"id": "faces/b.png", "label": "happy", "groups": {"person": "bea"}},
        {"id": "faces/c.png", "label": "sad"}]}"#;
    let dataset = open(&faces().file("mine.json", text), "mine.json");
    assert_eq!((dataset.name(), dataset.len()), ("mine", 3));
    assert_eq!(dataset.labels().names(), ["happy", "sad"]);
    assert_eq!(dataset.group("person", 1), Some("bea"));
    // Some editors write a mark before the first character.
    assert_eq!(open(&faces().file("mine.json", format!("\u{feff}{text}")), "mine.json").len(), 3);
}

#[test]
fn a_table_that_leads_nowhere_says_where_paths_begin() {
    let world = World::new().file("t.csv", "path,label\nx.png,happy\ny.png,sad\n");
    let error = told(&world.open_file("t.csv", &OpenOptions::default()).unwrap_err());
    says(&error, &["none of 2 files could be read", "x.png", "hint: the paths are taken from the table's folder"]);
    let world = World::new().file("t.csv", "path,name\nx.png,happy\n");
    says(&told(&world.open_file("t.csv", &OpenOptions::default()).unwrap_err()), &["expected a column label beside path"]);
}

// A quote in one row took the rows after it along: they were neither samples nor problems.
#[test]
fn a_quote_that_swallows_rows_is_refused_with_its_line() {
    let rows = |quoted: &str| format!("path,label\n{quoted}faces/b.png,sad\nfaces/c.png,happy\nfaces/d.png,sad\n");
    for (quoted, says_how) in [
        ("faces/a.png,\"happy\n", "line 2: a quote opens here and is never closed"),
        ("\"faces/a.png,happy\n\"", "line 2: a quote opens here and closes in the middle of line 3"),
    ] {
        let world = faces().file("t.csv", rows(quoted)).file("t.tsv", rows(quoted).replace(',', "\t"));
        for name in ["t.csv", "t.tsv"] {
            let error = world.open_file(name, &OpenOptions::default()).unwrap_err();
            says(&told(&error), &[name, says_how, "hint: remove the quote or close it"]);
            assert_eq!(error.reason(), Reason::Damaged);
        }
    }
    let world = faces().file("metadata.csv", "file_name,label\n\"faces/a.png,happy\nfaces/b.png,sad\n");
    says(&world.refusal(), &["metadata.csv", "line 2: a quote opens here and is never closed"]);
    let dataset = open(&faces().file("t.csv", "path,label,note\nfaces/a.png,happy,\"two\nlines\"\nfaces/b.png,sad,\n"), "t.csv");
    assert_eq!((dataset.len(), dataset.group("note", 0)), (2, Some("two\nlines")));
}

#[test]
fn a_table_of_one_class_is_named_with_why_its_rows_are_refused() {
    let world =
        faces().file("t.csv", format!("path,label,split\nfaces/a.png,happy,train\nfaces/b.png,sad,{}\n", "x".repeat(500)));
    let error = told(&world.open_file("t.csv", &OpenOptions::default()).unwrap_err());
    says(&error, &["t.csv: pictures of only one class can be read: happy; line:3: faces/b.png is in an unknown part: \"xxx"]);
    assert!(error.len() < 400, "{error}");
    let world = faces().file("t.csv", "path,label\nfaces/a.png,happy\nfaces/b.png,happy\n");
    let error = told(&world.open_file("t.csv", &OpenOptions::default()).unwrap_err());
    says(&error, &["t.csv: pictures of only one class can be read: happy", "at least two classes"]);
}
