//! Mending a data set: decisions, the manifest of what is left, the clean copy.

use std::fs;
use std::path::Path;

use fervor::face::{BoundingBox, Face};
use fervor_lab::audit::fix::{Action, apply, decide, fix, read_decisions, write_decisions};
use fervor_lab::audit::{AuditOptions, FindingKind, Level, audit, report};
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, Split, groups};
use image::{GrayImage, Luma, imageops};

use super::{World, face};

/// Train and test with every kind of fault that is mended.
fn faulty() -> World {
    let world = (0..8).fold(World::new(), |world, i| {
        let world = world.drawn(&format!("set/train/happy/{i}.png"), i).drawn(&format!("set/train/sad/{i}.png"), 100 + i);
        world.drawn(&format!("set/test/happy/{i}.png"), 200 + i).drawn(&format!("set/test/sad/{i}.png"), 300 + i)
    });
    world
        .drawn("set/train/happy/copy, with \"quotes\"\nand lines.png", 0)
        .drawn("set/test/sad/leak.png", 101)
        .drawn("set/train/sad/conflict.png", 2)
        .picture("set/test/happy/mirrored.png", &imageops::flip_horizontal(&face(3)))
        .picture("set/train/happy/blank.png", &GrayImage::from_pixel(48, 48, Luma([0])))
        .file("set/train/sad/broken.png", "no picture")
}

/// Every file below a folder with its content.
fn tree(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_mended_set_has_no_errors_left_and_its_source_is_untouched() {
    let world = faulty();
    let before = tree(&world.path("set"));
    for (name, copy) in [("plain", false), ("copied", true)] {
        let out = world.path(name);
        let audited = audit(&world.path("set"), &AuditOptions::default()).unwrap();
        let done = fix(&audited.dataset, &decide(&audited), &out, copy).unwrap();
        // Of 38 files one is broken, one blank, two are left out as a conflict, a copy and a leak stay once.
        assert_eq!(done.left, 38 - 1 - 1 - 2 - 1 - 1, "{done}");
        assert_eq!(
            done.actions.iter().map(|(name, count)| (*name, *count)).collect::<Vec<_>>(),
            [("move", 1), ("quarantine", 2), ("remove", 4)]
        );
        let mended = audit(&out.join("manifest.json"), &AuditOptions::default()).unwrap();
        assert!(!mended.report.has_errors(), "{:#?}", mended.report.findings);
        assert_eq!((mended.report.pictures, groups(&mended.dataset).groups.len()), (done.left, 0));
        let moved = mended
            .dataset
            .samples()
            .iter()
            .filter(|sample| sample.id.ends_with("happy/3.png") && sample.split == Some(Split::Test));
        assert_eq!(moved.count(), if copy { 1 } else { 2 }, "what judges keeps its picture, the other follows");
        let quarantine = fs::read_to_string(out.join("quarantine.csv")).unwrap();
        assert!(quarantine.contains("broken.png") && quarantine.contains("blank.png"), "{quarantine}");
        assert_eq!(out.join("pictures/test").is_dir(), copy);
        assert_eq!(out.join("quarantine/train/happy/blank.png").is_file(), copy);
    }
    assert_eq!(tree(&world.path("set")), before);
    assert!(!world.0.path().read_dir().unwrap().flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(".part")));
}

// The copies that agreed were removed too, with a conflict of one label as the reason.
#[test]
fn near_copies_that_agree_stay_when_an_exact_conflict_is_gone() {
    let mut darker = face(2);
    darker.pixels_mut().for_each(|pixel| pixel.0[0] = pixel.0[0] / 5 * 4);
    let world = (0..12)
        .fold(World::new(), |world, i| world.drawn(&format!("set/happy/{i}.png"), i).drawn(&format!("set/sad/{i}.png"), 100 + i));
    let world = world
        .drawn("set/sad/conflict.png", 2)
        .picture("set/happy/darker.png", &darker)
        .picture("set/happy/mirrored.png", &imageops::flip_horizontal(&face(2)));
    let audited = audit(&world.path("set"), &AuditOptions::default()).unwrap();
    let near = super::ids(&audited, FindingKind::NearConflict);
    assert_eq!(near, ["happy/2.png", "happy/darker.png", "happy/mirrored.png", "sad/conflict.png"]);
    let mut removed: Vec<String> = decide(&audited).into_iter().map(|decision| decision.id).collect();
    removed.sort_unstable();
    assert_eq!(removed, ["happy/2.png", "sad/conflict.png"]);
}

