//! The report for a terminal: one screen, 80 columns for up to eight classes.

use std::fmt::Write;

use super::slices;
use super::words::{
    absent, agreement, bootstrapped, by_chance_briefly, choice, excluded, file_name, interval, label_map, leak, of_class,
    percent, pictures, short, sides, voted,
};
use crate::evaluate::{EvalReport, VoteScores};
use fervor_draw::chart::thousands;

/// The report as aligned text.
pub fn text(report: &EvalReport) -> String {
    let mut out = String::new();
    write_all(&mut out, report).expect("writing to a string");
    out
}

fn write_all(out: &mut String, report: &EvalReport) -> std::fmt::Result {
    writeln!(out, "{} on {}, {}: {}", report.model.name, report.data.name, report.split, pictures(report.n))?;
    writeln!(out, "model {}, data {}\n", short(&report.model.sha256), short(&report.data.manifest_sha256))?;
    let mut row = |name: &str, value: f64, beside: &str| {
        let beside = if beside.is_empty() { String::new() } else { format!("   {beside}") };
        writeln!(out, "  {name:<20}{:>8}{beside}", percent(value))
    };
    // Two accuracies side by side need to say of what each is.
    let of =
        report.leak_free.as_ref().filter(|clean| clean.leaked > 0).map(|clean| {
            [format!("   of all {}", pictures(report.n)), format!("   of the {} not trained on", pictures(clean.n))]
        });
    let [all, clean_ones] = of.unwrap_or_default();
    row("accuracy", report.accuracy, &format!("95 % interval {}{all}", interval(report.accuracy_ci95)))?;
    if let Some(clean) = &report.leak_free {
        let ci = if clean.n > 0 { format!("95 % interval {}", interval(clean.accuracy_ci95)) } else { String::new() };
        row("leak-free accuracy", clean.accuracy.unwrap_or(f64::NAN), &format!("{ci}{clean_ones}"))?;
    }
    row("balanced accuracy", report.balanced_accuracy, &bootstrapped(report.balanced_accuracy_ci95))?;
    row("macro F1", report.macro_f1, &bootstrapped(report.macro_f1_ci95))?;
    row("top-2 accuracy", report.top2_accuracy, "")?;
    row("calibration error", report.ece, &report.ece_by_chance.map_or_else(String::new, by_chance_briefly))?;
    writeln!(out, "  {:<20}{:>8.3}   Brier score {:.3}\n", "log loss", report.log_loss, report.brier)?;
    if let Some(votes) = &report.votes {
        let VoteScores { cross_entropy, entropy, kl } = votes;
        let text = format!("cross-entropy {cross_entropy:.3} = the voters' own {entropy:.3} + divergence {kl:.3}");
        writeln!(out, "  {:<20}{text}\n", "against the votes")?;
    }
    if let Some(voters) = &report.voters {
        writeln!(out, "  where people agree   {}\n", agreement(voters))?;
    }
    write_classes(out, report)?;
    write_confusion(out, report)?;
    let note =
        |out: &mut String, name: &str, text: String| if text.is_empty() { Ok(()) } else { writeln!(out, "  {name:<15}{text}") };
    write_robustness(out, report)?;
    slices::text(out, report)?;
    if let Some(pair) = report.confused_pairs.first() {
        let text = format!("{} taken for {}: {}, {} of its pictures", pair.truth, pair.predicted, pair.n, percent(pair.share));
        note(out, "most confused", text)?;
    }
    if let Some(mistake) = report.mistakes.first() {
        let (name, confidence) = (file_name(&mistake.id), percent(mistake.confidence));
        let said = voted(&mistake.votes).map_or_else(String::new, |said| format!("; {said}"));
        note(out, "surest mistake", format!("{name}: {} called {} with {confidence}{said}", mistake.truth, mistake.predicted))?;
    }
    note(out, "voters", report.voters.as_ref().map_or_else(String::new, sides))?;
    note(out, "training data", leak(report))?;
    note(out, "left out", excluded(report))?;
    note(out, "classes", label_map(report))?;
    note(out, "absent", absent(report))?;
    note(out, "choice", choice(report))
}

fn write_classes(out: &mut String, report: &EvalReport) -> std::fmt::Result {
    let width = report.labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(5);
    writeln!(out, "  {:<width$}  precision    recall        F1  pictures", "class")?;
    for label in &report.labels {
        let Some(class) = report.per_class.get(label) else { continue };
        let (precision, recall, f1) =
            (of_class(class, class.precision), of_class(class, class.recall), of_class(class, class.f1));
        writeln!(out, "  {label:<width$}  {precision:>9}  {recall:>8}  {f1:>8}  {:>8}", thousands(class.support as i64))?;
    }
    writeln!(out)
}

fn write_robustness(out: &mut String, report: &EvalReport) -> std::fmt::Result {
    let Some(robustness) = &report.robustness else { return Ok(()) };
    writeln!(out, "  worse pictures, {}: accuracy {} as they are", pictures(robustness.n), percent(robustness.accuracy))?;
    writeln!(out, "  {:<11} weak                                    strong      mean", "")?;
    for score in &robustness.corruptions {
        write!(out, "  {:<11}", score.corruption.name())?;
        for strength in &score.strengths {
            write!(out, "{:>8}", percent(strength.accuracy))?;
        }
        writeln!(out, "{:>12}", percent(score.mean))?;
    }
    writeln!(out, "  {:<51}{:>12}\n", "mean", percent(robustness.mean))
}

fn write_confusion(out: &mut String, report: &EvalReport) -> std::fmt::Result {
    let cut = |label: &str, n: usize| label.chars().take(n).collect::<String>();
    let widest = report.confusion.iter().flatten().map(|&n| thousands(n as i64).len()).max().unwrap_or(1);
    let column = widest.max(7);
    let name = report.labels.iter().map(|label| label.chars().count().min(16)).max().unwrap_or(0);
    writeln!(out, "  confusion: truth in rows, prediction in columns")?;
    write!(out, "  {:<name$}", "")?;
    for label in &report.labels {
        write!(out, "  {:>column$}", cut(label, column))?;
    }
    for (label, row) in report.labels.iter().zip(&report.confusion) {
        write!(out, "\n  {:<name$}", cut(label, 16))?;
        for &count in row {
            let count = if count == 0 { "·".to_owned() } else { thousands(count as i64) };
            write!(out, "  {count:>column$}")?;
        }
    }
    writeln!(out, "\n")
}
