//! The comparison for a terminal.

use std::fmt::Write;

use super::words::{agreement, cautions, p_value, range, signed, verdict, winner};
use super::{Comparison, Difference, Disagreement, Part};
use crate::words::{counted, percent, thousands};

/// Disagreements that are listed; all of them are in the JSON and the table.
const LISTED: usize = 10;

/// The comparison as aligned text.
pub fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    write_all(&mut out, comparison).expect("writing to a string");
    out
}

fn write_all(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let Comparison { a, b, data, split, .. } = comparison;
    writeln!(out, "A  {}  {}\nB  {}  {}", a.name, short(&a.sha256), b.name, short(&b.sha256))?;
    writeln!(out, "on {}, {split}: {}\n", data.name, counted(comparison.n as usize, "picture", "pictures"))?;
    writeln!(out, "  {}\n", verdict(comparison))?;
    writeln!(out, "  {:<20}{:>9}{:>9}{:>9}   95 % interval of B - A", "", "A", "B", "B - A")?;
    let mut score = |name: &str, Difference { a, b, difference, ci95 }: Difference| {
        let difference = signed(difference);
        writeln!(out, "  {name:<20}{:>9}{:>9}{difference:>9}   {}", percent(a), percent(b), range(ci95))
    };
    score("accuracy", comparison.accuracy)?;
    score("balanced accuracy", comparison.balanced_accuracy)?;
    score("macro F1", comparison.macro_f1)?;
    let Difference { a, b, difference, ci95: [lo, hi] } = comparison.log_loss;
    writeln!(out, "  {:<20}{a:>9.3}{b:>9.3}{difference:>+9.3}   {lo:+.3} to {hi:+.3}; less is better\n", "log loss")?;
    writeln!(out, "  {}\n", agreement(comparison))?;
    write_parts(out, "class", &comparison.classes)?;
    for groups in &comparison.groups {
        write_parts(out, &groups.column, &groups.groups)?;
    }
    if !comparison.disagreements.is_empty() {
        let width = comparison.disagreements.iter().take(LISTED).map(|row| row.id.chars().count()).max().unwrap_or(0).min(40);
        writeln!(out, "  {:<width$}  labelled   A                B                right", "surest disagreements")?;
        for Disagreement { id, truth, a, b, right } in comparison.disagreements.iter().take(LISTED) {
            let id: String = tail(id, 40);
            let (a, b) = (format!("{} {}", a.label, percent(a.confidence)), format!("{} {}", b.label, percent(b.confidence)));
            let width = width.max(20);
            writeln!(out, "  {id:<width$}  {truth:<9}  {a:<15}  {b:<15}  {}", winner(*right))?;
        }
        writeln!(out)?;
    }
    cautions(comparison).iter().try_for_each(|caution| writeln!(out, "  note: {caution}"))
}

fn write_parts(out: &mut String, column: &str, parts: &[Part]) -> std::fmt::Result {
    let width = parts.iter().map(|part| part.name.chars().count()).chain([column.chars().count(), 5]).max().unwrap_or(5);
    writeln!(
        out,
        "  {column:<width$}  pictures        A        B    B - A   95 % interval     only A   only B   adjusted p   better"
    )?;
    for Part { name, n, accuracy, test, adjusted_p, better } in parts {
        let Difference { a, b, difference, ci95 } = accuracy;
        writeln!(
            out,
            "  {name:<width$}  {:>8} {:>8} {:>8} {:>8}   {:<15} {:>8} {:>8}   {:>10}   {}",
            thousands(*n as usize),
            percent(*a),
            percent(*b),
            signed(*difference),
            range(*ci95),
            test.only_first,
            test.only_second,
            p_value(*adjusted_p),
            winner(*better)
        )?;
    }
    writeln!(out)
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// The last `most` letters of a name.
fn tail(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most { name.to_owned() } else { format!("…{}", name.chars().skip(length - most + 1).collect::<String>()) }
}
