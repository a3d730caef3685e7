//! The report as one self-contained page: light, dark and printed.

use std::fmt::Write;

use super::page::{foot, head, inline};
use super::slices;
use super::words::{
    absent, band as band_name, bootstrapped, by_chance, choice, excluded, file_name, interval, label_map, leak, of_class,
    percent, pictures, sides, voted,
};
use super::{confusion_chart, reliability_chart, robustness_charts};
use crate::evaluate::EvalReport;
use fervor::error::Result;
use fervor::picture::Picture;
use fervor_draw::chart::escape;
use fervor_draw::chart::thousands;

/// The report as an HTML page with everything inside: fonts, charts, and the pictures of the surest mistakes
/// (`pictures` gives a picture by its name in the report; those it does not find are left as empty frames).
///
/// # Errors
/// Only where a picture cannot be encoded.
pub fn html(report: &EvalReport, pictures: &dyn Fn(&str) -> Option<Picture>) -> Result<String> {
    let gallery = gallery(report, pictures)?;
    let mut page = String::with_capacity(400 << 10);
    write_page(&mut page, report, &gallery).expect("writing to a string");
    Ok(page)
}

fn write_page(page: &mut String, report: &EvalReport, gallery: &str) -> std::fmt::Result {
    let title = format!("{} on {}, {}", report.model.name, report.data.name, report.split);
    head(page, &title, "")?;
    header(page, report)?;
    cards(page, report)?;
    classes(page, report)?;
    confusion(page, report)?;
    calibration(page, report)?;
    voters(page, report)?;
    robustness(page, report)?;
    slices::html(page, report)?;
    page.push_str(gallery);
    protocol(page, report)?;
    foot(page, &report.fervor)
}

fn header(page: &mut String, report: &EvalReport) -> std::fmt::Result {
    let right: u64 = report.confusion.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
    writeln!(page, "<header>\n<h1>{} on {}</h1>", escape(&report.model.name), escape(&report.data.name))?;
    writeln!(
        page,
        "<p class=\"lead muted\">Of {} in the split “{}”, the model names {} as they are labelled.</p>\n<dl class=\"facts\">",
        pictures(report.n),
        escape(&report.split),
        thousands(right as i64)
    )?;
    let mut fact =
        |name: &str, value: String| if value.is_empty() { Ok(()) } else { writeln!(page, "<dt>{name}</dt><dd>{value}</dd>") };
    fact("Model", format!("{} <code>{}</code>", escape(&report.model.name), escape(&report.model.sha256)))?;
    fact("Data", format!("{} <code>{}</code>", escape(&report.data.name), escape(&report.data.manifest_sha256)))?;
    fact("Split", format!("{}, {}", escape(&report.split), pictures(report.n)))?;
    fact("Training data", escape(&leak(report)))?;
    fact("Left out", escape(&excluded(report)))?;
    fact("Classes", escape(&label_map(report)))?;
    fact("Absent", escape(&absent(report)))?;
    fact("Choice", escape(&choice(report)))?;
    writeln!(page, "</dl>\n</header>")
}

