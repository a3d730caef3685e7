//! Runs as text, JSON and CSV.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{RunRow, Runs};

/// The schema that the JSON names.
const SCHEMA: &str = "fervor.runs/1";
/// Letters of the data's hash in the text.
const SHORT: usize = 12;

impl Runs {
    /// A line a run, and below it, run by run, the keys in which their recipes differ.
    pub fn text(&self) -> String {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(3);
        let network = self.rows.iter().map(|row| row.network.chars().count()).max().unwrap_or(0).max(7);
        let mut text = format!(
            "{:<width$}  {:<16}  {:<network$}    epochs   best  accuracy  macro F1    loss   hours  data\n",
            "run", "began (UTC)", "network"
        );
        for row in &self.rows {
            let percent = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |share| format!("{:.2} %", 100.0 * share));
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
            let _ = writeln!(
                text,
                "{:<width$}  {:<16}  {:<network$}  {:>8}  {:>5}  {:>8}  {:>8}  {:>6}  {:>6.2}  {}",
                row.name,
                row.date,
                row.network,
                format!("{}/{}", row.epochs, row.epochs_of),
                row.best_epoch.map_or_else(|| "–".to_owned(), |epoch| epoch.to_string()),
                percent(row.accuracy),
                number(row.macro_f1),
                number(row.loss),
                row.hours,
                row.data.as_deref().map_or("–", |hash| hash.get(..SHORT).unwrap_or(hash))
            );
        }
        let data: BTreeSet<_> = self.rows.iter().filter_map(|row| row.data.as_ref()).collect();
        if data.len() > 1 {
            let _ = writeln!(text, "\nThe data are {} different ones: only scores on the same data can be compared.", data.len());
        }
        if self.rows.iter().any(|row| !row.differs.is_empty()) {
            text.push_str("\nwhere the recipes differ\n");
            for row in &self.rows {
                let keys: Vec<String> = row.differs.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let _ = writeln!(text, "{:<width$}  {}", row.name, keys.join("  "));
            }
        }
        text
    }

    /// `{"schema": "fervor.runs/1", "runs": [...]}`, indented.
    pub fn json(&self) -> String {
        let value = serde_json::json!({ "schema": SCHEMA, "runs": self.rows });
        serde_json::to_string_pretty(&value).expect("runs are plain data")
    }

    /// A row a run, with a column for each key in which recipes differ.
    pub fn csv(&self) -> String {
        let keys: BTreeSet<&String> = self.rows.iter().flat_map(|row| row.differs.keys()).collect();
        let mut table = csv::Writer::from_writer(Vec::new());
        let mut write = |cells: Vec<String>| table.write_record(cells).expect("rows of one length go into memory");
        let head =
            ["name", "date", "network", "epochs", "epochs_of", "best_epoch", "accuracy", "macro_f1", "loss", "hours", "data"];
        // A key that is called as a column is, as the epochs done and those of the recipe are, is told apart from it.
        let column = |key: &&String| if head.contains(&key.as_str()) { format!("recipe.{key}") } else { (*key).clone() };
        write(head.map(str::to_owned).into_iter().chain(keys.iter().map(column)).collect());
        for row in &self.rows {
            let keys = keys.iter().map(|key| row.differs.get(*key).cloned().unwrap_or_default());
            write(cells(row).into_iter().chain(keys).collect());
        }
        String::from_utf8(table.into_inner().expect("memory takes all")).expect("all cells are text")
    }
}

fn cells(row: &RunRow) -> [String; 11] {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
    [
        row.name.clone(),
        row.date.clone(),
        row.network.clone(),
        row.epochs.to_string(),
        row.epochs_of.to_string(),
        row.best_epoch.map_or_else(String::new, |epoch| epoch.to_string()),
        number(row.accuracy),
        number(row.macro_f1),
        number(row.loss),
        format!("{:.4}", row.hours),
        row.data.clone().unwrap_or_default(),
    ]
}

/// `2026-03-01 14:05` in UTC; the day after Hinnant, "chrono-compatible low-level date algorithms" (civil_from_days).
pub(super) fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let (days, minutes) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400) / 60);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let at = |seconds: u64| date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00");
        assert_eq!(at(951_827_696), "2000-02-29 12:34");
        assert_eq!(at(1_772_323_199), "2026-02-28 23:59");
        assert_eq!(at(1_772_323_200), "2026-03-01 00:00");
    }
}
