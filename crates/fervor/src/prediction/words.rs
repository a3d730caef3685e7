//! Answers in words: "looks happy", "perhaps sad". Every door says them as they stand here; class names stay what programs read.

use std::borrow::Cow;

use super::{PicturePrediction, Prediction, Probabilities};
use crate::emotion::Emotion;

/// How a face of this class looks, as an adjective; a class that is none of the eight expressions is quoted.
fn adjective(label: &str) -> Cow<'_, str> {
    match Emotion::parse(label) {
        Some(Emotion::Disgust) => "disgusted".into(),
        Some(Emotion::Fear) => "fearful".into(),
        Some(Emotion::Surprise) => "surprised".into(),
        Some(Emotion::Contempt) => "contemptuous".into(),
        Some(emotion @ (Emotion::Angry | Emotion::Happy | Emotion::Neutral | Emotion::Sad)) => emotion.name().into(),
        None => format!("{label:?}").into(),
    }
}

impl Probabilities {
    /// "looks happy", or "perhaps sad" where the answer is uncertain.
    pub fn words(&self) -> String {
        let verb = if self.is_uncertain() { "perhaps" } else { "looks" };
        format!("{verb} {}", adjective(self.top().0))
    }

    /// The words where there is little room, as on a picture: "happy", "perhaps sad".
    pub fn short_words(&self) -> String {
        let (label, _) = self.top();
        if self.is_uncertain() { self.words() } else { adjective(label).into_owned() }
    }

    /// The words with what is to be known of them: "looks happy, 97 %", "perhaps fearful or surprised".
    pub fn sentence(&self) -> String {
        if self.is_uncertain() {
            return format!("{} or {}", self.words(), adjective(self.ranked()[1].0));
        }
        // Never 100 %: no answer of a network is certain.
        format!("{}, {:.0} %", self.words(), (100.0 * self.top().1).min(99.0))
    }
}

impl Prediction {
    /// "looks happy", or "perhaps sad" where the answer is uncertain.
    pub fn words(&self) -> String {
        self.probabilities.words()
    }

    /// The words with what is to be known of them: "looks happy, 97 %", "perhaps fearful or surprised".
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
}
