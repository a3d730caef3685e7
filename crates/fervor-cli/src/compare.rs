//! `fervor compare`: two models on the same pictures.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fervor::{Bundle, Error, LabelMap, Reason, Result};
use fervor_lab::compare::{self, Comparison};
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions};
use fervor_lab::evaluate::{DataInfo, EvalReport, Evaluation, read_predictions};

use crate::cli::{Compare, DocumentFormat};
use crate::remedy::quoted;
use crate::verdict::Verdict;
use crate::{data, groups, setup, talk};

/// What a report's folder holds beside its pages.
const PREDICTIONS: &str = "predictions.csv";
const REPORT: &str = "report.json";

/// What a comparison's folder holds.
const FILES: [&str; 5] = ["comparison.json", "comparison.md", "classes.png", "disagreements.csv", "disagreements.png"];

/// One of the two.
enum Side {
    /// What it said is known already.
    Said(Box<Evaluation>),
    /// It has to be asked.
    Model(Box<Bundle>),
}

/// The pictures that models are asked about.
struct Asked {
    dataset: Dataset,
    info: DataInfo,
    split: String,
    indices: Vec<usize>,
}

/// Runs the command.
///
/// # Errors
/// A model, table or data set that cannot be read, answers about other pictures, classes that a model lacks.
pub fn run(args: &Compare) -> Result<Verdict> {
    setup::threads(args.threads);
    if let Some(dir) = &args.report {
        let inputs: Vec<&Path> = [&args.a, &args.b].map(Path::new).into_iter().chain(args.data.as_deref()).collect();
        data::check_report(dir, &FILES, args.data.as_deref(), &inputs)?;
    }
    let sides = [side(&args.a, args.threads)?, side(&args.b, args.threads)?];
    let dataset = args.data.as_ref().map(|path| data::open(path, OpenOptions::default())).transpose()?;
    let both_said = sides.iter().all(|side| matches!(side, Side::Said(_)));
    if both_said {
        check_options(args)?;
    }
    let asked = match dataset {
        None if both_said => None,
        None => {
            return Err(Error::input("models are compared on a data set, and none was given")
                .because(Reason::Missing)
                .with_hint("name it after the two models: fervor compare A B DATA"));
        }
        Some(dataset) => {
            let everything = || ("all".to_owned(), (0..dataset.len()).collect());
            let (split, indices) = if both_said { everything() } else { data::choose(&dataset, args.split.as_deref())? };
            let info = DataInfo { name: dataset.name().to_owned(), manifest_sha256: Manifest::of(&dataset).sha256() };
            Some(Asked { dataset, info, split, indices })
        }
    };
    let [mut a, mut b] = {
        let [a, b] = sides;
        [answers(a, args, asked.as_ref())?, answers(b, args, asked.as_ref())?]
    };
    if let (Some(asked), true, Some(data)) = (&asked, both_said, &args.data) {
        check_same_pictures([&a, &b], &asked.dataset, data)?;
    }
    if a.model.name == b.model.name {
        (a.model.name, b.model.name) = (args.a.clone(), args.b.clone());
    }
    let mut comparison = Comparison::of(&a, &b, &args.slices)?;
    if let Some(asked) = &asked {
        comparison.data = asked.info.clone();
        if !both_said {
            comparison.split.clone_from(&asked.split);
        }
    }
    comparison.command = Some(command(args));
    match args.format {
        DocumentFormat::Text => talk::answer(compare::text(&comparison).trim_end()),
        DocumentFormat::Json => talk::answer(comparison.json()),
        DocumentFormat::Markdown => talk::answer(compare::markdown(&comparison).trim_end()),
    }?;
    if let Some(dir) = &args.report {
        let picture = |id: &str| {
            let dataset = &asked.as_ref()?.dataset;
            dataset.picture(dataset.samples().iter().position(|sample| sample.id == id)?).ok()
        };
        compare::write_comparison(dir, &comparison, &picture)?;
        talk::note(format_args!("comparison written: {}", dir.join("comparison.md").display()));
        if asked.is_none() {
            talk::note("no contact sheet: name the data set, too, and the pictures on which they differ are drawn");
        }
    }
    Ok(Verdict::Yes)
}

/// Refuses options that choose what models are asked, where all answers are there already.
fn check_options(args: &Compare) -> Result<()> {
    let faces = args.faces.and_then(|faces| faces.to_possible_value()).map(|faces| faces.get_name().to_owned());
    let map = Some(args.map.clone()).filter(|map| !map.is_empty());
    for (flag, value) in [("--split", args.split.clone()), ("--faces", faces), ("--map", map)] {
        if let Some(value) = value {
            return Err(Error::input(format!("{flag} does nothing where both answers are read from tables: {value}")).with_hint(
                format!("leave it out, or make the tables with it: fervor evaluate MODEL DATA {flag} ... --predictions FILE.csv"),
            ));
        }
    }
    Ok(())
}

