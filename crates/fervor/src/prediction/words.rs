//! Answers in words: "looks happy", "perhaps sad". Every door says them as they stand here; class names stay what programs read.

use std::borrow::Cow;

use super::{PicturePrediction, Prediction, Probabilities};
use crate::emotion::Emotion;

/// How a face of this class looks, as an adjective: "fearful" for `fear`; a class that is none of the eight expressions as it is
/// called.
pub fn adjective(label: &str) -> Cow<'_, str> {
    match Emotion::parse(label) {
        Some(Emotion::Disgust) => "disgusted".into(),
        Some(Emotion::Fear) => "fearful".into(),
        Some(Emotion::Surprise) => "surprised".into(),
        Some(Emotion::Contempt) => "contemptuous".into(),
        Some(emotion @ (Emotion::Angry | Emotion::Happy | Emotion::Neutral | Emotion::Sad)) => emotion.name().into(),
        None => label.into(),
    }
}

/// The adjective after a verb, where a class that is none of the eight expressions stands in quotes.
fn after_verb(label: &str) -> Cow<'_, str> {
    match Emotion::parse(label) {
        Some(_) => adjective(label),
        None => format!("{label:?}").into(),
    }
}

/// A probability as people read it: "97 %". Never 100 %, since no answer of a network is certain.
pub fn percent(probability: f32) -> String {
    let shown = if probability.is_finite() { (100.0 * probability).clamp(0.0, 99.0) } else { 0.0 };
    format!("{shown:.0} %")
}

/// How many faces show what, the most frequent first: "404 faces: 210 happy, 97 neutral, 97 unclear"; those whose answer is
/// uncertain are unclear.
pub fn tally(faces: &[Prediction]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for face in faces.iter().filter(|face| !face.probabilities.is_uncertain()) {
        match counts.iter_mut().find(|(label, _)| *label == face.label()) {
            Some((_, count)) => *count += 1,
            None => counts.push((face.label(), 1)),
        }
    }
    let unclear = faces.len() - counts.iter().map(|(_, count)| count).sum::<usize>();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut parts: Vec<String> = counts.into_iter().map(|(label, count)| format!("{count} {}", adjective(label))).collect();
    if unclear > 0 {
        parts.push(format!("{unclear} unclear"));
    }
    match faces.len() {
        0 => "no face found".to_owned(),
        1 => format!("1 face: {}", parts.join(", ")),
        all => format!("{all} faces: {}", parts.join(", ")),
    }
}

impl Probabilities {
    /// "looks happy", or "perhaps sad" where the answer is uncertain.
    pub fn words(&self) -> String {
        let verb = if self.is_uncertain() { "perhaps" } else { "looks" };
        format!("{verb} {}", after_verb(self.top().0))
    }

    /// The words where there is little room, as on a picture: "happy", "perhaps sad".
    pub fn short_words(&self) -> String {
        let adjective = adjective(self.top().0);
        if self.is_uncertain() { format!("perhaps {adjective}") } else { adjective.into_owned() }
    }

    /// The words with what is to be known of them: "looks happy, 97 %", "perhaps fearful or surprised" where the second class
    /// is at least half as probable as the first, else "perhaps sad, 42 %".
    pub fn sentence(&self) -> String {
        let ranked = self.ranked();
        let [(_, first), (second, next), ..] = ranked[..] else { return self.words() };
        if self.is_uncertain() && 2.0 * next >= first {
            return format!("{} or {}", self.words(), after_verb(second));
        }
        format!("{}, {}", self.words(), percent(first))
    }
}

impl Prediction {
    /// "looks happy", or "perhaps sad" where the answer is uncertain.
    pub fn words(&self) -> String {
        self.probabilities.words()
    }

    /// As [`Probabilities::sentence`]: "looks happy, 97 %", "perhaps fearful or surprised", "perhaps sad, 42 %".
    pub fn sentence(&self) -> String {
        self.probabilities.sentence()
    }
}

