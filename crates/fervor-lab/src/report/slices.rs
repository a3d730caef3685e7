//! The scores of groups side by side, as text, markdown and a section of the page.

use std::fmt::{Result as Written, Write};

use super::markdown::cell;
use super::words::{interval, percent};
use crate::evaluate::{BY_CLASS, BY_FLAGS, EvalReport, Gap, GroupScores, LEAST_COMPARED, Score, Slice};
use fervor_draw::chart::{escape, thousands};

/// What is to be known of every gap.
const CAUTION: &str = "The two groups farthest apart are chosen out of all, so that some gap is always found.";
/// And of one between groups of mixed classes.
const MIXED: &str = " Groups may hold other shares of the classes, which alone changes accuracy: balanced accuracy and macro F1 weigh \
                     each class the same.";

fn caution(slice: &Slice) -> String {
    format!("{CAUTION}{}", if slice.column == BY_CLASS { "" } else { MIXED })
}

/// What a score is called.
fn name(score: &str) -> &str {
    match score {
        "balanced_accuracy" => "balanced accuracy",
        "macro_f1" => "macro F1",
        "ece" => "calibration error",
        score => score,
    }
}

/// "accuracy: women 71.2 %, men 64.0 %: 7.2 points apart (95 % interval 2.1 to 12.3)".
fn gap_words(slice: &Slice, gap: &Gap) -> String {
    let score = |group: &str| {
        let found = slice.groups.iter().find(|scores| scores.group == group);
        found.map_or(f64::NAN, |scores| match gap.score.as_str() {
            "balanced_accuracy" => scores.balanced_accuracy.value,
            "macro_f1" => scores.macro_f1.value,
            "ece" => scores.ece.value,
            _ => scores.accuracy.value,
        })
    };
    let interval = gap.ci95.map_or_else(
        || format!("no interval: {}", why_without_interval(slice, gap)),
        |ends| format!("95 % interval {:.1} to {:.1}", 100.0 * ends[0], 100.0 * ends[1]),
    );
    format!(
        "{}: {} {}, {} {}: {:.1} points apart ({interval})",
        name(&gap.score),
        gap.highest,
        percent(score(&gap.highest)),
        gap.lowest,
        percent(score(&gap.lowest)),
        100.0 * gap.difference
    )
}

fn why_without_interval(slice: &Slice, gap: &Gap) -> String {
    let chance = |group: &String| slice.groups.iter().find(|scores| scores.group == *group)?.ece_by_chance;
    match (slice.column.as_str(), chance(&gap.highest), chance(&gap.lowest)) {
        (_, Some(highest), Some(lowest)) if gap.score == "ece" => {
            format!("chance alone makes {} and {}", percent(highest.mean), percent(lowest.mean))
        }
        (BY_FLAGS, ..) => "a picture may be in both groups".to_owned(),
        _ => "every draw of one of them scores the same".to_owned(),
    }
}

/// Whether the interval leaves out 0; not known without one.
fn beyond_chance(gap: &Gap) -> Option<bool> {
    Some(gap.ci95?[0] > 0.0)
}

