//! Edit lists: which stretch of the media is shown when.

use std::collections::BTreeSet;

use fervor::Result;

use super::Sample;
use super::boxes::Fields;
use crate::input::too_large;

/// A stretch of the media, in the track's time units, and when it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    /// Where it begins in the media.
    from: i64,
    /// Where it ends in the media; absent if it goes on to the end.
    to: Option<i64>,
    /// By how much times of the media are moved.
    shift: i64,
    /// When it ends in the film, if it ends before the media does.
    end: Option<i64>,
}

/// More stretches than this are refused: a cut every second for 18 hours.
const MOST_STRETCHES: usize = 1 << 16;

/// The edit list of a track; without any, all of the media is one stretch.
#[derive(Debug, Default)]
pub(super) struct Edits {
    stretches: Vec<Stretch>,
    /// From when on in the media which stretch counts: where several have a time, the first of the list. In the order of time.
    turns: Vec<(i64, Option<usize>)>,
}

impl Edits {
    /// Of an `elst` box. `movie` and `media` are time units a second.
    pub(super) fn read(content: &[u8], movie: u32, media: u32) -> Result<Self> {
        let stretches = stretches(content, movie, media);
        if stretches.len() > MOST_STRETCHES {
            return Err(too_large(format!("the video's edit list has more than {MOST_STRETCHES} stretches")));
        }
        Ok(Self { turns: turns(&stretches), stretches })
    }

    /// When what stands at `time` in the media is shown; never if no stretch has it.
    pub(super) fn shown(&self, time: i64) -> Option<i64> {
        self.stretch(time).map(|stretch| time.saturating_add(stretch.shift))
    }

    /// Until when it is shown if it lasts so long: a stretch may end before.
    pub(super) fn until(&self, time: i64, lasts: i64) -> Option<i64> {
        let Stretch { shift, end, .. } = self.stretch(time)?;
        let until = time.saturating_add(lasts).saturating_add(shift);
        Some(end.map_or(until, |end| until.min(end)))
    }

    /// Shows the first frame of each stretch when the stretch begins, also where the edit cuts into the frame before: that one is
    /// not shown, and its rest is no gap. So does ffmpeg.
    pub(super) fn align(&mut self, samples: &[Sample]) {
        if self.stretches.is_empty() {
            return;
        }
        let mut samples: Vec<&Sample> = samples.iter().collect();
        samples.sort_by_key(|sample| sample.shown);
        for stretch in &mut self.stretches {
            let inside = samples.partition_point(|sample| sample.shown < stretch.from);
            if let Some(first) = samples.get(inside) {
                let rest = first.shown - stretch.from;
                if rest < i64::from(first.lasts) {
                    stretch.shift -= rest;
                }
            }
        }
    }

    fn stretch(&self, time: i64) -> Option<Stretch> {
        if self.stretches.is_empty() {
            return Some(Stretch { from: i64::MIN, to: None, shift: 0, end: None });
        }
        let (_, number) = self.turns[self.turns.partition_point(|&(from, _)| from <= time).checked_sub(1)?];
        Some(self.stretches[number?])
    }
}

/// From when on which stretch counts.
fn turns(stretches: &[Stretch]) -> Vec<(i64, Option<usize>)> {
    let begins = |(number, stretch): (usize, &Stretch)| (stretch.from, false, number);
    let ends = |(number, stretch): (usize, &Stretch)| Some((stretch.to?, true, number));
    let numbered = || stretches.iter().enumerate();
    let mut borders: Vec<(i64, bool, usize)> = numbered().map(begins).chain(numbered().filter_map(ends)).collect();
    borders.sort_unstable();
    let mut open = BTreeSet::new();
    let mut turns: Vec<(i64, Option<usize>)> = Vec::new();
    for (time, is_end, number) in borders {
        if is_end {
            open.remove(&number);
        } else {
            open.insert(number);
        }
        turns.pop_if(|(last, _)| *last == time);
        turns.push((time, open.first().copied()));
    }
    turns
}

