//! An [`AuditReport`] as one self-contained page: findings with their pictures, classes, measures, what a network gets.

use std::fmt::Write;

use super::charts;
use super::kind::{FindingKind, Level};
use super::source::{PictureSource, seen};
use super::value::{AuditReport, BatchStatistics, ClassStatistics, Finding, Histogram};
use super::words::one_line;
use crate::report::page::{foot, head, inline};
use crate::words::{counted, thousands};
use fervor::error::Result;
use fervor_draw::chart::escape;

mod gallery;

/// The page. `pictures` gives a picture by its id; those it does not find are left as empty frames.
///
/// # Errors
/// Only where a picture cannot be encoded.
pub(super) fn html(report: &AuditReport, pictures: PictureSource) -> Result<String> {
    let mut galleries = Vec::new();
    for finding in &report.findings {
        galleries.push(gallery::of(finding, pictures)?);
    }
    let examples = examples(report, pictures)?;
    let means = means(report)?;
    let mut page = String::with_capacity(1 << 20);
    write_page(&mut page, report, &galleries, &means, &examples).expect("writing to a string");
    Ok(page)
}

fn write_page(page: &mut String, report: &AuditReport, galleries: &[String], means: &str, examples: &str) -> std::fmt::Result {
    head(page, &format!("{}: audit", one_line(&report.data.name)), include_str!("page/style.css"))?;
    header(page, report)?;
    cards(page, report)?;
    contents(page, report)?;
    for (finding, gallery) in report.findings.iter().zip(galleries) {
        self::finding(page, finding, gallery)?;
    }
    not_checked(page, report)?;
    classes(page, report)?;
    page.push_str(means);
    page.push_str(examples);
    measures(page, report)?;
    if let Some(batch) = &report.statistics.batch {
        self::batch(page, report, batch)?;
    }
    if let Some(command) = &report.command {
        writeln!(page, "<section>\n<h2>To make this report again</h2>\n<pre>{}</pre>\n</section>", escape(command))?;
    }
    foot(page, &report.fervor)
}

fn header(page: &mut String, report: &AuditReport) -> std::fmt::Result {
    let [errors, warnings] = [Level::Error, Level::Warning].map(|level| report.count(level));
    let verdict = match (errors, warnings) {
        (0, 0) => "Nothing is wrong with it that was looked for.".to_owned(),
        (0, n) => format!("Nothing that would falsify a score, and {} to look at.", counted(n, "matter", "matters")),
        (n, 0) => format!("{} would falsify scores or training.", counted(n, "finding", "findings")),
        (n, m) => {
            format!("{} would falsify scores or training, {} more to look at.", counted(n, "finding", "findings"), thousands(m))
        }
    };
    writeln!(
        page,
        "<header>\n<h1>{}</h1>\n<p class=\"lead muted\">{verdict}</p>\n<dl class=\"facts\">\
         <dt>Data</dt><dd><code>{}</code></dd><dt>Manifest</dt><dd><code>{}</code></dd></dl>\n</header>",
        escape(&one_line(&report.data.name)),
        escape(&one_line(&report.data.path)),
        escape(&report.data.manifest_sha256)
    )
}

fn cards(page: &mut String, report: &AuditReport) -> std::fmt::Result {
    writeln!(page, "<div class=\"cards\">")?;
    let mut card = |name: &str, value: String, note: String| {
        writeln!(
            page,
            "<div class=\"card\"><div class=\"name\">{name}</div><div class=\"value\">{value}</div><div class=\"note\">{}</div></div>",
            escape(&note)
        )
    };
    let s = &report.statistics;
    let sizes = match &s.sizes[..] {
        [only] if s.distinct_sizes == 1 => format!("all {} x {}", only.width, only.height),
        [first, ..] => format!("{} sizes, mostly {} x {}", thousands(s.distinct_sizes), first.width, first.height),
        [] => String::new(),
    };
    card("Pictures", thousands(report.pictures), sizes)?;
    let copies = report.pictures - report.distinct;
    card("Distinct", thousands(report.distinct), format!("{} with the very pixels of another", thousands(copies)))?;
    card("Classes", report.labels.len().to_string(), format!("largest to smallest {:.1} : 1", s.balance.imbalance_ratio))?;
    let [errors, warnings, notes] = [Level::Error, Level::Warning, Level::Info].map(|level| report.count(level));
    card("Findings", report.findings.len().to_string(), format!("{errors} errors, {warnings} warnings, {notes} notes"))?;
    writeln!(page, "</div>")
}

