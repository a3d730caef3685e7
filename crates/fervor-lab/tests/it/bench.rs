//! The researcher's bench: predictions as tables, groups side by side, two models on the same pictures.

use fervor::quality::Flag;
use fervor::{LabelSet, Picture};
use fervor_lab::compare::{self, Better, Comparison};
use fervor_lab::evaluate::{DataInfo, Evaluation, ModelInfo, Row, read_predictions, write_predictions};
use fervor_lab::report;

/// Forty pictures of two classes, half of each from two cameras; the model is wrong where `wrong` says so.
fn answers(name: &str, wrong: impl Fn(usize) -> bool) -> Evaluation {
    let labels = LabelSet::new(["happy", "sad"]).unwrap();
    let model = ModelInfo { name: name.into(), sha256: "ab".repeat(32) };
    let data = DataInfo { name: "faces".into(), manifest_sha256: "cd".repeat(32) };
    let mut rows = Evaluation::new(labels, model, data, "test");
    for number in 0..40 {
        let truth = number % 2;
        let answer = if wrong(number) { 1 - truth } else { truth };
        let mut probabilities = [0.1 + number as f32 / 200.0; 2];
        probabilities[answer] = 1.0 - probabilities[1 - answer];
        let flags = if number < 4 { vec![Flag::Blurred, Flag::Dark] } else { Vec::new() };
        rows.push(Row { flags, ..Row::new(format!("{number}, a.png"), truth, probabilities) }).unwrap();
    }
    rows.group("camera", |row| {
        let number: usize = row.id.split(',').next()?.parse().ok()?;
        Some(if number < 20 { "old" } else { "new" }.to_owned())
    });
    rows
}

#[test]
fn predictions_read_back_as_they_were_written() {
    let rows = answers("tiny", |number| number % 3 == 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.csv");
    std::fs::write(&path, write_predictions(&rows)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("id,truth,prediction,confidence,in_training,flags,p_happy,p_sad,group_camera\n"), "{text}");
    assert!(text.contains("\"0, a.png\",happy,sad,0.9,false,blurred dark,"), "{text}");
    let read = read_predictions(&path).unwrap();
    assert_eq!((read.rows(), read.labels(), read.model.name.as_str()), (rows.rows(), rows.labels(), "mine"));
}

// "Not known" was written as "false", and came back as "none was trained on".
#[test]
fn what_is_not_known_of_the_training_is_not_known_either_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.csv");
    let mut rows = answers("tiny", |number| number % 3 == 0);
    rows.training_known = false;
    std::fs::write(&path, write_predictions(&rows)).unwrap();
    let read = read_predictions(&path).unwrap();
    assert!(!read.training_known && read.rows() == rows.rows());
    assert_eq!(Comparison::of(&read, &read, &[]).unwrap().trained_on_a, None);
}

// Only the exact text "true" counted, and pandas writes "True".
#[test]
fn whether_a_picture_was_trained_on_is_read_as_programs_write_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let read = |cells: [&str; 2]| {
        let [first, second] = cells;
        let table = format!("id,truth,in_training,p_happy,p_sad\na,sad,{first},0.5,0.5\nb,sad,{second},0.5,0.5\n");
        std::fs::write(&path, table).unwrap();
        read_predictions(&path)
    };
    for cells in [["True", "False"], ["TRUE", "false"], ["1", "0"], [" true ", "0.0"]] {
        let found = read(cells).unwrap();
        assert_eq!((found.rows()[0].in_training, found.rows()[1].in_training), (true, false), "{cells:?}");
        assert!(found.training_known);
    }
    assert!(!read(["True", ""]).unwrap().training_known, "of one picture it is not known");
    let error = read(["true", "maybe"]).unwrap_err();
    assert!(error.to_string().contains("line 3: in_training must be true or false"), "{error}");
}

