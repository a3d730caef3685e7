//! Pictures without a face, and pictures with several, by the built-in detector.

use rayon::prelude::*;

use super::facts::Facts;
use super::kind::FindingKind;
use super::pictures;
use super::value::{Finding, Item};
use super::words::item;
use crate::dataset::Dataset;
use fervor::error::Result;
use fervor::face::{DetectorOptions, Face, FindFaces, YuNet};
use fervor::picture::{Filter, Picture};

/// Scores under this are not told apart.
const LEAST_SCORE: f32 = 0.05;
/// A picture whose best face scores less shows none. Tight crops often score low, and one look is not like the next, so the best of
/// all looks counts; of FER-2013's pictures under this bound, 3 in 4 are
/// called no face by FER+'s annotators too (`tools/reference/audit_votes.py`).
const NO_FACE: f32 = 0.2;
/// Faces from this score on, none of them small beside the largest, are several.
const CERTAIN: f32 = 0.7;
const BESIDE: f32 = 0.4;
/// A picture up to this size may be a crop that cuts the face off: it is also looked at with a frame around it.
const CROP_SIDE: u32 = 160;
/// The frame, as a share of the side, on each edge.
const FRAME: f32 = 0.35;

pub(super) fn findings(dataset: &Dataset, facts: &[Facts], progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Vec<Finding>> {
    let options = DetectorOptions::default().with_threshold(LEAST_SCORE).with_turns(false).with_threads(1);
    let detector = YuNet::new(options)?;
    let done = std::sync::atomic::AtomicUsize::new(0);
    let looks = (0..dataset.len())
        .into_par_iter()
        .map(|index| {
            let look = if pictures::is_blank(&facts[index]) {
                Some(Look { score: 0.0, faces: 0 })
            } else {
                // What is gone since it was opened is told elsewhere.
                dataset.picture(index).ok().map(|picture| Look::at(&picture, &detector)).transpose()?
            };
            progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, dataset.len());
            Ok(look)
        })
        .collect::<Result<Vec<Option<Look>>>>()?;

    let found = |wanted: &dyn Fn(&Look) -> Option<(f64, String)>| -> Vec<Item> {
        let rows = looks.iter().enumerate().filter_map(|(index, look)| {
            let (value, detail) = wanted(look.as_ref()?)?;
            Some(Item { detail, value: Some(value), ..item(dataset, index) })
        });
        rows.collect()
    };
    let mut none = found(&|look| (look.score < NO_FACE).then(|| (look.score.into(), format!("score {:.2}", look.score))));
    none.sort_by(|a, b| a.value.partial_cmp(&b.value).expect("scores are numbers"));
    let several = found(&|look| (look.faces > 1).then(|| (look.faces as f64, format!("{} faces", look.faces))));
    let findings = [Finding::if_any(FindingKind::NotAFace, none), Finding::if_any(FindingKind::SeveralFaces, several)];
    Ok(findings.into_iter().flatten().collect())
}

/// What the detector says of a picture.
struct Look {
    /// The best face's.
    score: f32,
    /// Certain ones.
    faces: usize,
}

impl Look {
    fn at(picture: &Picture, detector: &YuNet) -> Result<Self> {
        let mut faces = detector.find(picture)?;
        let largest = faces.iter().filter(|face| face.score >= Some(CERTAIN)).map(side).fold(0.0, f32::max);
        let several = faces.iter().filter(|face| face.score >= Some(CERTAIN) && side(face) >= BESIDE * largest).count();
        if best(&faces) < CERTAIN && picture.width().max(picture.height()) <= CROP_SIDE {
            faces.extend(detector.find(&framed(picture)?)?);
            if best(&faces) < CERTAIN {
                faces.extend(detector.find_at(picture, 64)?);
            }
        }
        Ok(Self { score: best(&faces), faces: several })
    }
}

fn best(faces: &[Face]) -> f32 {
    faces.iter().filter_map(|face| face.score).fold(0.0, f32::max)
}

fn side(face: &Face) -> f32 {
    face.bounds.area().sqrt()
}

/// The picture at 96 pixels or more, with its edges drawn out around it: room for the outline of a face that was cut.
fn framed(picture: &Picture) -> Result<Picture> {
    let scale = (96.0 / picture.width().max(picture.height()) as f32).max(1.0);
    let sides = [picture.width(), picture.height()].map(|side| (side as f32 * scale).round().max(1.0) as u32);
    let picture = picture.resized(sides[0], sides[1], Filter::Bilinear)?;
    let edges = sides.map(|side| (side as f32 * FRAME) as usize);
    let (width, height) = (sides[0] as usize, sides[1] as usize);
    let mut rgb = Vec::with_capacity(3 * (width + 2 * edges[0]) * (height + 2 * edges[1]));
    for y in 0..height + 2 * edges[1] {
        let row = &picture.rgb()[3 * width * y.saturating_sub(edges[1]).min(height - 1)..][..3 * width];
        for _ in 0..edges[0] {
            rgb.extend_from_slice(&row[..3]);
        }
        rgb.extend_from_slice(row);
        for _ in 0..edges[0] {
            rgb.extend_from_slice(&row[3 * (width - 1)..]);
        }
    }
    Picture::from_rgb((width + 2 * edges[0]) as u32, (height + 2 * edges[1]) as u32, rgb)
}
