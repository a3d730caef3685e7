//! Where the rows of a table with commas stand, as an editor shows it.

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
