//! Names as people read them.

use super::value::Item;
use crate::dataset::Dataset;

/// A name on one line: control characters are shown as escapes.
pub(super) fn one_line(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
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
    fn a_name_stays_on_its_line() {
        assert_eq!(one_line("a\nb 笑"), "a\\nb 笑");
    }
}
