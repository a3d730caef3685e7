//! How a comparison is put into words, the same in every format.

use super::{Better, Comparison, Difference};
use crate::words::{counted, percent, thousands};

/// "+1.4 points", "-0.3 points"; never a sign before 0.0.
pub(super) fn points(difference: f64) -> String {
    format!("{} points", signed(difference))
}

/// The same without the unit.
pub(super) fn signed(difference: f64) -> String {
    if !difference.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:+.1}", 100.0 * difference);
    if text.trim_start_matches(['+', '-']) == "0.0" { "0.0".to_owned() } else { text }
}

/// "-0.2 to +3.1".
pub(super) fn range([lo, hi]: [f64; 2]) -> String {
    if lo.is_finite() && hi.is_finite() { format!("{} to {}", signed(lo), signed(hi)) } else { "–".to_owned() }
}

/// "0.031", "under 0.001".
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "under 0.001".to_owned() } else { format!("{p:.3}") }
}

/// Who wins, as a cell.
pub(super) fn winner(better: Better) -> &'static str {
    match better {
        Better::A => "A",
        Better::B => "B",
        Better::Neither => "–",
    }
}

/// The answer in one sentence.
pub(super) fn verdict(comparison: &Comparison) -> String {
    let Difference { difference, ci95, .. } = comparison.accuracy;
    let by = format!(
        "{} points of accuracy (95 % interval of B - A: {}; McNemar's mid-p {})",
        signed(difference.abs()).trim_start_matches('+'),
        range(ci95),
        p_value(comparison.test.mid_p)
    );
    match comparison.better {
        Better::A => format!("A is better than B by {by}."),
        Better::B => format!("B is better than A by {by}."),
        Better::Neither => format!("Neither is better beyond chance: they are apart by {by}."),
    }
}

/// On how many pictures they differ, and what of it.
pub(super) fn agreement(comparison: &Comparison) -> String {
    format!(
        "Both are right on {}, both wrong on {}; only A is right on {}, only B on {}. They answer differently on {}.",
        counted(comparison.both_right as usize, "picture", "pictures"),
        thousands(comparison.both_wrong as usize),
        thousands(comparison.test.only_first as usize),
        thousands(comparison.test.only_second as usize),
        counted(comparison.disagreements.len(), "picture", "pictures")
    )
}

/// What makes the comparison unfair or smaller than it looks; one sentence each.
pub(super) fn cautions(comparison: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    for (name, trained_on) in [("A", comparison.trained_on_a), ("B", comparison.trained_on_b)] {
        match trained_on {
            Some(0) => {}
            Some(n) => said.push(format!(
                "{name} was trained on {}, {} of these: they flatter it.",
                counted(n as usize, "picture", "pictures"),
                percent(n as f64 / comparison.n as f64)
            )),
            None => said.push(format!("It is not known which of these pictures {name} was trained on.")),
        }
    }
    for (name, n) in [("A", comparison.unpaired_a), ("B", comparison.unpaired_b)] {
        if n > 0 {
            said.push(format!(
                "{} only {name} answered count nowhere here.",
                counted(n as usize, "picture that", "pictures that")
            ));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_carry_their_sign_and_nothing_has_none() {
        assert_eq!([0.0141, -0.003, -0.0001, f64::NAN].map(signed), ["+1.4", "-0.3", "0.0", "–"]);
        assert_eq!(range([-0.01, 0.025]), "-1.0 to +2.5");
        assert_eq!((p_value(0.0004), p_value(0.0312)), ("under 0.001".to_owned(), "0.031".to_owned()));
    }
}
