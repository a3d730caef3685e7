//! How numbers and facts are put into words, the same in every format.

use crate::evaluate::{Agreement, EvalReport, LabelRule, VoteShare, Voters};
use crate::metrics::Chance;
use fervor_draw::chart::thousands;

pub(super) use crate::words::percent;

/// "64.6 to 67.7 %".
pub(super) fn interval([lo, hi]: [f64; 2]) -> String {
    if lo.is_finite() && hi.is_finite() { format!("{:.1} to {:.1} %", lo * 100.0, hi * 100.0) } else { "–".to_owned() }
}

/// "95 % interval 64.6 to 67.7 %", or why there is none.
pub(super) fn bootstrapped(ci: Option<[f64; 2]>) -> String {
    ci.map_or_else(|| NO_INTERVAL.to_owned(), |ci| format!("95 % interval {}", interval(ci)))
}

/// Why a score has no interval by bootstrap.
pub(super) const NO_INTERVAL: &str = "no interval: every draw scores the same";

/// "1 picture", "3,589 pictures".
pub(super) fn pictures(n: u64) -> String {
    format!("{} {}", thousands(n as i64), if n == 1 { "picture" } else { "pictures" })
}

/// The first twelve letters of a hash: enough to tell files apart, short enough to read out.
pub(super) fn short(hash: &str) -> &str {
    hash.char_indices().nth(12).map_or(hash, |(end, _)| &hash[..end])
}

/// The last part of a picture's name.
pub(super) fn file_name(id: &str) -> &str {
    id.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or(id)
}

/// "12 no face, 3 unreadable"; empty where nothing was left out.
pub(super) fn excluded(report: &EvalReport) -> String {
    let mut reasons: Vec<(&String, &u64)> = report.excluded.iter().collect();
    reasons.sort_by_key(|&(_, n)| std::cmp::Reverse(*n));
    reasons.iter().map(|(reason, n)| format!("{} {reason}", thousands(**n as i64))).collect::<Vec<_>>().join(", ")
}

/// "calm taken as neutral, contempt left out"; empty where the classes are the model's own.
pub(super) fn label_map(report: &EvalReport) -> String {
    let changed = report.label_map.iter().filter(|rule| rule.to.as_ref() != Some(&rule.from));
    changed
        .map(|LabelRule { from, to }| match to {
            Some(to) => format!("{from} taken as {to}"),
            None => format!("{from} left out"),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// "contempt and fear: no picture is of them, ..."; empty where every class has pictures.
pub(super) fn absent(report: &EvalReport) -> String {
    match report.absent.as_slice() {
        [] => String::new(),
        [one] => format!("no picture is of {one}, which is in no mean over classes"),
        [most @ .., last] => format!("no picture is of {} or {last}, which are in no mean over classes", most.join(", ")),
    }
}

/// What is to be said where the model had to choose among some of its classes.
pub(super) fn choice(report: &EvalReport) -> String {
    match report.chosen_from.as_slice() {
        [] => String::new(),
        all => format!(
            "the model had to choose among {}, {} of its {} classes: probabilities are scaled to these",
            report.labels.join(", "),
            report.labels.len(),
            all.len()
        ),
    }
}

/// A score of one class against the others; not known where the class has no pictures.
pub(super) fn of_class(class: &crate::evaluate::ClassReport, score: f64) -> String {
    percent(if class.support == 0 { f64::NAN } else { score })
}

/// What is to be said about pictures that the model was trained on.
pub(super) fn leak(report: &EvalReport) -> String {
    match &report.leak_free {
        None => "not known: the model does not say which pictures it was trained on".to_owned(),
        Some(clean) if clean.leaked == 0 => "none of these pictures stands in the training data".to_owned(),
        Some(clean) if clean.n == 0 => "every one of these pictures stands in the training data".to_owned(),
        Some(clean) => format!(
            "{} of {} {} in the training data pixel by pixel; without {}, {} are left",
            thousands(clean.leaked as i64),
            pictures(report.n),
            if clean.leaked == 1 { "stands" } else { "stand" },
            if clean.leaked == 1 { "it" } else { "them" },
            thousands(clean.n as i64)
        ),
    }
}

/// "6 of 10 say sad"; none where nobody was asked.
pub(super) fn voted(votes: &[VoteShare]) -> Option<String> {
    let most = votes.first()?;
    Some(format!("{:.0} of 10 say {}", 10.0 * most.share, most.label))
}

/// Whose side people take where the model and the label differ.
pub(super) fn sides(voters: &Voters) -> String {
    let Some(sides) = voters.sides.filter(|sides| sides.mistakes > 0) else { return String::new() };
    let share = |n: u64| percent(n as f64 / sides.mistakes as f64);
    format!(
        "Of {} that the model gets wrong, most voters agree with the model on {}, with the label on {}.",
        pictures(sides.mistakes),
        share(sides.with_model),
        share(sides.with_label)
    )
}

/// "50 to 70 %".
pub(super) fn band(band: &Agreement) -> String {
    match (band.from, band.to) {
        (0.0, to) => format!("under {:.0} % of the votes", 100.0 * to),
        (from, to) => format!("{:.0} to {:.0} %", 100.0 * from, 100.0 * to),
    }
}

/// Accuracy by how much people agree, in one line.
pub(super) fn agreement(voters: &Voters) -> String {
    let bands = voters.agreement.iter().filter_map(|b| Some(format!("{}: {}", band(b), percent(b.accuracy?))));
    bands.collect::<Vec<_>>().join("; ")
}

/// [`by_chance`] on a line of a screen.
pub fn by_chance_briefly(Chance { mean, most }: Chance) -> String {
    format!("chance alone makes {}, at most {} in 95 of 100 cases", percent(mean), percent(most))
}

/// What calibration errors of as many pictures show by chance.
pub fn by_chance(chance: Chance) -> String {
    let Chance { mean, most } = chance;
    format!(
        "on as many pictures a perfectly calibrated model would show {}, at most {} in 95 of 100 cases",
        percent(mean),
        percent(most)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_put_into_words() {
        assert_eq!(percent(0.6623), "66.2 %");
        assert_eq!(percent(f64::NAN), "–");
        assert_eq!(interval([0.5, 0.625]), "50.0 to 62.5 %");
        assert_eq!((pictures(1), pictures(3589)), ("1 picture".to_owned(), "3,589 pictures".to_owned()));
        assert_eq!((short("0123456789abcdef"), short("é")), ("0123456789ab", "é"));
        assert_eq!((file_name("a/b.png"), file_name("b.png"), file_name("a/")), ("b.png", "b.png", "a/"));
    }
}
