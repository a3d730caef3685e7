//! Decisions as a table that a person can edit: `id,action,to,label,split,reason`.

use std::path::Path;

use super::{Action, Decision};
use crate::dataset::Split;
use fervor::error::{Error, Result};

const HEADER: [&str; 6] = ["id", "action", "to", "label", "split", "reason"];

/// Writes `changes.csv`. Names with commas, quotes and line breaks survive (RFC 4180).
///
/// # Errors
/// [`Input`](fervor::ErrorKind::Input): the file cannot be written.
pub fn write_decisions(path: &Path, decisions: &[Decision]) -> Result<()> {
    let rows = decisions.iter().map(|decision| {
        let to = match &decision.action {
            Action::Move(split) => split.name(),
            Action::Relabel(label) => label,
            _ => "",
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
    let unwritable = |e: csv::Error| Error::input(format!("the file cannot be written: {}", path.display())).with_source(e);
    let mut table = csv::Writer::from_path(path).map_err(unwritable)?;
    table.write_record(header).map_err(unwritable)?;
    for row in rows {
        table.write_record(row).map_err(unwritable)?;
    }
    table.flush().map_err(|e| unwritable(e.into()))
}

/// Reads a `changes.csv` that a person may have edited: rows may be gone, actions changed. The columns `id` and `action` must be
/// there, `to` where something is moved or relabelled.
///
/// # Errors
/// [`Data`](fervor::ErrorKind::Data): no such file, a missing column, an unknown action, split or an empty label, each with its line.
pub fn read_decisions(path: &Path) -> Result<Vec<Decision>> {
    let unreadable = |e: csv::Error| Error::data(format!("the decisions cannot be read: {}: {e}", path.display())).with_source(e);
    let bytes = std::fs::read(path).map_err(|e| unreadable(e.into()))?;
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let header = table.headers().map_err(unreadable)?.clone();
    // A spreadsheet may put a mark before the first name.
    let column = |name: &str| header.iter().position(|found| found.trim_start_matches('\u{FEFF}').trim() == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| {
            let found: Vec<&str> = header.iter().collect();
            let error = Error::data(format!("{}: expected the columns id,action,to, found {}", path.display(), found.join(",")));
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
    let mut lines = Lines { bytes: &bytes, at: 0, line: 1 };
    for row in table.records() {
        let row = row.map_err(unreadable)?;
        let field = |column: Option<usize>| column.and_then(|column| row.get(column)).unwrap_or_default();
        let line = lines.of(row.position().map_or(lines.at, |position| position.byte() as usize));
        let wrong = |what: String| Error::data(format!("{}: line {line}: {what}", path.display()));
        let target = field(to).trim();
        let action = match field(Some(action)).trim() {
            "keep" => Action::Keep,
            "remove" => Action::Remove,
            "quarantine" => Action::Quarantine,
            "move" => Action::Move(Split::parse(target).ok_or_else(|| wrong(format!("not a split to move to: {target:?}")))?),
            "relabel" if target.is_empty() => return Err(wrong("no label to change to: \"\"".to_owned())),
            "relabel" => Action::Relabel(target.to_owned()),
            other => {
                return Err(wrong(format!("not an action: {other:?}"))
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

/// Line numbers as an editor shows them. Those of the `csv` crate are one short after `\r\n`: a row ends with the `\r` there, so that the
/// next one begins with a line break.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the row that was found at `start`, no earlier than the one before.
    fn of(&mut self, start: usize) -> usize {
        let breaks = self.bytes.iter().skip(start).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.bytes[self.at..start + breaks];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.at += passed.len();
        self.line
    }
}
