//! Sample tables: the run-length coded columns of `stbl`, joined to one row a sample.

use fervor::Result;

use super::boxes::{Fields, child};
use super::{MOST_SAMPLES, Sample};
use crate::input::{damaged, too_large};

/// Run-length coded values of two columns: a count and what it counts.
struct Runs<'a> {
    fields: Fields<'a>,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    /// Of a box whose content is a count and so many pairs.
    fn new(content: Option<&'a [u8]>) -> Option<Self> {
        let mut fields = Fields(content?);
        fields.skip(8)?;
        Some(Self { fields, left: 0, value: 0 })
    }

    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            (self.left, self.value) = (self.fields.u32()?, self.fields.u32()?);
        }
        self.left -= 1;
        Some(self.value)
    }
}

/// The samples of a track that is not fragmented; as many as all columns have.
pub(super) fn samples(table: &[u8], file_length: u64) -> Result<Vec<Sample>> {
    let bad = || damaged("the table of the video's samples is not whole");
    let column = |name| child(table, name);
    let mut sizes = Fields(column(b"stsz").ok_or_else(bad)?);
    let (_, same, count) = (sizes.version().ok_or_else(bad)?, sizes.u32().ok_or_else(bad)?, sizes.u32().ok_or_else(bad)?);
    let count = match same {
        0 => (count as usize).min(sizes.0.len() / 4),
        // All of one size: so many as the file could hold.
        same => u64::from(count).min(file_length / u64::from(same)) as usize,
    };
    if count > MOST_SAMPLES {
        return Err(too_large(format!("the video has more than {MOST_SAMPLES} samples: {count}")));
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut durations = Runs::new(column(b"stts")).ok_or_else(bad)?;
    let mut offsets = Runs::new(column(b"ctts"));
    let mut keys = column(b"stss").map(|content| {
        let mut fields = Fields(content);
        fields.skip(8);
        (fields, 0)
    });
    let mut places = Places::new(table).ok_or_else(bad)?;
    let mut samples: Vec<Sample> = Vec::with_capacity(count);
    let mut decoded: i64 = 0;
    for number in 1..=count as u32 {
        let size = if same == 0 { sizes.u32().ok_or_else(bad)? } else { same };
        let Some(offset) = places.next(size) else { break };
        // The last run lasts: some writers count one short.
        let lasts = durations.next().unwrap_or(durations.value);
        let delay = offsets.as_mut().map_or(0, |offsets| offsets.next().unwrap_or(0).cast_signed());
        let sync = match &mut keys {
            None => true,
            Some((fields, next)) => {
                while *next < number {
                    match fields.u32() {
                        Some(key) => *next = key,
                        None => *next = u32::MAX,
                    }
                }
                *next == number
            }
        };
        samples.push(Sample { offset, size, sync, decoded, shown: decoded + i64::from(delay), lasts });
        decoded += i64::from(lasts);
    }
    Ok(samples)
}

/// Where samples lie: chunks, and how many samples each has.
struct Places<'a> {
    chunks: Fields<'a>,
    wide: bool,
    runs: Fields<'a>,
    /// Samples a chunk in the run, and from which chunk on the next run counts.
    each: u32,
    next_run: Option<(u32, u32)>,
    chunk: u32,
    left: u32,
    offset: u64,
}

impl<'a> Places<'a> {
    fn new(table: &'a [u8]) -> Option<Self> {
        let (mut chunks, wide) = match child(table, b"stco") {
            Some(content) => (Fields(content), false),
            None => (Fields(child(table, b"co64")?), true),
        };
        chunks.skip(8)?;
        let mut runs = Fields(child(table, b"stsc")?);
        runs.skip(8)?;
        let mut places = Self { chunks, wide, runs, each: 0, next_run: None, chunk: 0, left: 0, offset: 0 };
        places.next_run = places.run();
        Some(places)
    }

    fn run(&mut self) -> Option<(u32, u32)> {
        let run = (self.runs.u32()?, self.runs.u32()?);
        self.runs.skip(4)?;
        Some(run)
    }

    /// Where the next sample begins, which has this size.
    fn next(&mut self, size: u32) -> Option<u64> {
        while self.left == 0 {
            self.offset = self.chunks.sized(self.wide)?;
            self.chunk += 1;
            while let Some((first, each)) = self.next_run
                && first <= self.chunk
            {
                self.each = each;
                self.next_run = self.run();
            }
            self.left = self.each;
        }
        self.left -= 1;
        let offset = self.offset;
        self.offset = offset.saturating_add(size.into());
        Some(offset)
    }
}