/// The stretches of an `elst` box, one more than are allowed at most; none if it says nothing.
fn stretches(content: &[u8], movie: u32, media: u32) -> Vec<Stretch> {
    let mut fields = Fields(content);
    let (Some((version, _)), Some(count)) = (fields.version(), fields.u32()) else { return Vec::new() };
    let wide = version == 1;
    let mut stretches = Vec::new();
    let mut shown: i128 = 0;
    for _ in 0..count {
        let entry = (|| {
            let lasts = fields.sized(wide)?;
            let from = if wide { fields.u64()? as i64 } else { i64::from(fields.i32()?) };
            fields.skip(4)?;
            Some((lasts, from))
        })();
        let Some((lasts, from)) = entry.filter(|_| stretches.len() <= MOST_STRETCHES) else { break };
        let lasts = i128::from(lasts) * i128::from(media) / i128::from(movie.max(1));
        if from >= 0 {
            // No length: to the end, as fragmented files say it.
            let to = (lasts > 0).then(|| (i128::from(from) + lasts).min(i64::MAX.into()) as i64);
            let shift = (shown - i128::from(from)).clamp((i64::MIN / 4).into(), (i64::MAX / 4).into()) as i64;
            let end = (lasts > 0).then(|| (shown + lasts).min(i64::MAX.into()) as i64);
            stretches.push(Stretch { from, to, shift, end });
        }
        shown += lasts;
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u32, i32)]) -> Vec<u8> {
        let mut content = vec![0; 4];
        content.extend((entries.len() as u32).to_be_bytes());
        for (lasts, from) in entries {
            content.extend(lasts.to_be_bytes());
            content.extend(from.to_be_bytes());
            content.extend(0x1_0000_u32.to_be_bytes());
        }
        content
    }

    fn edits(entries: &[(u32, i32)]) -> Edits {
        Edits::read(&list(entries), 1000, 600).unwrap()
    }

    #[test]
    fn what_is_cut_is_never_shown_and_a_pause_delays() {
        let cut = edits(&[(2000, 300)]);
        assert_eq!(cut.stretches, [Stretch { from: 300, to: Some(1500), shift: -300, end: Some(1200) }]);
        assert_eq!([299, 300, 1499, 1500].map(|time| cut.shown(time)), [None, Some(0), Some(1199), None]);
        // A last frame that is longer than the stretch ends with it.
        assert_eq!([(1400, 50), (1400, 900)].map(|(time, lasts)| cut.until(time, lasts)), [Some(1150), Some(1200)]);
        let delayed = edits(&[(500, -1), (0, 10)]);
        assert_eq!(delayed.shown(10), Some(300));
        let whole = Edits::read(&list(&[])[..6], 1000, 600).unwrap();
        assert_eq!((whole.until(7, 5), whole.shown(7)), (Some(12), Some(7)));
    }

    #[test]
    fn of_stretches_that_overlap_the_first_of_the_list_counts() {
        let mut seed = 2026_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..200 {
            let entries: Vec<(u32, i32)> = (0..1 + random(6)).map(|_| (random(60) as u32, random(40) as i32 - 2)).collect();
            let edits = Edits::read(&list(&entries), 600, 600).unwrap();
            for time in -3..120 {
                let has = |stretch: &&Stretch| time >= stretch.from && stretch.to.is_none_or(|to| time < to);
                let first = edits.stretches.iter().find(has).map(|stretch| time + stretch.shift);
                let expected = if edits.stretches.is_empty() { Some(time) } else { first };
                assert_eq!(edits.shown(time), expected, "{entries:?} at {time}");
            }
        }
    }

    #[test]
    fn more_stretches_than_any_film_has_are_refused() {
        let many = list(&vec![(1, 0); MOST_STRETCHES + 1]);
        assert_eq!(Edits::read(&many, 1000, 600).unwrap_err().reason(), fervor::Reason::TooLarge);
    }
}