#[test]
fn decisions_can_be_edited_and_applied() {
    let world = faulty();
    let audited = audit(&world.path("set"), &AuditOptions::default()).unwrap();
    let table = world.path("changes.csv");
    write_decisions(&table, &decide(&audited)).unwrap();
    let mut decisions = read_decisions(&table).unwrap();
    assert_eq!(decisions, decide(&audited), "what is written is read");
    for decision in &mut decisions {
        decision.action = match decision.id.as_str() {
            "train/happy/2.png" => Action::Keep,
            "train/sad/conflict.png" => Action::Relabel("happiness".to_owned()),
            _ => decision.action.clone(),
        };
    }
    write_decisions(&table, &decisions).unwrap();
    let fixed = apply(&audited.dataset, &read_decisions(&table).unwrap()).unwrap();
    let label = |id: &str| fixed.samples().iter().find(|sample| sample.id == id).map(|sample| fixed.labels().name(sample.label));
    assert_eq!(label("train/happy/2.png"), Some("happy"));
    assert_eq!(label("train/sad/conflict.png"), Some("happy"));
    assert_eq!(label("train/happy/blank.png"), None);
}

/// Eight pictures in a table, with more rows behind them.
fn listed(rows: &str) -> World {
    let world = (0..8).fold(World::new(), |world, i| world.drawn(&format!("faces/{i}.png"), i));
    let of_each: String = (0..8).map(|i| format!("faces/{i}.png,{}\n", ["happy", "sad"][i % 2])).collect();
    world.file("t.csv", format!("path,label\n{of_each}{rows}"))
}

// The row that named a picture again bore the picture's name, and the repair threw the picture away.
#[test]
fn a_row_that_names_a_picture_again_costs_the_picture_nothing() {
    let world = listed("faces/2.png,happy\n");
    let audited = audit(&world.path("t.csv"), &AuditOptions::default()).unwrap();
    let again = audited.report.finding(FindingKind::ExactDuplicate).unwrap();
    assert_eq!(
        (again.items[0].id.as_str(), again.title.as_str()),
        ("line:10", "1 picture is there more than once (1 file or row)")
    );
    assert!(!audited.report.has_errors(), "{:#?}", audited.report.findings);
    let done = fix(&audited.dataset, &decide(&audited), &world.path("out"), true).unwrap();
    assert_eq!((done.left, done.actions.len()), (8, 0));
    assert!(!world.path("out/quarantine").exists() && world.path("out/pictures/happy/2.png").is_file());
}

// It was a picture that is named again, and its first label was taken.
#[test]
fn a_picture_that_a_table_gives_two_labels_is_a_conflict() {
    let world = listed("faces/2.png,sad\n").drawn("faces/copy.png", 4);
    let table = fs::read_to_string(world.path("t.csv")).unwrap() + "faces/copy.png,sad\n";
    let world = world.file("t.csv", table);
    let audited = audit(&world.path("t.csv"), &AuditOptions::default()).unwrap();
    let conflict = audited.report.finding(FindingKind::Conflict).unwrap();
    assert_eq!(conflict.title, "2 pictures have more than one label (3 files or rows)");
    assert_eq!(conflict.items[2].id, "faces/2.png");
    assert_eq!(conflict.items[2].detail, "left out, it has more than one label: happy by line 4, sad by line 10");
    let done = fix(&audited.dataset, &decide(&audited), &world.path("out"), false).unwrap();
    assert_eq!(done.left, 6, "neither the picture of two labels nor the copies that disagree");
}

