//! `fervor bench`: medians of what a prediction costs on this machine.

use std::time::{Duration, Instant};

use fervor::face::{FindFaces, YuNet};
use fervor::{Face, Limits, Picture, Result};

use crate::cli::Bench;
use crate::verdict::Verdict;
use crate::{setup, talk};

/// Measures decoding, detection, preprocessing and classification.
///
/// # Errors
/// A model or a picture that cannot be read.
pub fn run(args: &Bench) -> Result<Verdict> {
    setup::threads(Some(args.threads));
    let bundle = setup::model(&args.model, Some(args.threads))?;
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

/// The median in milliseconds after one round that does not count.
fn median(rounds: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds.max(1) {
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
