//! The report for a repository or an issue.

use std::fmt::Write;

use super::slices;
use super::words::{
    NO_INTERVAL, absent, band as band_name, by_chance, choice, excluded, interval, label_map, leak, of_class, percent, pictures,
    sides, voted,
};
use crate::evaluate::EvalReport;
use fervor_draw::chart::thousands;

/// The report as markdown with tables; it names the pictures that [`write_report`](super::write_report) writes beside it.
pub fn markdown(report: &EvalReport) -> String {
    let mut out = String::new();
    write_all(&mut out, report).expect("writing to a string");
    out
}

fn write_all(out: &mut String, report: &EvalReport) -> std::fmt::Result {
    writeln!(out, "# {} on {}, {}\n", cell(&report.model.name), cell(&report.data.name), cell(&report.split))?;
    writeln!(out, "| | |\n|---|---|")?;
    let mut fact = |name: &str, value: String| if value.is_empty() { Ok(()) } else { writeln!(out, "| {name} | {value} |") };
    fact("Pictures", thousands(report.n as i64))?;
    fact("Left out", cell(&excluded(report)))?;
    fact("Classes", cell(&label_map(report)))?;
    fact("Absent", cell(&absent(report)))?;
    fact("Choice", cell(&choice(report)))?;
    fact("Training data", leak(report))?;
    fact("Model", format!("`{}`", report.model.sha256))?;
    fact("Data manifest", format!("`{}`", report.data.manifest_sha256))?;
    fact("Fervor", report.fervor.clone())?;
    writeln!(out, "\n## Scores\n\n| score | value | 95 % interval |\n|---|---:|---|")?;
    let mut score = |name: &str, value: f64, ci: String| writeln!(out, "| {name} | {} | {ci} |", percent(value));
    let by_draws = |ci: Option<[f64; 2]>| ci.map_or_else(|| NO_INTERVAL.to_owned(), interval);
    let leaked = report.leak_free.as_ref().is_some_and(|clean| clean.leaked > 0);
    let all = if leaked { format!(" (all {})", pictures(report.n)) } else { String::new() };
    score(&format!("**accuracy**{all}"), report.accuracy, interval(report.accuracy_ci95))?;
    if let Some(clean) = &report.leak_free {
        let name = format!("leak-free accuracy ({})", pictures(clean.n));
        let ci = if clean.n > 0 { interval(clean.accuracy_ci95) } else { String::new() };
        score(&name, clean.accuracy.unwrap_or(f64::NAN), ci)?;
    }
    score("balanced accuracy", report.balanced_accuracy, by_draws(report.balanced_accuracy_ci95))?;
    score("macro F1", report.macro_f1, by_draws(report.macro_f1_ci95))?;
    score("top-2 accuracy", report.top2_accuracy, String::new())?;
    score("expected calibration error", report.ece, String::new())?;
    if let Some(chance) = report.ece_by_chance {
        writeln!(out, "| ({}) | | |", by_chance(chance))?;
    }
    writeln!(out, "| log loss | {:.3} | |\n| Brier score | {:.3} | |", report.log_loss, report.brier)?;
    if let Some(votes) = &report.votes {
        writeln!(out, "| cross-entropy with the votes | {:.3} | |", votes.cross_entropy)?;
        writeln!(out, "| of it the voters' own entropy | {:.3} | |", votes.entropy)?;
        writeln!(out, "| and divergence from the votes (KL) | {:.3} | |", votes.kl)?;
    }
    if let Some(voters) = &report.voters {
        writeln!(
            out,
            "\n## What people said\n\n{}\n\n| most chosen class has | pictures | accuracy |\n|---|---:|---:|",
            sides(voters)
        )?;
        for band in &voters.agreement {
            let accuracy = band.accuracy.map_or_else(String::new, percent);
            writeln!(out, "| {} | {} | {accuracy} |", band_name(band), thousands(band.n as i64))?;
        }
    }
    writeln!(
        out,
        "\n## Classes\n\n| class | precision | recall | 95 % interval | F1 | pictures |\n|---|---:|---:|---|---:|---:|"
    )?;
    for label in &report.labels {
        let Some(class) = report.per_class.get(label) else { continue };
        let (precision, recall, ci, f1) = (
            of_class(class, class.precision),
            of_class(class, class.recall),
            interval(class.recall_ci95),
            of_class(class, class.f1),
        );
        writeln!(out, "| {} | {precision} | {recall} | {ci} | {f1} | {} |", cell(label), thousands(class.support as i64))?;
    }
    writeln!(out, "\n## Confusion\n\nTruth in rows, prediction in columns.\n")?;
    let header: String = report.labels.iter().map(|label| format!(" {} |", cell(label))).collect();
    writeln!(out, "| |{header}\n|---|{}", "---:|".repeat(report.labels.len()))?;
    for (index, (label, row)) in report.labels.iter().zip(&report.confusion).enumerate() {
        write!(out, "| **{}** |", cell(label))?;
        for (column, &count) in row.iter().enumerate() {
            let count = thousands(count as i64);
            if column == index { write!(out, " **{count}** |")? } else { write!(out, " {count} |")? }
        }
        writeln!(out)?;
    }
    writeln!(out, "\n![Confusion matrix](confusion_normalised.png)\n\n![Reliability diagram](reliability.png)")?;
    if let Some(robustness) = &report.robustness {
        writeln!(
            out,
            "\n## Worse pictures\n\nAccuracy of {} as they are: {}.\n",
            pictures(robustness.n),
            percent(robustness.accuracy)
        )?;
        writeln!(out, "| corruption | unit | strength 1 | 2 | 3 | 4 | 5 | mean |\n|---|---|---:|---:|---:|---:|---:|---:|")?;
        for score in &robustness.corruptions {
            write!(out, "| {} | {} |", score.corruption.name(), score.unit)?;
            for strength in &score.strengths {
                write!(out, " {} ({}) |", percent(strength.accuracy), strength.value)?;
            }
            writeln!(out, " {} |", percent(score.mean))?;
        }
        writeln!(out, "| **all** | | | | | | | **{}** |\n\n![Robustness](robustness.png)", percent(robustness.mean))?;
    }
    slices::markdown(out, report)?;
    if !report.mistakes.is_empty() {
        writeln!(out, "\n## The surest mistakes\n\n| picture | labelled | predicted | with | people |\n|---|---|---|---:|---|")?;
        for mistake in report.mistakes.iter().take(12) {
            let (id, truth, predicted) = (cell(&mistake.id), cell(&mistake.truth), cell(&mistake.predicted));
            let said = cell(&voted(&mistake.votes).unwrap_or_default());
            writeln!(out, "| {id} | {truth} | {predicted} | {} | {said} |", percent(mistake.confidence))?;
        }
    }
    match &report.command {
        Some(command) => writeln!(out, "\n## Again\n\n```sh\n{command}\n```"),
        None => Ok(()),
    }
}

/// Text for a table's cell: what markdown would read as markup is escaped.
pub(crate) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '`' | '*' | '_' | '<' | '[' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
