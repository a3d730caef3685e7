//! Evaluations and their reports, over made-up answers.

use std::fs;

use fervor::{ErrorKind, LabelMap, LabelSet, Limits, Picture};
use fervor_lab::evaluate::{DataInfo, EvalReport, Evaluation, ModelInfo, Row, Votes};
use fervor_lab::report;
use serde_json::Value;

fn evaluation() -> Evaluation {
    let labels = LabelSet::new(["happy", "sad", "fear"]).unwrap();
    let model = ModelInfo { name: "tiny".into(), sha256: "ab".repeat(32) };
    let data = DataInfo { name: "faces".into(), manifest_sha256: "cd".repeat(32) };
    Evaluation::new(labels, model, data, "test")
}

/// Six answers, four of them right; one picture was trained on.
fn six() -> Evaluation {
    six_with(|_, row| row)
}

/// The same six, each with its number and the row as `change` makes it.
fn six_with(change: impl Fn(usize, Row) -> Row) -> Evaluation {
    let mut rows = evaluation();
    let six = [
        ("a/1.png", 0, [0.8, 0.1, 0.1], false),
        ("a/2.png", 0, [0.2, 0.7, 0.1], false),
        ("b/3.png", 1, [0.1, 0.9, 0.0], true),
        ("b/4.png", 1, [0.3, 0.4, 0.3], false),
        ("c/5.png", 2, [0.05, 0.0, 0.95], false),
        ("c/6.png", 2, [0.96, 0.04, 0.0], false),
    ];
    for (number, (id, truth, probabilities, in_training)) in six.into_iter().enumerate() {
        rows.push(change(number, Row { in_training, ..Row::new(id, truth, probabilities) })).unwrap();
    }
    rows.exclude("unreadable", 2);
    rows.command = Some("fervor evaluate tiny.onnx faces --split test".into());
    rows
}

fn picture(_: &str) -> Option<Picture> {
    Picture::from_gray(48, 48, &[120; 48 * 48]).ok()
}

#[test]
fn json_has_the_keys_of_the_schema() {
    let json: Value = serde_json::from_str(&report::json(&six().report().unwrap())).unwrap();
    assert_eq!(json["schema"], "fervor.report/1");
    assert_eq!(json["model"]["sha256"], "ab".repeat(32));
    assert_eq!(json["data"]["name"], "faces");
    assert_eq!(json["split"], "test");
    assert_eq!(json["n"], 6);
    assert_eq!(json["accuracy"], 4.0 / 6.0);
    assert!(json["accuracy_ci95"][0].as_f64() < json["accuracy"].as_f64());
    for key in ["balanced_accuracy", "macro_f1", "log_loss", "ece", "brier", "top2_accuracy"] {
        assert!(json[key].is_f64(), "{key}");
    }
    assert_eq!(json["labels"], serde_json::json!(["happy", "sad", "fear"]));
    assert_eq!(json["confusion"], serde_json::json!([[1, 1, 0], [0, 2, 0], [1, 0, 1]]));
    assert_eq!(json["per_class"]["sad"]["recall"], 1.0);
    assert_eq!(json["leak_free"]["n"], 5);
    assert_eq!(json["leak_free"]["accuracy"], 3.0 / 5.0);
    assert_eq!(json["excluded"]["unreadable"], 2);
    assert_eq!(json["mistakes"][0]["id"], "c/6.png");
    assert_eq!(json["confused_pairs"][0]["n"], 1);
}

// Ten pictures that are all right had intervals from 100.0 to 100.0 %.
#[test]
fn answers_that_are_all_right_have_no_interval_by_bootstrap() {
    let mut rows = evaluation();
    for number in 0..10 {
        let truth = number % 2;
        let probabilities = if truth == 0 { vec![0.9, 0.1, 0.0] } else { vec![0.2, 0.8, 0.0] };
        let groups = [("half".to_owned(), ["a", "b"][number % 2].to_owned())].into();
        rows.push(Row { groups, ..Row::new(format!("{number}.png"), truth, probabilities) }).unwrap();
    }
    let mut scored = rows.report().unwrap();
    scored.slices = vec![rows.slice("half").unwrap()];
    let json: Value = serde_json::from_str(&report::json(&scored)).unwrap();
    assert!(json["balanced_accuracy_ci95"].is_null() && json["macro_f1_ci95"].is_null(), "{json}");
    assert!(json["accuracy_ci95"][0].as_f64().unwrap() < 0.75, "Wilson's interval is there");
    assert!(json["slices"][0]["groups"][0]["macro_f1"]["ci95"].is_null(), "{json}");
    let said = "no interval: every draw scores the same";
    for text in [report::text(&scored), report::markdown(&scored), report::html(&scored, &picture).unwrap()] {
        assert!(text.contains(said) && !text.contains("100.0 to 100.0"), "{text}");
    }
    assert_eq!(serde_json::from_str::<EvalReport>(&report::json(&scored)).unwrap().macro_f1_ci95, None);
}

