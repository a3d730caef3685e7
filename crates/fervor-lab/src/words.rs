//! Numbers and values as people read them.

use fervor_draw::chart;

/// 1234567 as 1,234,567.
pub(crate) fn thousands(number: usize) -> String {
    chart::thousands(number as i64)
}

/// `1 picture is`, `1,234 pictures are`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// "66.2 %", or a dash for what is not known.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1} %", share * 100.0) } else { "–".to_owned() }
}

/// "66 %": for shares that are known.
pub(crate) fn whole_percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A value for a message: its first 60 letters, on one line.
pub(crate) fn shown(value: &str) -> String {
    const MOST: usize = 60;
    let mut letters = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let start: String = letters.by_ref().take(MOST).collect();
    if letters.next().is_some() { start + "…" } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_put_into_words() {
        assert_eq!([0, 999, 1_000, 32_298, 1_234_567].map(thousands), ["0", "999", "1,000", "32,298", "1,234,567"]);
        assert_eq!([1, 2_000].map(|n| counted(n, "file", "files")), ["1 file", "2,000 files"]);
        assert_eq!([0.6623, f64::NAN].map(percent), ["66.2 %", "–"]);
        assert_eq!(whole_percent(0.6623), "66 %");
    }

    #[test]
    fn long_values_are_shortened() {
        assert_eq!(shown("a b\nc"), "a b c");
        assert_eq!(shown(&"ä".repeat(60)), "ä".repeat(60));
        assert_eq!(shown(&"ä".repeat(61)), "ä".repeat(60) + "…");
    }
}
