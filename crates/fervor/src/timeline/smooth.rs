//! Smoothing that looks both ways, for films: what is to come is known.

use super::Timeline;

impl Timeline {
    /// The time constant of [`smooth`](Self::smooth), in seconds, that is as calm as the tracker's default of half a second:
    /// looking both ways, it averages over twice the time.
    pub const SMOOTHING: f64 = 0.25;

    /// Smooths the probabilities of each track anew, over what came before and what comes after alike: an answer `seconds` away
    /// counts for 37 % (1 / e) of one that is shown now, and each for as long as it is shown, so that neither the frame rate nor
    /// frames that were passed over change the result. What is not a positive number smooths nothing.
    ///
    /// A [`Tracker`](crate::Tracker) can look back only, so its answers come late. These do not: the apex of what rises and falls
    /// alike stays at its frame. Of what jumps up at once and sinks over a second, it moves by less than `seconds`.
    pub fn smooth(&mut self, seconds: f64) {
        self.smoothing = Some(if seconds > 0.0 { seconds } else { 0.0 });
        self.smoothed.clone_from(&self.raw);
        if seconds > 0.0 {
            for track in self.track_numbers() {
                self.smooth_track(track, seconds);
            }
        }
    }

    fn smooth_track(&mut self, track: u64, seconds: f64) {
        let classes = self.labels.len();
        // Where its values stand, when each is shown and for how long.
        let faces = self.places_of(track).iter().map(|&face| (face as usize, self.frame_of(face as usize)));
        let shown: Vec<_> = faces.map(|(face, frame)| (face, frame.time(), frame.duration().max(1e-9))).collect();
        // A kernel exp(-|t| / seconds) is the sum of what has faded until now and what will have faded backwards until now:
        // one pass each way, however long it is.
        let mut sums = vec![0.0; shown.len() * (classes + 1)];
        let mut pass = |order: &mut dyn Iterator<Item = usize>, own: f64| {
            let mut faded = vec![0.0; classes + 1];
            let mut last = None;
            for at in order {
                let (face, time, weight) = shown[at];
                let fade = last.map_or(0.0, |last: f64| (-(time - last).abs() / seconds).exp());
                last = Some(time);
                let values = self.raw[face * classes..(face + 1) * classes].iter().map(|&p| f64::from(p)).chain([1.0]);
                for ((faded, value), sum) in faded.iter_mut().zip(values).zip(&mut sums[at * (classes + 1)..]) {
                    *faded *= fade;
                    // The face itself is in the first pass only.
                    *sum += *faded + own * weight * value;
                    *faded += weight * value;
                }
            }
        };
        pass(&mut (0..shown.len()), 1.0);
        pass(&mut (0..shown.len()).rev(), 0.0);
        for ((face, ..), sums) in shown.iter().zip(sums.chunks_exact(classes + 1)) {
            let smoothed = &mut self.smoothed[face * classes..(face + 1) * classes];
            smoothed.iter_mut().zip(sums).for_each(|(p, sum)| *p = (sum / sums[classes]) as f32);
        }
    }
}
