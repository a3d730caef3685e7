//! `fervor calibrate`: fits a bundle's doubt on pictures that it was not trained on.

use std::io::Write;

use fervor::bundle;
use fervor::files::WholeFile;
use fervor::{Bundle, Error, LabelMap, Result};
use fervor_lab::calibrate::{COVERAGE, Calibration, ClassBias, FittedTo, Measure, Network};
use fervor_lab::dataset::{OpenOptions, Split};

use crate::cli::{Calibrate, Format};
use crate::verdict::Verdict;
use crate::{data, setup, talk};

/// Runs the command.
///
/// # Errors
/// A model or data set that cannot be read, a split with too few samples, a place that cannot be written.
pub fn run(args: &Calibrate) -> Result<Verdict> {
    setup::threads(args.threads);
    // Before the long part: a place that cannot be written.
    let output = args.output.as_ref().map(|path| {
        let file = WholeFile::create(path).map_err(|e| Error::input(format!("{} cannot be written: {e}", path.display())))?;
        Ok((path, file))
    });
    let output = output.transpose()?;
    let (mut loaded, mut bytes) = setup::model_with_bytes(&args.model, args.threads)?;
    if args.half {
        let before = bytes.len();
        bytes = bundle::halved(&bytes)?;
        loaded = setup::with_threads(Bundle::load(bytes.clone())?, args.threads);
        talk::note(format_args!("weights as 16-bit floats: {} bytes instead of {before}", bytes.len()));
    }
    let options = OpenOptions { votes: args.votes.clone(), ..OpenOptions::default() };
    let mut dataset = data::open(&args.data, options)?;
    // A test part stays a test part unless somebody asks for it.
    let there = |split| !dataset.of_split(split).is_empty();
    let asked = match args.split.as_deref() {
        Some(split) => split,
        None if there(Split::Validation) => Split::Validation.name(),
        None if there(Split::Test) => {
            return Err(Error::data("the data has no validation part, and a test part is for testing")
                .with_hint("choose the part to calibrate on with --split"));
        }
        None => "all",
    };
    let (split, mut indices) = data::choose(&dataset, Some(asked))?;
    if args.votes.is_some() {
        (dataset, _) = data::by_votes(&dataset.subset(&indices), &loaded.card().labels)?;
        indices = (0..dataset.len()).collect();
    }
    let before = indices.len();
    indices.retain(|&index| !loaded.was_trained_on(dataset.samples()[index].hash));
    if indices.len() < before {
        talk::note(format_args!("left out: {} pictures that the model was trained on", before - indices.len()));
    }
    if !loaded.knows_training_pictures() {
        talk::note("the model does not say which pictures it was trained on: calibrate on others");
    }
    let map = LabelMap::parse(&args.map, dataset.labels(), &loaded.card().labels)?;
    let fitted_to = if args.votes.is_some() { FittedTo::Votes } else { FittedTo::Labels };
    let mut class_bias = None;
    if args.class_bias {
        // Before the long part: a network that has no place for them.
        bundle::with_biases(&bytes, &vec![0.0; loaded.card().labels.len()])?;
        let bar = talk::bar(0, "pictures");
        let (bundle, dataset, indices, map, progress) = (&loaded, &dataset, &indices[..], &map, &talk::moves(&bar));
        let found = Measure { bundle, dataset, indices, map, fitted_to, progress }.class_bias()?;
        bar.finish_and_clear();
        if !found.absent.is_empty() {
            let names = found.absent.join(", ");
            talk::note(format_args!("no picture shows {names}: with these class biases the model will hardly answer so"));
        }
        bytes = bundle::with_biases(&bytes, &found.biases)?;
        loaded = setup::with_threads(Bundle::load(bytes.clone())?, args.threads);
        class_bias = Some(found);
    }
    let bar = talk::bar(0, "pictures");
    let measure =
        Measure { bundle: &loaded, dataset: &dataset, indices: &indices, map: &map, fitted_to, progress: &talk::moves(&bar) };
    let calibration = measure.calibration()?;
    talk::left_out(&calibration.unreadable);
    let calibration = match class_bias {
        Some(bias) => calibration.with_class_bias(bias),
        None => calibration,
    };
    bar.finish_and_clear();
    if let Some((path, mut file)) = output {
        let network = if args.half || args.class_bias { Network::Changed } else { Network::Same };
        let calibrated = bundle::with_card(&bytes, |card| calibration.apply(card, &split, network))?;
        let written = file.write_all(&calibrated).and_then(|()| file.finish());
        written.map_err(|e| Error::input(format!("{} cannot be written: {e}", path.display())))?;
        talk::note(format_args!("calibrated bundle written: {}", path.display()));
    }
    match args.format {
        Format::Json => talk::answer(serde_json::to_string_pretty(&calibration).expect("figures are plain data")),
        Format::Text => talk::answer(text(&calibration, &split, loaded.card().labels.names())),
    }?;
    Ok(Verdict::Yes)
}

fn text(calibration: &Calibration, split: &str, labels: &[String]) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let [plain, before, after] = calibration.ece.map(percent);
    let mut lines = vec![
        format!("{} pictures ({split})", calibration.n),
        format!("temperature           {:.3}", calibration.temperature),
        format!("calibration error     {after}   ({plain} at temperature 1, {before} with the card's)"),
        format!(
            "sets at {:.0} % coverage classes of {:.3} or more; {:.2} classes on average",
            100.0 * COVERAGE,
            calibration.conformal.threshold,
            calibration.set_size
        ),
    ];
    if let Some(ClassBias { biases, accuracy, .. }) = &calibration.class_bias {
        let [before, halves, after] = accuracy.map(percent);
        let biases: Vec<String> = labels.iter().zip(biases).map(|(label, bias)| format!("{label} {bias:+.2}")).collect();
        lines.push(format!("class biases          {}", biases.join(", ")));
        lines.push(format!("accuracy              {after}   ({before} without them, {halves} with those of the other half)"));
    }
    lines.extend([
        String::new(),
        "flag        answers   accuracy   temperature   confidence         calibration error".to_owned(),
    ]);
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
