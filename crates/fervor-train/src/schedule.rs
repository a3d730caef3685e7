//! The learning rate at every moment of a training: a function of the time and of the epochs before, without a state.

use std::f64::consts::PI;

use crate::recipe::ScheduleRecipe;

/// How much lower a loss must be to count as lower.
const LEAST_FALL: f64 = 1e-4;

/// The share of the peak rate at `time`, in epochs (with fractions) of a training of `epochs`; `losses` are the
/// validation losses of the epochs that are done.
pub fn share_of_peak(schedule: &ScheduleRecipe, time: f64, epochs: f64, losses: impl Iterator<Item = f64>) -> f64 {
    let (warmup, start, end) = match *schedule {
        ScheduleRecipe::Constant => return 1.0,
        ScheduleRecipe::Cosine { warmup_epochs, end } => (warmup_epochs, 0.0, end),
        ScheduleRecipe::OneCycle { warmup_epochs, start, end } => (warmup_epochs, start, end),
        ScheduleRecipe::Plateau { warmup_epochs, patience, factor, least } => {
            if time < warmup_epochs {
                return time / warmup_epochs;
            }
            return after_plateaus(losses, patience, factor).max(least);
        }
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

/// `factor` for each time that `patience` losses in a row were not lower than the lowest before.
fn after_plateaus(losses: impl Iterator<Item = f64>, patience: usize, factor: f64) -> f64 {
    let (mut lowest, mut waited, mut share) = (f64::INFINITY, 0, 1.0);
    for loss in losses {
        if loss < lowest - LEAST_FALL {
            (lowest, waited) = (loss, 0);
            continue;
        }
        waited += 1;
        if waited == patience {
            (share, waited) = (share * factor, 0);
        }
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_stays() {
        assert_eq!([0.0, 0.5, 9.9].map(|time| share_of_peak(&ScheduleRecipe::Constant, time, 10.0, [].into_iter())), [1.0; 3]);
    }

    #[test]
    fn one_cycle_rises_to_the_peak_and_falls_to_the_end_in_straight_lines() {
        let schedule = ScheduleRecipe::OneCycle { warmup_epochs: 2.0, start: 0.2, end: 0.1 };
        let shares = [0.0, 1.0, 2.0, 6.0, 10.0].map(|time| share_of_peak(&schedule, time, 10.0, [].into_iter()));
        for (share, expected) in shares.iter().zip([0.2, 0.6, 1.0, 0.55, 0.1]) {
            assert!((share - expected).abs() < 1e-12, "{shares:?}");
        }
    }

    #[test]
    fn a_plateau_lowers_the_rate_after_its_patience_and_not_below_the_least() {
        let schedule = ScheduleRecipe::Plateau { warmup_epochs: 2.0, patience: 2, factor: 0.5, least: 0.2 };
        let losses = [1.0, 0.9, 0.9, 0.95, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9];
        let share = |done: usize, time: f64| share_of_peak(&schedule, time, 20.0, losses[..done].iter().copied());
        assert_eq!([share(0, 0.0), share(1, 1.0), share(3, 3.0), share(4, 4.5)], [0.0, 0.5, 1.0, 0.5]);
        assert_eq!([share(6, 6.0), share(7, 7.0), share(11, 11.0)], [0.5, 0.25, 0.2]);
    }

    #[test]
    fn cosine_is_half_way_down_at_half_time() {
        let schedule = ScheduleRecipe::Cosine { warmup_epochs: 0.0, end: 0.0 };
        let shares = [0.0, 5.0, 10.0].map(|time| share_of_peak(&schedule, time, 10.0, [].into_iter()));
        for (share, expected) in shares.iter().zip([1.0, 0.5, 0.0]) {
            assert!((share - expected).abs() < 1e-12, "{shares:?}");
        }
    }
}
