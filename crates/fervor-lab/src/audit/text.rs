//! An [`AuditReport`] as a text that fits a screen.

use std::collections::HashSet;
use std::fmt::{self, Write};

use super::balance::weight_words;
use super::kind::Level;
use super::value::{AuditReport, Finding, Histogram};
use super::words::one_line;
use crate::words::{counted, thousands};

/// Examples of a finding named on its line.
const NAMED: usize = 2;
const WIDTH: usize = 110;

/// The report for people: counts a class and a split, measures, findings with what helps.
pub fn text(report: &AuditReport) -> String {
    let mut out = String::new();
    write(&mut out, report).expect("writing to a string");
    out
}

fn write(out: &mut String, report: &AuditReport) -> fmt::Result {
    let copies = report.pictures - report.distinct;
    writeln!(
        out,
        "{}  {}, {} distinct ({}), {}\n",
        one_line(&report.data.name),
        counted(report.pictures, "picture", "pictures"),
        thousands(report.distinct),
        counted(copies, "copy", "copies"),
        counted(report.labels.len(), "class", "classes")
    )?;
    classes(out, report)?;
    out.push('\n');
    let s = &report.statistics;
    measure(out, "size", &s.width, 0, &size_words(report))?;
    measure(out, "brightness", &s.brightness, 0, "mean grey value")?;
    measure(out, "contrast", &s.contrast, 0, "deviation of grey values")?;
    measure(out, "sharpness", &s.sharpness, 2, "Laplacian / contrast")?;
    if let Some(batch) = &s.batch {
        let [n, c, h, w] = batch.shape;
        writeln!(
            out,
            "  {:<11} {n} x {c} x {h} x {w}, values {}..={}, mean {:.1}, deviation {:.1}",
            "batch", batch.least, batch.greatest, batch.mean, batch.deviation
        )?;
    }
    out.push('\n');
    for finding in &report.findings {
        line(out, finding)?;
    }
    if report.findings.is_empty() {
        out.push_str("nothing found\n");
    }
    for sentence in &report.not_checked {
        writeln!(out, "  not checked  {sentence}")?;
    }
    let levels = [(Level::Error, "error", "errors"), (Level::Warning, "warning", "warnings"), (Level::Info, "note", "notes")];
    writeln!(out, "\n{}", levels.map(|(level, one, many)| counted(report.count(level), one, many)).join(", "))?;
    let mut told = HashSet::new();
    for help in report.findings.iter().filter_map(Finding::help) {
        if told.insert(help.clone()) {
            writeln!(out, "  helps: {help}")?;
        }
    }
    Ok(())
}

fn classes(out: &mut String, report: &AuditReport) -> fmt::Result {
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
    write!(out, "  {:<name$}", "class")?;
    for (title, _) in &columns {
        write!(out, "{title:>12}")?;
    }
    writeln!(out, "   weight")?;
    for (index, class) in classes.iter().enumerate() {
        let label: String = one_line(&class.label).chars().take(name).collect();
        write!(out, "  {label:<name$}")?;
        for (_, counts) in &columns {
            write!(out, "{:>12}", thousands(counts[index]))?;
        }
        writeln!(out, "{:>9}", weight_words(&report.statistics.balance.classes[index], 2))?;
    }
    Ok(())
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

fn measure(out: &mut String, name: &str, h: &Histogram, digits: usize, words: &str) -> fmt::Result {
    writeln!(out, "  {name:<11} {:.digits$} .. {:.digits$} .. {:.digits$}  (5 %, median, 95 %)  {words}", h.low, h.median, h.high)
}

fn line(out: &mut String, finding: &Finding) -> fmt::Result {
    let mut text = format!("{:<8} {}", finding.level.name(), finding.title);
    let mut examples = Vec::new();
    for item in finding.items.iter().take(NAMED) {
        let detail = if item.detail.is_empty() { String::new() } else { format!(" ({})", one_line(&item.detail)) };
        examples.push(format!("{}{detail}", one_line(&item.id)));
    }
    let more = if finding.items.len() > NAMED { ", ..." } else { "" };
    write!(text, ": {}{more}", examples.join(", "))?;
    if text.chars().count() > WIDTH {
        text = text.chars().take(WIDTH - 3).collect::<String>() + "...";
    }
    writeln!(out, "{text}")
}
