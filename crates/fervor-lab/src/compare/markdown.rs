//! The comparison for a repository or an issue.

use std::fmt::Write;

use super::words::{agreement, cautions, p_value, points, range, verdict, winner};
use super::{Comparison, Difference, Part};
use crate::report::cell;
use crate::words::{percent, thousands};

/// Disagreements that are listed; all of them are in the table beside it.
const LISTED: usize = 20;

/// The comparison as markdown with tables; it names the files that [`write_comparison`](super::write_comparison) writes beside it.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = String::new();
    write_all(&mut out, comparison).expect("writing to a string");
    out
}

fn write_all(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let Comparison { a, b, data, split, .. } = comparison;
    writeln!(out, "# {} and {} on {}, {}\n", cell(&a.name), cell(&b.name), cell(&data.name), cell(split))?;
    writeln!(out, "**{}**\n\n{}\n", verdict(comparison), agreement(comparison))?;
    for caution in cautions(comparison) {
        writeln!(out, "- {caution}")?;
    }
    writeln!(out, "\n| | |\n|---|---|\n| A | {} `{}` |\n| B | {} `{}` |", cell(&a.name), a.sha256, cell(&b.name), b.sha256)?;
    writeln!(out, "| Pictures | {} |\n| Data manifest | `{}` |", thousands(comparison.n as usize), data.manifest_sha256)?;
    writeln!(out, "| Fervor | {} |\n", comparison.fervor)?;
    writeln!(out, "## Scores\n\n| score | A | B | B - A | 95 % interval |\n|---|---:|---:|---:|---|")?;
    let mut score = |name: &str, Difference { a, b, difference, ci95 }: Difference| {
        writeln!(out, "| {name} | {} | {} | {} | {} |", percent(a), percent(b), points(difference), range(ci95))
    };
    score("**accuracy**", comparison.accuracy)?;
    score("balanced accuracy", comparison.balanced_accuracy)?;
    score("macro F1", comparison.macro_f1)?;
    let Difference { a, b, difference, ci95: [lo, hi] } = comparison.log_loss;
    writeln!(out, "| log loss (less is better) | {a:.3} | {b:.3} | {difference:+.3} | {lo:+.3} to {hi:+.3} |\n")?;
    writeln!(
        out,
        "Intervals come from a paired bootstrap, 1000 draws with seed 0. P values are McNemar's mid-p; those of classes and groups are \
         adjusted for their number after Holm.\n"
    )?;
    parts(out, "Classes", "class", &comparison.classes)?;
    writeln!(out, "![Recall of each class](classes.png)\n")?;
    for groups in &comparison.groups {
        parts(out, &format!("By {}", cell(&groups.column)), &groups.column, &groups.groups)?;
    }
    if !comparison.disagreements.is_empty() {
        writeln!(
            out,
            "## Where they differ\n\nThe surest of {}; all of them: [disagreements.csv](disagreements.csv).\n",
            thousands(comparison.disagreements.len())
        )?;
        writeln!(out, "| picture | labelled | A | B | right |\n|---|---|---|---|---|")?;
        for row in comparison.disagreements.iter().take(LISTED) {
            let [a, b] = [&row.a, &row.b].map(|said| format!("{} {}", cell(&said.label), percent(said.confidence)));
            writeln!(out, "| {} | {} | {a} | {b} | {} |", cell(&row.id), cell(&row.truth), winner(row.right))?;
        }
        writeln!(out, "\n![Pictures on which they differ](disagreements.png)")?;
    }
    match &comparison.command {
        Some(command) => writeln!(out, "\n## Again\n\n```sh\n{command}\n```"),
        None => Ok(()),
    }
}

fn parts(out: &mut String, title: &str, column: &str, parts: &[Part]) -> std::fmt::Result {
    writeln!(out, "## {title}\n")?;
    writeln!(
        out,
        "| {} | pictures | A | B | B - A | 95 % interval | only A right | only B right | adjusted p | better |",
        cell(column)
    )?;
    writeln!(out, "|---|---:|---:|---:|---:|---|---:|---:|---:|---|")?;
    for part in parts {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            cell(&part.name),
            thousands(part.n as usize),
            percent(part.accuracy.a),
            percent(part.accuracy.b),
            points(part.accuracy.difference),
            range(part.accuracy.ci95),
            part.test.only_first,
            part.test.only_second,
            p_value(part.adjusted_p),
            winner(part.better)
        )?;
    }
    writeln!(out)
}