impl PicturePrediction {
    /// The main face's sentence, "no face found", or why there is no answer.
    pub fn sentence(&self) -> String {
        match (&self.error, self.main_face()) {
            (Some(error), _) => error.message.clone(),
            (None, Some(face)) => face.sentence(),
            (None, None) => "no face found".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emotion::LabelSet;
    use crate::face::{BoundingBox, Face};
    use crate::quality::Quality;

    fn sure(of: impl AsRef<str>) -> Probabilities {
        let names = Emotion::ALL.map(|emotion| emotion.name().to_owned());
        let labels = LabelSet::new(names.into_iter().chain(["half-asleep".to_owned()])).unwrap();
        let index = labels.index_of(of).expect("a class of the test");
        let logits: Vec<f32> = (0..labels.len()).map(|i| if i == index { 9.0 } else { 0.0 }).collect();
        Probabilities::from_logits(&labels, &logits, 1.0)
    }

    #[test]
    fn every_class_is_said_in_english() {
        let said = Emotion::ALL.map(|emotion| sure(emotion).words());
        let expected = [
            "looks angry",
            "looks disgusted",
            "looks fearful",
            "looks happy",
            "looks neutral",
            "looks sad",
            "looks surprised",
            "looks contemptuous",
        ];
        assert_eq!(said, expected);
        assert_eq!(sure("half-asleep").words(), "looks \"half-asleep\"");
        assert_eq!(
            (sure("fear").short_words(), sure("half-asleep").sentence()),
            ("fearful".into(), "looks \"half-asleep\", 99 %".into())
        );
    }

    #[test]
    fn words_say_what_is_known_and_no_more() {
        let labels = LabelSet::new(["fear", "surprise", "happy"]).unwrap();
        let of = |logits: [f32; 3]| Probabilities::from_logits(&labels, &logits, 1.0);
        assert_eq!(of([0.0, 0.0, 3.5]).sentence(), "looks happy, 94 %");
        assert_eq!(of([0.0, 4.0, 0.0]).sentence(), "looks surprised, 96 %");
        assert_eq!(of([0.0, 0.0, 50.0]).sentence(), "looks happy, 99 %");
        let unsure = of([1.0, 0.9, 0.2]);
        assert_eq!((unsure.words(), unsure.short_words()), ("perhaps fearful".into(), "perhaps fearful".into()));
        assert_eq!(unsure.sentence(), "perhaps fearful or surprised");
    }

    #[test]
    fn a_far_second_is_not_named() {
        let labels = LabelSet::new(["sad", "fear", "happy", "angry", "drowsy"]).unwrap();
        let of = |logits: [f32; 5]| Probabilities::from_logits(&labels, &logits, 1.0);
        assert_eq!(of([1.0, -0.1, -0.1, -0.1, -0.1]).sentence(), "perhaps sad, 43 %");
        assert_eq!(of([0.0, 0.0, 0.0, 0.0, 0.5]).sentence(), "perhaps \"drowsy\" or sad");
        assert_eq!(of([0.0, 0.0, 0.0, 0.0, 0.5]).short_words(), "perhaps drowsy");
        assert_eq!([percent(0.999), percent(0.004), percent(f32::NAN)], ["99 %", "0 %", "0 %"]);
    }

    #[test]
    fn many_faces_are_summed_up() {
        let labels = LabelSet::new(["fear", "happy", "sad"]).unwrap();
        let face = |logits: [f32; 3]| Prediction {
            face: Face { bounds: BoundingBox { x: 0.0, y: 0.0, width: 9.0, height: 9.0 }, score: Some(0.9), landmarks: None },
            probabilities: Probabilities::from_logits(&labels, &logits, 1.0),
            plausible: None,
            quality: Quality::default(),
        };
        let faces = [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.1, 0.0], [0.0, 9.0, 0.0]].map(face);
        assert_eq!(tally(&faces), "4 faces: 2 happy, 1 fearful, 1 unclear");
        assert_eq!((tally(&faces[..1]), tally(&[])), ("1 face: 1 fearful".to_owned(), "no face found".to_owned()));
    }
}