fn cards(page: &mut String, report: &EvalReport) -> std::fmt::Result {
    writeln!(page, "<div class=\"cards\">")?;
    let mut headline = |name: &str, value: f64, ci: Option<[f64; 2]>, note: &str| {
        let [lo, hi] = ci.unwrap_or([value; 2]);
        let [lo, at, hi] = [lo, value, hi].map(|v| if v.is_finite() { v * 100.0 } else { 0.0 });
        writeln!(
            page,
            "<div class=\"card main\"><div class=\"name\">{name}</div><div class=\"value\">{}</div>\
             <div class=\"range\"><u style=\"width:{at:.2}%\"></u><i style=\"left:{lo:.2}%;width:{:.2}%\"></i><b style=\"left:{at:.2}%\"></b></div>\
             <div class=\"note\">{}{note}</div></div>",
            percent(value),
            hi - lo,
            bootstrapped(ci)
        )
    };
    let leaked = report.leak_free.as_ref().is_some_and(|clean| clean.leaked > 0);
    let all = if leaked { format!(", all {}", pictures(report.n)) } else { String::new() };
    headline("Accuracy", report.accuracy, Some(report.accuracy_ci95), &all)?;
    match &report.leak_free {
        Some(clean) => {
            let note = format!(", {}{}", pictures(clean.n), if leaked { " not trained on" } else { "" });
            headline("Leak-free accuracy", clean.accuracy.unwrap_or(f64::NAN), Some(clean.accuracy_ci95), &note)?;
        }
        None => headline("Balanced accuracy", report.balanced_accuracy, report.balanced_accuracy_ci95, "")?,
    }
    let mut card = |name: &str, value: String, note: String| {
        writeln!(
            page,
            "<div class=\"card\"><div class=\"name\">{name}</div><div class=\"value\">{value}</div><div class=\"note\">{note}</div></div>"
        )
    };
    if report.leak_free.is_some() {
        card("Balanced accuracy", percent(report.balanced_accuracy), bootstrapped(report.balanced_accuracy_ci95))?;
    }
    card("Macro F1", percent(report.macro_f1), bootstrapped(report.macro_f1_ci95))?;
    card("Top-2 accuracy", percent(report.top2_accuracy), "the label is among the first two".to_owned())?;
    if report.leak_free.is_none() {
        card("Macro precision", percent(report.macro_precision), "mean over the classes".to_owned())?;
    }
    card("Calibration error", percent(report.ece), format!("log loss {:.3}, Brier score {:.3}", report.log_loss, report.brier))?;
    writeln!(page, "</div>")
}

fn classes(page: &mut String, report: &EvalReport) -> std::fmt::Result {
    writeln!(
        page,
        "<section>\n<h2>Classes</h2>\n<p class=\"muted\">Each class against all others. The bar shows the recall with its 95 % interval.</p>\n\
         <div class=\"scroll\"><table>\n<tr><th>class</th><th class=\"n\">pictures</th><th class=\"n\">precision</th><th class=\"n\">recall</th>\
         <th class=\"n\">F1</th><th class=\"bar\"></th></tr>"
    )?;
    for label in &report.labels {
        let Some(class) = report.per_class.get(label) else { continue };
        let [lo, at, hi] = [class.recall_ci95[0], class.recall, class.recall_ci95[1]].map(|v| v * 100.0);
        let bar = match class.support {
            0 => String::new(),
            _ => format!(
                "<div class=\"range\" title=\"{}\"><u style=\"width:{at:.2}%\"></u><i style=\"left:{lo:.2}%;width:{:.2}%\"></i><b style=\"left:{at:.2}%\"></b></div>",
                interval(class.recall_ci95),
                hi - lo
            ),
        };
        writeln!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"bar\">{bar}</td></tr>",
            escape(label),
            thousands(class.support as i64),
            of_class(class, class.precision),
            of_class(class, class.recall),
            of_class(class, class.f1)
        )?;
    }
    writeln!(page, "</table></div>\n</section>")
}

fn confusion(page: &mut String, report: &EvalReport) -> std::fmt::Result {
    writeln!(
        page,
        "<section>\n<h2>Confusion</h2>\n<p class=\"muted\">What each class was taken for. Hits are blue, mistakes orange; the deeper, the larger their share of the row.</p>"
    )?;
    let (counts, shares) = (confusion_chart(report, false).svg(), confusion_chart(report, true).svg());
    // Many classes need the whole width.
    let class = if report.labels.len() <= 9 { "pair" } else { "" };
    writeln!(page, "<div class=\"{class}\">\n{counts}\n{shares}\n</div>")?;
    if !report.confused_pairs.is_empty() {
        writeln!(
            page,
            "<div class=\"scroll\"><table class=\"narrow\">\n<tr><th>labelled</th><th>taken for</th><th class=\"n\">pictures</th><th class=\"n\">share of the class</th></tr>"
        )?;
        for pair in report.confused_pairs.iter().take(6) {
            writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                escape(&pair.truth),
                escape(&pair.predicted),
                thousands(pair.n as i64),
                percent(pair.share)
            )?;
        }
        writeln!(page, "</table></div>")?;
    }
    writeln!(page, "</section>")
}

