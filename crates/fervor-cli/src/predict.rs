//! `fervor predict`: many pictures in, one answer each out, in order; one bad file never stops the others.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fervor::analyzer::Prepared;
use fervor::picture::Format;
use fervor::prediction::{ErrorInfo, ModelInfo};
use fervor::{Analyzer, Error, Limits, Picture, PicturePrediction, Prediction, Result};
use fervor_draw::FaceDrawing;
use rayon::prelude::*;

use crate::answers::Writer;
use crate::cli::{Pictures, Predict, PredictFormat};
use crate::inputs::{self, Inputs, Source, Wanted};
use crate::output::{self, Output, cannot_write, write_whole};
use crate::verdict::Verdict;
use crate::{interrupt, remedy, setup, talk};

/// Pictures that are decoded before their faces go through the network together.
const GROUP: usize = 32;

/// Runs the command.
///
/// # Errors
/// Usage, a model that does not load, an output that cannot be written. A picture that fails is a row, not an error.
pub fn run(args: &Predict) -> Result<Verdict> {
    setup::threads(args.pictures.analysis.threads);
    let Pictures { input, list, recursive, analysis } = &args.pictures;
    let wanted = Wanted { input, list: list.as_deref(), recursive: *recursive, holders: false, own: args.annotate.as_deref() };
    let Inputs { sources, one, notes } = inputs::expand(wanted)?;
    notes.iter().for_each(talk::note);
    let files = || sources.iter().filter_map(Source::file);
    if let Some(path) = &args.output {
        output::spares("--output", path, files().chain(list.as_deref()))?;
    }
    if let Some(dir) = &args.annotate {
        output::warn_inside("--annotate", dir, input);
        fs::create_dir_all(dir).map_err(|e| cannot_write(dir, e))?;
    }
    let options = setup::detector(&args.pictures).with_threshold(args.threshold);
    let model = Arc::new(setup::model(&analysis.model, analysis.threads)?);
    let work = Work {
        analyzer: setup::analyzer(analysis.faces, model, options)?,
        annotate: args.annotate.as_deref(),
        spared: args.annotate.as_deref().map(|dir| inside(dir, files())).unwrap_or_default(),
        minimum_face: args.minimum_face as f32,
        stop: interrupt::flag("stopping after these pictures")?,
    };
    let mut output = Output::open(args.output.as_deref())?;
    let mut writer = Writer::new(args.format, one, work.analyzer.bundle().card().labels.clone());
    let bar = talk::bar(sources.len() as u64, "pictures");
    // Pictures without an answer, and those whose drawing could not be written: the exit code tells of both. And those without a
    // face in which there may be small ones.
    let (mut done, mut failed, mut undrawn, mut shrunk) = (0, 0, 0, 0);
    for group in sources.chunks(GROUP) {
        for (row, drawing) in work.answer(group) {
            done += 1;
            shrunk += usize::from(row.error.is_none() && row.faces.is_empty() && setup::is_shrunk(&args.pictures, &row));
            let source = if row.source == "-" { "standard input".into() } else { talk::name(&row.source) };
            let problem = match (&row.error, &drawing) {
                (Some(error), _) => {
                    failed += 1;
                    Some(error)
                }
                (None, Err(error)) => {
                    undrawn += 1;
                    Some(error)
                }
                (None, Ok(())) => None,
            };
            if let Some(ErrorInfo { message, hint, .. }) = problem {
                let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                bar.suspend(|| talk::warn(format_args!("{source}: {message}{hint}")));
            }
            let written = bar.suspend(|| writer.write(output.writer(), &row));
            match written {
                // Whoever reads has seen enough, as `| head` does.
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(Verdict::Yes),
                written => written.map_err(|e| Error::output("the answer cannot be written").with_source(e))?,
            }
            bar.inc(1);
        }
        if work.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    bar.finish_and_clear();
    writer.finish(output.writer()).map_err(|e| Error::output("the answer cannot be written").with_source(e))?;
    if done < sources.len() {
        let place = output.close_partial()?.map(|path| format!(", in {}", path.display())).unwrap_or_default();
        talk::note(format_args!("interrupted: {done} of {} pictures are answered{place}", sources.len()));
        return Ok(Verdict::Interrupted);
    }
    output.close()?;
    if shrunk > 0 {
        let pictures = if shrunk == 1 { "a picture was".to_owned() } else { format!("{shrunk} pictures were") };
        talk::note(format_args!("{pictures} shrunk, and no face was found: --detail looks for small ones"));
    }
    if sources.len() > 1 && args.format == PredictFormat::Text {
        talk::note(format_args!("{} pictures, {failed} of them failed", sources.len()));
    }
    Ok(match failed + undrawn {
        0 => Verdict::Yes,
        all if all == sources.len() => Verdict::Failed,
        _ => Verdict::No,
    })
}

/// A picture on its way: decoded and prepared, or the reason why not.
struct Read {
    size: Option<(u32, u32)>,
    picture: Option<Picture>,
}

/// What is done with each picture.
struct Work<'a> {
    analyzer: Analyzer,
    annotate: Option<&'a Path>,
    /// Pictures in that folder that are read, and so not written.
    spared: HashSet<PathBuf>,
    /// Faces whose box has a shorter side are left out.
    minimum_face: f32,
    stop: Arc<AtomicBool>,
}