// It was a row that names the picture again, and no leak.
#[test]
fn a_picture_that_a_table_lists_in_two_parts_is_a_leak() {
    let parts: String =
        (0..8).map(|i| format!("faces/{i}.png,{},{}\n", ["happy", "sad"][i % 2], ["train", "test"][i / 4])).collect();
    let world = listed("").file("t.csv", format!("path,label,split\n{parts}faces/2.png,happy,test\n"));
    let audited = audit(&world.path("t.csv"), &AuditOptions::default()).unwrap();
    let leak = audited.report.finding(FindingKind::Leak).unwrap();
    assert_eq!((leak.level, leak.title.as_str()), (Level::Error, "1 picture is in more than one split (1 file or row)"));
    assert_eq!(leak.items[0].id, "faces/2.png");
    assert_eq!(leak.items[0].detail, "left out, it is in more than one part: train by line 4, test by line 10");
    let done = fix(&audited.dataset, &decide(&audited), &world.path("out"), false).unwrap();
    assert_eq!(done.left, 7);
}

// Where copies were found, too, the page showed these alone.
#[test]
fn the_page_names_what_a_table_lists_twice_beside_copies() {
    let world = listed("").drawn("faces/copy.png", 0);
    let rows =
        "faces/0.png,happy,train\nfaces/1.png,sad,train\nfaces/1.png,sad,test\nfaces/copy.png,happy,test\nfaces/3.png,sad,test\n";
    let world = world.file("t.csv", format!("path,label,split\n{rows}"));
    let report = audit(&world.path("t.csv"), &AuditOptions::default()).unwrap().report;
    let leak = report.finding(FindingKind::Leak).unwrap();
    assert_eq!((leak.groups.len(), leak.ungrouped()[0].id.as_str()), (1, "faces/1.png"));
    report::write(&world.path("report"), &report, &|_| None).unwrap();
    let page = fs::read_to_string(world.path("report/index.html")).unwrap();
    assert!(page.contains("left out, it is in more than one part: train by line 3, test by line 4"), "{page}");
}

// The picture was the face cut out, and the manifest named the hash and the box of the whole one: nothing could be opened.
#[test]
fn a_copy_of_rows_with_known_faces_opens() {
    let row = |number: u32| face(number).pixels().map(|pixel| pixel.0[0].to_string()).collect::<Vec<_>>().join(" ");
    let rows: String = (0..4).map(|number| format!("{},{}\n", 3 + number % 2, row(number))).collect();
    let world = World::new().file("fer.csv", format!("emotion,pixels\n{rows}"));
    let dataset = Dataset::open(&world.path("fer.csv"), &OpenOptions::default()).unwrap();
    let mut manifest = Manifest::of(&dataset);
    let bounds = BoundingBox { x: 8.0, y: 8.0, width: 24.0, height: 24.0 };
    let landmarks = [[14.0, 16.0], [26.0, 16.0], [20.0, 21.0], [15.0, 27.0], [25.0, 27.0]];
    manifest.samples[1].face = Some(Face { bounds, score: Some(0.9), landmarks: Some(landmarks) });
    manifest.save(&world.path("faces.json")).unwrap();
    let dataset = Dataset::open(&world.path("faces.json"), &OpenOptions::default()).unwrap();
    let world = world.file("changes.csv", "id,action\nrow:0,quarantine\n");
    let decisions = read_decisions(&world.path("changes.csv")).unwrap();
    fix(&dataset, &decisions, &world.path("out"), true).unwrap();
    let copy = Dataset::open(&world.path("out/manifest.json"), &OpenOptions::default()).unwrap();
    assert_eq!((copy.len(), copy.problems()), (3, &[][..]));
    assert_eq!(copy.picture(0).unwrap(), dataset.picture(1).unwrap(), "the same face of the same picture");
    assert!(world.path("out/quarantine/row-0.png").is_file());
}

