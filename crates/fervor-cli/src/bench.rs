//! `fervor bench`: what a prediction costs on this machine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fervor::face::{FindFaces, YuNet};
use fervor::{Bundle, DetectorOptions, Error, Face, Limits, Picture, Result};

use crate::cli::{Bench, Faces};
use crate::inputs::{self, Source, Wanted};
use crate::verdict::Verdict;
use crate::{setup, talk};

/// Pictures whose faces go through the network together, as in a job.
const TOGETHER: usize = 8;

/// Measures decoding, detection, preprocessing and classification.
///
/// # Errors
/// A model or a picture that cannot be read.
pub fn run(args: &Bench) -> Result<Verdict> {
    setup::threads(Some(args.threads));
    let bundle = setup::model(&args.model, Some(args.threads))?;
    if !args.pictures.is_empty() {
        return once_each(args, bundle);
    }
    let limits = Limits::default();
    let picture = match &args.picture {
        Some(path) => fervor::picture::read(path, &limits)?,
        None => drawn(1920, 1080)?,
    };
    let jpeg = picture.encode_jpeg(90)?;
    let detector = YuNet::new(Default::default())?;
    let face = detector.find(&picture)?.into_iter().next().unwrap_or_else(|| Face::whole(&picture));
    let preprocess = &bundle.card().preprocess;
    let chip = preprocess.chip(&picture, &face);
    let batch = vec![chip.clone(); 32];
    let mut lines = vec![format!(
        "{} threads, picture {} x {}, model {}, views {}; median of {} rounds",
        args.threads,
        picture.width(),
        picture.height(),
        bundle.card().name,
        bundle.card().views.count(),
        args.rounds
    )];
    let mut show = |what: &str, ms: f64| lines.push(format!("{what:<44} {ms:>8.2} ms"));
    show("decode the picture as JPEG", median(args.rounds, || Picture::decode(&jpeg, &limits).map(drop))?);
    show("find faces, long side 640", median(args.rounds, || detector.find_at(&picture, 640).map(drop))?);
    show(
        "make a chip",
        median(args.rounds, || {
            std::hint::black_box(preprocess.chip(&picture, &face));
            Ok(())
        })?,
    );
    show("classify one face", median(args.rounds, || bundle.logits(std::slice::from_ref(&chip)).map(drop))?);
    show("classify a face in a batch of 32", median(args.rounds, || bundle.logits(&batch).map(drop))? / 32.0);
    talk::answer(lines.join("\n"))?;
    Ok(Verdict::Yes)
}

/// Measures a job: each picture once, one after the other, from the file to the answer.
fn once_each(args: &Bench, bundle: Bundle) -> Result<Verdict> {
    let name = bundle.card().name.clone();
    let analyzer = setup::analyzer(Faces::Auto, Arc::new(bundle), DetectorOptions::default().with_threads(args.threads))?;
    let limits = Limits::default();
    let mut files = Vec::new();
    let wanted = Wanted { input: &args.pictures, list: None, recursive: true, holders: false, own: None };
    let notes = inputs::each(wanted, &mut |source| {
        if let Source::File { path, .. } = source {
            files.push(path);
        }
        Ok(())
    })?;
    notes.iter().for_each(talk::note);
    let read = |path: &Path| fervor::picture::read(path, &limits);
    // What is made at the first use belongs to no picture.
    let Some(first) = files.iter().find_map(|path| read(path).ok()) else {
        return Err(Error::input("no picture that can be read").with_hint("name pictures, or folders of them"));
    };
    analyzer.analyze(&first)?;

    let ([mut reading, mut finding, mut naming], mut faces, mut pictures) = ([Duration::ZERO; 3], 0, 0_u32);
    let timed = |spent: &mut Duration, start: Instant| *spent += start.elapsed();
    for some in files.chunks(TOGETHER) {
        let mut prepared = Vec::with_capacity(TOGETHER);
        for path in some {
            let start = Instant::now();
            let picture = read(path);
            timed(&mut reading, start);
            let Ok(picture) = picture else { continue };
            let start = Instant::now();
            prepared.push(analyzer.prepare(&picture)?);
            timed(&mut finding, start);
        }
        pictures += prepared.len() as u32;
        let start = Instant::now();
        faces += analyzer.classify(prepared)?.iter().map(Vec::len).sum::<usize>();
        timed(&mut naming, start);
    }
    let unreadable = files.len() - pictures as usize;
    let ms = |spent: Duration| spent.as_secs_f64() * 1e3 / f64::from(pictures);
    let all = ms(reading + finding + naming);
    let lines = [
        format!(
            "{} threads, {pictures} pictures once each, {faces} faces, {unreadable} unreadable, model {name}; means",
            args.threads
        ),
        format!("{:<44} {:>8.2} ms", "read and decode a picture", ms(reading)),
        format!("{:<44} {:>8.2} ms", "find its faces, judge them, make their chips", ms(finding)),
        format!("{:<44} {:>8.2} ms", "classify them", ms(naming)),
        format!("{:<44} {all:>8.2} ms, {:.1} pictures a second", "altogether", 1e3 / all),
    ];
    talk::answer(lines.join("\n"))?;
    Ok(Verdict::Yes)
}

/// The median in milliseconds after one round that does not count.
fn median(rounds: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(Duration::as_secs_f64(&times[times.len() / 2]) * 1e3)
}

/// Smooth waves with some grain: a picture that compresses like a photograph.
fn drawn(width: u32, height: u32) -> Result<Picture> {
    let mut grain = 0x2545_F491_u32;
    let rgb = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wave = 120.0 + 80.0 * (x as f32 / 90.0).sin() * (y as f32 / 70.0).cos() + (grain >> 28) as f32;
        [wave as u8, (wave * 0.8) as u8, (wave * 0.6) as u8]
    });
    Picture::from_rgb(width, height, rgb.collect())
}
