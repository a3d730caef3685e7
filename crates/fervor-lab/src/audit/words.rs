//! Counts and names as people read them.

use crate::dataset::Dataset;
use fervor_draw::chart;

use super::value::Item;

/// `1 picture is`, `1,234 pictures are`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// 1234567 as 1,234,567.
pub(super) fn thousands(number: usize) -> String {
    chart::thousands(number as i64)
}

/// A name on one line: control characters are shown as escapes.
pub(super) fn one_line(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// A word for a command line, quoted where a shell would split it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:=,@%~".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A sample as an item of a finding.
pub(super) fn item(dataset: &Dataset, index: usize) -> Item {
    let sample = &dataset.samples()[index];
    Item {
        id: sample.id.clone(),
        label: Some(dataset.labels().name(sample.label).to_owned()),
        split: sample.split,
        ..Item::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_words_are_readable() {
        assert_eq!([0, 999, 1_000, 32_298, 1_234_567].map(thousands), ["0", "999", "1,000", "32,298", "1,234,567"]);
        assert_eq!(one_line("a\nb 笑"), "a\\nb 笑");
        assert_eq!(quoted("data/a.csv"), "data/a.csv");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
