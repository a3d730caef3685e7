//! Many pictures at once: one answer or one error for each, in order.

use rayon::prelude::*;

use super::{Analyzer, Prepared};
use crate::error::{Error, Result};
use crate::picture::Picture;
use crate::prediction::Prediction;

/// What is said of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The upright picture's width and height, in pixels.
    pub size: (u32, u32),
    /// Its faces, the largest first; none is a normal answer.
    pub faces: Vec<Prediction>,
}

impl Analyzer {
    /// The answers to many pictures, in order: each is read and its faces are found for itself, in parallel; then all faces go
    /// through the network together. One bad picture is one error and never stops the others. Everything that is decoded lies in
    /// memory only while its faces are looked for; what remains of a picture are its chips.
    ///
    /// ```
    /// use fervor::{Analyzer, Limits, Picture};
    ///
    /// let analyzer = Analyzer::builtin()?;
    /// # let png = Picture::from_gray(48, 48, &[[90, 160]; 24 * 48].concat())?.encode_png()?;
    /// let files: Vec<&[u8]> = vec![&png, b"not a picture", &png];
    /// let answers = analyzer.answer_all(&files, |bytes| Picture::decode(bytes, &Limits::default()));
    /// assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
    /// assert_eq!(answers[0].as_ref().unwrap(), answers[2].as_ref().unwrap());
    /// # Ok::<(), fervor::Error>(())
    /// ```
    pub fn answer_all<S: Sync>(&self, sources: &[S], read: impl Fn(&S) -> Result<Picture> + Sync) -> Vec<Result<Answer>> {
        let one = |source: &S| read(source).and_then(|picture| self.prepare(&picture));
        let prepared = match sources {
            // One picture alone leaves the threads to the detector and the network.
            [source] => vec![one(source)],
            sources => sources.par_iter().map(one).collect(),
        };
        self.answers(prepared)
    }

    /// The second half of [`answer_all`](Self::answer_all): all faces in one batch. What makes the batch fail is the error of
    /// each picture that was whole.
    pub fn answers(&self, prepared: Vec<Result<Prepared>>) -> Vec<Result<Answer>> {
        let mut whole = Vec::new();
        let ends: Vec<Result<(u32, u32)>> = prepared
            .into_iter()
            .map(|one| {
                one.map(|one| {
                    let size = one.size;
                    whole.push(one);
                    size
                })
            })
            .collect();
        match self.classify(whole) {
            Ok(faces) => {
                let mut faces = faces.into_iter();
                ends.into_iter().map(|end| end.map(|size| Answer { size, faces: faces.next().unwrap_or_default() })).collect()
            }
            Err(failure) => ends.into_iter().map(|end| end.and_then(|_| Err(same(&failure)))).collect(),
        }
    }
}

/// An error that says the same: the cause becomes words.
fn same(error: &Error) -> Error {
    let again = Error::new(error.kind(), error.explained()).because(error.reason());
    match error.remedy() {
        Some(remedy) => again.with_remedy(remedy.clone()),
        None => again,
    }
}
