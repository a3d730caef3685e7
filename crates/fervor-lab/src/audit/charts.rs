//! The charts and sheets of an audit: the same in the page and as files beside it.

use super::source::{PictureSource, seen};
use super::value::{AuditReport, ClassStatistics, Histogram};
use super::words::one_line;
use fervor::error::Result;
use fervor::picture::Picture;
use fervor_draw::chart::{self, BarChart, BarSeries};
use fervor_draw::{Caption, SheetItem, contact_sheet};

/// Examples of each class on the sheet of samples: one row a class.
const EXAMPLES: usize = 8;

/// Pictures of each class, in all.
pub(super) fn classes(report: &AuditReport) -> BarChart {
    let values = report.statistics.classes.iter().map(|class| class.pictures as f64).collect();
    BarChart {
        title: "Pictures of each class".to_owned(),
        y_label: "pictures".to_owned(),
        categories: categories(report),
        series: vec![BarSeries { name: "all".to_owned(), values, intervals: Vec::new() }],
        percent: false,
    }
}

fn categories(report: &AuditReport) -> Vec<String> {
    report.labels.iter().map(|label| one_line(label)).collect()
}

/// Each class' share of each split; none where the data has fewer than two splits.
pub(super) fn splits(report: &AuditReport) -> Option<BarChart> {
    type Count = fn(&ClassStatistics) -> usize;
    let columns: [(&str, Count); 3] = [("train", |c| c.train), ("validation", |c| c.validation), ("test", |c| c.test)];
    let classes = &report.statistics.classes;
    let series: Vec<BarSeries> = columns
        .into_iter()
        .filter_map(|(name, count)| {
            let all: usize = classes.iter().map(count).sum();
            let values = classes.iter().map(|class| count(class) as f64 / all as f64).collect();
            (all > 0).then(|| BarSeries { name: name.to_owned(), values, intervals: Vec::new() })
        })
        .collect();
    (series.len() > 1).then(|| BarChart {
        title: "Share of each class in each split (%)".to_owned(),
        y_label: "share".to_owned(),
        categories: categories(report),
        series,
        percent: true,
    })
}

/// File name and histogram of each measure that varies.
pub(super) fn measures(report: &AuditReport) -> Vec<(&'static str, chart::Histogram)> {
    let s = &report.statistics;
    [
        ("brightness.png", "Brightness", "mean grey value", &s.brightness),
        ("contrast.png", "Contrast", "deviation of grey values", &s.contrast),
        ("sharpness.png", "Sharpness", "variance of the Laplacian / variance", &s.sharpness),
        ("widths.png", "Width", "pixels", &s.width),
        ("heights.png", "Height", "pixels", &s.height),
        ("aspects.png", "Width / height", "ratio", &s.aspect),
    ]
    .into_iter()
    .filter(|(.., h)| h.least < h.greatest)
    .map(|(file, title, unit, h)| (file, histogram(title, unit, h)))
    .collect()
}

fn histogram(title: &str, unit: &str, h: &Histogram) -> chart::Histogram {
    chart::Histogram {
        title: title.to_owned(),
        x_label: unit.to_owned(),
        y_label: "pictures".to_owned(),
        edges: h.edges.clone(),
        counts: h.counts.iter().map(|&count| count as f64).collect(),
        mark: Some((h.median, "median".to_owned())),
    }
}

/// The mean picture of a class; none for a class without pictures.
pub(super) fn mean_picture(class: &ClassStatistics) -> Option<Picture> {
    let side = class.mean_side as u32;
    if class.pictures == 0 || side == 0 {
        return None;
    }
    Picture::from_gray(side, side, &class.mean_picture).ok()
}

/// The mean pictures on one sheet; none without pictures.
///
/// # Errors
/// A sheet that cannot be drawn.
pub(super) fn mean_sheet(report: &AuditReport) -> Result<Option<Picture>> {
    let items: Vec<SheetItem> = report
        .statistics
        .classes
        .iter()
        .filter_map(|class| {
            let caption = vec![Caption { text: one_line(&class.label), strong: true }];
            Some(SheetItem { picture: mean_picture(class)?, caption })
        })
        .collect();
    sheet("Mean picture of each class", &items, 7)
}

/// Random pictures of each class after preprocessing, a row a class; none without pictures.
///
/// # Errors
/// A sheet that cannot be drawn.
pub(super) fn sample_sheet(report: &AuditReport, pictures: PictureSource) -> Result<Option<Picture>> {
    let Some(batch) = &report.statistics.batch else { return Ok(None) };
    let mut items = Vec::new();
    for class in &report.statistics.classes {
        for id in class.examples.iter().take(EXAMPLES) {
            let Some(picture) = pictures(id) else { continue };
            let caption = vec![Caption { text: one_line(&class.label), strong: true }];
            items.push(SheetItem { picture: seen(&batch.preprocess, &picture), caption });
        }
    }
    sheet("As a network sees them", &items, EXAMPLES)
}

fn sheet(title: &str, items: &[SheetItem], columns: usize) -> Result<Option<Picture>> {
    if items.is_empty() {
        return Ok(None);
    }
    contact_sheet(title, items, columns).map(Some)
}
