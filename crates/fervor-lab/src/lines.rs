//! Where the rows of a table with commas stand, as an editor shows it, and quotes that swallow rows.

use fervor::error::{Error, Reason, Result};

/// Line numbers of a table's rows. Those of the `csv` crate are one short after `\r\n`: a row ends with the `\r` there, so that the
/// next one begins with a line break.
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    /// The lines of a whole table.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1 }
    }

    /// The line of a row, no earlier than the one before; a row without a place stands where the last one did.
    pub fn of_row(&mut self, place: Option<&csv::Position>) -> usize {
        let start = place.map_or(self.at, |place| place.byte() as usize);
        let breaks = self.bytes.iter().skip(start).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.bytes[self.at..start + breaks];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.at += passed.len();
        self.line
    }
}

/// Refuses a table in which a quote takes up the rows after it: one that nothing closes, or that closes lines later in the middle of a field,
/// at the quote of another row. The `csv` crate reads both as one long field. Values of several lines whose quotes match stay what they are.
///
/// # Errors
/// [`Data`](fervor::ErrorKind::Data) with the line where the quote opens.
pub(crate) fn check_quotes(bytes: &[u8], delimiter: u8) -> Result<()> {
    let refused = |opened: usize, how: &str| {
        Err(Error::data(format!("line {opened}: a quote opens here and {how}"))
            .because(Reason::Damaged)
            .with_hint("remove the quote or close it; a quote that belongs to a value stands twice, in a value between quotes"))
    };
    let mut bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).iter().copied().peekable();
    let (mut line, mut opened, mut at_start) = (1, None, true);
    while let Some(byte) = bytes.next() {
        match opened {
            Some(first) if byte == b'"' && bytes.next_if_eq(&b'"').is_none() => {
                let ends = |next: u8| next == delimiter || matches!(next, b'\r' | b'\n' | b' ' | b'\t');
                if line > first && !bytes.peek().is_none_or(|&next| ends(next)) {
                    return refused(first, &format!("closes in the middle of line {line}"));
                }
                (opened, at_start) = (None, false);
            }
            None if byte == b'"' && at_start => opened = Some(line),
            None => at_start = byte == delimiter || matches!(byte, b'\r' | b'\n'),
            Some(_) => {}
        }
        line += usize::from(byte == b'\n');
    }
    opened.map_or(Ok(()), |first| refused(first, "is never closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_that_take_up_rows_are_found_and_no_others() {
        let fine = [
            "",
            "a,b\n1,2\n",
            "a,b\n\"1\n2\",\"say \"\"3\"\"\"\r\n\"\",4\n",
            "\u{feff}\"a,\",b\n",
            "a,b\n5\" tall,6\n1,x \"y\n",
            "a,b\n\"1\"2,3\n",
            "a,b\n\"1\n2\" ,3",
        ];
        for table in fine {
            assert!(check_quotes(table.as_bytes(), b',').is_ok(), "{table}");
        }
        let torn = [
            ("a,b\n1,2\n\"3,4\n5,6\n", "line 3: a quote opens here and is never closed"),
            ("a,b\r\n1,\"2\r\n3,4", "line 2: a quote opens here and is never closed"),
            ("a,b\n1,2\n3,\"\"\"\n", "line 3: a quote opens here and is never closed"),
            ("a,b\n\"1,2\n3,4\n5,\"6,7\"\n", "line 2: a quote opens here and closes in the middle of line 4"),
        ];
        for (table, says) in torn {
            assert_eq!(check_quotes(table.as_bytes(), b',').unwrap_err().message(), says, "{table}");
        }
        assert!(check_quotes(b"a;b\n1;\"2\n", b';').is_err());
    }
}
