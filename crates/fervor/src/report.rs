//! An [`EvalReport`] as text, JSON, markdown, and one HTML page with its pictures. Each is a pure function of the report:
//! nothing here computes a score.

mod html;
mod markdown;
pub(crate) mod page;
mod text;
mod words;
mod write;

use crate::chart::{ConfusionChart, ReliabilityChart};
use crate::evaluate::EvalReport;

pub use html::html;
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

/// The reliability diagram.
pub fn reliability_chart(report: &EvalReport) -> ReliabilityChart {
    ReliabilityChart { title: "Reliability".to_owned(), bins: report.reliability.clone(), ece: report.ece }
}
