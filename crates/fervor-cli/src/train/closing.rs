//! What is shown at a training's end: its best bundle, scored as `fervor evaluate` scores any.

use std::path::Path;

use fervor::{LabelMap, Result};
use fervor_lab::dataset::{Dataset, Manifest, Split};
use fervor_lab::evaluate::{DataInfo, EvalReport, Evaluation, write_predictions};
use fervor_lab::report;

use crate::{groups, output, setup, talk};

/// The folder of the report, in the run's.
pub const FOLDER: &str = "report";

/// Scores the best bundle of a run on the test part of its data, else on the validation part, and leaves a report in the run's folder.
///
/// # Errors
/// The bundle or its pictures cannot be read any more, the report not be written.
pub fn score(run: &Path, dataset: &Dataset, threads: Option<usize>) -> Result<EvalReport> {
    let bundle = setup::model(&run.display().to_string(), threads)?;
    let split = if dataset.of_split(Split::Test).is_empty() { Split::Validation } else { Split::Test };
    let indices = dataset.of_split(split);
    let info = DataInfo { name: dataset.name().to_owned(), manifest_sha256: Manifest::of(dataset).sha256() };
    let map = LabelMap::same_names(dataset.labels(), &bundle.card().labels)?;
    let bar = talk::bar(0, "scoring");
    let mut rows = Evaluation::of_bundle(&bundle, dataset, info, split.name(), &indices, &map, &talk::moves(&bar))?;
    bar.finish_and_clear();
    groups::fill(&mut rows, dataset);
    let [model, data] =
        [run.to_owned(), run.join("manifest.json")].map(|path| crate::remedy::quoted(&path.display().to_string()));
    rows.command = Some(format!("fervor evaluate {model} {data} --split {split}"));
    let scored = rows.report()?;
    let folder = run.join(FOLDER);
    let index_of = |id: &str| dataset.samples().iter().position(|sample| sample.id == id);
    output::write_whole(&folder.join("predictions.csv"), &write_predictions(&rows))?;
    report::write_report(&folder, &scored, &|id| dataset.picture(index_of(id)?).ok())?;
    Ok(scored)
}

/// The report as text, with a word on what the validation part can tell.
pub fn text(scored: &EvalReport) -> String {
    let chose = match scored.split.as_str() {
        "validation" => "These pictures chose the epoch, so that the figures flatter a little; a test part would not.\n\n",
        _ => "",
    };
    let answers = (0..scored.labels.len()).filter(|&class| scored.confusion.iter().any(|row| row[class] > 0));
    let answers: Vec<&String> = answers.map(|class| &scored.labels[class]).collect();
    let only = match answers.as_slice() {
        [only] if scored.labels.len() - scored.absent.len() > 1 => {
            format!("The network answers {only} to every picture: it has learned nothing that tells classes apart.\n\n")
        }
        _ => String::new(),
    };
    format!("{only}{chose}{}", report::text(scored))
}
