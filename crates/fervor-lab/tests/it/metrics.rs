//! Our scores against scikit-learn's and SciPy's, stored by `tools/reference/metrics_sklearn.py`.

use fervor_lab::metrics::{Scores, mcnemar, wilson_interval};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
    mcnemar: Vec<fervor_lab::metrics::McNemar>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    truth: Vec<usize>,
    probabilities: Vec<f32>,
    confusion: Vec<Vec<u64>>,
    accuracy: f64,
    accuracy_ci95: [f64; 2],
    balanced_accuracy: f64,
    macro_precision: f64,
    macro_recall: f64,
    macro_f1: f64,
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    support: Vec<u64>,
    log_loss: f64,
    brier: f64,
    ece: f64,
    bins: Vec<u64>,
    top2_accuracy: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../data/metrics.json")).expect("the stored values are JSON")
}

fn assert_close(what: &str, ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-9, "{what}: ours {ours}, theirs {theirs}");
}

#[test]
fn scores_agree_with_scikit_learn() {
    for case in reference().cases {
        let scores = Scores::new(case.classes, &case.probabilities, &case.truth);
        let confusion = &scores.confusion;
        let name = &case.name;
        assert_eq!(confusion.rows(), case.confusion, "{name}");
        assert_eq!(scores.reliability.iter().map(|bin| bin.n).collect::<Vec<_>>(), case.bins, "{name}");
        let interval = wilson_interval(confusion.correct(), confusion.total());
        for (what, ours, theirs) in [
            ("accuracy", confusion.accuracy(), case.accuracy),
            ("lower end", interval[0], case.accuracy_ci95[0]),
            ("upper end", interval[1], case.accuracy_ci95[1]),
            ("balanced accuracy", confusion.balanced_accuracy(), case.balanced_accuracy),
            ("macro precision", confusion.macro_precision(), case.macro_precision),
            ("macro recall", confusion.macro_recall(), case.macro_recall),
            ("macro F1", confusion.macro_f1(), case.macro_f1),
            ("log loss", scores.log_loss, case.log_loss),
            ("Brier", scores.brier, case.brier),
            ("ECE", scores.ece, case.ece),
            ("top-2", scores.top2_accuracy, case.top2_accuracy),
        ] {
            assert_close(&format!("{name}, {what}"), ours, theirs);
        }
        for class in 0..case.classes {
            let ours = confusion.class(class);
            assert_eq!(ours.support, case.support[class], "{name}, class {class}");
            assert_close(&format!("{name}, precision of {class}"), ours.precision, case.precision[class]);
            assert_close(&format!("{name}, recall of {class}"), ours.recall, case.recall[class]);
            assert_close(&format!("{name}, F1 of {class}"), ours.f1, case.f1[class]);
        }
    }
}

#[test]
fn mcnemars_test_agrees_with_scipys_binomial() {
    for theirs in reference().mcnemar {
        let ours = mcnemar(theirs.only_first, theirs.only_second);
        assert_close("exact p", ours.exact, theirs.exact);
        assert_close("mid-p", ours.mid_p, theirs.mid_p);
    }
}