pub(super) fn text(out: &mut String, report: &EvalReport) -> Written {
    for slice in &report.slices {
        let names = slice.groups.iter().map(|scores| scores.group.chars().count());
        let width = names.chain([slice.column.chars().count()]).max().unwrap_or(0);
        writeln!(
            out,
            "  {:<width$}  pictures  accuracy   95 % interval    balanced  macro F1  top 2     log loss  Brier  calibration error",
            slice.column
        )?;
        for scores in &slice.groups {
            writeln!(
                out,
                "  {:<width$}  {:>8}  {:>8}   {:<16} {:>8}  {:>8}  {:>8}  {:>8.3}  {:>5.3}  {:>8}",
                scores.group,
                thousands(scores.n as i64),
                percent(scores.accuracy.value),
                interval(of_accuracy(scores)),
                percent(scores.balanced_accuracy.value),
                percent(scores.macro_f1.value),
                percent(scores.top2_accuracy.value),
                scores.log_loss.value,
                scores.brier.value,
                percent(scores.ece.value)
            )?;
        }
        for gap in &slice.gaps {
            writeln!(out, "  largest gap in {}", gap_words(slice, gap))?;
        }
        if slice.gaps.is_empty() {
            writeln!(out, "  no gap: fewer than two groups have {LEAST_COMPARED} pictures or more")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

pub(super) fn markdown(out: &mut String, report: &EvalReport) -> Written {
    for slice in &report.slices {
        writeln!(out, "\n## By {}\n", cell(&slice.column))?;
        for gap in &slice.gaps {
            writeln!(out, "- The largest gap in {}", cell(&gap_words(slice, gap)))?;
        }
        writeln!(out, "\n{} Groups of fewer than {LEAST_COMPARED} pictures are not compared.\n", caution(slice))?;
        writeln!(
            out,
            "| {} | pictures | accuracy | balanced accuracy | macro F1 | top-2 accuracy | log loss | Brier score | calibration error |",
            cell(&slice.column)
        )?;
        writeln!(out, "|---|---:|---|---|---|---|---|---|---|")?;
        for scores in &slice.groups {
            write!(out, "| {} | {} |", cell(&scores.group), thousands(scores.n as i64))?;
            columns(scores).iter().try_for_each(|(value, ci)| write!(out, " {value} ({ci}) |"))?;
            writeln!(out)?;
        }
    }
    Ok(())
}

pub(super) fn html(page: &mut String, report: &EvalReport) -> Written {
    for slice in &report.slices {
        writeln!(page, "<section>\n<h2>By {}</h2>\n<p class=\"muted\">{}</p>", escape(&slice.column), caution(slice))?;
        if !slice.gaps.is_empty() {
            writeln!(page, "<ul class=\"notes\">")?;
            for gap in &slice.gaps {
                let words = format!("The largest gap in {}.", gap_words(slice, gap));
                let words = escape(&words);
                match beyond_chance(gap) {
                    Some(true) => writeln!(page, "<li><strong>{words}</strong></li>")?,
                    Some(false) => writeln!(page, "<li>{words} Chance alone can make it.</li>")?,
                    None => writeln!(page, "<li>{words}</li>")?,
                }
            }
            writeln!(page, "</ul>")?;
        }
        write!(page, "<div class=\"scroll\"><table>\n<tr><th>{}</th><th class=\"n\">pictures</th>", escape(&slice.column))?;
        writeln!(
            page,
            "<th class=\"n\">accuracy</th><th class=\"bar\"></th><th class=\"n\">balanced accuracy</th><th class=\"n\">macro F1</th>\
             <th class=\"n\">top 2</th><th class=\"n\">log loss</th><th class=\"n\">Brier</th><th class=\"n\">calibration error</th></tr>"
        )?;
        for scores in &slice.groups {
            row(page, scores)?;
        }
        writeln!(
            page,
            "</table></div>\n<p class=\"muted\" style=\"margin-top:12px\">The small figures are 95 % intervals, and under \
             the calibration error what chance alone makes. Groups of fewer than \
             {LEAST_COMPARED} pictures are shown and not compared.</p>\n</section>"
        )?;
    }
    Ok(())
}

fn row(page: &mut String, scores: &GroupScores) -> Written {
    let few = if scores.n < LEAST_COMPARED { " class=\"muted\"" } else { "" };
    write!(page, "<tr{few}><td>{}</td><td class=\"n\">{}</td>", escape(&scores.group), thousands(scores.n as i64))?;
    for (index, (value, ci)) in columns(scores).into_iter().enumerate() {
        write!(page, "<td class=\"n\">{value}<br><small class=\"muted\">{ci}</small></td>")?;
        if index == 0 {
            let [lo, hi] = of_accuracy(scores);
            let [lo, at, hi] = [lo, scores.accuracy.value, hi].map(|share| 100.0 * share);
            write!(
                page,
                "<td class=\"bar narrow\"><div class=\"range\"><u style=\"width:{at:.2}%\"></u><i style=\"left:{lo:.2}%;width:{:.2}%\"></i>\
                 <b style=\"left:{at:.2}%\"></b></div></td>",
                hi - lo
            )?;
        }
    }
    writeln!(page, "</tr>")
}

/// Wilson's interval, which is always there.
fn of_accuracy(scores: &GroupScores) -> [f64; 2] {
    scores.accuracy.ci95.unwrap_or([f64::NAN; 2])
}

/// Value and interval of each score.
fn columns(scores: &GroupScores) -> [(String, String); 7] {
    // Of a handful of pictures a bootstrap draws the same again and again: its interval would look sure.
    let known = |ci: Option<[f64; 2]>| ci.filter(|_| scores.n >= LEAST_COMPARED);
    let interval = |ci: Option<[f64; 2]>| short_interval(ci.map(|ends| ends.map(|end| 100.0 * end)), 1);
    let wilson = |score: Score| (percent(score.value), interval(score.ci95));
    let share = |score: Score| (percent(score.value), interval(known(score.ci95)));
    let number = |score: Score| (format!("{:.3}", score.value), short_interval(known(score.ci95), 3));
    [
        wilson(scores.accuracy),
        share(scores.balanced_accuracy),
        share(scores.macro_f1),
        wilson(scores.top2_accuracy),
        number(scores.log_loss),
        number(scores.brier),
        (percent(scores.ece.value), by_chance(scores)),
    ]
}

/// "by chance 4.1": an interval would say that the error is surely there, also where chance alone makes it.
fn by_chance(scores: &GroupScores) -> String {
    scores.ece_by_chance.map_or_else(|| "–".to_owned(), |chance| format!("by chance {:.1}", 100.0 * chance.mean))
}

/// "64.6–67.7".
fn short_interval(ci: Option<[f64; 2]>, decimals: usize) -> String {
    let known = ci.filter(|ends| ends.iter().all(|end| end.is_finite()));
    known.map_or_else(|| "–".to_owned(), |[lo, hi]| format!("{lo:.decimals$}–{hi:.decimals$}"))
}
