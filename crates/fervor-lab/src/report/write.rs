//! A report's folder.

use std::fs;
use std::path::Path;

use super::{confusion_chart, html, json, markdown, reliability_chart, robustness_charts, words};
use crate::evaluate::EvalReport;
use fervor::error::{Error, Result};
use fervor::files;
use fervor::picture::Picture;
use fervor_draw::chart::{self, LineChart};
use fervor_draw::{Caption, SheetItem, contact_sheet};

/// Mistakes on the contact sheet, and how many stand in a row.
const SHEET: usize = 24;
const COLUMNS: usize = 6;
/// Pixels a unit of a chart.
const SCALE: f32 = 2.0;

/// Writes `report.json`, `report.md`, `index.html`, `confusion.png`, `confusion_normalised.png`, `reliability.png`, and
/// `mistakes.png` where there are mistakes whose pictures are found, `robustness.png` where that was measured. `pictures` gives a picture by its name in the report.
/// The folder is made if need be; each file appears whole or not at all, the page last.
///
/// # Errors
/// [`Output`](fervor::ErrorKind::Output): the folder cannot be written.
pub fn write_report(dir: &Path, report: &EvalReport, pictures: &dyn Fn(&str) -> Option<Picture>) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::output(format!("the folder cannot be made: {}", dir.display())).with_source(e))?;
    write_whole(dir, "report.json", (json(report) + "\n").as_bytes())?;
    write_whole(dir, "report.md", markdown(report).as_bytes())?;
    write_whole(dir, "confusion.png", &chart::png(&confusion_chart(report, false).svg(), SCALE)?)?;
    write_whole(dir, "confusion_normalised.png", &chart::png(&confusion_chart(report, true).svg(), SCALE)?)?;
    write_whole(dir, "reliability.png", &chart::png(&reliability_chart(report).svg(), SCALE)?)?;
    let charts: Vec<String> = robustness_charts(report).iter().map(LineChart::svg).collect();
    if !charts.is_empty() {
        write_whole(dir, "robustness.png", &chart::png(&chart::beside(&charts), SCALE)?)?;
    }
    let items = mistakes(report, pictures);
    if !items.is_empty() {
        let title = format!("The surest mistakes of {} on {}, {}", report.model.name, report.data.name, report.split);
        write_whole(dir, "mistakes.png", &contact_sheet(&title, &items, COLUMNS)?.encode_png()?)?;
    }
    write_whole(dir, "index.html", html(report, pictures)?.as_bytes())
}

fn mistakes(report: &EvalReport, pictures: &dyn Fn(&str) -> Option<Picture>) -> Vec<SheetItem> {
    let line = |text: String, strong: bool| Caption { text, strong };
    let items = report.mistakes.iter().filter_map(|mistake| {
        let said = format!("{} {}", mistake.predicted, words::percent(mistake.confidence));
        let labelled = format!("labelled {}", mistake.truth);
        let caption = vec![line(said, true), line(labelled, false), line(words::file_name(&mistake.id).to_owned(), false)];
        Some(SheetItem { picture: pictures(&mistake.id)?, caption })
    });
    items.take(SHEET).collect()
}

/// Writes a file of a report's folder: whole, or not at all.
pub(crate) fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = dir.join(name);
    files::write_whole(&path, bytes)
        .map_err(|e| Error::output(format!("the report cannot be written: {}", path.display())).with_source(e))
}
