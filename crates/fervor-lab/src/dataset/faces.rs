//! Photographs as data: the face that each label is about, detected once and cut out from then on.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::{Dataset, Problem, Progress};
use crate::sweep::evenly;
use fervor::error::{Reason, Result};
use fervor::face::{AutoFaces, DetectorOptions, Face, FindFaces};
use fervor::picture::Picture;
use fervor::preprocess::{Color, Filter, Framing, Preprocess};

/// Pictures that [`photographs`] looks at.
const LOOKED_AT: usize = 24;
/// A face under this share of its picture's height stands in a scene.
const SCENE: f32 = 0.6;

/// What [`Dataset::with_faces`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FacesReport {
    /// Pictures of which a detected face is used.
    pub detected: usize,
    /// Pictures that are all face and stay whole.
    pub whole: usize,
    /// Pictures with more than one face, of which the largest is used.
    pub several: usize,
    /// Pictures without a face: left out.
    pub without: usize,
}

impl fmt::Display for FacesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { detected, whole, several, without } = self;
        write!(f, "faces: {detected} detected ({several} times the largest of several), {whole} pictures taken whole")?;
        if *without > 0 { write!(f, ", {without} without a face left out") } else { Ok(()) }
    }
}

impl Dataset {
    /// The same data set with the face that each label is about: the largest that `finder` finds in the picture. Pictures without one
    /// become [`problems`](Self::problems). Samples whose face is known already keep it.
    ///
    /// # Errors
    /// The finder itself fails.
    pub fn with_faces(mut self, finder: &dyn FindFaces, progress: Progress) -> Result<(Self, FacesReport)> {
        let done = AtomicUsize::new(0);
        let found = (0..self.len())
            .into_par_iter()
            .map(|index| {
                let found = match &self.samples[index].face {
                    Some(face) => Found::Faces(vec![face.clone()]),
                    None => match self.whole_picture(index) {
                        Ok(picture) => Found::Faces(finder.find(&picture)?),
                        Err(error) => Found::Nothing(error.reason(), error.explained()),
                    },
                };
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, self.len());
                Ok(found)
            })
            .collect::<Result<Vec<Found>>>()?;
        let mut report = FacesReport::default();
        let mut samples = Vec::with_capacity(self.len());
        for (mut sample, found) in std::mem::take(&mut self.samples).into_iter().zip(found) {
            match found {
                Found::Nothing(reason, message) => {
                    self.problems.push(Problem::new(sample.id, reason, message).in_part(sample.split))
                }
                Found::Faces(faces) => match faces.iter().max_by(|a, b| a.bounds.area().total_cmp(&b.bounds.area())) {
                    None => {
                        report.without += 1;
                        let problem = Problem::new(sample.id, Reason::Empty, "no face was found in it");
                        self.problems.push(problem.in_part(sample.split));
                    }
                    Some(face) => {
                        report.several += usize::from(faces.len() > 1);
                        // Without landmarks it is a crop: all of it is taken.
                        sample.face = face.landmarks.is_some().then(|| face.clone());
                        *(if sample.face.is_some() { &mut report.detected } else { &mut report.whole }) += 1;
                        samples.push(sample);
                    }
                },
            }
        }
        self.samples = samples;
        Ok((self, report))
    }

    /// The same data set with every picture taken whole.
    #[must_use]
    pub fn without_faces(mut self) -> Self {
        self.samples.iter_mut().for_each(|sample| sample.face = None);
        self
    }

    /// The same data set with its detected faces cut out as a model frames them.
    #[must_use]
    pub fn framed(mut self, preprocess: &Preprocess) -> Self {
        self.framing = Some(preprocess.clone());
        self
    }

    pub(super) fn cut_out(&self, picture: &Picture, face: &Face) -> Picture {
        match &self.framing {
            Some(preprocess) => preprocess.crop(picture, face),
            None => {
                let framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
                let tight = Preprocess { size: 48, color: Color::Rgb, framing, filter: Filter::Bilinear, standardize: None };
                tight.crop(picture, face)
            }
        }
    }
}

enum Found {
    Faces(Vec<Face>),
    Nothing(Reason, String),
}

/// Of some pictures, evenly over those that would be taken whole: how many show a face in a scene, and how many were looked at.
/// Where it is most of them, the data are photographs and no crops.
///
/// # Errors
/// A detector that does not load or fails.
pub fn photographs(dataset: &Dataset, indices: &[usize]) -> Result<[usize; 2]> {
    let finder = AutoFaces::new(DetectorOptions::default().with_threads(1))?;
    let whole: Vec<usize> = indices.iter().copied().filter(|&index| dataset.samples()[index].face.is_none()).collect();
    let scenes = evenly(&whole, LOOKED_AT)
        .par_iter()
        .filter_map(|&index| dataset.whole_picture(index).ok())
        .map(|picture| {
            let faces = finder.find(&picture)?;
            let largest = faces.iter().map(|face| face.bounds.height).fold(0.0, f32::max);
            let whole = faces.iter().any(|face| face.landmarks.is_none());
            Ok(usize::from(!whole && largest > 0.0 && largest < SCENE * picture.height() as f32))
        })
        .collect::<Result<Vec<usize>>>()?;
    Ok([scenes.iter().sum(), scenes.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::OpenOptions;
    use fervor::face::BoundingBox;

    // Pictures of known faces counted as looked at, so that the others seemed to be crops.
    #[test]
    fn pictures_whose_face_is_known_are_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faces.csv");
        let row = |number: usize| format!("{},{}\n", 3 + number % 2, vec![(40 * number).to_string(); 48 * 48].join(" "));
        std::fs::write(&path, format!("emotion,pixels\n{}", (0..6).map(row).collect::<String>())).unwrap();
        let mut dataset = Dataset::open(&path, &OpenOptions::default()).unwrap();
        let bounds = BoundingBox { x: 8.0, y: 8.0, width: 24.0, height: 24.0 };
        dataset.samples[2..].iter_mut().for_each(|sample| sample.face = Some(Face { bounds, score: None, landmarks: None }));
        assert_eq!(photographs(&dataset, &[0, 1, 2, 3, 4, 5]).unwrap(), [0, 2]);
        assert_eq!(photographs(&dataset, &[3, 4]).unwrap(), [0, 0]);
    }
}
