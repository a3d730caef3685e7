//! Cells, numbers and times as text.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

/// Writes rows of cells with a mark between them, quoted as RFC 4180 says.
pub(in crate::timeline) struct Table<'a> {
    out: &'a mut dyn Write,
    mark: char,
}

impl<'a> Table<'a> {
    /// Cells parted by commas.
    pub fn csv(out: &'a mut dyn Write) -> Self {
        Self { out, mark: ',' }
    }

    /// Cells parted by tabs; what would break a row is a blank, since such tables know no quotes.
    pub fn tsv(out: &'a mut dyn Write) -> Self {
        Self { out, mark: '\t' }
    }

    /// Writes one row.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) -> io::Result<()> {
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                write!(self.out, "{}", self.mark)?;
            }
            let cell = if self.mark == ',' { quoted(cell.as_ref()) } else { unbroken(cell.as_ref()) };
            self.out.write_all(cell.as_bytes())?;
        }
        writeln!(self.out)
    }
}

fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")).into() } else { text.into() }
}

fn unbroken(text: &str) -> Cow<'_, str> {
    if text.contains(['\t', '\n', '\r']) { text.replace(['\t', '\n', '\r'], " ").into() } else { text.into() }
}

/// A number without an exponent, in as few digits as read back as the same.
pub(in crate::timeline) fn number(value: impl Display) -> String {
    value.to_string()
}

/// The same; nothing where there is none.
pub(in crate::timeline) fn optional(value: Option<impl Display>) -> String {
    value.map(number).unwrap_or_default()
}

/// Seconds to the microsecond, without zeros at the end: what the clocks of films are exact to.
pub(in crate::timeline) fn seconds(time: f64) -> String {
    let text = format!("{time:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Milliseconds, never negative.
pub(super) fn milliseconds(time: f64) -> u64 {
    (1e3 * time).round().max(0.0) as u64
}

/// `01:02:03.456`, with the given mark before the milliseconds.
pub(in crate::timeline) fn clock(time: f64, mark: char) -> String {
    let ms = milliseconds(time);
    let (hours, minutes, seconds, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    format!("{hours:02}:{minutes:02}:{seconds:02}{mark}{ms:03}")
}
