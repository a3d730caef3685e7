//! `fervor evaluate`: scores a bundle on a data set from the bundle alone.

#[cfg(feature = "batch")]
mod parquet;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fervor::{Error, LabelMap, LabelSet, Reason, Result};
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, Split};
use fervor_lab::evaluate::{DataInfo, Evaluation, write_predictions};
use fervor_lab::report;
use fervor_lab::robustness::Robustness;
use fervor_lab::sweep::evenly;

use crate::cli::{Evaluate, Format, Judge};
use crate::remedy::quoted;
use crate::verdict::Verdict;
use crate::{data, groups, output, setup, talk};

/// Runs the command.
///
/// # Errors
/// A model or data set that cannot be read, a split without samples, classes that the model lacks.
pub fn run(args: &Evaluate) -> Result<Verdict> {
    setup::threads(args.threads);
    check_places(args)?;
    let classes = if args.classes.is_empty() { None } else { Some(LabelSet::new(&args.classes)?) };
    let bundle = setup::head(setup::model(&args.model, args.threads)?, &args.head)?;
    let options = OpenOptions { votes: args.votes.clone(), ..OpenOptions::default() };
    let mut dataset = data::open(&args.data, options)?;
    args.predictions.as_deref().map_or(Ok(()), |path| data::keeps(&dataset, "--predictions", path))?;
    let (split, mut indices) = data::choose(&dataset, args.split.as_deref())?;
    let info = DataInfo { name: dataset.name().to_owned(), manifest_sha256: Manifest::of(&dataset).sha256() };
    let (problems, left_out) = (dataset.problems().len(), dataset.left_out(Split::parse(&split)));
    dataset =
        data::faces(dataset.subset(&indices), args.faces, &(0..indices.len()).collect::<Vec<_>>(), &bundle.card().preprocess)?;
    let without_face = dataset.problems().len() - problems;
    indices = (0..dataset.len()).collect();
    let mut without_majority = 0;
    if args.votes.is_some() && args.judge == Judge::Votes {
        let (voted, left_out) = data::by_votes(&dataset.subset(&indices), &bundle.card().labels)?;
        (dataset, indices, without_majority) = (voted, Vec::new(), left_out.total());
        indices.extend(0..dataset.len());
    }
    let map = LabelMap::parse(&rules(args, &dataset, &bundle.card().labels), dataset.labels(), &bundle.card().labels)?;
    let bar = talk::bar(0, "pictures");
    let mut evaluation = Evaluation::of_bundle(&bundle, &dataset, info, &split, &indices, &map, &talk::moves(&bar))?;
    bar.finish_and_clear();
    for problem in evaluation.problems() {
        talk::warn(format_args!("{}: {}", problem.id, problem.message));
    }
    evaluation.judged_by_votes = args.votes.is_some() && args.judge == Judge::Votes;
    left_out.reasons().into_iter().for_each(|(reason, count)| evaluation.exclude(reason, count));
    evaluation.exclude("no face found", without_face as u64);
    evaluation.exclude("no majority of votes for an expression", without_majority as u64);
    evaluation.command = Some(command(args, &split));
    groups::fill(&mut evaluation, &dataset);
    if let Some(classes) = &classes {
        evaluation = evaluation.choosing_among(classes)?;
    }
    let mut result = evaluation.report()?;
    result.slices = args.slices.iter().map(|column| evaluation.slice(column)).collect::<Result<_>>()?;
    if let Some(path) = &args.predictions {
        let table = write_predictions(&evaluation);
        match is_parquet(path) {
            #[cfg(feature = "batch")]
            true => parquet::write(path, &table)?,
            _ => output::write_whole(path, &table)?,
        }
        talk::note(format_args!("predictions written: {}", path.display()));
    }
    if let Some(limit) = args.robustness {
        let chosen = evenly(&indices, limit);
        let bar = talk::bar(0, "worse pictures");
        let robustness = Robustness::of_bundle(&bundle, &dataset, &chosen, &map, &talk::moves(&bar))?;
        bar.finish_and_clear();
        talk::left_out(&robustness.unreadable);
        result.robustness = Some(robustness);
    }
    match args.format {
        Format::Json => talk::answer(report::json(&result).trim_end()),
        Format::Text => talk::answer(report::text(&result).trim_end()),
    }?;
    if let Some(dir) = &args.report {
        let index_of = |id: &str| dataset.samples().iter().position(|sample| sample.id == id);
        output::write_whole(&dir.join("predictions.csv"), &write_predictions(&evaluation))?;
        report::write_report(dir, &result, &|id| dataset.picture(index_of(id)?).ok())?;
        talk::note(format_args!("report written: {}", dir.join("index.html").display()));
    }
    match args.fail_under {
        Some(floor) if result.accuracy < floor => {
            talk::note(format_args!("accuracy {:.4} is under {floor}", result.accuracy));
            Ok(Verdict::No)
        }
        _ => Ok(Verdict::Yes),
    }
}

/// Refuses places that cannot take the results, or hold what is read, before anything is read.
fn check_places(args: &Evaluate) -> Result<()> {
    let model = data::model_file(&args.model);
    let inputs: Vec<&Path> = [&model, &args.data].into_iter().chain(&args.votes).map(PathBuf::as_path).collect();
    if let Some(path) = &args.predictions {
        check_table(path)?;
        data::check_file("--predictions", path, &args.data, &inputs)?;
    }
    let files = ["report.json", "report.md", "index.html", "predictions.csv"];
    args.report.as_deref().map_or(Ok(()), |dir| data::check_report(dir, &files, Some(&args.data), &inputs))
}

/// Refuses a table of predictions that would not be what its name says.
fn check_table(path: &Path) -> Result<()> {
    match is_parquet(path) {
        true if cfg!(not(feature = "batch")) => {
            Err(Error::input(format!("this program was built without Parquet: {}", path.display()))
                .because(Reason::Unsupported)
                .with_remedy(fervor::Remedy::BuildWith { feature: "batch".into() }))
        }
        _ => Ok(()),
    }
}

fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// The rules for the data's classes: with a choice of classes, those that the model lacks are left out unless said otherwise.
fn rules(args: &Evaluate, dataset: &Dataset, known: &LabelSet) -> String {
    let lacking = dataset.labels().names().iter().filter(|name| !args.classes.is_empty() && known.index_of(name).is_none());
    lacking.map(|name| format!("{name}=-,")).chain([args.map.clone()]).collect()
}

/// The command that makes the report again.
fn command(args: &Evaluate, split: &str) -> String {
    let mut words = vec!["fervor evaluate".to_owned(), quoted(&args.model), quoted(&args.data.display().to_string())];
    words.push(format!("--split {split}"));
    if args.head != "card" {
        words.push(format!("--head {}", quoted(&args.head)));
    }
    if let Some(limit) = args.robustness {
        words.push(format!("--robustness {limit}"));
    }
    for (flag, names) in [("classes", &args.classes), ("slices", &args.slices)] {
        if !names.is_empty() {
            words.push(format!("--{flag} {}", quoted(&names.join(","))));
        }
    }
    if let Some(votes) = &args.votes {
        words.push(format!("--votes {}", quoted(&votes.display().to_string())));
        if args.judge == Judge::Labels {
            words.push("--judge labels".to_owned());
        }
    }
    if let Some(faces) = args.faces.and_then(|faces| faces.to_possible_value()) {
        words.push(format!("--faces {}", faces.get_name()));
    }
    if !args.map.is_empty() {
        words.push(format!("--map {}", quoted(&args.map)));
    }
    words.join(" ")
}