/// The findings as a table with links.
fn contents(page: &mut String, report: &AuditReport) -> std::fmt::Result {
    writeln!(page, "<section>\n<h2>Findings</h2>")?;
    if report.findings.is_empty() {
        return writeln!(page, "<p>Nothing was found.</p>\n</section>");
    }
    writeln!(page, "<div class=\"scroll\"><table class=\"findings\">")?;
    for finding in &report.findings {
        writeln!(
            page,
            "<tr><td><span class=\"level {0}\">{0}</span></td><td class=\"wrap\"><a href=\"#{1}\">{2}</a></td></tr>",
            finding.level.name(),
            finding.kind.name(),
            escape(&one_line(&finding.title))
        )?;
    }
    writeln!(page, "</table></div>\n</section>")
}

fn finding(page: &mut String, finding: &Finding, gallery: &str) -> std::fmt::Result {
    writeln!(
        page,
        "<section id=\"{0}\">\n<h2><span class=\"level {1}\">{1}</span> {2}</h2>\n<p class=\"muted\">{3}</p>",
        finding.kind.name(),
        finding.level.name(),
        escape(&one_line(&finding.title)),
        escape(&finding.reason)
    )?;
    if let Some(command) = &finding.command {
        writeln!(page, "<pre>{}</pre>", escape(command))?;
    } else if let Some(help) = finding.help() {
        writeln!(page, "<p>What helps: {}.</p>", escape(&help))?;
    } else if finding.kind == FindingKind::SuspectLabel {
        writeln!(page, "<p>Look at each before you change it: the model that doubts a label can be wrong itself.</p>")?;
    }
    writeln!(page, "{gallery}</section>")
}

fn not_checked(page: &mut String, report: &AuditReport) -> std::fmt::Result {
    if report.not_checked.is_empty() {
        return Ok(());
    }
    writeln!(page, "<section>\n<h2>Not looked for</h2>\n<ul class=\"notes\">")?;
    for sentence in &report.not_checked {
        writeln!(page, "<li>{}</li>", escape(sentence))?;
    }
    writeln!(page, "</ul>\n</section>")
}

fn classes(page: &mut String, report: &AuditReport) -> std::fmt::Result {
    let (all, splits) = (charts::classes(report).svg(), charts::splits(report));
    writeln!(
        page,
        "<section>\n<h2>Classes</h2>\n<p class=\"muted\">How many pictures each class has, in all and in each split.</p>"
    )?;
    match splits {
        Some(splits) => writeln!(page, "<div class=\"pair\">\n{all}\n{}\n</div>", splits.svg())?,
        None => writeln!(page, "<div class=\"single\">\n{all}\n</div>")?,
    }
    type Count = fn(&ClassStatistics) -> usize;
    let columns: [(&str, Count); 5] = [
        ("train", |c| c.train),
        ("validation", |c| c.validation),
        ("test", |c| c.test),
        ("no split", |c| c.no_split),
        ("distinct", |c| c.distinct),
    ];
    let statistics = &report.statistics.classes;
    // A split that nothing is in has no column.
    let columns: Vec<_> = columns.into_iter().filter(|(_, count)| statistics.iter().any(|class| count(class) > 0)).collect();
    let heads: String = columns.iter().map(|(name, _)| format!("<th class=\"n\">{name}</th>")).collect();
    writeln!(
        page,
        "<div class=\"scroll\"><table>\n<tr><th>class</th>{heads}<th class=\"n\">effective number</th><th class=\"n\">weight</th></tr>"
    )?;
    for (class, weight) in statistics.iter().zip(&report.statistics.balance.classes) {
        let counts: String =
            columns.iter().map(|(_, count)| format!("<td class=\"n\">{}</td>", thousands(count(class)))).collect();
        writeln!(
            page,
            "<tr><td>{}</td>{counts}<td class=\"n\">{}</td><td class=\"n\">{:.3}</td></tr>",
            escape(&class.label),
            thousands(weight.effective_number.round() as usize),
            weight.weight
        )?;
    }
    let balance = &report.statistics.balance;
    writeln!(
        page,
        "</table></div>\n<p style=\"margin-top:16px\">The weights are one over the effective number of samples (Cui et al. 2019), \
         of {}, scaled to a mean of 1. A recipe takes them as</p>\n<pre>{}</pre>\n</section>",
        if balance.of == "train" { "the training part" } else { "all pictures" },
        escape(&balance.setting)
    )
}

