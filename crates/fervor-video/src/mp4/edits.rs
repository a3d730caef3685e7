//! Edit lists: which stretch of the media is shown when.

use super::boxes::Fields;

/// A stretch of the media, in the track's time units, and when it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    /// Where it begins in the media.
    pub from: i64,
    /// Where it ends in the media; absent if it goes on to the end.
    pub to: Option<i64>,
    /// By how much times of the media are moved.
    pub shift: i64,
    /// When it ends in the film, if it ends before the media does.
    pub end: Option<i64>,
}

/// The stretches of an `elst` box; none if it says nothing. `movie` and `media` are time units a second.
pub(super) fn read(content: &[u8], movie: u32, media: u32) -> Vec<Stretch> {
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
        let Some((lasts, from)) = entry else { break };
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

/// When what stands at `time` in the media is shown; never if no stretch has it.
pub(super) fn shown(stretches: &[Stretch], time: i64) -> Option<i64> {
    stretch(stretches, time).map(|stretch| time.saturating_add(stretch.shift))
}

/// Until when it is shown if it lasts so long: a stretch may end before.
pub(super) fn until(stretches: &[Stretch], time: i64, lasts: i64) -> Option<i64> {
    let Stretch { shift, end, .. } = stretch(stretches, time)?;
    let until = time.saturating_add(lasts).saturating_add(shift);
    Some(end.map_or(until, |end| until.min(end)))
}

/// The stretch that has this time; without any, all of the media is one.
fn stretch(stretches: &[Stretch], time: i64) -> Option<Stretch> {
    if stretches.is_empty() {
        return Some(Stretch { from: i64::MIN, to: None, shift: 0, end: None });
    }
    stretches.iter().find(|stretch| time >= stretch.from && stretch.to.is_none_or(|to| time < to)).copied()
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

    #[test]
    fn what_is_cut_is_never_shown_and_a_pause_delays() {
        let cut = read(&list(&[(2000, 300)]), 1000, 600);
        assert_eq!(cut, [Stretch { from: 300, to: Some(1500), shift: -300, end: Some(1200) }]);
        assert_eq!([299, 300, 1499, 1500].map(|time| shown(&cut, time)), [None, Some(0), Some(1199), None]);
        // A last frame that is longer than the stretch ends with it.
        assert_eq!([(1400, 50), (1400, 900)].map(|(time, lasts)| until(&cut, time, lasts)), [Some(1150), Some(1200)]);
        assert_eq!(until(&[], 7, 5), Some(12));
        let delayed = read(&list(&[(500, -1), (0, 10)]), 1000, 600);
        assert_eq!(shown(&delayed, 10), Some(300));
        assert_eq!(shown(&[], 7), Some(7));
        assert!(read(&list(&[])[..6], 1000, 600).is_empty());
    }
}
