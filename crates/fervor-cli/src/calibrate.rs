//! `fervor calibrate`: fits a bundle's doubt on pictures that it was not trained on.

use std::path::{Path, PathBuf};

use fervor::preprocess::Framing;
use fervor::{Bundle, Chip, Error, LabelMap, Result};
use fervor_lab::calibrate::{Blend, COVERAGE, Calibration, ClassBias, FittedTo, Measure, Network};
use fervor_lab::dataset::{Dataset, OpenOptions, Progress, Split};
use fervor_lab::sweep::evenly;

use crate::cli::{Calibrate, Format};
use crate::inspect::{biased, summed_biases};
use crate::output::write_whole;
use crate::verdict::Verdict;
use crate::{data, setup, talk};

/// Pictures that the steps of an 8-bit network are fitted to.
const STEPS_FROM: usize = 512;

/// Runs the command.
///
/// # Errors
/// A model or data set that cannot be read, a split with too few samples, a place that cannot be written.
pub fn run(args: &Calibrate) -> Result<Verdict> {
    setup::threads(args.threads);
    // Before the long part: a place that holds what is read, or cannot be written.
    if let Some(path) = &args.output {
        let model = data::model_file(&args.model);
        let inputs: Vec<&Path> = [&model, &args.data].into_iter().chain(&args.votes).map(PathBuf::as_path).collect();
        data::check_file("--output", path, &args.data, &inputs)?;
    }
    let mut bundle = setup::model(&args.model, args.threads)?;
    let before = bundle.size();
    if args.half {
        bundle = bundle.halved()?;
        talk::note(format_args!("weights as 16-bit floats: {} bytes instead of {before}", bundle.size()));
    }
    if args.quarter {
        bundle = bundle.quartered()?;
        talk::note(format_args!("weights as whole numbers of 8 bits: {} bytes instead of {before}", bundle.size()));
    }
    if let Some(margin) = args.margin {
        bundle = bundle.with_card(|card| {
            let shift_y = if let Framing::Margin { shift_y, .. } = card.preprocess.framing { shift_y } else { 0.0 };
            card.preprocess.framing = Framing::Margin { margin: margin as f32, shift_y };
        })?;
    }
    if let Some((eye_distance, eye_y)) = args.eyes {
        bundle = bundle.with_card(|card| card.preprocess.framing = Framing::Aligned { eye_distance, eye_y })?;
    }
    let pictures = Pictures::open(args, &bundle)?;
    if args.eight_bits {
        bundle = bundle.in_eight_bits(&pictures.chips(&bundle))?;
        talk::note("the network computes in 8 bits: its steps are fitted to these pictures");
    }
    let (mut class_bias, mut blend) = (None, None);
    if args.blend {
        let found = pictures.blend(&bundle)?;
        bundle = bundle.with_card(|card| card.heads.clone_from(&found.heads))?;
        blend = Some(found);
    }
    if args.class_bias {
        let found = pictures.class_bias(&bundle)?;
        bundle = bundle.with_biases(&found.biases)?;
        class_bias = Some(found);
    }
    let mut calibration = pictures.calibration(&bundle)?;
    if let Some(bias) = class_bias {
        calibration = calibration.with_class_bias(bias);
    }
    if let Some(blend) = blend {
        calibration = calibration.with_blend(blend);
    }
    let helps = calibration.helps();
    if let Some(path) = args.output.as_deref().filter(|_| helps || args.anyway) {
        let reframed = args.margin.is_some() || args.eyes.is_some();
        let changed = args.half || args.quarter || args.eight_bits || args.class_bias || args.blend || reframed;
        let network = if changed { Network::Changed } else { Network::Same };
        let calibrated = bundle.with_card(|card| {
            calibration.apply(card, &pictures.split, network);
            for (said, of_card) in [(&args.description, &mut card.description), (&args.licence, &mut card.licence)] {
                said.iter().for_each(|text| of_card.clone_from(text));
            }
        })?;
        write_whole(path, calibrated.bytes())?;
        talk::note(format_args!("calibrated bundle written: {}", path.display()));
    }
    match args.format {
        Format::Json => talk::answer(serde_json::to_string_pretty(&calibration).expect("figures are plain data")),
        Format::Text => talk::answer(text(&calibration, &pictures.split, bundle.card().labels.names())),
    }?;
    if helps || (args.anyway && args.output.is_some()) {
        return Ok(Verdict::Yes);
    }
    talk::warn(
        "pictures that were not used to fit are not answered better than with the card's temperature: too few pictures, or already fitted",
    );
    if args.output.is_some() {
        talk::note("nothing is written; more pictures help, and --anyway writes it all the same");
    }
    Ok(Verdict::No)
}

/// What is calibrated on.
struct Pictures {
    dataset: Dataset,
    /// The part of the data, and its samples that the model was not trained on.
    split: String,
    indices: Vec<usize>,
    map: LabelMap,
    fitted_to: FittedTo,
}

