//! `fervor audit`: what is wrong in a data set.

use std::collections::HashMap;
use std::ffi::OsString;

use fervor::{Error, Result, builtin};
use fervor_lab::audit::{AcceptedFormats, AuditOptions, Remedy, Shown, audit, fix, report, text};
use fervor_lab::dataset::OpenOptions;

use crate::cli::{Audit, Faces, Format};
use crate::data::{check_report, outside};
use crate::remedy::{self, quoted};
use crate::verdict::Verdict;
use crate::{data, setup, talk};

/// Runs the command.
///
/// # Errors
/// Something that is no data set, a folder that cannot be written.
pub fn run(args: &Audit) -> Result<Verdict> {
    setup::threads(args.threads);
    check_places(args)?;
    if let (Some(decisions), Some(out)) = (&args.decisions, &args.fix) {
        let decisions = fix::read_decisions(decisions)?;
        let dataset = data::open(&args.data, OpenOptions::default())?;
        talk::answer(fix::fix(&dataset, &decisions, out, args.copy)?)?;
        return Ok(Verdict::Yes);
    }
    let bundle = setup::model(args.model.as_deref().unwrap_or(builtin::DEFAULT), args.threads)?;
    let words = |remedy: &Remedy| remedy::of_finding(remedy, &args.data);
    let audited = data::reading(|progress| {
        let options = AuditOptions {
            open: OpenOptions { progress: Some(progress), ..OpenOptions::default() },
            accepted: if args.strict_formats { AcceptedFormats::Strict } else { AcceptedFormats::All },
            near: (args.near > 0.0).then_some(args.near / 100.0),
            faces: shown(args.faces),
            suspects: (args.suspects || args.model.is_some()).then_some(&bundle),
            preprocess: bundle.card().preprocess.clone(),
            command: Some(command(std::env::args_os().skip(1))),
            words: Some(&words),
        };
        audit(&args.data, &options)
    })?;
    match args.format {
        Format::Json => talk::answer(report::json(&audited.report)),
        Format::Text => talk::answer(text(&audited.report).trim_end()),
    }?;
    if let Some(dir) = &args.report {
        let samples = audited.dataset.samples();
        let places: HashMap<&str, usize> = samples.iter().enumerate().map(|(i, sample)| (sample.id.as_str(), i)).collect();
        report::write(dir, &audited.report, &|id| audited.dataset.picture(*places.get(id)?).ok())?;
        talk::note(format_args!("report written: {}", dir.display()));
    }
    if let Some(out) = &args.fix {
        let done = fix::fix(&audited.dataset, &fix::decide(&audited), out, args.copy)?;
        talk::note(format_args!("mended: {done}"));
        let again = out.join("changes.csv");
        talk::note(format_args!("to change a decision, edit {} and give it with --decisions", again.display()));
    }
    Ok(if audited.report.has_errors() { Verdict::No } else { Verdict::Yes })
}

fn shown(faces: Option<Faces>) -> Shown {
    match faces {
        None => Shown::Unsaid,
        Some(Faces::Whole) => Shown::Faces,
        Some(Faces::Auto) => Shown::Mixed,
        Some(Faces::Detect) => Shown::Photographs,
    }
}

/// Refuses places that cannot take the results before anything is read.
fn check_places(args: &Audit) -> Result<()> {
    if let Some(out) = &args.fix {
        outside(&args.data, "--fix", out)?;
        if out.symlink_metadata().is_ok() {
            return Err(Error::input(format!("it is there already: {}", out.display())).with_hint("name a new folder for --fix"));
        }
    }
    if let Some(dir) = &args.report {
        check_report(dir, &["audit.json", "audit.txt", "index.html"], Some(&args.data), &[&args.data])?;
    }
    Ok(())
}

/// The command that makes the report again: without the repair, whose folder is there by then.
fn command(words: impl Iterator<Item = OsString>) -> String {
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let mut said = vec!["fervor".to_owned()];
    while let Some(word) = words.next() {
        match word.as_str() {
            "--fix" => drop(words.next()),
            "--copy" => {}
            fix if fix.starts_with("--fix=") => {}
            word => said.push(quoted(word)),
        }
    }
    said.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    // The page's command named the folder that the repair had made, and was refused.
    #[test]
    fn the_report_is_made_again_without_the_repair() {
        let said = |words: &str| command(words.split(' ').map(OsString::from));
        assert_eq!(said("audit set --fix clean --copy --report out"), "fervor audit set --report out");
        assert_eq!(said("audit --near 0 --fix=clean my=set --report out"), "fervor audit --near 0 my=set --report out");
    }
}
