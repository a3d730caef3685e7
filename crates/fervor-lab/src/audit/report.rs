//! An [`AuditReport`] as files.

use std::fs;
use std::path::Path;

use super::page::html;
use super::source::PictureSource;
use super::value::AuditReport;
use super::{charts, text};
use crate::report::write_whole;
use fervor::error::{Error, Result};
use fervor::picture::Picture;
use fervor_draw::chart;

/// Pixels a unit of a chart.
const SCALE: f32 = 2.0;

/// The report in the schema `fervor.audit/1`, indented.
pub fn json(report: &AuditReport) -> String {
    serde_json::to_string_pretty(report).expect("a report is plain data with text keys")
}

/// Writes `audit.json`, `audit.txt`, `index.html`, and as pictures `classes.png`, `splits.png`, a histogram for each
/// measure that varies (`brightness.png`, ...), `mean_pictures.png` and `samples.png`. `pictures` gives a picture by its id.
/// The folder is made if need be; each file appears whole or not at all, the page last.
///
/// # Errors
/// [`Output`](fervor::ErrorKind::Output): the folder cannot be written.
pub fn write(dir: &Path, report: &AuditReport, pictures: PictureSource) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::output("the folder cannot be made").with_source(e).context(dir.display()))?;
    write_whole(dir, "audit.json", (json(report) + "\n").as_bytes())?;
    write_whole(dir, "audit.txt", text(report).as_bytes())?;
    write_whole(dir, "classes.png", &chart::png(&charts::classes(report).svg(), SCALE)?)?;
    if let Some(splits) = charts::splits(report) {
        write_whole(dir, "splits.png", &chart::png(&splits.svg(), SCALE)?)?;
    }
    for (name, histogram) in charts::measures(report) {
        write_whole(dir, name, &chart::png(&histogram.svg(), SCALE)?)?;
    }
    let sheets: [(&str, Option<Picture>); 2] =
        [("mean_pictures.png", charts::mean_sheet(report)?), ("samples.png", charts::sample_sheet(report, pictures)?)];
    for (name, sheet) in sheets {
        if let Some(sheet) = sheet {
            write_whole(dir, name, &sheet.encode_png()?)?;
        }
    }
    write_whole(dir, "index.html", html(report, pictures)?.as_bytes())
}
