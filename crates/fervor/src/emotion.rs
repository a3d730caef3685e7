//! Expression names: the canonical eight with their synonyms, ordered label sets, explicit maps between them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Reason, Remedy, Result};

/// The eight expressions that data sets of the field name.
///
/// They are names of how a face *looks*; none says what a person feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Emotion {
    /// An angry face.
    Angry,
    /// A disgusted face.
    Disgust,
    /// A frightened face.
    Fear,
    /// A happy face.
    Happy,
    /// A face that shows none of the others.
    Neutral,
    /// A sad face.
    Sad,
    /// A surprised face.
    Surprise,
    /// A contemptuous face.
    Contempt,
}

impl Emotion {
    /// All of them, in alphabetical order with contempt last (FER-2013 has no contempt).
    pub const ALL: [Emotion; 8] = [
        Emotion::Angry,
        Emotion::Disgust,
        Emotion::Fear,
        Emotion::Happy,
        Emotion::Neutral,
        Emotion::Sad,
        Emotion::Surprise,
        Emotion::Contempt,
    ];

    /// The canonical name.
    pub fn name(self) -> &'static str {
        match self {
            Emotion::Angry => "angry",
            Emotion::Disgust => "disgust",
            Emotion::Fear => "fear",
            Emotion::Happy => "happy",
            Emotion::Neutral => "neutral",
            Emotion::Sad => "sad",
            Emotion::Surprise => "surprise",
            Emotion::Contempt => "contempt",
        }
    }

    /// Reads a name or one of its synonyms in any case: "Happiness", "joy" and "happy" are [`Emotion::Happy`].
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_lowercase().as_str() {
            "angry" | "anger" => Emotion::Angry,
            "disgust" | "disgusted" => Emotion::Disgust,
            "fear" | "fearful" | "scared" | "afraid" => Emotion::Fear,
            "happy" | "happiness" | "happily" | "joy" | "joyful" => Emotion::Happy,
            "neutral" | "neutrality" | "calm" => Emotion::Neutral,
            "sad" | "sadness" | "sorrow" => Emotion::Sad,
            "surprise" | "surprised" => Emotion::Surprise,
            "contempt" | "contemptuous" => Emotion::Contempt,
            _ => return None,
        })
    }
}

impl fmt::Display for Emotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl AsRef<str> for Emotion {
    fn as_ref(&self) -> &str {
        self.name()
    }
}

/// One spelling for each class: the canonical name of an expression, else the text trimmed and in lower case.
pub fn canonical_label(text: &str) -> String {
    match Emotion::parse(text) {
        Some(emotion) => emotion.name().to_owned(),
        None => text.trim().to_lowercase(),
    }
}

/// The classes of a model or a data set: at least two, unique, ordered. A class index means nothing without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct LabelSet(Arc<[String]>);

impl LabelSet {
    /// Checks and canonicalises the names.
    ///
    /// # Errors
    /// Fewer than two names, an empty name, or two that are the same after [`canonical_label`].
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(|name| canonical_label(name.as_ref())).collect();
        if names.len() < 2 {
            return Err(Error::data(format!("a label set needs at least 2 classes, got {}", names.len())).because(Reason::Empty));
        }
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(Error::data(format!("class {index} has an empty name")).because(Reason::Empty));
            }
            if names[..index].contains(name) {
                return Err(Error::data(format!("two classes have the same name: {name:?}"))
                    .because(Reason::Exists)
                    .with_hint("synonyms (happiness, joy, happy) count as one class"));
            }
        }
        Ok(Self(names.into()))
    }

    /// The seven classes of FER-2013 in its own index order: angry 0, disgust 1, fear 2, happy 3, sad 4, surprise 5, neutral 6.
    pub fn fer2013() -> Self {
        use Emotion::{Angry, Disgust, Fear, Happy, Neutral, Sad, Surprise};
        Self([Angry, Disgust, Fear, Happy, Sad, Surprise, Neutral].map(|e| e.name().to_owned()).into())
    }

    /// The names in order.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The name of class `index`.
    ///
    /// # Panics
    /// If the index is not below [`LabelSet::len`].
    pub fn name(&self, index: usize) -> &str {
        &self.0[index]
    }

    /// The index of a class by its name or a synonym of it.
    pub fn index_of(&self, name: impl AsRef<str>) -> Option<usize> {
        let name = canonical_label(name.as_ref());
        self.0.iter().position(|label| *label == name)
    }

    /// How many classes.
    #[allow(clippy::len_without_is_empty)] // never empty: at least two
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl TryFrom<Vec<String>> for LabelSet {
    type Error = Error;

    fn try_from(names: Vec<String>) -> Result<Self> {
        Self::new(names)
    }
}

impl From<LabelSet> for Vec<String> {
    fn from(labels: LabelSet) -> Self {
        labels.0.to_vec()
    }
}

impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// An explicit translation of one label set's classes to another's: each class goes to one target, or is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    from: LabelSet,
    to: LabelSet,
    targets: Vec<Option<usize>>,
}

impl LabelMap {
    /// The map of classes with the same name; every class of `from` must stand in `to`.
    ///
    /// # Errors
    /// A class of `from` that `to` lacks: nothing is mapped or dropped silently.
    pub fn same_names(from: &LabelSet, to: &LabelSet) -> Result<Self> {
        Self::new([], from, to)
    }

    /// Reads `"contempt=neutral,fear=-"`: a class goes to another (`=name`), or is dropped (`=-`);
    /// the classes not named go to the class of the same name.
    ///
    /// # Errors
    /// A class that neither set has, or one of `from` without a target.
    pub fn parse(text: &str, from: &LabelSet, to: &LabelSet) -> Result<Self> {
        let rules = text.split(',').map(str::trim).filter(|rule| !rule.is_empty()).map(|rule| {
            let (source, target) = rule.split_once('=').ok_or_else(|| {
                Error::input(format!("not a label rule: {rule:?}")).with_hint("write FROM=TO, or FROM=- to leave a class out")
            })?;
            Ok((source, Some(target.trim()).filter(|target| *target != "-")))
        });
        Self::new(rules.collect::<Result<Vec<_>>>()?, from, to)
    }

    /// A class of `from` goes to another, or with `None` is dropped; the classes not named go to the class of the same name.
    ///
    /// # Errors
    /// A class that neither set has, or one of `from` without a target.
    pub fn new<'a>(rules: impl IntoIterator<Item = (&'a str, Option<&'a str>)>, from: &LabelSet, to: &LabelSet) -> Result<Self> {
        let mut targets: Vec<Option<Option<usize>>> = from.names().iter().map(|name| to.index_of(name).map(Some)).collect();
        for (source, target) in rules {
            let index =
                from.index_of(source).ok_or_else(|| Error::input(format!("the data has no class {source:?}; it has {from}")))?;
            let known = |name: &str| {
                to.index_of(name).ok_or_else(|| Error::input(format!("the model has no class {name:?}; it has {to}")))
            };
            targets[index] = Some(target.map(known).transpose()?);
        }
        let targets = targets
            .into_iter()
            .enumerate()
            .map(|(index, target)| {
                target.ok_or_else(|| {
                    let name = from.name(index);
                    Error::data(format!("class {name:?} of the data is none of the model's classes ({to})"))
                        .because(Reason::Mismatch)
                        .with_remedy(Remedy::MapClass { class: name.to_owned() })
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { from: from.clone(), to: to.clone(), targets })
    }

    /// The target class of class `index`, or `None` where it is left out.
    pub fn target(&self, index: usize) -> Option<usize> {
        self.targets[index]
    }

    /// The classes that are translated.
    pub fn from(&self) -> &LabelSet {
        &self.from
    }

    /// The classes that come out.
    pub fn to(&self) -> &LabelSet {
        &self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synonyms_are_one_class() {
        assert_eq!(canonical_label(" Happiness "), "happy");
        assert_eq!(LabelSet::new(["joy", "sorrow"]).unwrap().names(), ["happy", "sad"]);
        assert!(LabelSet::new(["joy", "Happy"]).unwrap_err().message().contains("same name"));
        assert!(LabelSet::new(["one"]).is_err());
    }

    #[test]
    fn a_label_set_is_checked_when_it_is_read() {
        assert!(serde_json::from_str::<LabelSet>(r#"["a","A"]"#).is_err());
        assert_eq!(serde_json::from_str::<LabelSet>(r#"["a","Fearful"]"#).unwrap().index_of(Emotion::Fear), Some(1));
    }

    #[test]
    fn classes_are_mapped_only_as_said() {
        let from = LabelSet::new(["happy", "contempt", "fear"]).unwrap();
        let to = LabelSet::new(["fear", "happy"]).unwrap();
        assert!(LabelMap::same_names(&from, &to).unwrap_err().remedy() == Some(&Remedy::MapClass { class: "contempt".into() }));
        let map = LabelMap::parse("contempt=-", &from, &to).unwrap();
        assert_eq!([0, 1, 2].map(|i| map.target(i)), [Some(1), None, Some(0)]);
        assert!(LabelMap::parse("contempt=wat", &from, &to).is_err());
    }

    #[test]
    fn names_with_the_signs_of_rules_are_mapped_as_pairs() {
        let from = LabelSet::new(["glad, or pleased", "a=b", "fear"]).unwrap();
        let to = LabelSet::new(["fear", "happy"]).unwrap();
        let map = LabelMap::new([("Glad, or pleased", Some("joy")), ("a=b", None)], &from, &to).unwrap();
        assert_eq!([0, 1, 2].map(|i| map.target(i)), [Some(1), None, Some(0)]);
    }
}
