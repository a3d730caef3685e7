//! `fervor predict`: many pictures in, one answer each out, in order; one bad file never stops the others.

mod format;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fervor::files::{self, WholeFile};
use fervor::prediction::{ErrorInfo, ModelInfo, PREDICTION_SCHEMA};
use fervor::{Analyzer, DetectorOptions, Error, Limits, Picture, PicturePrediction, Prediction, Result};
use fervor_draw::FaceDrawing;
use rayon::prelude::*;

use crate::cli::{Predict, PredictFormat};
use crate::inputs::{self, Source};
use crate::{Verdict, setup, talk};
use format::Writer;

/// Pictures that are decoded before their faces go through the network together.
const GROUP: usize = 32;

/// Runs the command.
///
/// # Errors
/// Usage, a model that does not load, an output that cannot be written. A picture that fails is a row, not an error.
pub fn run(args: &Predict) -> Result<Verdict> {
    setup::threads(args.pictures.threads);
    let sources = inputs::expand(&args.pictures.input, args.pictures.recursive)?;
    if let Some(dir) = &args.annotate {
        fs::create_dir_all(dir).map_err(|e| cannot_write(dir, e))?;
    }
    let analyzer = setup::analyzer(
        args.pictures.faces,
        Arc::new(setup::model(&args.pictures.model, args.pictures.threads)?),
        DetectorOptions::default(),
    )?;
    let one = matches!(args.pictures.input.as_slice(), [input] if input == "-" || Path::new(input).is_file());
    let labels = analyzer.bundle().card().labels.clone();
    let mut output = Output::open(args.output.as_deref())?;
    let mut writer = Writer::new(args.format, one, labels);
    let bar = talk::bar(sources.len() as u64, "pictures");
    let mut failed = 0;
    for group in sources.chunks(GROUP) {
        for answer in answer(&analyzer, group, args.annotate.as_deref()) {
            if let Some(error) = &answer.error {
                failed += 1;
                let source = if answer.source == "-" { "standard input" } else { &answer.source };
                bar.suspend(|| talk::warn(format_args!("{source}: {}", error.message)));
            }
            let written = bar.suspend(|| writer.write(output.writer(), &answer));
            match written {
                // Whoever reads has seen enough, as `| head` does.
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(Verdict::Yes),
                written => written.map_err(|e| Error::input("the answer cannot be written").with_source(e))?,
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    writer.finish(output.writer()).map_err(|e| Error::input("the answer cannot be written").with_source(e))?;
    output.close()?;
    if sources.len() > 1 && args.format == PredictFormat::Text {
        talk::note(format_args!("{} pictures, {failed} of them failed", sources.len()));
    }
    Ok(match failed {
        0 => Verdict::Yes,
        _ if failed == sources.len() => Verdict::Failed,
        _ => Verdict::No,
    })
}

/// A picture on its way: decoded and prepared, or the reason why not.
struct Read {
    size: Option<(u32, u32)>,
    picture: Option<Picture>,
}

/// The answers of a group: decoding and detection in parallel, then all faces in one batch.
fn answer(analyzer: &Analyzer, sources: &[Source], annotate: Option<&Path>) -> Vec<PicturePrediction> {
    let limits = Limits::default();
    let prepare = |source: &Source| -> (Read, Result<fervor::analyzer::Prepared>) {
        match source.read(&limits) {
            Ok(picture) => {
                let prepared = analyzer.prepare(&picture);
                let size = Some((picture.width(), picture.height()));
                (Read { size, picture: annotate.map(|_| picture) }, prepared)
            }
            Err(error) => (Read { size: None, picture: None }, Err(error)),
        }
    };
    // One picture alone leaves the threads to the detector and the network.
    let (reads, prepared): (Vec<Read>, Vec<_>) = match sources {
        [source] => vec![prepare(source)],
        sources => sources.par_iter().map(prepare).collect(),
    }
    .into_iter()
    .unzip();
    let predictions = classify(analyzer, prepared);
    let answers = sources.iter().zip(reads).zip(predictions).map(|((source, read), predictions)| {
        let predictions = predictions.and_then(|faces| {
            if let (Some(dir), Some(picture)) = (annotate, &read.picture) {
                write_annotated(dir, source, picture, &faces)?;
            }
            Ok(faces)
        });
        let (faces, error) = match predictions {
            Ok(faces) => (faces, None),
            Err(error) => (Vec::new(), Some(without_source(ErrorInfo::from(&error), source))),
        };
        PicturePrediction {
            schema: PREDICTION_SCHEMA,
            source: source.name(),
            width: read.size.map(|(width, _)| width),
            height: read.size.map(|(_, height)| height),
            model: ModelInfo::from(analyzer.bundle()),
            faces,
            error,
        }
    });
    answers.collect()
}

/// The row names its source already.
fn without_source(mut error: ErrorInfo, source: &Source) -> ErrorInfo {
    if let Some(rest) = error.message.strip_prefix(&format!("{}: ", source.name())) {
        error.message = rest.to_owned();
    }
    error
}

fn classify(analyzer: &Analyzer, prepared: Vec<Result<fervor::analyzer::Prepared>>) -> Vec<Result<Vec<Prediction>>> {
    let mut errors = Vec::with_capacity(prepared.len());
    let mut ready = Vec::new();
    for item in prepared {
        match item {
            Ok(item) => {
                ready.push(item);
                errors.push(None);
            }
            Err(error) => errors.push(Some(error)),
        }
    }
    match analyzer.classify(ready) {
        Ok(faces) => {
            let mut faces = faces.into_iter();
            errors.into_iter().map(|error| error.map_or_else(|| Ok(faces.next().unwrap_or_default()), Err)).collect()
        }
        Err(failure) => {
            let same = |error: Option<Error>| Err(error.unwrap_or_else(|| Error::new(failure.kind(), failure.message())));
            errors.into_iter().map(same).collect()
        }
    }
}

fn write_annotated(dir: &Path, source: &Source, picture: &Picture, faces: &[Prediction]) -> Result<()> {
    let drawings: Vec<FaceDrawing> = faces.iter().map(FaceDrawing::from).collect();
    let drawn = fervor_draw::annotate(picture, &drawings)?;
    let relative = source.relative();
    let is_jpeg = relative.extension().is_some_and(|e| ["jpg", "jpeg"].contains(&e.to_string_lossy().to_lowercase().as_str()));
    let (bytes, path) = if is_jpeg {
        (drawn.encode_jpeg(92)?, dir.join(&relative))
    } else {
        // Of another format: the name keeps its own ending, so that a.png and a.gif don't meet.
        let mut name = relative.into_os_string();
        if !Path::new(&name).extension().is_some_and(|e| e.eq_ignore_ascii_case("png")) {
            name.push(".png");
        }
        (drawn.encode_png()?, dir.join(name))
    };
    if let Source::File { path: original, .. } = source
        && fs::canonicalize(&path).is_ok_and(|there| fs::canonicalize(original).is_ok_and(|here| here == there))
    {
        return Err(Error::input(format!("the annotated picture would overwrite its source: {}", path.display()))
            .with_hint("give --annotate another folder"));
    }
    write_whole(&path, &bytes)
}

fn cannot_write(path: &Path, e: io::Error) -> Error {
    Error::input(format!("cannot write {}: {e}", path.display()))
}

pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
    parent.and_then(|()| files::write_whole(path, bytes)).map_err(|e| cannot_write(path, e))
}

/// Standard output, or a file that appears only when it is whole.
enum Output {
    Stdout(BufWriter<io::Stdout>),
    File { file: BufWriter<WholeFile>, path: PathBuf },
}

impl Output {
    fn open(target: Option<&Path>) -> Result<Self> {
        Ok(match target {
            None => Self::Stdout(BufWriter::new(io::stdout())),
            Some(path) if path.is_dir() => {
                return Err(Error::input(format!("--output needs a file, this is a folder: {}", path.display())));
            }
            Some(path) => {
                let file = WholeFile::create(path).map_err(|e| cannot_write(path, e))?;
                Self::File { file: BufWriter::new(file), path: path.to_owned() }
            }
        })
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(out) => out,
            Self::File { file, .. } => file,
        }
    }

    fn close(self) -> Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush().map_err(|e| cannot_write(Path::new("standard output"), e)),
            Self::File { file, path } => {
                let whole = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(WholeFile::finish);
                whole.map_err(|e| cannot_write(&path, e))
            }
        }
    }
}