impl Work<'_> {
    /// The rows of a group, each with what came of its drawing: decoding and detection in parallel, then all faces in one batch.
    /// They end before the first picture that was not begun when the program was asked to stop.
    fn answer(&self, sources: &[Source]) -> Vec<(PicturePrediction, Result<(), ErrorInfo>)> {
        // One picture alone leaves the threads to the detector and the network.
        let prepared: Vec<_> = match sources {
            [source] => vec![self.prepare(source)],
            sources => sources.par_iter().map(|source| self.prepare(source)).collect(),
        };
        let (reads, prepared): (Vec<Read>, Vec<_>) = prepared.into_iter().map_while(|begun| begun).unzip();
        let predictions = classify(&self.analyzer, prepared);
        let model = ModelInfo::from(self.analyzer.bundle());
        let rows = sources.iter().zip(reads).zip(predictions).map(|((source, read), predictions)| match predictions {
            Ok(mut faces) => {
                faces.retain(|face| face.face.bounds.width.min(face.face.bounds.height) >= self.minimum_face);
                // The answer is there, whatever becomes of its drawing.
                let drawing = match (self.annotate, &read.picture) {
                    (Some(dir), Some(picture)) => self.write_annotated(dir, source, picture, &faces).map_err(|e| told(&e)),
                    _ => Ok(()),
                };
                let size = read.size.expect("a picture with faces was decoded");
                (PicturePrediction::answered(source.name(), size, model.clone(), faces), drawing)
            }
            Err(error) => (PicturePrediction::failed(source.name(), read.size, model.clone(), error), Ok(())),
        });
        rows.collect()
    }

    /// The picture with its faces, drawn, in the folder for drawings.
    fn write_annotated(&self, dir: &Path, source: &Source, picture: &Picture, faces: &[Prediction]) -> Result<()> {
        let drawings = FaceDrawing::of_all(faces);
        let drawn = fervor_draw::annotate(picture, &drawings)?;
        let relative = source.relative();
        let format = |path: &Path| path.extension().and_then(|e| Format::from_extension(&e.to_string_lossy()));
        let (bytes, path) = if format(&relative) == Some(Format::Jpeg) {
            (drawn.encode_jpeg(92)?, dir.join(&relative))
        } else {
            // Of another format: the name keeps its own ending, so that a.png and a.gif don't meet.
            let is_png = format(&relative) == Some(Format::Png);
            let mut name = relative.into_os_string();
            if !is_png {
                name.push(".png");
            }
            (drawn.encode_png()?, dir.join(name))
        };
        if fs::canonicalize(&path).is_ok_and(|there| self.spared.contains(&there)) {
            return Err(Error::input(format!("the annotated picture would overwrite a source: {}", path.display()))
                .with_hint("give --annotate another folder"));
        }
        write_whole(&path, &bytes)
    }

    /// A picture decoded and its faces found; nothing once the program was asked to stop.
    fn prepare(&self, source: &Source) -> Option<(Read, Result<Prepared>)> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        Some(match source.read(&Limits::default()) {
            Ok(picture) => {
                let prepared = self.analyzer.prepare(&picture);
                let size = Some((picture.width(), picture.height()));
                (Read { size, picture: self.annotate.map(|_| picture) }, prepared)
            }
            Err(error) => (Read { size: None, picture: None }, Err(error)),
        })
    }
}

/// An error as rows hold it, with the hint in this program's words. The place is left out: the row names its source itself.
fn told(error: &Error) -> ErrorInfo {
    ErrorInfo { hint: error.remedy().map(remedy::words), ..ErrorInfo::from(error) }
}

/// The answers to what is prepared, all faces in one batch; what makes the batch fail is the error of each.
fn classify(analyzer: &Analyzer, prepared: Vec<Result<Prepared>>) -> Vec<Result<Vec<Prediction>, ErrorInfo>> {
    let mut errors = Vec::with_capacity(prepared.len());
    let mut ready = Vec::new();
    for item in prepared {
        match item {
            Ok(item) => {
                ready.push(item);
                errors.push(None);
            }
            Err(error) => errors.push(Some(told(&error))),
        }
    }
    match analyzer.classify(ready) {
        Ok(faces) => {
            let mut faces = faces.into_iter();
            errors.into_iter().map(|error| error.map_or_else(|| Ok(faces.next().unwrap_or_default()), Err)).collect()
        }
        Err(failure) => {
            let failure = told(&failure);
            errors.into_iter().map(|error| Err(error.unwrap_or_else(|| failure.clone()))).collect()
        }
    }
}

/// The files that lie in this folder, wherever links lead.
fn inside<'a>(dir: &Path, files: impl Iterator<Item = &'a Path>) -> HashSet<PathBuf> {
    let Ok(dir) = fs::canonicalize(dir) else { return HashSet::new() };
    files.filter_map(|file| fs::canonicalize(file).ok()).filter(|file| file.starts_with(&dir)).collect()
}