// Rows of a file were set aside with their pictures, those of a folder of the same files without.
#[cfg(feature = "parquet")]
#[test]
fn quarantined_rows_of_a_folder_of_parquet_are_copied() {
    let world = World::new().file("hub/data/train-0.parquet", include_bytes!("../../data/faces.parquet"));
    let dataset = Dataset::open(&world.path("hub"), &OpenOptions::default()).unwrap();
    let world = world.file("changes.csv", "id,action\nrow:2,quarantine\nrow:6,quarantine\n");
    let decisions = read_decisions(&world.path("changes.csv")).unwrap();
    fix(&dataset, &decisions, &world.path("out"), true).unwrap();
    let kept: Vec<_> = fs::read_dir(world.path("out/quarantine")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["row-2.png"], "row 6 is no picture");
}

#[test]
fn decisions_that_make_no_sense_are_refused() {
    let world = faulty();
    let dataset = Dataset::open(&world.path("set"), &OpenOptions::default()).unwrap();
    let cases = [
        ("id,action\ntrain/sad/1.png,explode\n", "line 2: not an action: \"explode\""),
        ("id,action,to\ntrain/sad/1.png,move,nowhere\n", "not a split to move to: \"nowhere\""),
        ("name,what\na,b\n", "expected the columns id,action,to"),
        ("id,action\nnobody.png,remove\n", "a sample that the data lacks: \"nobody.png\""),
        (
            "id,action,to\ntrain/sad/1.png,relabel,bored\n",
            "the decision about \"train/sad/1.png\" names a class that the data lacks: \"bored\"",
        ),
        // Lines as an editor counts them: after Windows' line ends, empty lines, and names that hold line breaks.
        ("id,action\r\ntrain/sad/1.png,keep\r\ntrain/sad/2.png,explode\r\n", "line 3: not an action"),
        ("\u{FEFF}id,action\n\n\"a\nb\",keep\n\ntrain/sad/2.png,explode\n", "line 6: not an action"),
        ("id,action\n\"train/sad/1.png,keep\ntrain/sad/2.png,keep\n", "line 2: a quote opens here and is never closed"),
        ("id,action\ntrain/sad/1.png,keep\ntrain/sad/1.png,keep\n", "two decisions about one sample"),
    ];
    for (text, said) in cases {
        let path = world.path("changes.csv");
        fs::write(&path, text).unwrap();
        let error = read_decisions(&path).and_then(|decisions| apply(&dataset, &decisions)).unwrap_err();
        assert!(error.message().contains(said), "{text:?}: {error}");
    }
}

#[test]
fn a_table_with_semicolons_is_told_to_use_commas() {
    let world = World::new().file("changes.csv", "id;action;to\r\ntrain/sad/1.png;keep;\r\n");
    let error = read_decisions(&world.path("changes.csv")).unwrap_err();
    assert!(error.hint().unwrap().contains("save it with commas"), "{error}");
}

#[test]
fn a_folder_that_is_there_is_never_written_over() {
    let world = faulty().file("out/mine.txt", "precious");
    let dataset = Dataset::open(&world.path("set"), &OpenOptions::default()).unwrap();
    let error = fix(&dataset, &[], &world.path("out"), false).unwrap_err();
    assert!(error.message().contains("it is there already"), "{error}");
    assert_eq!(fs::read_to_string(world.path("out/mine.txt")).unwrap(), "precious");
    // A run that was killed leaves its part behind: the next one takes its place.
    // No process has this number.
    let part = ".mended.4294967295.part";
    let world = world.file(&format!("{part}/manifest.json"), "half");
    fix(&dataset, &[], &world.path("mended"), false).unwrap();
    assert!(cfg!(not(target_os = "linux")) || !world.path(part).exists());
}
