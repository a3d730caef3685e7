//! `fervor crop`: photographs become a data set of faces.

use fervor::{Error, Result};
use fervor_lab::crops;
use fervor_lab::dataset::OpenOptions;

use crate::cli::{Crop, Faces};
use crate::data::outside;
use crate::verdict::Verdict;
use crate::{data, setup, talk};

/// Runs the command.
///
/// # Errors
/// A model or data set that cannot be read, no face anywhere, a folder that is there already or cannot be written.
pub fn run(args: &Crop) -> Result<Verdict> {
    setup::threads(args.threads);
    if args.faces == Faces::Whole {
        return Err(Error::input("pictures taken whole need no crop")
            .with_hint("--faces detect always looks, --faces auto leaves crops as they are"));
    }
    outside(&args.data, "OUT", &args.out)?;
    if args.out.symlink_metadata().is_ok() {
        return Err(Error::input(format!("it is there already: {}", args.out.display())).with_hint("name a new folder"));
    }
    let mut preprocess = setup::model(&args.model, Some(1))?.card().preprocess.clone();
    preprocess.framing = preprocess.framing.widened(args.margin.unwrap_or(0.0));
    let dataset = data::open(&args.data, OpenOptions::default())?;
    let unreadable = dataset.problems().len();
    let dataset = data::faces(dataset, Some(args.faces), &[], &preprocess)?;
    let bar = talk::bar(0, "crops");
    let written = crops::write(&dataset, &args.out, &talk::moves(&bar))?;
    bar.finish_and_clear();
    talk::answer(format_args!("{}: {written} pictures", args.out.join("manifest.json").display()))?;
    Ok(if unreadable > 0 { Verdict::No } else { Verdict::Yes })
}
