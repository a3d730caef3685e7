//! An [`EvalReport`] as text, JSON, markdown, and one HTML page with its pictures. Each is a pure function of the report:
//! nothing here computes a score.

mod html;
mod markdown;
pub(crate) mod page;
mod slices;
mod text;
mod words;
mod write;

use crate::evaluate::EvalReport;
use fervor_draw::chart::{ConfidenceBin, ConfusionChart, LineChart, ReliabilityChart, Series};

pub use html::html;
pub(crate) use markdown::cell;
pub use markdown::markdown;
pub use text::text;
pub use write::write_report;
pub(crate) use write::write_whole;

/// The report in the schema `fervor.report/1`, indented.
pub fn json(report: &EvalReport) -> String {
    // Numbers that are not finite become null; there is nothing else in a report that JSON could refuse.
    serde_json::to_string_pretty(report).expect("a report is plain data with text keys")
}

/// The confusion matrix as a chart; `normalised` writes shares of the rows instead of counts.
pub fn confusion_chart(report: &EvalReport, normalised: bool) -> ConfusionChart {
    let title = if normalised { "Confusion, share of each true class" } else { "Confusion, pictures" };
    ConfusionChart { title: title.to_owned(), labels: report.labels.clone(), counts: report.confusion.clone(), normalised }
}

/// Accuracy over the five strengths of each corruption, four corruptions a chart; none where they were not measured.
pub fn robustness_charts(report: &EvalReport) -> Vec<LineChart> {
    let Some(robustness) = &report.robustness else { return Vec::new() };
    let charts = robustness.corruptions.chunks(4).map(|corruptions| {
        let series = corruptions.iter().map(|score| {
            let worse = score.strengths.iter().enumerate().map(|(step, strength)| ((step + 1) as f64, 100.0 * strength.accuracy));
            Series {
                name: score.corruption.name().to_owned(),
                points: [(0.0, 100.0 * robustness.accuracy)].into_iter().chain(worse).collect(),
            }
        });
        LineChart {
            title: "Accuracy on worse pictures".to_owned(),
            x_label: "strength; 0 is the picture as it is".to_owned(),
            y_label: "accuracy (%)".to_owned(),
            series: series.collect(),
            mark: None,
            from_zero: true,
        }
    });
    charts.collect()
}

/// The reliability diagram.
pub fn reliability_chart(report: &EvalReport) -> ReliabilityChart {
    let bins = report.reliability.iter().map(|bin| ConfidenceBin {
        from: bin.from,
        to: bin.to,
        n: bin.n,
        confidence: bin.confidence,
        accuracy: bin.accuracy,
    });
    ReliabilityChart { title: "Reliability".to_owned(), bins: bins.collect(), ece: report.ece }
}