#[test]
fn a_report_survives_json() {
    let report = six().report().unwrap();
    let read: EvalReport = serde_json::from_str(&report::json(&report)).unwrap();
    // Numbers may lose their last bit on the way; what is printed of them does not.
    assert_eq!(report::markdown(&read), report::markdown(&report));
    assert_eq!((read.confusion, read.label_map, read.excluded), (report.confusion, report.label_map, report.excluded));
}

#[test]
fn the_same_answers_give_the_same_page() {
    let page = || report::html(&six().report().unwrap(), &picture).unwrap();
    assert_eq!(page(), page());
}

#[test]
fn every_format_says_how_it_was_measured() {
    let report = six().report().unwrap();
    for text in [report::text(&report), report::markdown(&report), report::html(&report, &picture).unwrap()] {
        for word in ["tiny", "faces", "66.7 %", "60.0 %", "unreadable", "stands in the training data"] {
            assert!(text.contains(word), "{word} is missing in\n{text}");
        }
    }
    assert!(report::markdown(&report).contains("fervor evaluate tiny.onnx"));
}

#[test]
fn text_fits_a_screen() {
    let text = report::text(&six().report().unwrap());
    assert!(text.lines().count() < 40 && text.lines().all(|line| line.chars().count() <= 110), "{text}");
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let page = report::html(&six().report().unwrap(), &picture).unwrap();
    let outside = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!outside.contains("http") && !outside.contains("<script") && !outside.contains("<link"));
    assert_eq!(page.matches("data:image/jpeg").count(), 2, "one picture for each mistake");
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
}

#[test]
fn names_cannot_break_the_page() {
    let mut rows = six_with(|number, row| match number {
        5 => Row { id: "x\" onload=\"y\u{7}.png".into(), ..row },
        _ => row,
    });
    rows.model.name = "<script>alert(1)</script>".into();
    let report = rows.report().unwrap();
    let page = report::html(&report, &|_| None).unwrap();
    assert!(!page.contains("<script") && !page.contains("\" onload=\"y"));
    assert!(page.contains("no picture"));
}

#[test]
fn a_folder_holds_the_whole_report() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/report");
    report::write_report(&dir, &six().report().unwrap(), &picture).unwrap();
    let mut names: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let expected = [
        "confusion.png",
        "confusion_normalised.png",
        "index.html",
        "mistakes.png",
        "reliability.png",
        "report.json",
        "report.md",
    ];
    assert_eq!(names, expected);
    for name in names.iter().filter(|name| name.ends_with(".png")) {
        let picture = Picture::decode(&fs::read(dir.join(name)).unwrap(), &Limits::default()).unwrap();
        assert!(picture.width() > 300 && picture.height() > 200, "{name}: {picture:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = report::write_report(&file, &six().report().unwrap(), &picture).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
}

#[test]
fn without_mistakes_there_is_no_sheet_of_them() {
    let mut rows = evaluation();
    rows.push(Row::new("1", 0, [1.0, 0.0, 0.0])).unwrap();
    let report = rows.report().unwrap();
    let folder = tempfile::tempdir().unwrap();
    report::write_report(folder.path(), &report, &picture).unwrap();
    assert!(!folder.path().join("mistakes.png").exists());
    assert!(!report::html(&report, &picture).unwrap().contains("surest mistakes"));
}

#[test]
fn everything_trained_on_leaves_no_leak_free_accuracy() {
    let mut rows = evaluation();
    rows.push(Row { in_training: true, ..Row::new("1", 0, [1.0, 0.0, 0.0]) }).unwrap();
    let report = rows.report().unwrap();
    let clean = report.leak_free.unwrap();
    assert_eq!((clean.n, clean.leaked, clean.accuracy), (0, 1, None));
    assert!(report::json(&report).contains("\"accuracy\": null"));
    assert!(report::text(&report).contains("every one of these pictures"));
    report::html(&report, &picture).unwrap();
}

#[test]
fn a_model_of_unknown_training_has_no_leak_free_score() {
    let mut rows = six();
    rows.training_known = false;
    let report = rows.report().unwrap();
    assert_eq!(report.leak_free, None);
    assert!(report::text(&report).contains("not known"));
    assert!(!report::html(&report, &picture).unwrap().contains("Leak-free accuracy"));
}

#[test]
fn nothing_to_evaluate_is_an_error() {
    let mut rows = evaluation();
    rows.exclude("no face", 3);
    let error = rows.report().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.message().contains("3 left out"), "{error}");
}

