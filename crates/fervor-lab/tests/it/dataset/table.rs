//! FER-2013 as a table, plain and packed.

use std::io::Write;
use std::sync::Mutex;

use fervor::{LabelSet, Picture};
use fervor_lab::dataset::{Dataset, OpenOptions, Split};

use crate::world::told;

use super::{World, ids, only, says};

const TABLE: &str = "emotion,pixels,Usage\n0,1 2 3 4,Training\n3,255 0 0 9,PublicTest\n6,7 7 7 7,PrivateTest\n";

fn open(content: impl AsRef<[u8]>) -> Result<Dataset, fervor::Error> {
    World::new().file("fer2013.csv", content).open_file("fer2013.csv", &OpenOptions::default())
}

fn refusal(content: impl AsRef<[u8]>) -> String {
    told(&open(content).unwrap_err())
}

/// What can be compared of a data set.
fn facts(dataset: &Dataset) -> Vec<(String, usize, Option<Split>, String)> {
    let fact = |s: &fervor_lab::dataset::Sample| (s.id.clone(), s.label, s.split, s.hash.to_string());
    dataset.samples().iter().map(fact).collect()
}

#[test]
fn a_row_is_a_picture_with_a_label_and_a_split() {
    let dataset = open(TABLE).unwrap();
    assert_eq!(dataset.name(), "fer2013");
    assert_eq!(dataset.labels(), &LabelSet::fer2013());
    assert_eq!(ids(&dataset), ["row:0", "row:1", "row:2"]);
    let labels: Vec<&str> = dataset.samples().iter().map(|sample| dataset.labels().name(sample.label)).collect();
    assert_eq!(labels, ["angry", "happy", "neutral"]);
    assert_eq!(dataset.samples().iter().map(|sample| sample.split).collect::<Vec<_>>(), Split::ALL.map(Some));
    assert_eq!(dataset.picture(1).unwrap(), Picture::from_gray(2, 2, &[255, 0, 0, 9]).unwrap());
    assert_eq!(dataset.picture(1).unwrap().content_hash(), dataset.samples()[1].hash);
    let subset = dataset.subset(&[2]);
    assert_eq!(subset.picture(0).unwrap(), dataset.picture(2).unwrap());
}

#[test]
fn columns_may_stand_in_any_order_and_lines_end_in_any_way() {
    let expected = facts(&open(TABLE).unwrap());
    let variants = [
        "emotion, Usage, pixels\n0, Training, 1 2 3 4\n3, PublicTest, 255 0 0 9\n6, PrivateTest, 7 7 7 7",
        "\u{feff}emotion,pixels,Usage\r\n0,1 2 3 4,Training\r\n3,255 0 0 9,PublicTest\r\n6,7 7 7 7,PrivateTest\r\n",
        "\"emotion\",\"pixels\",\"Usage\"\n\"0\",\"1 2 3 4\",\"Training\"\n\n3,\"255 0  0 9 \",PublicTest\n6,7 7 7 7,PrivateTest\n\n",
        ",Usage,EMOTION,pixels\n9,Training,0,1 2 3 4\n9,PublicTest,3,255 0 0 9\n9,PrivateTest,6,7 7 7 7\n",
    ];
    for text in variants {
        assert_eq!(facts(&open(text).unwrap()), expected, "{text}");
    }
}

// A name with a comma shifted the columns after it: its label was read from the name, its pixels from the label.
#[test]
fn a_comma_in_a_name_shifts_no_column() {
    let expected = facts(&open(TABLE).unwrap());
    let quoted = "name,emotion,pixels,Usage\n\"3,b\",0,1 2 3 4,Training\n\"a \"\"6\"\", c\",3,255 0 0 9,PublicTest\nd,6,7 7 7 7,PrivateTest\n";
    assert_eq!(facts(&open(quoted).unwrap()), expected);
    let bare = open(format!(
        "name,emotion,pixels,Usage\n3,b,0,1 2 3 4,Training\na,3,1,0 0 0 9,Test\n{}",
        "x,1,9 9 9 9,Training\n".repeat(2)
    ));
    let bare = bare.unwrap();
    assert_eq!((bare.len(), bare.problems().len()), (2, 2));
    says(&bare.problems()[1].message, &["line 3: a row of more than 4 columns, found \"Test\" after them"]);
}

#[test]
fn tabs_semicolons_and_labels_with_a_point_are_read() {
    let expected = facts(&open(TABLE).unwrap());
    for mark in ["\t", ";"] {
        assert_eq!(facts(&open(TABLE.replace(',', mark)).unwrap()), expected, "{mark:?}");
    }
    assert_eq!(facts(&open(TABLE.replace("\n3,", "\n3.0,")).unwrap()), expected);
    says(&open(TABLE.replace("\n3,", "\n3.5,")).unwrap().problems()[0].message, &["emotion must be 0 to 6, got \"3.5\""]);
}

#[test]
fn a_table_in_utf_16_is_read() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for text in [TABLE.to_owned(), format!("\u{FEFF}{TABLE}")] {
        assert_eq!(facts(&open(utf16(&text)).unwrap()), facts(&open(TABLE).unwrap()));
    }
}

#[test]
fn a_table_without_usage_has_no_splits() {
    let dataset = open("emotion,pixels\n0,1 2 3 4\n1,5 5 5 5\n").unwrap();
    assert!(!dataset.has_splits());
}