impl Pictures {
    fn open(args: &Calibrate, bundle: &Bundle) -> Result<Self> {
        let options = OpenOptions { votes: args.votes.clone(), ..OpenOptions::default() };
        let mut dataset = data::open(&args.data, options)?;
        args.output.as_deref().map_or(Ok(()), |path| data::keeps(&dataset, "--output", path))?;
        let (split, chosen) = data::choose(&dataset, Some(asked(args, &dataset)?))?;
        let mut indices: Vec<usize> = (0..chosen.len()).collect();
        dataset = data::faces(dataset.subset(&chosen), args.faces, &indices, &bundle.card().preprocess)?;
        indices.truncate(dataset.len());
        let labels = &bundle.card().labels;
        if args.votes.is_some() {
            (dataset, _) = data::by_votes(&dataset.subset(&indices), labels)?;
            indices = (0..dataset.len()).collect();
        }
        let before = indices.len();
        indices.retain(|&index| !bundle.was_trained_on(dataset.samples()[index].hash));
        if indices.len() < before {
            talk::note(format_args!("left out: {} pictures that the model was trained on", before - indices.len()));
        }
        if !bundle.knows_training_pictures() {
            talk::note("the model does not say which pictures it was trained on: calibrate on others");
        }
        let map = LabelMap::parse(&args.map, dataset.labels(), labels)?;
        let fitted_to = if args.votes.is_some() { FittedTo::Votes } else { FittedTo::Labels };
        Ok(Self { dataset, split, indices, map, fitted_to })
    }

    /// Chips of some of the pictures, spread over all; what cannot be read is left out.
    fn chips(&self, bundle: &Bundle) -> Vec<Chip> {
        let chosen = evenly(&self.indices, STEPS_FROM);
        let preprocess = &bundle.card().preprocess;
        let chips = chosen.into_iter().filter_map(|index| Some(preprocess.whole(&self.dataset.picture(index).ok()?)));
        chips.collect()
    }

    fn class_bias(&self, bundle: &Bundle) -> Result<ClassBias> {
        // Before the long part: a network that has no place for them.
        bundle.with_biases(&vec![0.0; bundle.card().labels.len()])?;
        let bar = talk::bar(0, "pictures");
        let found = self.measure(bundle, &talk::moves(&bar)).class_bias()?;
        bar.finish_and_clear();
        if !found.absent.is_empty() {
            let names = found.absent.join(", ");
            talk::note(format_args!("no picture shows {names}: with these class biases the model will hardly answer so"));
        }
        Ok(found)
    }

    fn blend(&self, bundle: &Bundle) -> Result<Blend> {
        let bar = talk::bar(0, "pictures");
        let found = self.measure(bundle, &talk::moves(&bar)).blend()?;
        bar.finish_and_clear();
        Ok(found)
    }

    fn calibration(&self, bundle: &Bundle) -> Result<Calibration> {
        talk::note(format_args!("measuring {} pictures, and worse copies of them for each quality flag", self.indices.len()));
        let bar = talk::bar(0, "pictures");
        let found = self.measure(bundle, &talk::moves(&bar)).calibration()?;
        bar.finish_and_clear();
        talk::left_out(&found.unreadable);
        Ok(found)
    }

    fn measure<'a>(&'a self, bundle: &'a Bundle, progress: Progress<'a>) -> Measure<'a> {
        Measure { bundle, dataset: &self.dataset, indices: &self.indices, map: &self.map, fitted_to: self.fitted_to, progress }
    }
}

/// The part of the data to calibrate on: a test part stays a test part unless somebody asks for it.
fn asked<'a>(args: &'a Calibrate, dataset: &Dataset) -> Result<&'a str> {
    let there = |split| !dataset.of_split(split).is_empty();
    match args.split.as_deref() {
        Some(split) => Ok(split),
        None if there(Split::Validation) => Ok(Split::Validation.name()),
        None if there(Split::Test) => Err(Error::data("the data has no validation part, and a test part is for testing")
            .with_hint("choose the part to calibrate on with --split")),
        None => Ok("all"),
    }
}

fn text(calibration: &Calibration, split: &str, labels: &[String]) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let [plain, before, after] = calibration.ece.map(percent);
    let [plain_loss, loss_before, loss_after] = calibration.log_loss;
    let mut lines = vec![
        format!("{} pictures ({split})", calibration.n),
        format!("temperature           {:.3}", calibration.temperature),
        "of pictures that were not used to fit, before (with the card's temperature) and after:".to_owned(),
        format!("log loss              {loss_before:.3} -> {loss_after:.3}   ({plain_loss:.3} at temperature 1)"),
        format!("calibration error     {before} -> {after}   ({plain} at temperature 1)"),
        format!(
            "sets at {:.0} % coverage classes of {:.3} or more; {:.2} classes on average",
            100.0 * COVERAGE,
            calibration.conformal.threshold,
            calibration.set_size
        ),
    ];
    if let Some(ClassBias { biases, accuracy, .. }) = &calibration.class_bias {
        let [before, halves, after] = accuracy.map(percent);
        lines.push(format!("class biases          {}", biased(labels, biases)));
        lines.push(format!("accuracy              {after}   ({before} without them, {halves} with those of the other half)"));
    }
    if let Some(Blend { heads, macro_recall, accuracy, .. }) = &calibration.blend {
        let shown = heads.iter().map(|head| format!("{} x {:.2}", head.name, head.weight));
        lines.push(format!("heads                 {}", shown.collect::<Vec<_>>().join(", ")));
        lines.push(format!("class biases          {}", biased(labels, &summed_biases(heads))));
        for (what, figures) in [("macro recall", macro_recall), ("accuracy", accuracy)] {
            let [before, halves, after] = figures.map(percent);
            lines.push(format!("{what:<21} {after}   ({before} as they were, {halves} with the blend of the other half)"));
        }
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