#[test]
fn wrong_rows_are_refused() {
    let mut rows = evaluation();
    let votes = |shares: &[f32]| Some(Votes { shares: shares.to_vec(), kept: 1.0 });
    let fine = || Row::new("x", 0, [0.2, 0.3, 0.5]);
    for (row, kind) in [
        (Row { truth: 3, ..fine() }, ErrorKind::Data),
        (Row { probabilities: vec![0.5, 0.5], ..fine() }, ErrorKind::Model),
        (Row { probabilities: vec![f32::NAN, 0.5, 0.5], ..fine() }, ErrorKind::Model),
        (Row { votes: votes(&[0.5, 0.5]), ..fine() }, ErrorKind::Data),
        (Row { votes: votes(&[f32::NAN, 0.5, 0.5]), ..fine() }, ErrorKind::Data),
        (Row { votes: votes(&[0.0; 3]), ..fine() }, ErrorKind::Data),
    ] {
        assert_eq!(rows.push(row.clone()).unwrap_err().kind(), kind, "{row:?}");
    }
    assert!(rows.rows().is_empty());
    rows.push(fine()).unwrap();
}

#[test]
fn a_label_map_is_told() {
    let mut rows = six();
    let from = LabelSet::new(["happy", "sad", "scream", "contempt"]).unwrap();
    rows.set_label_map(&LabelMap::parse("scream=fear,contempt=-", &from, rows.labels()).unwrap());
    let report = rows.report().unwrap();
    for text in [report::text(&report), report::markdown(&report), report::html(&report, &picture).unwrap()] {
        assert!(text.contains("scream taken as fear, contempt left out"), "{text}");
    }
    rows.set_label_map(&LabelMap::same_names(rows.labels(), rows.labels()).unwrap());
    assert!(rows.label_map().is_empty(), "a map that changes nothing leaves no trace");
}

#[test]
fn votes_are_compared_with_the_answers() {
    let model = ModelInfo { name: "tiny".into(), sha256: "00".into() };
    let data = DataInfo { name: "pets".into(), manifest_sha256: "11".into() };
    let asked = |votes: [Option<[f32; 2]>; 2]| {
        let mut evaluation = Evaluation::new(LabelSet::new(["happy", "sad"]).unwrap(), model.clone(), data.clone(), "test");
        let answers = [("a.png", 0, [0.75, 0.25]), ("b.png", 1, [0.5, 0.5])];
        for ((id, truth, probabilities), votes) in answers.into_iter().zip(votes) {
            let votes = votes.map(|shares| Votes { shares: shares.to_vec(), kept: 1.0 });
            evaluation.push(Row { votes, ..Row::new(id, truth, probabilities) }).unwrap();
        }
        evaluation
    };
    assert!(asked([None; 2]).report().unwrap().votes.is_none());
    let evaluation = asked([Some([0.75, 0.25]), Some([0.0, 1.0])]);
    let votes = evaluation.report().unwrap().votes.unwrap();
    // The first answer is what the voters say; the second misses by ln 2.
    assert!((votes.kl - 2f64.ln() / 2.0).abs() < 1e-6 && (votes.entropy - 0.562_335 / 2.0).abs() < 1e-6, "{votes:?}");
    assert!((votes.cross_entropy - votes.entropy - votes.kl).abs() < 1e-12);
    let report = evaluation.report().unwrap();
    assert!(report::text(&report).contains("against the votes") && report::markdown(&report).contains("with the votes"));
}

