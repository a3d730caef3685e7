//! An [`AuditReport`] as files.

use std::fs;
use std::path::Path;

use super::value::AuditReport;
use crate::error::{Error, Result};
use crate::picture::Picture;

/// The report in the schema `fervor.audit/1`, indented.
pub fn json(report: &AuditReport) -> String {
    serde_json::to_string_pretty(report).expect("a report is plain data with text keys")
}

/// Writes `audit.json` into a folder, which is made if need be. `pictures` gives a picture by its id.
///
/// # Errors
/// [`Input`](crate::ErrorKind::Input): the folder cannot be written.
pub fn write(dir: &Path, report: &AuditReport, _pictures: &(dyn Fn(&str) -> Option<Picture> + Sync)) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::input(format!("the folder cannot be made: {}", dir.display())).with_source(e))?;
    let (path, part) = (dir.join("audit.json"), dir.join("audit.json.part"));
    fs::write(&part, json(report) + "\n").and_then(|()| fs::rename(&part, &path)).map_err(|e| {
        // What is half written is of no use to anyone, and there is nothing to do about a part that stays.
        let _ = fs::remove_file(&part);
        Error::input(format!("the report cannot be written: {}", path.display())).with_source(e)
    })
}
