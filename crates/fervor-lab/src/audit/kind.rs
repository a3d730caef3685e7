//! What can be found: for each kind how bad it is, in which words it is told, and what helps.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Scores or training would be wrong.
    Error,
    /// Deserves a look.
    Warning,
    /// Good to know.
    Info,
}

impl Level {
    /// `error`, `warning` or `info`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
        }
    }
}

/// What can be done about a finding, or to find what was not looked for. [`Display`](fmt::Display) words it for a reader of no
/// particular door; the command line words it as a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "remedy", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy {
    /// [Mend](super::fix) the data: a manifest of what is left.
    Fix {
        /// With the pictures under names that are true.
        copy: bool,
        /// Pictures without a face are left out, too: the audit that decides has to look for them.
        faces: bool,
    },
    /// Draw the splits so that copies, exact and near ones, stay together.
    SplitTogether {
        /// Shares of train, validation and test, as `80:10:10`.
        rule: String,
    },
    /// Train with weights for the classes.
    WeighClasses {
        /// As a recipe writes it: `loss.class_weights=[...]`.
        setting: String,
    },
    /// Cut the faces out of the photographs: a data set of crops.
    CropFaces,
    /// Look for near-duplicates.
    LookForNearDuplicates,
    /// Look for faces, to find pictures with none or several.
    LookForFaces,
    /// Ask a model for labels that are probably wrong.
    LookForSuspects,
}

impl Remedy {
    /// Mends by a manifest alone.
    pub(super) const FIX: Remedy = Remedy::Fix { copy: false, faces: false };
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fix { copy: false, faces: false } => f.write_str("mend the data: a manifest of what is left"),
            Self::Fix { copy: true, .. } => f.write_str("mend the data with a copy of its pictures, under names that are true"),
            Self::Fix { faces: true, .. } => f.write_str("mend the data, leaving out pictures without a face"),
            Self::SplitTogether { rule } => write!(f, "draw the splits in shares of {rule} so that copies stay together"),
            Self::WeighClasses { setting } => write!(f, "train with {setting}"),
            Self::CropFaces => f.write_str("cut the faces out, or have them detected wherever the data are used"),
            Self::LookForNearDuplicates => f.write_str("switched off"),
            Self::LookForFaces => f.write_str("looked for on request: pictures with none or several"),
            Self::LookForSuspects => f.write_str("looked for on request: labels that are probably wrong"),
        }
    }
}

/// What was found. The order is that of a report within a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    // Files.
    /// Zero bytes.
    EmptyFile,
    /// The data end before the picture does.
    TruncatedFile,
    /// A picture's name, something else inside.
    NotAPicture,
    /// A picture of a format that is not read (HEIC, AVIF, ...), or of a kind that is not.
    UnsupportedFormat,
    /// Damaged, too large, or forbidden to read.
    UnreadableFile,
    /// A manifest's picture whose pixels are not those that it names.
    ChangedPicture,
    /// A link to nowhere or in a circle.
    BrokenLink,
    /// The extension promises another format than the content is.
    WrongExtension,
    /// A format outside of the accepted list.
    NotAccepted,
    /// More than one picture in a file; only the first is used.
    Animated,
    /// CMYK, or 16 bits a channel: read, but seldom meant.
    UnusualPixels,
    /// Files and folders that are not part of the data set.
    StrayFile,
    /// A class folder without a picture.
    EmptyClass,
    /// A class folder whose name is nearly that of another class.
    MisspeltClass,
    /// A class folder whose name was read as a synonym.
    SynonymousClass,
    // Copies.
    /// The same pixels in more than one split.
    Leak,
    /// The same pixels under more than one label.
    Conflict,
    /// Nearly the same picture in more than one split.
    NearLeak,
    /// Nearly the same picture under more than one label.
    NearConflict,
    /// The same pixels more than once.
    ExactDuplicate,
    /// Nearly the same picture more than once.
    NearDuplicate,
    // Pictures.
    /// One colour and nothing else.
    Blank,
    /// Hardly any contrast.
    Flat,
    /// Too few pixels for a face.
    TooSmall,
    /// Far more pixels than a face needs, or a strip.
    AbsurdSize,
    /// A low mean grey value.
    Dark,
    /// A high mean grey value.
    Bright,
    /// Hardly any edges.
    Blurred,
    /// Another size than nearly all the others.
    OddSize,
    /// Grey in a colour set, or colour in a grey one.
    OddColor,
    // Faces.
    /// Photographs around faces, where crops are expected.
    NotCropped,
    /// No face to be seen.
    NotAFace,
    /// More than one face.
    SeveralFaces,
    // Labels.
    /// A class that a split lacks.
    MissingClass,
    /// A class with so few pictures that no part of it can judge.
    FewPictures,
    /// The largest class is many times the smallest.
    Imbalance,
    /// The label is probably wrong.
    SuspectLabel,
}