#[test]
fn reports_say_what_people_said_of_the_mistakes() {
    let votes = [
        [0.9, 0.1, 0.0],
        [0.3, 0.7, 0.0], // taken for sad, as most people do
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0], // nobody was asked
        [0.0, 0.4, 0.6],
        [0.2, 0.0, 0.8], // taken for happy, against most people
    ];
    let with = |kept: [f32; 6]| {
        six_with(|number, row| {
            let asked = votes[number].iter().any(|share| *share > 0.0);
            Row { votes: asked.then(|| Votes { shares: votes[number].to_vec(), kept: kept[number] }), ..row }
        })
    };
    let scored = with([1.0; 6]).report().unwrap();
    let voters = scored.voters.as_ref().unwrap();
    let sides = voters.sides.unwrap();
    assert_eq!((voters.n, sides.mistakes, sides.with_model, sides.with_label), (5, 2, 1, 1));
    let bands: Vec<(u64, Option<f64>)> = voters.agreement.iter().map(|band| (band.n, band.accuracy)).collect();
    assert_eq!(bands, [(0, None), (1, Some(1.0)), (2, Some(0.0)), (2, Some(1.0))]);
    assert_eq!(scored.mistakes[0].votes[0].label, "fear");
    for text in [report::text(&scored), report::markdown(&scored), report::html(&scored, &picture).unwrap()] {
        assert!(text.contains("8 of 10 say fear"), "{text}");
        assert!(text.contains("agree with the model on 50.0 %"), "{text}");
    }
    let back: EvalReport = serde_json::from_str(&report::json(&scored)).unwrap();
    assert_eq!(back.voters, scored.voters);
    assert_eq!(back.mistakes[0].votes.len(), 2);
    assert!(six().report().unwrap().voters.is_none());

    // Half of the votes were for no class at all: five of ten said fear, and most said neither.
    let mut rows = with([1.0, 1.0, 1.0, 0.0, 1.0, 0.625]);
    let scored = rows.report().unwrap();
    assert!((scored.mistakes[0].votes[0].share - 0.5).abs() < 1e-6);
    assert_eq!(scored.voters.unwrap().sides.unwrap().with_label, 0);
    rows.judged_by_votes = true;
    assert!(rows.report().unwrap().voters.unwrap().sides.is_none());
}

#[test]
fn a_class_without_pictures_is_in_no_mean_and_is_named() {
    let mut rows = evaluation();
    for (id, truth, probabilities) in [("1", 0, [0.9, 0.1, 0.0]), ("2", 0, [0.1, 0.1, 0.8]), ("3", 1, [0.2, 0.8, 0.0])] {
        rows.push(Row::new(id, truth, probabilities)).unwrap();
    }
    let found = rows.report().unwrap();
    assert_eq!(found.absent, ["fear"]);
    assert!((found.macro_f1 - (2.0 / 3.0 + 1.0) / 2.0).abs() < 1e-12, "{}", found.macro_f1);
    assert_eq!(found.macro_recall, found.balanced_accuracy);
    for text in [report::text(&found), report::markdown(&found), report::html(&found, &picture).unwrap()] {
        assert!(text.contains("no picture is of fear, which is in no mean over classes"), "{text}");
    }
}

#[test]
fn a_model_that_chooses_among_some_classes_is_scored_on_those() {
    let classes = LabelSet::new(["sad", "happy"]).unwrap();
    let chosen = six().choosing_among(&classes).unwrap();
    assert_eq!((chosen.rows().len(), chosen.rows()[0].truth), (4, 1));
    assert!((chosen.rows()[0].probabilities[1] - 0.8 / 0.9).abs() < 1e-6, "{:?}", chosen.rows()[0]);
    let found = chosen.report().unwrap();
    assert_eq!(
        (found.n, found.chosen_from.len(), found.labels.as_slice()),
        (4, 3, ["sad", "happy"].map(String::from).as_slice())
    );
    assert_eq!(found.excluded["of a class that was not to be chosen"], 2);
    assert!(report::text(&found).contains("choose among sad, happy, 2 of its 3 classes"));
    let error = six().choosing_among(&LabelSet::new(["sad", "bored"]).unwrap()).unwrap_err();
    assert!(error.message().contains("no class \"bored\""), "{error}");
}
