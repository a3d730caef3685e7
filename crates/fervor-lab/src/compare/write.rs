//! A comparison's folder: its texts, the pictures on which the models differ, and their table.

use std::path::Path;

use super::words::winner;
use super::{Comparison, Difference, Disagreement, markdown};
use crate::report::write_whole;
use crate::words::percent;
use fervor::error::{Error, Result};
use fervor::picture::Picture;
use fervor_draw::chart::{self, BarChart, BarSeries};
use fervor_draw::{Caption, SheetItem, contact_sheet};

/// Pictures on the contact sheet, and how many stand in a row.
const SHEET: usize = 30;
const COLUMNS: usize = 6;
const SCALE: f32 = 2.0;

/// Writes `comparison.json`, `comparison.md`, `classes.png`, `disagreements.csv`, and `disagreements.png` where pictures are found.
/// `pictures` gives a picture by its name. The folder is made if need be; each file appears whole or not at all.
///
/// # Errors
/// [`Output`](fervor::ErrorKind::Output): the folder cannot be written.
pub fn write_comparison(dir: &Path, comparison: &Comparison, pictures: &dyn Fn(&str) -> Option<Picture>) -> Result<()> {
    std::fs::create_dir_all(dir)
        .map_err(|e| Error::output(format!("the folder cannot be made: {}", dir.display())).with_source(e))?;
    write_whole(dir, "comparison.json", (comparison.json() + "\n").as_bytes())?;
    write_whole(dir, "classes.png", &chart::png(&accuracy_chart(comparison).svg(), SCALE)?)?;
    write_whole(dir, "disagreements.csv", &disagreements_csv(comparison))?;
    if let Some(sheet) = disagreements_sheet(comparison, pictures)? {
        write_whole(dir, "disagreements.png", &sheet.encode_png()?)?;
    }
    write_whole(dir, "comparison.md", markdown(comparison).as_bytes())
}

/// The recall of both in each class.
pub fn accuracy_chart(comparison: &Comparison) -> BarChart {
    let series = |letter: &str, name: &str, value: fn(&Difference) -> f64| BarSeries {
        name: format!("{letter}: {name}"),
        values: comparison.classes.iter().map(|part| value(&part.accuracy)).collect(),
        intervals: Vec::new(),
    };
    BarChart {
        title: "Recall of each class".to_owned(),
        y_label: "named as labelled".to_owned(),
        categories: comparison.classes.iter().map(|part| part.name.clone()).collect(),
        series: vec![
            series("A", &comparison.a.name, |accuracy| accuracy.a),
            series("B", &comparison.b.name, |accuracy| accuracy.b),
        ],
        percent: true,
    }
}

/// All pictures on which the answers differ, as CSV.
pub fn disagreements_csv(comparison: &Comparison) -> Vec<u8> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: [&str; 9]| table.write_record(cells).expect("rows of one length go into memory");
    write(["id", "truth", "a", "a_confidence", "a_truth_probability", "b", "b_confidence", "b_truth_probability", "right"]);
    for Disagreement { id, truth, a, b, right } in &comparison.disagreements {
        let numbers = [a.confidence, a.truth_probability, b.confidence, b.truth_probability].map(|p| format!("{p:.4}"));
        let right = match winner(*right) {
            "–" => "neither",
            side => side,
        };
        write([id, truth, &a.label, &numbers[0], &numbers[1], &b.label, &numbers[2], &numbers[3], right]);
    }
    table.into_inner().expect("memory takes all")
}

/// The surest disagreements on one sheet: first those where one of the two is right, of both kinds alternately. None where no
/// picture is found.
///
/// # Errors
/// Only where a picture cannot be drawn.
pub fn disagreements_sheet(comparison: &Comparison, pictures: &dyn Fn(&str) -> Option<Picture>) -> Result<Option<Picture>> {
    let of = |side: &'static str| comparison.disagreements.iter().filter(move |row| winner(row.right) == side);
    let (mut a, mut b) = (of("A"), of("B"));
    let alternately = std::iter::from_fn(move || match (a.next(), b.next()) {
        (None, None) => None,
        pair => Some(pair),
    });
    let rows = alternately.flat_map(|(a, b)| a.into_iter().chain(b)).chain(of("–"));
    let items = rows.filter_map(|row| Some(SheetItem { picture: pictures(&row.id)?, caption: caption(row) }));
    let items: Vec<SheetItem> = items.take(SHEET).collect();
    if items.is_empty() {
        return Ok(None);
    }
    let title = format!("Where A ({}) and B ({}) differ, on {}", comparison.a.name, comparison.b.name, comparison.data.name);
    contact_sheet(&title, &items, COLUMNS).map(Some)
}

/// The answers, that of the one that is right in dark letters, and the label.
fn caption(row: &Disagreement) -> Vec<Caption> {
    let side = |letter: &str, said: &super::Said| Caption {
        text: format!("{letter}: {} {}", said.label, percent(said.confidence)),
        strong: winner(row.right) == letter,
    };
    let name = row.id.rsplit(['/', '\\']).next().unwrap_or(&row.id);
    let plain = |text: String| Caption { text, strong: false };
    vec![side("A", &row.a), side("B", &row.b), plain(format!("labelled {}", row.truth)), plain(name.to_owned())]
}