#[test]
fn a_table_of_another_kind_says_what_is_wrong_and_where() {
    struct Case {
        table: &'static str,
        says: &'static str,
    }
    let folder = tempfile::tempdir().unwrap();
    for Case { table, says } in [
        Case { table: "name,label\na,b\n", says: "not a table of predictions" },
        Case { table: "id,truth,p_happy,p_sad\n1,happy,0.5,x\n", says: "line 2: the probability of sad is no number: \"x\"" },
        Case {
            table: "id,truth,p_happy,p_sad\n1,happy,0.5,0.5\n2,bored,0.5,0.5\n",
            says: "line 3: the truth is none of happy, sad",
        },
        Case { table: "id,truth,p_happy,p_sad\n1,sad,0.5,7\n", says: "not in 0..=1" },
        Case { table: "id,truth,p_happy,p_sad\n1,sad,0.5,NaN\n", says: "line 2: a probability for 1 is not in 0..=1: NaN" },
        Case { table: "id,truth,p_happy,p_sad\n1,sad,0.5,0.5\n2,sad,0,0\n", says: "line 3: all probabilities for 2 are 0" },
        Case { table: "id,truth,p_happy,p_sad\n,sad,0.5,0.5\n", says: "line 2: a row without an id" },
        Case {
            table: "id,truth,p_happy,p_sad\na.png,sad,0.5,0.5\nb.png,sad,0.5,0.5\na.png,sad,0.5,0.5\n",
            says: "x.csv: line 4: a.png is in line 2 already",
        },
        Case {
            table: "id,truth,p_happy,p_sad\na.png,sad,0.5,0.5\n\"b.png,sad,0.5,0.5\nc.png,sad,0.5,0.5\n",
            says: "line 3: a quote opens here and is never closed",
        },
    ] {
        let path = folder.path().join("x.csv");
        std::fs::write(&path, table).unwrap();
        let error = read_predictions(&path).unwrap_err();
        let said = format!("{error}");
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn groups_are_scored_side_by_side_and_the_largest_gap_is_named() {
    let rows = answers("tiny", |number| number < 10);
    let slice = rows.slice("camera").unwrap();
    let accuracies: Vec<(&str, u64, f64)> = slice.groups.iter().map(|g| (g.group.as_str(), g.n, g.accuracy.value)).collect();
    assert_eq!(accuracies, [("new", 20, 1.0), ("old", 20, 0.5)]);
    let gap = &slice.gaps[0];
    assert_eq!((gap.score.as_str(), gap.highest.as_str(), gap.lowest.as_str(), gap.difference), ("accuracy", "new", "old", 0.5));
    assert!(gap.ci95.is_some_and(|[lo, hi]| 0.2 < lo && hi < 0.75), "{gap:?}");
    assert!(slice.gaps.iter().any(|gap| gap.score == "macro_f1"));

    let flags = rows.slice("flags").unwrap();
    assert_eq!(
        flags.groups.iter().map(|g| (g.group.as_str(), g.n)).collect::<Vec<_>>(),
        [("blurred", 4), ("dark", 4), ("no flag", 36)]
    );
    assert!(flags.gaps.is_empty(), "four pictures are too few to compare");
    let error = rows.slice("lens").unwrap_err();
    assert_eq!(error.hint().unwrap(), "they can be by class, flags, camera");

    let mut found = rows.report().unwrap();
    found.slices = vec![slice, flags];
    let picture = |_: &str| Picture::from_gray(8, 8, &[120; 64]).ok();
    for text in [report::text(&found), report::markdown(&found), report::html(&found, &picture).unwrap()] {
        assert!(text.contains("argest gap in accuracy: new 100.0 %, old 50.0 %: 50.0 points apart"), "{text}");
    }
    let read: fervor_lab::evaluate::EvalReport = serde_json::from_str(&report::json(&found)).unwrap();
    assert_eq!(read.slices.len(), 2);
}

// A bootstrap only raises the calibration error: its interval could leave its own value out. Groups of flags share pictures, and
// were compared as if they did not.
#[test]
fn a_gap_has_an_interval_only_where_there_is_a_true_one() {
    let rows = answers("tiny", |number| number % 4 == 0);
    let mut with_flags = Evaluation::new(rows.labels().clone(), rows.model.clone(), rows.data.clone(), "test");
    for (number, row) in rows.rows().iter().enumerate() {
        let flags = [vec![Flag::Blurred, Flag::Dark], vec![Flag::Dark], Vec::new()][number % 3].clone();
        with_flags.push(Row { flags, ..row.clone() }).unwrap();
    }
    let [camera, flags] = ["camera", "flags"].map(|column| with_flags.slice(column).unwrap());
    for group in camera.groups.iter().chain(&flags.groups) {
        assert!(group.ece.ci95.is_none() && group.brier.ci95.is_some(), "{group:?}");
        assert!(group.ece_by_chance.is_some_and(|chance| 0.0 < chance.mean && chance.mean < chance.most), "{group:?}");
    }
    let without: Vec<&str> = camera.gaps.iter().filter(|gap| gap.ci95.is_none()).map(|gap| gap.score.as_str()).collect();
    assert_eq!(without, ["ece"]);
    assert_eq!((flags.gaps.len(), flags.gaps.iter().filter(|gap| gap.ci95.is_some()).count()), (4, 0));
    let mut found = with_flags.report().unwrap();
    found.slices = vec![camera, flags];
    for text in [report::text(&found), report::markdown(&found), report::html(&found, &|_| None).unwrap()] {
        assert!(text.contains("no interval: chance alone makes"), "{text}");
        assert!(text.contains("no interval: a picture may be in both groups"), "{text}");
    }
}

#[test]
fn a_better_model_is_found_and_where_it_wins_is_said() {
    let (a, b) = (answers("old", |number| number % 2 == 0 && number < 30), answers("new", |number| number == 39));
    let found = Comparison::of(&a, &b, &["camera".to_owned()]).unwrap();
    assert_eq!((found.n, found.both_right, found.both_wrong), (40, 24, 0));
    assert_eq!((found.test.only_first, found.test.only_second, found.better), (1, 15, Better::B));
    assert!((found.accuracy.difference - 14.0 / 40.0).abs() < 1e-12);
    assert!(found.accuracy.ci95[0] > 0.15 && found.accuracy.ci95[1] < 0.55, "{:?}", found.accuracy);
    let of: Vec<(&str, Better)> = found.classes.iter().map(|part| (part.name.as_str(), part.better)).collect();
    assert_eq!(of, [("happy", Better::B), ("sad", Better::Neither)]);
    assert_eq!(found.groups[0].groups.iter().map(|part| part.n).collect::<Vec<_>>(), [20, 20]);
    assert_eq!(found.disagreements.len(), 16);
    assert!(found.disagreements.windows(2).all(|two| {
        let least = |row: &compare::Disagreement| row.a.confidence.min(row.b.confidence);
        least(&two[0]) >= least(&two[1])
    }));
    for text in [compare::text(&found), compare::markdown(&found)] {
        assert!(text.contains("B is better than A by 35.0 points of accuracy"), "{text}");
    }
    let again: Comparison = serde_json::from_str(&found.json()).unwrap();
    assert_eq!(compare::markdown(&again), compare::markdown(&found));
}

#[test]
fn a_comparison_leaves_a_sheet_and_a_table_of_the_pictures_on_which_the_models_differ() {
    let (a, b) = (answers("old", |number| number < 3), answers("new", |number| number == 39));
    let found = Comparison::of(&a, &b, &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    compare::write_comparison(folder.path(), &found, &|_| Picture::from_gray(8, 8, &[120; 64]).ok()).unwrap();
    for file in ["comparison.json", "comparison.md", "classes.png", "disagreements.png"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
    let table = std::fs::read_to_string(folder.path().join("disagreements.csv")).unwrap();
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.contains("\"39, a.png\",sad,sad,"), "{table}");
    assert!(compare::disagreements_sheet(&found, &|_| None).unwrap().is_none());
}

#[test]
fn answers_about_other_pictures_or_labels_are_not_compared() {
    let a = answers("old", |_| false);
    let labels = a.labels().clone();
    let with = |id: &str, truth: usize| {
        let mut rows = Evaluation::new(labels.clone(), a.model.clone(), a.data.clone(), "test");
        rows.push(Row::new(id, truth, [0.5, 0.5])).unwrap();
        rows
    };
    assert!(Comparison::of(&a, &with("b.png", 0), &[]).unwrap_err().message().contains("no picture"));
    let error = Comparison::of(&a, &with("0, a.png", 1), &[]).unwrap_err();
    assert!(error.message().contains("labelled \"happy\" for the first model and \"sad\" for the second"), "{error}");
}

// Rows that came twice counted twice: differences looked surer than they are, and fewer pictures than none were left over.
#[test]
fn a_picture_that_a_model_answered_twice_is_refused() {
    let (a, mut twice) = (answers("old", |_| false), answers("new", |number| number < 6));
    let row = twice.rows()[3].clone();
    twice.push(row).unwrap();
    for pair in [[&a, &twice], [&twice, &a]] {
        let error = Comparison::of(pair[0], pair[1], &[]).unwrap_err();
        assert_eq!(error.message(), "new has two rows about one picture: 3, a.png");
    }
}
