//! `fervor calibrate`: fits a bundle's doubt on pictures that it was not trained on.

use fervor::bundle;
use fervor::calibrate::{COVERAGE, Calibration};
use fervor::dataset::OpenOptions;
use fervor::files::write_whole;
use fervor::{Bundle, Error, LabelMap, Result, builtin};
use std::path::Path;

use crate::cli::{Calibrate, Format};
use crate::{Verdict, data, evaluate, setup, talk};

/// Runs the command.
///
/// # Errors
/// A model or data set that cannot be read, a split with too few samples, a place that cannot be written.
pub fn run(args: &Calibrate) -> Result<Verdict> {
    setup::threads(args.threads);
    let bytes = match builtin::bytes(&args.model) {
        Some(bytes) => bytes.to_vec(),
        None if !Path::new(&args.model).exists() => return Err(builtin::unknown(&args.model)),
        None => std::fs::read(&args.model).map_err(|e| Error::model(format!("{} cannot be read: {e}", args.model)))?,
    };
    let loaded = Bundle::load(bytes.clone()).map_err(|e| e.context(&args.model))?;
    let options = OpenOptions { votes: args.votes.clone(), ..OpenOptions::default() };
    let mut dataset = data::open(&args.data, options)?;
    let (split, mut indices) = evaluate::choose(&dataset, args.split.as_deref())?;
    if args.votes.is_some() {
        (dataset, _) = evaluate::by_votes(&dataset.subset(&indices), &loaded.card().labels)?;
        indices = (0..dataset.len()).collect();
    }
    let known = indices.iter().filter(|&&index| loaded.was_trained_on(dataset.samples()[index].hash)).count();
    if 2 * known > indices.len() {
        return Err(Error::data(format!("the model was trained on {known} of the {} pictures of {split}", indices.len()))
            .with_hint("a network is too sure of pictures that it learned: calibrate on others"));
    }
    let map = LabelMap::parse(&args.map, dataset.labels(), &loaded.card().labels)?;
    let bar = talk::bar(Calibration::pictures(&indices) as u64, "pictures");
    let votes = args.votes.is_some();
    let calibration = Calibration::of(&loaded, &dataset, &indices, &map, votes, &|done| bar.inc(done as u64))?;
    bar.finish_and_clear();
    if let Some(path) = &args.output {
        let calibrated = bundle::with_card(&bytes, |card| calibration.apply(card))?;
        write_whole(path, &calibrated).map_err(|e| Error::input(format!("{} cannot be written: {e}", path.display())))?;
        talk::note(format_args!("calibrated bundle written: {}", Path::display(path)));
    }
    match args.format {
        Format::Json => talk::answer(serde_json::to_string_pretty(&calibration).expect("figures are plain data")),
        Format::Text => talk::answer(text(&calibration, &split)),
    }?;
    Ok(Verdict::Yes)
}

fn text(calibration: &Calibration, split: &str) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let [plain, before, after] = calibration.ece.map(percent);
    let mut lines = vec![
        format!("{} pictures of split {split}", calibration.n),
        format!("temperature           {:.3}", calibration.temperature),
        format!("calibration error     {after}   ({plain} at temperature 1, {before} with the card's)"),
        format!(
            "sets at {:.0} % coverage classes of {:.3} or more; {:.2} classes on average",
            100.0 * COVERAGE,
            calibration.conformal.threshold,
            calibration.set_size
        ),
        String::new(),
        "flag       pictures   accuracy   temperature   confidence         calibration error".to_owned(),
    ];
    lines.extend(calibration.flags.iter().map(|flag| {
        let [c0, c1] = flag.confidence.map(percent);
        let [e0, e1] = flag.ece.map(percent);
        let name = flag.flag.name();
        format!(
            "{name:<10} {:>8} {:>10} {:>13} {:>8} -> {:>6} {:>8} -> {:>6}",
            flag.n,
            percent(flag.accuracy),
            format!("x {:.2}", flag.factor),
            c0,
            c1,
            e0,
            e1
        )
    }));
    lines.join("\n")
}
