//! Words that somebody meant to write: names one slip of the finger away.

/// Whether a name is so near to another that a finger slipped: one edit from four letters on, two from seven on.
pub(crate) fn is_slip(name: &str, meant: &str) -> bool {
    let shorter = name.chars().count().min(meant.chars().count());
    let most = match shorter {
        0..=3 => return false,
        4..=6 => 1,
        _ => 2,
    };
    name != meant && distance(name, meant) <= most
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i.max(j)
            } else {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let least = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if swapped { least.min(table[i - 2][j - 2] + 1) } else { least }
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_told_from_another_word() {
        for (name, meant) in [("hapy", "happy"), ("suprise", "surprise"), ("ahppy", "happy"), ("surprize", "surprise")] {
            assert!(is_slip(name, meant), "{name}");
        }
        for (name, other) in [("mad", "sad"), ("happy", "happy"), ("bored", "fear"), ("smile", "sad")] {
            assert!(!is_slip(name, other), "{name}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
