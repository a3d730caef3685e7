//! Decisions as a table that a person can edit: `id,action,to,label,split,reason`.

use std::io;
use std::path::Path;

use super::{Action, Decision};
use crate::dataset::Split;
use crate::lines::{Lines, check_quotes};
use crate::words::shown;
use fervor::error::{Error, Reason, Result};
use fervor::files::WholeFile;

const HEADER: [&str; 6] = ["id", "action", "to", "label", "split", "reason"];

/// Writes `changes.csv`: whole, or not at all. Names with commas, quotes and line breaks survive (RFC 4180).
///
/// # Errors
/// [`Output`](fervor::ErrorKind::Output): the file cannot be written.
pub fn write_decisions(path: &Path, decisions: &[Decision]) -> Result<()> {
    let rows = decisions.iter().map(|decision| {
        let to = match &decision.action {
            Action::Move(split) => split.name(),
            Action::Relabel(label) => label,
            Action::Keep | Action::Remove | Action::Quarantine => "",
        };
        [&decision.id, decision.action.name(), to, &decision.label, &decision.split, &decision.reason]
    });
    write(path, &HEADER, rows)
}

/// Writes `quarantine.csv`.
pub(super) fn write_quarantine(path: &Path, decisions: &[&Decision]) -> Result<()> {
    write(path, &["id", "label", "split", "reason"], decisions.iter().map(|d| [d.id.as_str(), &d.label, &d.split, &d.reason]))
}

fn write<'a, const N: usize>(path: &Path, header: &[&str; N], rows: impl Iterator<Item = [&'a str; N]>) -> Result<()> {
    let unwritable = |e: io::Error| Error::output("the file cannot be written").with_source(e).context(path.display());
    let written = |e: csv::Error| unwritable(e.into());
    let mut file = WholeFile::create(path).map_err(unwritable)?;
    let mut table = csv::Writer::from_writer(&mut file);
    table.write_record(header).map_err(written)?;
    for row in rows {
        table.write_record(row).map_err(written)?;
    }
    table.flush().map_err(unwritable)?;
    drop(table);
    file.finish().map_err(unwritable)
}

/// Reads a `changes.csv` that a person may have edited: rows may be gone, actions changed. The columns `id` and `action` must be
/// there, `to` where something is moved or relabelled.
///
/// # Errors
/// [`Data`](fervor::ErrorKind::Data): no such file, a missing column, an unknown action, split or an empty label, a quote that is not closed, each with its line.
pub fn read_decisions(path: &Path) -> Result<Vec<Decision>> {
    let unreadable = |e: csv::Error| Error::data("the decisions cannot be read").with_source(e).context(path.display());
    let bytes =
        std::fs::read(path).map_err(|e| Error::data("the decisions cannot be read").with_source(e).context(path.display()))?;
    check_quotes(&bytes, b',').map_err(|e| e.context(path.display()))?;
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let header = table.headers().map_err(unreadable)?.clone();
    // A spreadsheet may put a mark before the first name.
    let column = |name: &str| header.iter().position(|found| found.trim_start_matches('\u{FEFF}').trim() == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| {
            let found: Vec<&str> = header.iter().collect();
            let error = Error::data(format!("expected the columns id,action,to, found {}", shown(&found.join(","))))
                .because(Reason::Mismatch)
                .context(path.display());
            // Where the comma is the decimal mark, spreadsheets write semicolons.
            match found[..] {
                [only] if only.contains(';') => error.with_hint("its columns are parted by semicolons: save it with commas"),
                _ => error,
            }
        })
    };
    let (id, action) = (needed("id")?, needed("action")?);
    let [to, label, split, reason] = ["to", "label", "split", "reason"].map(column);
    let mut decisions = Vec::new();
    let mut lines = Lines::of(&bytes);
    for row in table.records() {
        let row = row.map_err(unreadable)?;
        let field = |column: Option<usize>| column.and_then(|column| row.get(column)).unwrap_or_default();
        let line = lines.of_row(row.position());
        let wrong = |what: String| Error::data(format!("line {line}: {what}")).context(path.display());
        let target = field(to).trim();
        let action = match field(Some(action)).trim() {
            "keep" => Action::Keep,
            "remove" => Action::Remove,
            "quarantine" => Action::Quarantine,
            "move" => {
                Action::Move(Split::parse(target).ok_or_else(|| wrong(format!("not a split to move to: {:?}", shown(target))))?)
            }
            "relabel" if target.is_empty() => return Err(wrong("no label to change to: \"\"".to_owned())),
            "relabel" => Action::Relabel(target.to_owned()),
            other => {
                return Err(wrong(format!("not an action: {:?}", shown(other)))
                    .with_hint("write keep, remove, quarantine, move (to: train, validation, test) or relabel (to: a class)"));
            }
        };
        decisions.push(Decision {
            id: field(Some(id)).to_owned(),
            action,
            label: field(label).to_owned(),
            split: field(split).to_owned(),
            reason: field(reason).to_owned(),
        });
    }
    Ok(decisions)
}