#[test]
fn packed_tables_are_told_by_their_content() {
    let expected = facts(&open(TABLE).unwrap());
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(TABLE.as_bytes()).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(TABLE.as_bytes()).unwrap();
    let (gz, xz) = (gz.finish().unwrap(), xz.finish().unwrap());
    let world = World::new().file("fer2013.csv.gz", &gz).file("fer2013.csv.xz", &xz).file("fer2013.csv", &xz);
    for name in ["fer2013.csv.gz", "fer2013.csv.xz", "fer2013.csv"] {
        let dataset = world.open_file(name, &OpenOptions::default()).unwrap();
        assert_eq!((dataset.name(), facts(&dataset)), ("fer2013", expected.clone()), "{name}");
    }
    says(&refusal(&xz[..xz.len() - 20]), &["cannot be read"]);
    says(&refusal(&gz[..gz.len() - 12]), &["cannot be read"]);
}

#[test]
fn a_bad_row_is_a_problem_with_its_line() {
    let cases = [
        ("0,1 2 3,Training", "3 pixels are no square picture"),
        ("0,1,Training", "1 pixels where the other rows have 4"),
        ("0,,Training", "0 pixels are no square picture"),
        ("0,1 2 3 256,Training", "a pixel is above 255: 256"),
        ("0,1 2 3 99999999999999,Training", "a pixel is above 255: 999"),
        ("0,1 2 3 -4,Training", "a pixel is no number: \"-\""),
        ("0,1 2 3 4.5,Training", "a pixel is no number: \".\""),
        ("7,1 2 3 4,Training", "emotion must be 0 to 6, got \"7\""),
        ("happy,1 2 3 4,Training", "emotion must be 0 to 6, got \"happy\""),
        ("0,1 2 3 4,Training,Elsewhere", "a row of more than 3 columns, found \"Elsewhere\" after them"),
        ("0,1 2 3 4,Elsewhere", "unknown Usage \"Elsewhere\""),
        ("0", "a row of 1 columns lacks emotion or pixels"),
        ("0,1 2 3 4", "a row of 2 columns lacks Usage"),
        ("\u{1F600},\0,\0", "emotion must be"),
    ];
    for (row, message) in cases {
        let dataset = open(format!("{TABLE}\n{row}\n1,9 9 9 9,Training\n")).unwrap();
        assert_eq!(ids(&dataset), ["row:0", "row:1", "row:2", "row:4"], "{row}");
        let [problem] = dataset.problems() else { panic!("{row}: {:?}", dataset.problems()) };
        assert_eq!(problem.id, "row:3", "{row}");
        says(&problem.message, &["line 6: ", message]);
        assert_eq!(dataset.picture(3).unwrap().rgb()[0], 9, "the row after a bad one keeps its own pixels");
    }
}

#[test]
fn a_file_that_is_no_table_says_what_was_expected_and_found() {
    let expected = "expected a table with the columns emotion,pixels,Usage";
    says(&refusal(""), &[expected, "\"\"", "hint: give a folder"]);
    says(&refusal("name,age\nx,3\n"), &[expected, "\"name,age\""]);
    says(&refusal([0xff, 0xd8, 0xff, 0xe0, 0, 1, 2]), &["expected a table or a manifest, found a picture"]);
    says(&refusal(b"PK\x03\x04\0\0"), &["found a ZIP archive", "hint: unpack it and give the folder"]);
    says(&refusal("pixels\n1 2 3 4\n"), &[expected, "\"pixels\""]);
    says(&refusal("emotion,pixels,Usage\n"), &["expected a row for each picture, found no rows"]);
    says(&refusal("emotion,pixels,Usage\n0,1 2,Training\n"), &["found 1 rows, none of them readable; line 2: 2 pixels"]);
}

#[test]
fn asked_classes_come_in_the_asked_order() {
    let world = World::new().file("t.csv", TABLE);
    let dataset = world.open_file("t.csv", &only(&["neutral", "happy"])).unwrap();
    assert_eq!(ids(&dataset), ["row:1", "row:2"]);
    assert_eq!(dataset.samples().iter().map(|sample| sample.label).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(dataset.skipped().other_classes["angry"], 1);
    assert_eq!(dataset.picture(1).unwrap().rgb()[0], 7);
    says(&told(&world.open_file("t.csv", &only(&["happy", "contempt"])).unwrap_err()), &["no class \"contempt\""]);
}

/// Rows are parsed in blocks of some megabytes: none may be lost, doubled or cut where two blocks meet.
#[test]
fn rows_over_many_blocks_keep_their_order_and_their_line_numbers() {
    let mut text = String::from("emotion,pixels,Usage\n");
    let mut rows = 0_usize;
    while text.len() < 13 << 20 {
        let value = rows % 256;
        text.push_str(&format!("{},{}{value},Training\n", rows % 7, format!("{value} ").repeat(624)));
        rows += 1;
    }
    text.push_str("0,1 2 3,Training\n");
    let seen = Mutex::new((0, 0));
    let progress = |done: usize, total: usize| {
        let mut seen = seen.lock().unwrap();
        *seen = (seen.0.max(done), total);
    };
    let world = World::new().file("t.csv", &text);
    let dataset = world.open_file("t.csv", &OpenOptions { progress: Some(&progress), ..OpenOptions::default() }).unwrap();
    assert_eq!(dataset.len(), rows);
    for (index, sample) in dataset.samples().iter().enumerate() {
        assert_eq!((sample.id.as_str(), sample.label), (format!("row:{index}").as_str(), index % 7));
    }
    assert_eq!(dataset.picture(300).unwrap(), Picture::from_gray(25, 25, &[(300 % 256) as u8; 625]).unwrap());
    says(&dataset.problems()[0].message, &[&format!("line {}: ", rows + 2)]);
    assert_eq!(*seen.lock().unwrap(), (text.len(), text.len()));
}
