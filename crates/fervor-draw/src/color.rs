//! One colour for each expression, the same on every picture.

use fervor::emotion::{Emotion, canonical_label};

/// Text on any of the label colours: all are light enough for it (contrast of at least 5 : 1).
pub(super) const ON_LABEL: &str = "#0d1520";

/// Colours for classes that are no expression.
const OTHERS: [&str; 6] = ["#5ab0f2", "#f2905a", "#4cc9a0", "#d68bd0", "#e0c04a", "#9aa8ff"];

/// The colour of a class: fixed for the eight expressions, picked by its name for any other.
pub(super) fn of_label(label: &str) -> &'static str {
    let label = canonical_label(label);
    match Emotion::parse(&label) {
        Some(Emotion::Angry) => "#f4645c",
        Some(Emotion::Disgust) => "#86c94c",
        Some(Emotion::Fear) => "#2fc4b2",
        Some(Emotion::Happy) => "#ffc642",
        Some(Emotion::Neutral) => "#b4bfcc",
        Some(Emotion::Sad) => "#5aa5ff",
        Some(Emotion::Surprise) => "#bd8cff",
        Some(Emotion::Contempt) => "#ff8ab5",
        _ => OTHERS[label.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % OTHERS.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synonym_has_its_expressions_colour() {
        assert_eq!(of_label("Happiness"), of_label("happy"));
        assert_ne!(of_label("sad"), of_label("happy"));
        assert!(OTHERS.contains(&of_label("")));
    }
}
