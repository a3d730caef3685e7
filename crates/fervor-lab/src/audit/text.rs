//! An [`AuditReport`] as a text that fits a screen.

use std::fmt::Write;

use super::balance::weight_words;
use super::value::{AuditReport, Finding, Histogram, Level};
use super::words::{counted, one_line, thousands};

/// Examples of a finding named on its line.
const NAMED: usize = 2;
const WIDTH: usize = 110;

/// The report for people: counts a class and a split, measures, findings with what helps.
pub fn text(report: &AuditReport) -> String {
    let mut out = String::new();
    let copies = report.pictures - report.distinct;
    let _ = writeln!(
        out,
        "{}  {}, {} distinct ({}), {}",
        one_line(&report.data.name),
        counted(report.pictures, "picture", "pictures"),
        thousands(report.distinct),
        counted(copies, "copy", "copies"),
        counted(report.labels.len(), "class", "classes")
    );
    out.push('\n');
    classes(&mut out, report);
    out.push('\n');
    let s = &report.statistics;
    measure(&mut out, "size", &s.width, 0, &size_words(report));
    measure(&mut out, "brightness", &s.brightness, 0, "mean grey value");
    measure(&mut out, "contrast", &s.contrast, 0, "deviation of grey values");
    measure(&mut out, "sharpness", &s.sharpness, 2, "Laplacian / contrast");
    if let Some(batch) = &s.batch {
        let [n, c, h, w] = batch.shape;
        let _ = writeln!(
            out,
            "  {:<11} {n} x {c} x {h} x {w}, values {}..={}, mean {:.1}, deviation {:.1}",
            "batch", batch.least, batch.greatest, batch.mean, batch.deviation
        );
    }
    out.push('\n');
    for finding in &report.findings {
        line(&mut out, finding);
    }
    if report.findings.is_empty() {
        out.push_str("nothing found\n");
    }
    for sentence in &report.not_checked {
        let _ = writeln!(out, "  not checked  {sentence}");
    }
    let levels = [(Level::Error, "error", "errors"), (Level::Warning, "warning", "warnings"), (Level::Info, "note", "notes")];
    let _ = writeln!(out, "\n{}", levels.map(|(level, one, many)| counted(report.count(level), one, many)).join(", "));
    let mut commands: Vec<&str> = report.findings.iter().filter_map(|finding| finding.command.as_deref()).collect();
    let mut seen = std::collections::HashSet::new();
    commands.retain(|command| seen.insert(*command));
    for command in commands {
        let _ = writeln!(out, "  helps: {command}");
    }
    out
}

fn classes(out: &mut String, report: &AuditReport) {
    let classes = &report.statistics.classes;
    let columns = [
        ("train", classes.iter().map(|c| c.train).collect::<Vec<_>>()),
        ("validation", classes.iter().map(|c| c.validation).collect()),
        ("test", classes.iter().map(|c| c.test).collect()),
        ("no split", classes.iter().map(|c| c.no_split).collect()),
        ("all", classes.iter().map(|c| c.pictures).collect()),
    ];
    let columns: Vec<_> = columns.into_iter().filter(|(_, counts)| counts.iter().any(|&count| count > 0)).collect();
    let name = classes.iter().map(|c| one_line(&c.label).chars().count()).max().unwrap_or(0).clamp(5, 24);
    let _ = write!(out, "  {:<name$}", "class");
    for (title, _) in &columns {
        let _ = write!(out, "{title:>12}");
    }
    let _ = writeln!(out, "   weight");
    for (index, class) in classes.iter().enumerate() {
        let label: String = one_line(&class.label).chars().take(name).collect();
        let _ = write!(out, "  {label:<name$}");
        for (_, counts) in &columns {
            let _ = write!(out, "{:>12}", thousands(counts[index]));
        }
        let _ = writeln!(out, "{:>9}", weight_words(&report.statistics.balance.classes[index], 2));
    }
}

fn size_words(report: &AuditReport) -> String {
    let s = &report.statistics;
    let formats: Vec<String> = s.formats.iter().map(|(format, count)| format!("{} {format}", thousands(*count))).collect();
    let colours = match (s.gray, s.color) {
        (_, 0) => "all grey".to_owned(),
        (0, _) => "all colour".to_owned(),
        (gray, color) => format!("{} grey, {} colour", thousands(gray), thousands(color)),
    };
    let sizes = if s.distinct_sizes == 1 { "one size".to_owned() } else { format!("{} sizes", thousands(s.distinct_sizes)) };
    [vec![sizes, colours], formats].concat().join(", ")
}

fn measure(out: &mut String, name: &str, h: &Histogram, digits: usize, words: &str) {
    let _ = writeln!(
        out,
        "  {name:<11} {:.digits$} .. {:.digits$} .. {:.digits$}  (5 %, median, 95 %)  {words}",
        h.low, h.median, h.high
    );
}

fn line(out: &mut String, finding: &Finding) {
    let mut text = format!("{:<8} {}", finding.level.name(), finding.title);
    let mut examples = Vec::new();
    for item in finding.items.iter().take(NAMED) {
        let detail = if item.detail.is_empty() { String::new() } else { format!(" ({})", one_line(&item.detail)) };
        examples.push(format!("{}{detail}", one_line(&item.id)));
    }
    let more = if finding.items.len() > NAMED { ", ..." } else { "" };
    let _ = write!(text, ": {}{more}", examples.join(", "));
    if text.chars().count() > WIDTH {
        text = text.chars().take(WIDTH - 3).collect::<String>() + "...";
    }
    let _ = writeln!(out, "{text}");
}