/// The mean picture of each class.
fn means(report: &AuditReport) -> Result<String> {
    let mut out = String::from(
        "<section>\n<h2>Mean pictures</h2>\n<p class=\"muted\">The mean of all pictures of a class: sharp where faces stand in the same place, \
         blurred where they don't.</p>\n<div class=\"gallery means\">\n",
    );
    for class in &report.statistics.classes {
        let Some(picture) = charts::mean_picture(class) else { continue };
        out += &format!(
            "<figure><div class=\"shot\">{}</div><figcaption><strong>{}</strong></figcaption></figure>\n",
            inline(&picture)?,
            escape(&class.label)
        );
    }
    Ok(out + "</div>\n</section>\n")
}

/// Random pictures of each class after preprocessing.
fn examples(report: &AuditReport, pictures: PictureSource) -> Result<String> {
    let Some(batch) = &report.statistics.batch else { return Ok(String::new()) };
    let [_, channels, height, width] = batch.shape;
    let mut out = format!(
        "<section>\n<h2>As a network sees them</h2>\n<p class=\"muted\">Pictures of each class drawn at random, after preprocessing: \
         {width} x {height} pixels, {}.</p>\n",
        if channels == 1 { "grey" } else { "colour" }
    );
    for class in &report.statistics.classes {
        out += &format!("<h3>{}</h3>\n<div class=\"grid\">\n", escape(&class.label));
        for id in &class.examples {
            let Some(picture) = pictures(id) else { continue };
            out += &inline(&seen(&batch.preprocess, &picture))?;
            out.push('\n');
        }
        out += "</div>\n";
    }
    Ok(out + "</section>\n")
}

fn measures(page: &mut String, report: &AuditReport) -> std::fmt::Result {
    let s = &report.statistics;
    writeln!(page, "<section>\n<h2>Pictures</h2>\n<p class=\"muted\">{}</p>\n<div class=\"pair\">", escape(&formats(report)))?;
    for chart in charts::measures(report) {
        writeln!(page, "{}", chart.1.svg())?;
    }
    writeln!(page, "</div>")?;
    writeln!(
        page,
        "<div class=\"scroll\"><table>\n<tr><th>measure</th><th class=\"n\">least</th><th class=\"n\">5 %</th><th class=\"n\">median</th>\
         <th class=\"n\">95 %</th><th class=\"n\">greatest</th><th class=\"n\">mean</th></tr>"
    )?;
    let rows: [(&str, &Histogram, usize); 6] = [
        ("width (pixels)", &s.width, 0),
        ("height (pixels)", &s.height, 0),
        ("width / height", &s.aspect, 2),
        ("mean grey value", &s.brightness, 1),
        ("deviation of grey values", &s.contrast, 1),
        ("sharpness", &s.sharpness, 3),
    ];
    for (name, h, digits) in rows {
        writeln!(
            page,
            "<tr><td>{name}</td>{}</tr>",
            [h.least, h.low, h.median, h.high, h.greatest, h.mean]
                .map(|value| format!("<td class=\"n\">{value:.digits$}</td>"))
                .concat()
        )?;
    }
    writeln!(page, "</table></div>\n</section>")
}

fn formats(report: &AuditReport) -> String {
    let s = &report.statistics;
    let mut parts: Vec<String> = s.formats.iter().map(|(format, count)| format!("{} {format}", thousands(*count))).collect();
    for (count, word) in [(s.gray, "grey"), (s.color, "in colour")] {
        if count > 0 {
            parts.push(format!("{} {word}", thousands(count)));
        }
    }
    parts.join(", ")
}

fn batch(page: &mut String, report: &AuditReport, batch: &BatchStatistics) -> std::fmt::Result {
    let [n, channels, height, width] = batch.shape;
    let labels: Vec<String> =
        report.labels.iter().zip(&batch.labels).map(|(label, count)| format!("{} {count}", escape(label))).collect();
    writeln!(
        page,
        "<section>\n<h2>One batch</h2>\n<dl class=\"facts\"><dt>Shape</dt><dd>{n} x {channels} x {height} x {width} (pictures, channels, height, width)</dd>\
         <dt>Values</dt><dd>{} to {}, mean {:.1}, standard deviation {:.1}; the network scales them itself</dd>\
         <dt>Labels</dt><dd>{}</dd></dl>\n</section>",
        batch.least,
        batch.greatest,
        batch.mean,
        batch.deviation,
        labels.join(", ")
    )
}