/// Refuses a data set that has none of the pictures that the tables are about.
fn check_same_pictures(tables: [&Evaluation; 2], dataset: &Dataset, data: &Path) -> Result<()> {
    let known: HashSet<&str> = dataset.samples().iter().map(|sample| sample.id.as_str()).collect();
    if tables.iter().any(|table| table.rows().iter().any(|row| known.contains(row.id.as_str()))) {
        return Ok(());
    }
    Err(Error::input(format!("no picture of the tables is in the data set: {}", data.display()))
        .because(Reason::Mismatch)
        .with_hint("name the data that the tables were made of, or leave it out"))
}

/// What a user names: predictions, the folder or file of a report with predictions beside it, or a model.
fn side(name: &str, threads: Option<usize>) -> Result<Side> {
    let path = Path::new(name);
    let ends_in = |extension: &str| path.is_file() && path.extension().is_some_and(|found| found == extension);
    if ends_in("csv") {
        return Ok(Side::Said(Box::new(read_predictions(path)?)));
    }
    if ends_in("parquet") {
        return Err(Error::input(format!("predictions are compared as CSV, this is a Parquet table: {name}"))
            .because(Reason::Unsupported)
            .with_hint("write them again with `fervor evaluate ... --predictions FILE.csv`"));
    }
    let folder: Option<PathBuf> = match path.is_dir() {
        true => path.join(PREDICTIONS).is_file().then(|| path.to_owned()),
        false => ends_in("json").then(|| path.parent().unwrap_or(Path::new("")).to_owned()),
    };
    let Some(folder) = folder else { return Ok(Side::Model(Box::new(setup::model(name, threads)?))) };
    if !folder.join(PREDICTIONS).is_file() {
        return Err(Error::input(format!("a report alone does not say what was answered for each picture: {name}"))
            .because(Reason::Missing)
            .with_hint("make it again with `fervor evaluate ... --report DIR`, which writes predictions.csv beside it"));
    }
    let mut said = read_predictions(&folder.join(PREDICTIONS))?;
    let report = if path.is_dir() { folder.join(REPORT) } else { path.to_owned() };
    if let Some(report) = report.is_file().then(|| report_of(&report)).transpose()? {
        (said.model, said.data, said.split) = (report.model, report.data, report.split);
    }
    Ok(Side::Said(Box::new(said)))
}

fn report_of(path: &Path) -> Result<EvalReport> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::data("the report cannot be read").with_source(e));
    let report = text.and_then(|text| {
        serde_json::from_str(&text).map_err(|e| Error::data("not a report").because(Reason::Unsupported).with_source(e))
    });
    report.map_err(|e| e.context(path.display()))
}

/// What one of the two says of the pictures.
fn answers(side: Side, args: &Compare, asked: Option<&Asked>) -> Result<Evaluation> {
    let mut evaluation = match (side, asked) {
        (Side::Said(evaluation), _) => *evaluation,
        (Side::Model(_), None) => unreachable!("models are asked only where there is data"),
        (Side::Model(bundle), Some(Asked { dataset, info, split, indices })) => {
            let dataset = dataset.subset(indices);
            let indices: Vec<usize> = (0..dataset.len()).collect();
            let known = dataset.problems().len();
            let dataset = &data::faces(dataset, args.faces, &indices, &bundle.card().preprocess)?;
            let without_face = dataset.problems().len() - known;
            let indices: Vec<usize> = (0..dataset.len()).collect();
            let map = LabelMap::parse(&args.map, dataset.labels(), &bundle.card().labels)?;
            let bar = talk::bar(0, &bundle.card().name);
            let mut evaluation =
                Evaluation::of_bundle(&bundle, dataset, info.clone(), split, &indices, &map, &talk::moves(&bar))?;
            bar.finish_and_clear();
            evaluation.exclude("no face found", without_face as u64);
            for problem in evaluation.problems() {
                talk::warn(format_args!("{}: {}", problem.id, problem.message));
            }
            evaluation
        }
    };
    if let Some(asked) = asked {
        groups::fill(&mut evaluation, &asked.dataset);
    }
    Ok(evaluation)
}

/// The command that makes the comparison again.
fn command(args: &Compare) -> String {
    let mut words = vec!["fervor compare".to_owned(), quoted(&args.a), quoted(&args.b)];
    words.extend(args.data.as_ref().map(|data| quoted(&data.display().to_string())));
    words.extend(args.split.as_ref().map(|split| format!("--split {}", quoted(split))));
    if !args.slices.is_empty() {
        words.push(format!("--slices {}", quoted(&args.slices.join(","))));
    }
    if let Some(faces) = args.faces.and_then(|faces| faces.to_possible_value()) {
        words.push(format!("--faces {}", faces.get_name()));
    }
    if !args.map.is_empty() {
        words.push(format!("--map {}", quoted(&args.map)));
    }
    words.join(" ")
}