fn calibration(page: &mut String, report: &EvalReport) -> std::fmt::Result {
    let gap: f64 = report.reliability.iter().filter_map(|bin| Some(bin.n as f64 * (bin.confidence? - bin.accuracy?))).sum();
    let mean = gap / report.n.max(1) as f64;
    let verdict = if mean.abs() < 0.01 {
        "On average its confidence is as high as its accuracy.".to_owned()
    } else if mean > 0.0 {
        format!("On average it is too sure of itself: its confidence lies {} above its accuracy.", points(mean))
    } else {
        format!("On average it is too modest: its confidence lies {} below its accuracy.", points(-mean))
    };
    writeln!(
        page,
        "<section>\n<h2>Confidence</h2>\n<div class=\"pair uneven\">\n{}\n<div><p>Where the model says 80 %, it should be right in 80 of 100 cases: \
         on the dashed line. {verdict}</p>\n<p class=\"muted\">The calibration error is the mean distance from that line over 15 equal bins, \
         weighted by the pictures in them{}. The lower chart shows how many pictures are answered with which confidence.</p>\n<dl class=\"facts\">\
         <dt>Calibration error</dt><dd>{}</dd><dt>Log loss</dt><dd>{:.3}</dd><dt>Brier score</dt><dd>{:.3}</dd></dl></div>\n</div>\n</section>",
        reliability_chart(report).svg(),
        report.ece_by_chance.map_or_else(String::new, |chance| format!("; {}", by_chance(chance))),
        percent(report.ece),
        report.log_loss,
        report.brier
    )
}

fn voters(page: &mut String, report: &EvalReport) -> std::fmt::Result {
    let Some(voters) = &report.voters else { return Ok(()) };
    writeln!(
        page,
        "<section>\n<h2>What people said</h2>\n<p class=\"muted\">{} were shown to people who voted for an expression each. {}</p>",
        pictures(voters.n),
        escape(&sides(voters))
    )?;
    if let Some(votes) = &report.votes {
        writeln!(
            page,
            "<dl class=\"facts\"><dt>Cross-entropy with the votes</dt><dd>{:.3} nats</dd><dt>Of it the voters’ own disagreement</dt>\
             <dd>{:.3}</dd><dt>Divergence from the votes (KL)</dt><dd>{:.3}</dd></dl>",
            votes.cross_entropy, votes.entropy, votes.kl
        )?;
    }
    writeln!(
        page,
        "<div class=\"scroll\"><table class=\"narrow\">\n<tr><th>the most chosen class has</th><th class=\"n\">pictures</th>\
         <th class=\"n\">accuracy</th></tr>"
    )?;
    for band in &voters.agreement {
        let accuracy = band.accuracy.map_or_else(String::new, percent);
        writeln!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{accuracy}</td></tr>",
            band_name(band),
            thousands(band.n as i64)
        )?;
    }
    writeln!(page, "</table></div>")?;
    writeln!(page, "</section>")
}

/// A difference of shares: "3.4 points".
fn points(share: f64) -> String {
    format!("{:.1} points", share * 100.0)
}

