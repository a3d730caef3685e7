//! The learning rate at every moment of a training: a function of the time, without a state.

use std::f64::consts::PI;

use crate::recipe::ScheduleRecipe;

/// The share of the peak rate at `time`, in epochs (with fractions) of a training of `epochs`.
pub fn share_of_peak(schedule: &ScheduleRecipe, time: f64, epochs: f64) -> f64 {
    let (warmup, start, end) = match *schedule {
        ScheduleRecipe::Constant => return 1.0,
        ScheduleRecipe::Cosine { warmup_epochs, end } => (warmup_epochs, 0.0, end),
        ScheduleRecipe::OneCycle { warmup_epochs, start, end } => (warmup_epochs, start, end),
    };
    if time < warmup {
        return start + (1.0 - start) * time / warmup;
    }
    let passed = ((time - warmup) / (epochs - warmup)).clamp(0.0, 1.0);
    let left = match schedule {
        ScheduleRecipe::Cosine { .. } => (1.0 + (PI * passed).cos()) / 2.0,
        _ => 1.0 - passed,
    };
    end + (1.0 - end) * left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_stays() {
        assert_eq!([0.0, 0.5, 9.9].map(|time| share_of_peak(&ScheduleRecipe::Constant, time, 10.0)), [1.0; 3]);
    }

    #[test]
    fn one_cycle_rises_to_the_peak_and_falls_to_the_end_in_straight_lines() {
        let schedule = ScheduleRecipe::OneCycle { warmup_epochs: 2.0, start: 0.2, end: 0.1 };
        let shares = [0.0, 1.0, 2.0, 6.0, 10.0].map(|time| share_of_peak(&schedule, time, 10.0));
        for (share, expected) in shares.iter().zip([0.2, 0.6, 1.0, 0.55, 0.1]) {
            assert!((share - expected).abs() < 1e-12, "{shares:?}");
        }
    }

    #[test]
    fn cosine_is_half_way_down_at_half_time() {
        let schedule = ScheduleRecipe::Cosine { warmup_epochs: 0.0, end: 0.0 };
        let shares = [0.0, 5.0, 10.0].map(|time| share_of_peak(&schedule, time, 10.0));
        for (share, expected) in shares.iter().zip([1.0, 0.5, 0.0]) {
            assert!((share - expected).abs() < 1e-12, "{shares:?}");
        }
    }
}
