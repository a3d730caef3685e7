//! `fervor split`: a manifest whose parts share no picture.

use std::path::{Path, PathBuf};

use fervor::{Error, Result};
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, Split as Part, SplitRule};

use crate::cli::Split;
use crate::verdict::Verdict;
use crate::{data, setup, talk};

/// Runs the command.
///
/// # Errors
/// Something that is no data set, ratios that are none, a part that stays empty, a file that cannot be written.
pub fn run(args: &Split) -> Result<Verdict> {
    setup::threads(args.threads);
    let hint = "write TRAIN:VALIDATION:TEST, the first two at least 1, for example 80:10:10";
    let rule = SplitRule::parse(&args.ratios).map_err(|e| e.with_hint(hint))?;
    let rule = rule.with_seed(args.seed);
    let SplitRule::Ratio { train, validation, test, .. } = rule else {
        return Err(Error::input(format!("not ratios: {:?}", args.ratios)).with_hint(hint));
    };
    let outputs: Vec<PathBuf> = match args.folds {
        None => vec![args.output.clone()],
        // More folds are refused.
        Some(folds) => (1..=folds as usize).take(100).map(|fold| numbered(&args.output, fold)).collect(),
    };
    outputs.iter().try_for_each(|output| data::check_file("--output", output, &args.data, &[&args.data]))?;
    let (mut dataset, families) = if args.near > 0.0 {
        data::open_with_families(&args.data, OpenOptions::default(), args.near / 100.0)?
    } else {
        (data::open(&args.data, OpenOptions::default())?, Vec::new())
    };
    outputs.iter().try_for_each(|output| data::keeps(&dataset, "--output", output))?;
    match args.folds {
        None => {
            talk::note(rule.apply_together(&mut dataset, &families)?);
            save(&dataset, &args.output)?;
        }
        Some(folds) => {
            let sets = dataset.folds(folds, [train, validation, test], args.seed, &families)?;
            sets.iter().zip(&outputs).try_for_each(|(set, output)| save(set, output))?;
        }
    }
    Ok(Verdict::Yes)
}

fn save(dataset: &Dataset, path: &Path) -> Result<()> {
    Manifest::of(dataset).save(path)?;
    let [train, validation, test] = Part::ALL.map(|part| dataset.of_split(part).len());
    talk::answer(format_args!("{}  train {train}, validation {validation}, test {test}", path.display()))
}

/// `folds.json` as `folds-3.json`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map_or_else(|| "json".into(), |extension| extension.to_string_lossy());
    path.with_file_name(format!("{stem}-{number}.{extension}"))
}