fn robustness(page: &mut String, report: &EvalReport) -> std::fmt::Result {
    let Some(robustness) = &report.robustness else { return Ok(()) };
    writeln!(
        page,
        "<section>\n<h2>Worse pictures</h2>\n<p class=\"muted\">Accuracy of {} after each corruption at five strengths; {} as they are. \
         Shift and scale move the box that a detector would have given.</p>\n<div class=\"pair\">",
        pictures(robustness.n),
        percent(robustness.accuracy)
    )?;
    for chart in robustness_charts(report) {
        writeln!(page, "{}", chart.svg())?;
    }
    writeln!(
        page,
        "</div>\n<div class=\"scroll\"><table>\n<tr><th>corruption</th><th>unit</th><th class=\"n\">1</th><th class=\"n\">2</th><th class=\"n\">3</th>\
         <th class=\"n\">4</th><th class=\"n\">5</th><th class=\"n\">mean</th></tr>"
    )?;
    for score in &robustness.corruptions {
        write!(page, "<tr><td>{}</td><td class=\"muted\">{}</td>", score.corruption.name(), escape(&score.unit))?;
        for strength in &score.strengths {
            write!(page, "<td class=\"n\" title=\"{}\">{}</td>", strength.value, percent(strength.accuracy))?;
        }
        writeln!(page, "<td class=\"n\">{}</td></tr>", percent(score.mean))?;
    }
    writeln!(
        page,
        "<tr><td><strong>all</strong></td><td></td><td></td><td></td><td></td><td></td><td></td><td class=\"n\"><strong>{}</strong></td></tr>\n</table></div>\n</section>",
        percent(robustness.mean)
    )
}

fn gallery(report: &EvalReport, pictures: &dyn Fn(&str) -> Option<Picture>) -> Result<String> {
    if report.mistakes.is_empty() {
        return Ok(String::new());
    }
    let mut out = String::from(
        "<section>\n<h2>The surest mistakes</h2>\n<p class=\"muted\">Pictures on which the model disagrees with the label with the highest confidence. \
         Some of them show a weakness of the model, others a wrong label.</p>\n<div class=\"gallery\">\n",
    );
    for mistake in &report.mistakes {
        let shot = match pictures(&mistake.id) {
            Some(picture) => inline(&picture)?,
            None => "<span class=\"muted\">no picture</span>".to_owned(),
        };
        let said = voted(&mistake.votes).map_or_else(String::new, |said| format!("<span>{}</span>", escape(&said)));
        out += &format!(
            "<figure><div class=\"shot\">{shot}</div><figcaption><strong>{} {}</strong><span>labelled {} ({:.0} %)</span>{said}\
             <span title=\"{}\">{}</span></figcaption></figure>\n",
            escape(&mistake.predicted),
            percent(mistake.confidence),
            escape(&mistake.truth),
            mistake.truth_probability * 100.0,
            escape(&mistake.id),
            escape(file_name(&mistake.id))
        );
    }
    Ok(out + "</div>\n</section>\n")
}

fn protocol(page: &mut String, report: &EvalReport) -> std::fmt::Result {
    writeln!(
        page,
        "<section>\n<h2>How this was measured</h2>\n<ul class=\"notes\">\n\
         <li>The model file was run as it is shipped: its own preprocessing, labels and temperature. The hash above names the file.</li>\n\
         <li>The intervals of accuracy and recall are Wilson’s; those of balanced accuracy and macro F1 come from 1000 bootstrap draws with seed 0.</li>\n\
         <li>Balanced accuracy is the mean recall of the classes that have pictures; macro F1 their mean F1.</li>\n\
         <li>“Leak-free” leaves out pictures whose pixels stand in the model’s training data; near duplicates are not recognised by it.</li>\n\
         <li>Calibration error: 15 equal bins of the highest probability (Guo et al. 2017). Log loss uses the natural logarithm; the Brier score runs from 0 to 2.</li>"
    )?;
    if !report.excluded.is_empty() {
        writeln!(page, "<li>Left out and not counted above: {}.</li>", escape(&excluded(report)))?;
    }
    let map = label_map(report);
    if !map.is_empty() {
        writeln!(page, "<li>The data’s classes are not the model’s: {}.</li>", escape(&map))?;
    }
    writeln!(page, "</ul>")?;
    if let Some(command) = &report.command {
        writeln!(page, "<p style=\"margin-top:16px\">To measure it again:</p>\n<pre>{}</pre>", escape(command))?;
    }
    writeln!(page, "</section>")
}