/// How a kind is told.
pub(super) struct Told {
    pub level: Level,
    /// What one of them is, after the count: `picture is blank`.
    pub one: &'static str,
    /// What several of them are.
    pub many: &'static str,
    /// Why it matters.
    pub reason: &'static str,
}

impl FindingKind {
    /// The name in JSON and in decisions, such as `near_leak`.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => unreachable!("a variant without fields is written as its name"),
        }
    }

    /// What helps against it; `None` where a person has to look.
    pub(super) fn remedy(self) -> Option<Remedy> {
        use FindingKind as K;
        match self {
            K::EmptyFile
            | K::TruncatedFile
            | K::NotAPicture
            | K::UnsupportedFormat
            | K::UnreadableFile
            | K::ChangedPicture
            | K::Leak
            | K::Conflict
            | K::NearLeak
            | K::NearConflict
            | K::ExactDuplicate
            | K::Blank => Some(Remedy::FIX),
            K::WrongExtension => Some(Remedy::Fix { copy: true, faces: false }),
            K::NotAFace => Some(Remedy::Fix { copy: false, faces: true }),
            K::NotCropped => Some(Remedy::CropFaces),
            K::NearDuplicate => Some(Remedy::SplitTogether { rule: "80:10:10".to_owned() }),
            K::BrokenLink
            | K::NotAccepted
            | K::Animated
            | K::UnusualPixels
            | K::StrayFile
            | K::EmptyClass
            | K::MisspeltClass
            | K::SynonymousClass
            | K::Flat
            | K::TooSmall
            | K::AbsurdSize
            | K::Dark
            | K::Bright
            | K::Blurred
            | K::OddSize
            | K::OddColor
            | K::SeveralFaces
            | K::MissingClass
            | K::FewPictures
            // With weights that only the data tell.
            | K::Imbalance
            | K::SuspectLabel => None,
        }
    }

    pub(super) fn told(self) -> Told {
        use FindingKind as K;
        use Level::{Error, Info, Warning};
        let (level, [one, many], reason) = match self {
            K::EmptyFile => (Error, ["file is empty", "files are empty"], "Zero bytes: copy or download them again."),
            K::TruncatedFile => (
                Error,
                ["picture is cut off", "pictures are cut off"],
                "The end of the file is missing: copy or download it again.",
            ),
            K::NotAPicture => (
                Error,
                ["file is named as a picture and is none", "files are named as pictures and are none"],
                "Told by content.",
            ),
            K::UnsupportedFormat => (
                Error,
                ["picture is of a format that is not read", "pictures are of a format that is not read"],
                "Convert it to JPEG or PNG.",
            ),
            K::UnreadableFile => {
                (Error, ["picture cannot be read", "pictures cannot be read"], "Damaged, over a limit, or not permitted.")
            }
            K::ChangedPicture => (
                Error,
                ["picture is not the one that the manifest names", "pictures are not those that the manifest names"],
                "Its pixels changed since the manifest was written.",
            ),
            K::BrokenLink => (
                Warning,
                ["link leads nowhere or in a circle", "links lead nowhere or in a circle"],
                "It is left out; what it should have led to may be missing.",
            ),
            K::WrongExtension => (
                Warning,
                ["file has the wrong extension", "files have the wrong extension"],
                "Tools that trust names fail on it or leave it out; Fervor reads by content.",
            ),
            K::NotAccepted => (
                Warning,
                ["picture is not in the accepted formats", "pictures are not in the accepted formats"],
                "The strict list is jpeg, jpg, bmp and png.",
            ),
            K::Animated => (Warning, ["file is animated", "files are animated"], "Only the first picture is used."),
            K::UnusualPixels => (
                Info,
                ["picture is stored in an unusual way", "pictures are stored in an unusual way"],
                "Read as 8-bit RGB; other tools may show other colours or refuse it.",
            ),
            K::StrayFile => (
                Info,
                ["file or folder is not part of the data", "files and folders are not part of the data"],
                "They are left out.",
            ),
            K::EmptyClass => {
                (Warning, ["class folder is empty", "class folders are empty"], "A class without pictures is no class.")
            }
            K::MisspeltClass => (
                Warning,
                ["class folder may be misspelt", "class folders may be misspelt"],
                "As it stands it is a class of its own.",
            ),
            K::SynonymousClass => (
                Info,
                ["class folder is named by a synonym", "class folders are named by synonyms"],
                "It is read under the canonical name.",
            ),
            K::Leak => (
                Error,
                ["picture is in more than one split", "pictures are in more than one split"],
                "A model is judged on pictures that it was trained on, so its score is too good.",
            ),
            K::Conflict => (
                Error,
                ["picture has more than one label", "pictures have more than one label"],
                "The same pixels under different labels: all of those labels but one are wrong.",
            ),
            K::NearLeak => (
                Error,
                ["group of near-duplicates is in more than one split", "groups of near-duplicates are in more than one split"],
                "A model is judged on altered copies of pictures that it was trained on, so its score is too good.",
            ),
            K::NearConflict => (
                Warning,
                ["group of near-duplicates has more than one label", "groups of near-duplicates have more than one label"],
                "Nearly the same picture under different labels: at least one of them is probably wrong.",
            ),
            K::ExactDuplicate => (
                Warning,
                ["picture is there more than once", "pictures are there more than once"],
                "Copies count more than once, and a random split would leak them.",
            ),
            K::NearDuplicate => (
                Warning,
                ["group of near-duplicates within one split and label", "groups of near-duplicates within one split and label"],
                "Altered copies count more than once, and a random split would leak them.",
            ),
            K::Blank => (
                Error,
                ["picture is blank", "pictures are blank"],
                "One colour and nothing else: whatever its label says, nothing can be learnt from it.",
            ),
            K::Flat => (
                Warning,
                ["picture has hardly any contrast", "pictures have hardly any contrast"],
                "The grey values spread by less than 6 (standard deviation).",
            ),
            K::TooSmall => (
                Warning,
                ["picture is too small", "pictures are too small"],
                "Under 24 pixels a side a face shows no expression.",
            ),
            K::AbsurdSize => (
                Warning,
                ["picture has an absurd size", "pictures have an absurd size"],
                "A side over 6,000 pixels costs time and helps no network; a strip over 4 : 1 is squeezed beyond recognition.",
            ),
            K::Dark => (Warning, ["picture is very dark", "pictures are very dark"], "The mean grey value is under 28 of 255."),
            K::Bright => {
                (Warning, ["picture is very bright", "pictures are very bright"], "The mean grey value is over 225 of 255.")
            }
            K::Blurred => (
                Warning,
                ["picture is blurred", "pictures are blurred"],
                "Hardly any edges even at 64 pixels a side: the variance of the Laplacian is under 5 % of that of the grey values.",
            ),
            K::OddSize => (
                Info,
                ["picture has another size than the others", "pictures have another size than the others"],
                "Nearly all pictures have one size.",
            ),
            K::OddColor => (
                Info,
                [
                    "picture is grey or in colour where the others are not",
                    "pictures are grey or in colour where the others are not",
                ],
                "A network can tell classes by the kind of picture instead of by the face.",
            ),
            K::NotCropped => (
                Warning,
                ["picture looked at is a photograph around a face", "pictures looked at are photographs around a face"],
                "Data sets are taken to be crops: of a photograph the whole scene would be learnt and scored, and a model that finds faces by \
                 itself is given tighter boxes.",
            ),
            K::NotAFace => (
                Warning,
                ["picture shows no face", "pictures show no face"],
                "The detector finds none, with the picture as it is and with a frame around it. Look before you throw away.",
            ),
            K::SeveralFaces => (
                Warning,
                ["picture shows several faces", "pictures show several faces"],
                "One label cannot say which of them is meant.",
            ),
            K::MissingClass => (
                Warning,
                ["class is missing", "classes are missing"],
                "A class that a part lacks cannot be learnt or judged there.",
            ),
            K::FewPictures => (
                Warning,
                ["class has hardly any pictures", "classes have hardly any pictures"],
                "One or two pictures cannot stand in train, validation and test, and a score of them says nothing.",
            ),
            K::Imbalance => (
                Warning,
                ["class is of another size than others", "classes are of very different sizes"],
                "A network learns to prefer frequent classes; accuracy hides what happens to rare ones.",
            ),
            K::SuspectLabel => (
                Warning,
                ["label is suspect", "labels are suspect"],
                "Another class is as probable as it is for that class' own pictures.",
            ),
        };
        Told { level, one, many, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_remedy_names_a_flag_or_a_command() {
        let remedies = [
            Remedy::FIX,
            Remedy::Fix { copy: true, faces: false },
            Remedy::Fix { copy: false, faces: true },
            Remedy::SplitTogether { rule: "80:10:10".to_owned() },
            Remedy::WeighClasses { setting: "loss.class_weights=[1,2]".to_owned() },
            Remedy::CropFaces,
            Remedy::LookForNearDuplicates,
            Remedy::LookForFaces,
            Remedy::LookForSuspects,
        ];
        for remedy in remedies {
            let words = remedy.to_string();
            assert!(!words.contains("--") && !words.contains("fervor "), "{words}");
        }
    }
}
